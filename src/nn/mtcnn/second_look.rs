//! O-Net's second look at what it took for faces, from the other side.

use image::RgbImage;
use tch::TchError;

use super::Mtcnn;
use super::boxes::{Candidate, looked_at, square};
use super::cascade::{O_BATCH, O_SIDE, Side, look, probability};
use facepipe_core::types::Size;

impl Mtcnn {
    /// O-Net on the mirror images of what it took for faces: those whose mean probability is over the
    /// threshold, with that mean, most certain first. A face is one in the mirror too; what only
    /// looks like one at a single position often is not.
    pub(super) fn look_again(
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
            // Outside the photo there is nothing to look at.
            .filter(|(_, square)| looked_at(&square.face, size).is_some())
            .unzip();
        let mut seen = Vec::new();
        look(
            &self.output,
            photo,
            &squares,
            (O_SIDE, O_BATCH),
            Side::Mirrored,
            |_, answer| seen.push(probability(answer)),
        )?;
        let mut kept: Vec<Candidate> = found
            .into_iter()
            .zip(seen)
            .map(|(candidate, mirrored)| Candidate {
                score: (candidate.score + mirrored) / 2.0,
                ..candidate
            })
            .filter(|candidate| candidate.score > threshold)
            .collect();
        kept.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(kept)
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
    fn the_second_look_is_from_the_other_side() {
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
        let again = |photo, left| mtcnn.look_again(photo, found(left), 0.0).expect("runs");
        let first = |photo: &RgbImage, left| {
            let mut seen = Vec::new();
            let (side, from) = ((O_SIDE, O_BATCH), Side::AsItIs);
            look(
                &mtcnn.output,
                photo,
                &found(left),
                side,
                from,
                |_, answer| {
                    seen.push(probability(answer));
                },
            )
            .expect("runs");
            seen[0]
        };
        // Columns are counted from 1: 11 to 31 from the left is 34 to 54 from the right.
        let expected = (0.5 + first(&mirrored, 34.0)) / 2.0;
        assert!((again(&photo, 11.0)[0].score - expected).abs() < 1e-6);
        assert!(
            mtcnn
                .look_again(&photo, found(11.0), expected + 1e-3)
                .expect("runs")
                .is_empty()
        );
    }
}
