//! Says how well a model does on a side of a data set: figures, a table of confusions, a line an
//! image.

mod error;
mod metrics;
mod picture;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::Device;

use crate::artifacts::image_folder::Fingerprint;
use crate::artifacts::model_folder::{self, BEST_FILE};
use crate::artifacts::stage::{self, Begin, DISCARDED_FILE, OpenStage, REPORT_FILE};
use crate::artifacts::{atomic, digest, jsonl};
use crate::context::Context;
use crate::data_set::{self, Checked, DataFolder};
use crate::nn::{Classifier, Loader, consecutive_batches, use_threads};
use crate::types::{ModelCard, Split};

pub use error::EvaluateError;
pub use metrics::{ClassMetrics, Metrics};

/// The stage's name in stamps.
const STAGE: &str = "evaluate";
/// Images that the network sees at once.
const BATCH: usize = 32;
/// All figures.
const METRICS_FILE: &str = "metrics.json";
/// Labels, and counts by truth and prediction.
const CONFUSION_FILE: &str = "confusion.json";
/// The same as a picture.
const CONFUSION_PICTURE: &str = "confusion.png";
/// One line an image.
const PREDICTIONS_FILE: &str = "predictions.csv";

/// What is evaluated.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    /// The model's folder.
    pub model: &'a Path,
    /// The data set.
    pub data: &'a Path,
    /// Its side.
    pub split: Split,
    /// Where the report goes.
    pub out: &'a Path,
    /// Where the network runs.
    pub device: Device,
}

#[derive(Debug, Serialize)]
struct Settings {
    split: Split,
}

#[derive(Debug, Serialize)]
struct Inputs {
    data: Fingerprint,
    weights_sha256: String,
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The folder of the report, as it was given.
    pub report: PathBuf,
    /// The side of the data set.
    pub split: Split,
    /// The figures.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Images left out because they can't be read.
    pub unreadable: u64,
    /// Time that it took, in seconds.
    pub seconds: f64,
}

/// What the model says of one image.
#[derive(Debug, Clone, PartialEq)]
struct Prediction {
    truth: usize,
    predicted: usize,
    probability: f32,
    /// The probability that it gives the right label.
    probability_of_truth: f32,
}

/// Evaluates a model.
///
/// # Errors
/// [`EvaluateError`].
pub fn run(task: &Task<'_>, context: &Context) -> Result<Report, EvaluateError> {
    let started = Instant::now();
    use_threads(context.threads);
    let classifier = Classifier::open(task.model, task.device)?;
    let data = data_set::read(task.data)?;
    let settings = Settings { split: task.split };
    let inputs = Inputs {
        data: data.fingerprint.clone(),
        weights_sha256: digest::sha256_of_file(&task.model.join(BEST_FILE))?,
    };
    let labels = label_numbers(task, &data, classifier.card())?;
    let folder = match stage::begin(task.out, STAGE, &settings, &inputs, context.force)? {
        Begin::UpToDate(_) => return report_of_before(task.out),
        Begin::Work(folder) => folder,
    };
    for unfinished in [task.out, task.model] {
        atomic::remove_unfinished(unfinished)?;
    }
    let checked = data_set::check(&data, task.split, context)?;
    if checked.usable.is_empty() {
        return Err(EvaluateError::NoImages {
            data: task.data.to_owned(),
            split: task.split,
        });
    }
    if data.chip != classifier.card().chip {
        context.progress.note(
            "the images of this data set were cut out of photos in another way than those that \
             the model was trained on",
        );
    }
    let predictions = predict(&classifier, &checked, &labels, task.split, context)?;
    let metrics = Metrics::new(&classifier.card().labels, &predictions);
    let report = Report {
        report: task.out.to_owned(),
        split: task.split,
        metrics,
        unreadable: checked.discarded.len() as u64,
        seconds: started.elapsed().as_secs_f64(),
    };
    write(task, &folder, &report, &checked, &predictions)?;
    note_in_card(task, &checked, &report.metrics, context)?;
    let mut counts = BTreeMap::from([("images".to_owned(), report.metrics.images)]);
    counts.insert("unreadable".to_owned(), report.unreadable);
    folder.finish(counts)?;
    Ok(report)
}

/// For each label of the data set, its number in the model; only labels that have images count.
fn label_numbers(
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

fn predict(
    classifier: &Classifier,
    checked: &Checked,
    labels: &[usize],
    split: Split,
    context: &Context,
) -> Result<Vec<Prediction>, EvaluateError> {
    let examples = &checked.usable;
    let loader = Loader {
        input: &classifier.card().input,
        threads: context.threads,
        device: classifier.device(),
    };
    let name = format!("{STAGE} {split}");
    let task = context.progress.start(&name, Some(examples.len() as u64));
    let mut predictions = Vec::with_capacity(examples.len());
    let batches = consecutive_batches(examples.len(), BATCH);
    loader.each(
        examples,
        &batches,
        |_, image| image,
        |batch| {
            context.interrupt.check()?;
            let probabilities = classifier.probabilities(&batch.images)?;
            for (index, of_labels) in batch.examples.iter().zip(probabilities) {
                let truth = labels[examples[*index].label];
                let predicted = crate::nn::most_probable(&of_labels);
                predictions.push(Prediction {
                    truth,
                    predicted,
                    probability: of_labels[predicted],
                    probability_of_truth: of_labels[truth],
                });
            }
            task.advance(batch.size() as u64);
            Ok::<(), EvaluateError>(())
        },
    )?;
    Ok(predictions)
}

fn write(
    task: &Task<'_>,
    folder: &OpenStage,
    report: &Report,
    checked: &Checked,
    predictions: &[Prediction],
) -> Result<(), EvaluateError> {
    let metrics = &report.metrics;
    let labels = metrics.labels();
    jsonl::write(&folder.path(DISCARDED_FILE), &checked.discarded)?;
    atomic::write_json(
        &folder.path(METRICS_FILE),
        &serde_json::json!({"split": task.split, "metrics": metrics}),
    )?;
    atomic::write_json(
        &folder.path(CONFUSION_FILE),
        &serde_json::json!({"labels": labels, "rows_truth_columns_prediction": metrics.confusion}),
    )?;
    let picture = picture::draw(&labels, &metrics.confusion);
    let png = crate::image_io::encode_png(&picture).map_err(EvaluateError::Picture)?;
    atomic::write(&folder.path(CONFUSION_PICTURE), &png)?;
    let mut csv = "path,label,predicted,probability\n".to_owned();
    for (example, prediction) in checked.usable.iter().zip(predictions) {
        csv.push_str(&format!(
            "{},{},{},{:.6}\n",
            csv_field(&example.file),
            csv_field(labels[prediction.truth]),
            csv_field(labels[prediction.predicted]),
            prediction.probability
        ));
    }
    atomic::write(&folder.path(PREDICTIONS_FILE), csv.as_bytes())?;
    atomic::write_json(&folder.path(REPORT_FILE), report)?;
    Ok(())
}

/// A field of a CSV file, quoted where it must be (RFC 4180).
fn csv_field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Puts the figures into the model's card, if they are of the data that the card speaks of.
fn note_in_card(
    task: &Task<'_>,
    checked: &Checked,
    metrics: &Metrics,
    context: &Context,
) -> Result<(), EvaluateError> {
    let mut card = model_folder::read_card(task.model)?;
    let side = task.split.to_string();
    if card.data.digests.get(&side) == Some(&checked.digest) {
        card.metrics.insert(side, metrics.summary());
        model_folder::write_card(task.model, &card)?;
    } else {
        context.progress.note(&format!(
            "these are not the {side} images of the model's own data set: its card is left as it is"
        ));
    }
    Ok(())
}

fn report_of_before(out: &Path) -> Result<Report, EvaluateError> {
    let bytes = fs_err::read(out.join(REPORT_FILE))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(std::io::Error::from)?;
    Ok(Report {
        report: out.to_owned(),
        ..report
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_and_quotes_are_quoted() {
        assert_eq!(csv_field("ada"), "ada");
        assert_eq!(csv_field("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }
}
