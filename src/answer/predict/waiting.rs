//! Photos that were looked at wait for each other, so that the network sees many faces at once.

use std::num::NonZeroUsize;

use super::looked::{Looked, Seen};
use super::picture::name_faces;
use super::{Answer, NamedFace, PredictError, Settings};
use facepipe_core::parallel;
use facepipe_nn::{Classifier, input_tensor};

/// Faces that the network sees at once.
const BATCH: usize = 32;
/// Photos that wait at most: answers shall come while the photos are looked at, and photos without
/// a face never fill a batch. On a CPU, 8 faces at once take no longer each than 32.
const MOST_PHOTOS: usize = 8;
/// Pixels of photos to be drawn on that wait at most, beside the last photo: three bytes each.
const MOST_PIXELS: u64 = 24_000_000;

/// Photos that wait until their faces fill a batch.
///
/// When they are answered depends on the photos alone, not on time or threads, so that the same
/// photos have the same answers to the last digit.
pub(super) struct Waiting<'run> {
    classifier: &'run Classifier,
    settings: &'run Settings,
    threads: NonZeroUsize,
    photos: Vec<Looked>,
}

/// A photo with its answer.
struct Answered {
    answer: Answer,
    pixels: Option<image::RgbImage>,
}

impl<'run> Waiting<'run> {
    pub(super) fn new(
        classifier: &'run Classifier,
        settings: &'run Settings,
        threads: NonZeroUsize,
    ) -> Self {
        Self {
            classifier,
            settings,
            threads,
            photos: Vec::new(),
        }
    }

    /// Lets a photo wait.
    pub(super) fn add(&mut self, photo: Looked) {
        self.photos.push(photo);
    }

    /// Whether enough wait.
    pub(super) fn is_full(&self) -> bool {
        let faces: usize = self.photos.iter().map(Looked::faces).sum();
        let pixels: u64 = self.photos.iter().map(Looked::pixels).sum();
        faces >= BATCH || self.photos.len() >= MOST_PHOTOS || pixels >= MOST_PIXELS
    }

    /// Names the faces of all that wait, draws them where that is asked for, and hands the answers
    /// out in the photos' order. Afterwards none waits.
    pub(super) fn answer<E: From<PredictError>>(
        &mut self,
        take: &mut impl FnMut(Answer) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut answered = self.name_all()?;
        self.draw(&mut answered)?;
        answered
            .into_iter()
            .try_for_each(|photo| take(photo.answer))
    }

    fn name_all(&mut self) -> Result<Vec<Answered>, PredictError> {
        let card = self.classifier.card();
        let mut photos = std::mem::take(&mut self.photos);
        let of_photo = |photo: &mut Looked| match &mut photo.seen {
            Ok(seen) => std::mem::take(&mut seen.numbers),
            Err(_) => Vec::new(),
        };
        let numbers: Vec<Vec<f32>> = photos.iter_mut().flat_map(of_photo).collect();
        let mut probabilities = Vec::with_capacity(numbers.len());
        for batch in numbers.chunks(BATCH) {
            let images = input_tensor(batch, &card.input);
            probabilities.extend(self.classifier.probabilities(&images)?);
        }
        let mut probabilities = probabilities.into_iter();
        let naming = &self.settings.naming;
        let answered = photos.into_iter().map(|photo| match photo.seen {
            Err(error) => Answered {
                answer: Answer::Failed {
                    path: photo.name,
                    error: error.to_string(),
                },
                pixels: None,
            },
            Ok(Seen { faces, pixels, .. }) => {
                let faces = faces.iter().zip(probabilities.by_ref());
                let name =
                    |(face, of_labels): (_, Vec<f32>)| naming.name(face, &of_labels, &card.labels);
                let faces: Vec<NamedFace> = faces.map(name).collect();
                Answered {
                    answer: Answer::Named {
                        path: photo.name,
                        faces,
                    },
                    pixels,
                }
            }
        });
        Ok(answered.collect())
    }

    fn draw(&self, answered: &mut [Answered]) -> Result<(), PredictError> {
        let Some(copies) = &self.settings.draw else {
            return Ok(());
        };
        let photos: Vec<_> = answered
            .iter_mut()
            .filter_map(|photo| match &photo.answer {
                Answer::Named { path, faces } => Some((path, faces, photo.pixels.take()?)),
                Answer::Failed { .. } => None,
            })
            .collect();
        parallel::for_each(
            &photos,
            self.threads,
            || Ok(()),
            |(), (name, faces, pixels)| copies.add(name, &name_faces(pixels, faces)),
            |_, written| Ok(written?),
        )
    }
}
