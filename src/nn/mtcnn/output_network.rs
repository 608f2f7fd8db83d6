//! O-Net alone, as a second opinion on the faces of another detector.

use std::path::Path;

use image::RgbImage;
use tch::TchError;

use super::boxes::{Candidate, crop_rect, square};
use super::cascade::{O_BATCH, O_SIDE, Orientation, classify_crops, probability};
use super::networks::{MtcnnError, Network};
use super::plan::O_NET;
use crate::TorchError;
use facepipe_core::types::{FaceBox, Size};

/// MTCNN's third network.
#[derive(Debug)]
pub struct OutputNetwork(Network);

impl OutputNetwork {
    /// The name of its file in a folder of weights.
    pub const FILE: &str = O_NET.file;

    /// Reads it from a folder of weights.
    ///
    /// # Errors
    /// [`MtcnnError`] naming the file.
    pub fn read(weights: &Path) -> Result<Self, MtcnnError> {
        Ok(Self(Network::read(&O_NET, weights)?))
    }

    /// The same network for another thread; the weights are shared.
    #[must_use]
    pub fn share(&self) -> Self {
        Self(self.0.share())
    }

    /// The probability that each box, made a square, shows a face; `None` for one outside the photo.
    ///
    /// # Errors
    /// [`TorchError`] when libtorch fails.
    pub fn probabilities(
        &self,
        photo: &RgbImage,
        boxes: &[FaceBox],
    ) -> Result<Vec<Option<f32>>, TorchError> {
        let size = Size::of(photo);
        let squares = boxes.iter().map(|face| Candidate {
            face: square(face),
            score: 0.0,
            offsets: [0.0; 4],
            landmarks: None,
        });
        let squares: Vec<Candidate> = squares.collect();
        let mut answers = Vec::new();
        tch::no_grad(|| -> Result<(), TchError> {
            let take = |_: &Candidate, answer: &[f32]| answers.push(probability(answer));
            let how = (O_SIDE, O_BATCH);
            classify_crops(&self.0, photo, &squares, how, Orientation::Unchanged, take)
        })?;
        let mut answers = answers.into_iter();
        let inside = squares
            .iter()
            .map(|one| crop_rect(&one.face, size).is_some());
        Ok(inside
            .map(|inside| if inside { answers.next() } else { None })
            .collect())
    }
}
