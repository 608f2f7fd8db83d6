//! Faces that show where a model goes wrong: its most confident mistakes, its least confident answers,
//! the strangers whom it takes for a known person.

use image::RgbImage;
use tch::Tensor;

use super::answers::Prediction;
use super::report::Report;
use super::separation::ScoreKind;
use super::{BATCH, EvaluateError, Findings};
use facepipe_core::context::Context;
use facepipe_core::types::{PhotoFaceName, Split};
use facepipe_drawing::page;
use facepipe_faces::face_chip;
use facepipe_imaging::data_set::Example;
use facepipe_imaging::image_io;
use facepipe_nn::{Classifier, Loader, consecutive_batches};

/// Most faces of one kind.
const MOST_FACES: usize = 12;
/// Most training images of a label among which the closest is searched.
const MOST_COMPARED: usize = 60;

/// A face on the page.
#[derive(Debug, Clone)]
pub(super) struct Tile {
    /// The picture, as an address that holds it.
    pub(super) address: String,
    /// The name of the face.
    pub(super) name: PhotoFaceName,
    /// The image's file, where that is another.
    pub(super) file: Option<String>,
    /// The right label; `None` for strangers.
    pub(super) truth: Option<String>,
    /// The most probable labels with their probabilities.
    pub(super) said: Vec<(String, f64)>,
    /// How alike a stranger is to the images of the most probable label.
    pub(super) similarity: Option<f64>,
    /// The closest training image of the most probable label.
    pub(super) closest: Option<Closest>,
}

/// A training image beside a face.
#[derive(Debug, Clone)]
pub(super) struct Closest {
    /// The picture, as an address that holds it.
    pub(super) address: String,
    /// The name of its face.
    pub(super) name: PhotoFaceName,
}

/// The kinds of faces that are shown.
#[derive(Debug, Default)]
pub(super) struct Galleries {
    /// Wrong answers, the surest first.
    pub(super) mistakes: Vec<Tile>,
    /// Answers between two labels, the closest first.
    pub(super) ambiguous: Vec<Tile>,
    /// Strangers, those most surely taken for a known person first.
    pub(super) strangers: Vec<Tile>,
}

impl Findings<'_> {
    /// Cuts out the faces that are shown.
    pub(super) fn galleries(
        &self,
        report: &Report,
        context: &Context,
    ) -> Result<Galleries, EvaluateError> {
        let mut wrong: Vec<usize> = self.numbers(|prediction| !prediction.is_right());
        wrong.sort_by(|one, other| {
            let sure = |index: &usize| self.predictions[*index].probability;
            sure(other).total_cmp(&sure(one))
        });
        let mut close: Vec<usize> = self.numbers(|prediction| prediction.top.len() > 1);
        close.sort_by(|one, other| {
            let gap = |index: &usize| {
                let top = &self.predictions[*index].top;
                top[0].1 - top[1].1
            };
            gap(one).total_cmp(&gap(other))
        });
        let mut mistakes = Vec::new();
        for index in wrong.into_iter().take(MOST_FACES) {
            context.interrupt.check()?;
            let closest = self.closest(index, context)?;
            mistakes.extend(self.tile(index)?.map(|tile| Tile { closest, ..tile }));
        }
        let close = close.into_iter().take(MOST_FACES);
        let ambiguous = close
            .map(|index| self.tile(index))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Galleries {
            mistakes,
            ambiguous: ambiguous.into_iter().flatten().collect(),
            strangers: self.strangers(report)?,
        })
    }

    fn numbers(&self, which: impl Fn(&Prediction) -> bool) -> Vec<usize> {
        let numbered = self.predictions.iter().enumerate();
        numbered
            .filter(|(_, prediction)| which(prediction))
            .map(|(index, _)| index)
            .collect()
    }

    fn label(&self, number: usize) -> String {
        self.classifier.card().labels[number].clone()
    }

    /// A face of the side that is reported; `None` if its image disappeared meanwhile.
    fn tile(&self, index: usize) -> Result<Option<Tile>, EvaluateError> {
        let (example, prediction) = (&self.checked.usable[index], &self.predictions[index]);
        let Some(address) = self.picture(example)? else {
            return Ok(None);
        };
        let said = prediction.top.iter().take(2);
        let name = self.data.name(&example.file);
        Ok(Some(Tile {
            address,
            file: Some(example.file.clone()).filter(|file| file != name.photo()),
            name,
            truth: Some(self.label(prediction.truth)),
            said: said
                .map(|(label, probability)| (self.label(*label), *probability))
                .collect(),
            similarity: None,
            closest: None,
        }))
    }

    fn picture(&self, example: &Example) -> Result<Option<String>, EvaluateError> {
        let Some(image) = decoded(example) else {
            return Ok(None);
        };
        let chip = match &example.place {
            Some(place) => {
                let size = self.classifier.card().input.size;
                face_chip::chip(&image, Some(place), size).into_owned()
            }
            None => image,
        };
        Ok(Some(page::picture(&chip)?))
    }

    fn strangers(&self, report: &Report) -> Result<Vec<Tile>, EvaluateError> {
        let mut surest: Vec<_> = self
            .impostors
            .iter()
            .flat_map(|found| &found.faces)
            .collect();
        let kind = report
            .open_set
            .as_ref()
            .map_or(ScoreKind::Probability, |open_set| open_set.decided_by);
        surest.sort_by(|one, other| other.score(kind).total_cmp(&one.score(kind)));
        let mut tiles = Vec::new();
        for impostor in surest.into_iter().take(MOST_FACES) {
            let chip = self
                .photo_faces
                .chip(&impostor.photo.path, &impostor.face.face);
            if let Some(chip) = chip {
                tiles.push(Tile {
                    address: page::picture(&chip)?,
                    name: impostor.name(),
                    file: None,
                    truth: None,
                    said: vec![(self.label(impostor.predicted), impostor.probability)],
                    similarity: impostor.similarity,
                    closest: None,
                });
            }
        }
        Ok(tiles)
    }

    /// The training image of the wrongly given label that the network finds most alike.
    fn closest(&self, index: usize, context: &Context) -> Result<Option<Closest>, EvaluateError> {
        let predicted = self.label(self.predictions[index].predicted);
        let labels = &self.data.labels;
        let of_label = self.data.side(Split::Train).iter();
        let mut compared: Vec<Example> = of_label
            .filter(|example| labels.get(example.label) == Some(&predicted))
            .filter(|example| decoded(example).is_some())
            .take(MOST_COMPARED)
            .cloned()
            .collect();
        if compared.is_empty() {
            return Ok(None);
        }
        compared.push(self.checked.usable[index].clone());
        let features = features(self.classifier, &compared, context)?;
        let count = compared.len() as i64 - 1;
        let (others, own) = (features.narrow(0, 0, count), features.narrow(0, count, 1));
        let alike = Tensor::cosine_similarity(&others, &own, 1, 1e-8);
        let best = &compared[alike.argmax(0, false).int64_value(&[]) as usize];
        Ok(self.picture(best)?.map(|address| Closest {
            address,
            name: self.data.name(&best.file),
        }))
    }
}

/// The network's features of some images, `[images, features]`.
fn features(
    classifier: &Classifier,
    examples: &[Example],
    context: &Context,
) -> Result<Tensor, EvaluateError> {
    let loader = Loader {
        input: &classifier.card().input,
        alignment: classifier.card().chip.alignment(),
        threads: context.threads,
        device: classifier.device(),
    };
    let mut rows = Vec::new();
    loader.each(
        examples,
        &consecutive_batches(examples.len(), BATCH),
        |_, image| image,
        |batch| {
            rows.push(classifier.features(&batch.images)?);
            Ok::<(), EvaluateError>(())
        },
    )?;
    Ok(Tensor::cat(&rows, 0))
}

fn decoded(example: &Example) -> Option<RgbImage> {
    let bytes = image_io::read_bytes(&example.path).ok()?;
    Some(image_io::decode(&bytes).ok()?.rgb)
}
