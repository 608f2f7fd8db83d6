//! Prepared photos wait for each other, so that the network classifies many faces at once.

use std::num::NonZeroUsize;

use super::picture::name_faces;
use super::prepared_photo::{PhotoFaces, PreparedPhoto};
use super::{Answer, NamedFace, PredictError, Settings};
use facepipe_core::parallel;
use facepipe_nn::{Classifier, input_tensor};

/// Faces that the network classifies at once.
const BATCH: usize = 32;
/// Most photos that wait: answers are to come while further photos are read, and photos without a
/// face never fill a batch. On a CPU, 8 faces at once take no longer per face than 32.
const MOST_PHOTOS: usize = 8;
/// Most pixels of waiting photos that are to be annotated, beside the last photo: three bytes each.
const MOST_PIXELS: u64 = 24_000_000;

/// Photos that wait until their faces fill a batch.
///
/// When they are answered depends only on the photos, not on time or threads, so that the same
/// photos have the same answers to the last digit.
pub(super) struct PendingPhotos<'run> {
    classifier: &'run Classifier,
    settings: &'run Settings,
    threads: NonZeroUsize,
    photos: Vec<PreparedPhoto>,
}

/// A photo with its answer.
struct Answered {
    answer: Answer,
    pixels: Option<image::RgbImage>,
}

impl<'run> PendingPhotos<'run> {
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

    /// Adds a photo.
    pub(super) fn add(&mut self, photo: PreparedPhoto) {
        self.photos.push(photo);
    }

    /// Whether the batch is full.
    pub(super) fn is_full(&self) -> bool {
        let faces: usize = self.photos.iter().map(PreparedPhoto::face_count).sum();
        let pixels: u64 = self.photos.iter().map(PreparedPhoto::pixel_count).sum();
        faces >= BATCH || self.photos.len() >= MOST_PHOTOS || pixels >= MOST_PIXELS
    }

    /// Names the faces of all pending photos, draws them if requested, and hands the answers out in
    /// the photos' order. Afterwards none is pending.
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
        let of_photo = |photo: &mut PreparedPhoto| match &mut photo.faces {
            Ok(found) => std::mem::take(&mut found.numbers),
            Err(_) => Vec::new(),
        };
        let numbers: Vec<Vec<f32>> = photos.iter_mut().flat_map(of_photo).collect();
        let mut answers = Vec::with_capacity(numbers.len());
        for batch in numbers.chunks(BATCH) {
            let images = input_tensor(batch, &card.input);
            answers.extend(self.classifier.answers(&images)?);
        }
        let mut answers = answers.into_iter();
        let naming = &self.settings.naming;
        let answered = photos.into_iter().map(|photo| match photo.faces {
            Err(error) => Answered {
                answer: Answer::Failed {
                    path: photo.name,
                    error: error.to_string(),
                },
                pixels: None,
            },
            Ok(PhotoFaces {
                faces,
                size,
                pixels,
                ..
            }) => {
                let faces = faces.iter().zip(answers.by_ref());
                let mut faces: Vec<NamedFace> = faces
                    .map(|(face, answer)| naming.name(face, &answer, &card.labels))
                    .collect();
                NamedFace::mark_main(&mut faces, size);
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
