//! The model's prediction of each image of a side.

use std::path::Path;

use super::error::EvaluateError;
use super::photo_faces::rows;
use super::separation::ScoreKind;
use super::{BATCH, Task};
use facepipe_core::artifacts::atomic;
use facepipe_core::context::Context;
use facepipe_core::types::{ModelCard, PhotoFaceName, Stage};
use facepipe_imaging::data_set::{Checked, DataFolder, Example};
use facepipe_models::calibration::{Answers, softmax};
use facepipe_nn::{Classifier, Loader, ModelError, consecutive_batches, most_probable};

/// How many of the most probable labels a line of the table names.
const TOP: usize = 5;

/// The model's prediction of one image.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Prediction {
    /// The right label's number.
    pub(super) truth: usize,
    /// The most probable label's number.
    pub(super) predicted: usize,
    /// How many labels are more probable than the right one.
    pub(super) rank: usize,
    /// The probability of the most probable label, at the model's temperature.
    pub(super) probability: f64,
    /// How alike the image is to those of the most probable label; `None` where the model does not say that.
    pub(super) similarity: Option<f64>,
    /// The probability without a temperature.
    pub(super) uncalibrated: f64,
    /// The probability of the right label, at the model's temperature.
    pub(super) of_truth: f64,
    /// By how much the largest logit exceeds the second.
    pub(super) margin: f64,
    /// The most probable labels with their probabilities, at the model's temperature.
    pub(super) top: Vec<(usize, f64)>,
}

impl Prediction {
    /// The prediction by an image's logits and similarities; `truth` is its label.
    pub(super) fn new(
        logits: &[f32],
        similarities: &[f32],
        truth: usize,
        temperature: f64,
    ) -> Self {
        let probabilities = softmax(logits, temperature);
        let predicted = most_probable(logits);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        // Of equal ones the first is the more probable, as for `most_probable`.
        order.sort_by(|one, other| logits[*other].total_cmp(&logits[*one]));
        let second = order
            .get(1)
            .map_or(f32::NEG_INFINITY, |index| logits[*index]);
        Self {
            truth,
            predicted,
            rank: order
                .iter()
                .position(|label| *label == truth)
                .unwrap_or(order.len()),
            probability: probabilities[predicted],
            similarity: similarities.get(predicted).copied().map(f64::from),
            uncalibrated: softmax(logits, 1.0)[predicted],
            of_truth: probabilities[truth],
            margin: f64::from(logits[predicted]) - f64::from(second),
            top: order
                .into_iter()
                .take(TOP)
                .map(|label| (label, probabilities[label]))
                .collect(),
        }
    }

    /// The number by which it may be accepted.
    pub(super) fn score(&self, kind: ScoreKind) -> f64 {
        kind.of(self.probability, self.similarity)
    }

    /// Whether the most probable label is the right one.
    pub(super) fn is_right(&self) -> bool {
        self.truth == self.predicted
    }
}

/// All answers of one side.
#[derive(Debug, Default)]
pub(super) struct SideAnswers {
    /// `[images][labels]`.
    pub(super) logits: Vec<Vec<f32>>,
    /// The same, or `[images][0]` where the model does not give them.
    pub(super) similarities: Vec<Vec<f32>>,
    /// `[images][features]`, where groups are to be measured; else empty.
    pub(super) features: Vec<Vec<f32>>,
    /// `[images]`.
    pub(super) truths: Vec<usize>,
}

impl SideAnswers {
    /// The same, borrowed.
    pub(super) fn view(&self) -> Answers<'_> {
        Answers {
            logits: &self.logits,
            truths: &self.truths,
        }
    }

    /// The predictions of all images at a temperature.
    pub(super) fn predictions(&self, temperature: f64) -> Vec<Prediction> {
        let outputs = self.logits.iter().zip(&self.similarities);
        let images = outputs.zip(&self.truths);
        images
            .map(|((logits, alike), truth)| Prediction::new(logits, alike, *truth, temperature))
            .collect()
    }

    /// The probabilities at a temperature, `[images][labels]`.
    pub(super) fn probabilities(&self, temperature: f64) -> Vec<Vec<f64>> {
        let rows = self.logits.iter();
        rows.map(|logits| softmax(logits, temperature)).collect()
    }
}

/// For each label of the data set, its number in the model; only labels that have images count.
pub(super) fn label_numbers(
    task: &Task<'_>,
    data: &DataFolder,
    card: &ModelCard,
) -> Result<Vec<usize>, EvaluateError> {
    let number = |(index, label): (usize, &String)| {
        let found = card.labels.iter().position(|known| known == label);
        let mut examples = data.side(task.split).iter();
        match found {
            Some(number) => Ok(number),
            None if examples.any(|example| example.label == index) => {
                Err(EvaluateError::UnknownLabel {
                    label: label.clone(),
                    model: task.model.to_owned(),
                })
            }
            None => Ok(usize::MAX),
        }
    };
    data.labels.iter().enumerate().map(number).collect()
}

/// Runs the model on all usable images of a side; `labels` are the model's numbers of the data
/// set's labels.
pub(super) fn ask(
    classifier: &Classifier,
    checked: &Checked,
    labels: &[usize],
    task: &Task<'_>,
    context: &Context,
) -> Result<SideAnswers, EvaluateError> {
    let examples = &checked.usable;
    let loader = Loader {
        input: &classifier.card().input,
        alignment: classifier.card().chip.alignment(),
        threads: context.threads,
        device: classifier.device(),
    };
    let name = format!("{} {}", Stage::Evaluate, task.split);
    let bar = context.progress.start(&name, Some(examples.len() as u64));
    let mut answers = SideAnswers::default();
    let batches = consecutive_batches(examples.len(), BATCH);
    loader.each(
        examples,
        &batches,
        |_, image| image,
        |batch| {
            context.interrupt.check()?;
            let outputs = classifier.outputs(&batch.images)?;
            answers.logits.extend(rows(outputs.logits)?);
            if task.groups.is_some() {
                let features = outputs.features.ok_or(ModelError::NoFeatures)?;
                answers.features.extend(rows(features)?);
            }
            match outputs.similarities {
                Some(similarities) => answers.similarities.extend(rows(similarities)?),
                None => answers
                    .similarities
                    .resize(answers.logits.len(), Vec::new()),
            }
            let truths = batch
                .examples
                .iter()
                .map(|index| labels[examples[*index].label]);
            answers.truths.extend(truths);
            bar.advance(batch.size() as u64);
            Ok::<(), EvaluateError>(())
        },
    )?;
    Ok(answers)
}

/// A similarity in a table; nothing where the model gives none.
pub(super) fn text_of_similarity(similarity: Option<f64>) -> String {
    similarity
        .map(|similarity| format!("{similarity:.6}"))
        .unwrap_or_default()
}

/// The number of a face in a table, from 1; nothing where it is not known.
pub(super) fn text_of_number(name: &PhotoFaceName) -> String {
    name.number()
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// Writes a line an image.
pub(super) fn write_table(
    path: &Path,
    labels: &[&str],
    data: &DataFolder,
    examples: &[Example],
    predictions: &[Prediction],
) -> Result<(), EvaluateError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "path",
        "truth",
        "predicted",
        "right",
        "probability",
        "uncalibrated",
        "margin",
        "top5",
        "similarity",
        "photo",
        "face",
    ];
    writer.write_record(header)?;
    for (example, prediction) in examples.iter().zip(predictions) {
        let top = prediction.top.iter();
        let top: Vec<_> = top
            .map(|(label, probability)| format!("{} {probability:.4}", labels[*label]))
            .collect();
        let name = data.name(&example.file);
        writer.write_record([
            example.file.as_str(),
            labels[prediction.truth],
            labels[prediction.predicted],
            if prediction.is_right() { "1" } else { "0" },
            &format!("{:.6}", prediction.probability),
            &format!("{:.6}", prediction.uncalibrated),
            &format!("{:.4}", prediction.margin),
            &top.join("; "),
            &text_of_similarity(prediction.similarity),
            name.photo(),
            &text_of_number(&name),
        ])?;
    }
    let bytes = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    Ok(atomic::write(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_has_rank_margin_and_both_probabilities() {
        let prediction = Prediction::new(&[1.0, 4.0, 2.0, 4.0], &[0.0, 0.5, 0.0, 0.75], 3, 2.0);
        assert_eq!((prediction.predicted, prediction.rank), (1, 1));
        assert_eq!((prediction.margin, prediction.similarity), (0.0, Some(0.5)));
        assert!(!prediction.is_right());
        let powers = [0.5_f64, 2.0, 1.0, 2.0].map(f64::exp);
        let expected = powers[3] / powers.iter().sum::<f64>();
        assert!((prediction.of_truth - expected).abs() < 1e-12);
        assert!(prediction.uncalibrated > prediction.probability);
        let top: Vec<usize> = prediction.top.iter().map(|(label, _)| *label).collect();
        assert_eq!(top, [1, 3, 2, 0]);
    }
}
