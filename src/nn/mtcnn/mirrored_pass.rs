//! O-Net's second pass over the faces that it found, in their mirror images.

use image::RgbImage;
use tch::TchError;

use super::Mtcnn;
use super::boxes::{Candidate, crop_rect, square};
use super::cascade::{O_BATCH, O_SIDE, Orientation, classify_crops, probability};
use facepipe_core::types::Size;

impl Mtcnn {
    /// Runs O-Net on the mirror images of the faces that it found: returns those whose mean
    /// probability is over the threshold, with that mean, most certain first. A face is one in the
    /// mirror too; a false alarm at a single position often is not.
    pub(super) fn mirrored_pass(
        &self,
        photo: &RgbImage,
        found: Vec<Candidate>,
        threshold: f32,
    ) -> Result<Vec<Candidate>, TchError> {
        let size = Size::of(photo);
        let (found, squares): (Vec<_>, Vec<_>) = found
            .into_iter()
            .map(|candidate| {
                let face = square(&candidate.face);
                (candidate, Candidate { face, ..candidate })
            })
            // A square outside the photo has no pixels.
            .filter(|(_, square)| crop_rect(&square.face, size).is_some())
            .unzip();
        let mut probabilities = Vec::new();
        classify_crops(
            &self.output,
            photo,
            &squares,
            (O_SIDE, O_BATCH),
            Orientation::Mirrored,
            |_, answer| probabilities.push(probability(answer)),
        )?;
        let mut confirmed: Vec<Candidate> = found
            .into_iter()
            .zip(probabilities)
            .map(|(candidate, mirrored)| Candidate {
                score: (candidate.score + mirrored) / 2.0,
                ..candidate
            })
            .filter(|candidate| candidate.score > threshold)
            .collect();
        confirmed.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(confirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Search;
    use super::super::networks::tests::random;
    use super::super::plan::{O_NET, P_NET, R_NET};
    use super::*;
    use facepipe_core::types::FaceBox;
    use image::Rgb;

    #[test]
    fn the_mirrored_pass_flips_the_crops() {
        let mtcnn = Mtcnn {
            search: Search::THOROUGH,
            proposal: random(&P_NET),
            refinement: random(&R_NET),
            output: random(&O_NET),
        };
        let photo = RgbImage::from_fn(64, 48, |x, y| {
            Rgb([(x * 4) as u8, (y * 5) as u8, (x * y) as u8])
        });
        let mirrored = image::imageops::flip_horizontal(&photo);
        let found = |left: f32| {
            vec![Candidate {
                face: FaceBox {
                    left,
                    top: 11.0,
                    right: left + 20.0,
                    bottom: 31.0,
                },
                score: 0.5,
                offsets: [0.0; 4],
                landmarks: None,
            }]
        };
        let again = |photo, left| mtcnn.mirrored_pass(photo, found(left), 0.0).expect("runs");
        let first = |photo: &RgbImage, left| {
            let mut probabilities = Vec::new();
            let (crops, orientation) = ((O_SIDE, O_BATCH), Orientation::Unchanged);
            classify_crops(
                &mtcnn.output,
                photo,
                &found(left),
                crops,
                orientation,
                |_, answer| {
                    probabilities.push(probability(answer));
                },
            )
            .expect("runs");
            probabilities[0]
        };
        // Columns are counted from 1: 11 to 31 from the left is 34 to 54 from the right.
        let expected = (0.5 + first(&mirrored, 34.0)) / 2.0;
        assert!((again(&photo, 11.0)[0].score - expected).abs() < 1e-6);
        assert!(
            mtcnn
                .mirrored_pass(&photo, found(11.0), expected + 1e-3)
                .expect("runs")
                .is_empty()
        );
    }
}
