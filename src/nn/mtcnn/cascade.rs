//! The three stages, from a photo to its faces.

use image::RgbImage;
use tch::{TchError, Tensor};

use super::Mtcnn;
use super::boxes::{Candidate, Overlap, crop_rect, moved, square, suppress};
use super::networks::{HEIGHT_AXIS, Network, WIDTH_AXIS};
use super::pyramid::{CELL, CELL_STEP, scales, size_at};
use super::resize::Pictures;
use crate::{FoundFace, TorchError};
use facepipe_core::types::{FaceBox, Landmarks5, PixelRect, Size};

/// Overlap from which two proposals of one size are the same (facenet-pytorch's value).
const SAME_AT_ONE_SIZE: f32 = 0.5;
/// Overlap from which two candidates are the same (facenet-pytorch's value, in all stages).
const SAME: f32 = 0.7;
/// Sides of the pictures that R-Net and O-Net take in, in pixels.
const R_SIDE: u32 = 24;
pub(super) const O_SIDE: u32 = 48;
/// Candidates that R-Net sees at once: 256 pictures are 1.8 MB and fill a processor core.
const R_BATCH: usize = 256;
/// The same for O-Net.
pub(super) const O_BATCH: usize = 64;
/// Pixels of a picture that P-Net sees at once: its output stays in a processor's cache.
const STRIP_PIXELS: i64 = 1 << 16;
/// Rows that P-Net sees beyond two for each row of its answers.
const STRIP_BORDER: i64 = (CELL - CELL_STEP) as i64;
/// Where the parts of a network's answer begin.
const FIRST_OFFSET: usize = 2;
const FIRST_LANDMARK: usize = 6;

impl Mtcnn {
    /// The faces of a photo, most certain first.
    ///
    /// # Errors
    /// [`TorchError`] when libtorch fails, such as for lack of memory.
    pub fn detect(&self, photo: &RgbImage) -> Result<Vec<FoundFace>, TorchError> {
        tch::no_grad(|| {
            let proposals = self.propose(photo)?;
            let refined = self.refine(photo, proposals)?;
            self.decide(photo, refined)
        })
        .map_err(TorchError::from)
    }

    /// P-Net at all sizes: squares where there may be faces.
    fn propose(&self, photo: &RgbImage) -> Result<Vec<Candidate>, TchError> {
        let size = Size::of(photo);
        let [p_threshold, _, _] = self.search.thresholds;
        let mut all = Vec::new();
        for scale in scales(size, self.search.min_face) {
            let mut picture = Pictures::with_capacity(size_at(size, scale), 1);
            picture.add(photo, PixelRect::whole(size));
            let found = self.slide(&picture.tensor()?, scale as f32, p_threshold)?;
            all.extend(suppress(found, Overlap::Union, SAME_AT_ONE_SIZE));
        }
        let kept = suppress(all, Overlap::Union, SAME).into_iter();
        Ok(kept
            .map(|candidate| Candidate {
                face: square(&moved(&candidate.face, candidate.offsets, 0.0)),
                ..candidate
            })
            .collect())
    }

    /// P-Net over one picture, strip by strip: its output for a whole large picture would fill memory.
    fn slide(
        &self,
        picture: &Tensor,
        scale: f32,
        threshold: f32,
    ) -> Result<Vec<Candidate>, TchError> {
        let (height, width) = (picture.size()[2], picture.size()[3]);
        let rows = answer_rows(height);
        let strip = (STRIP_PIXELS / width / i64::from(CELL_STEP)).max(1);
        let mut found = Vec::new();
        for first in (0..rows).step_by(strip as usize) {
            let start = first * i64::from(CELL_STEP);
            let end = if first + strip < rows {
                (first + strip) * i64::from(CELL_STEP) + STRIP_BORDER
            } else {
                height
            };
            let answers =
                self.proposal
                    .forward(&picture.f_narrow(HEIGHT_AXIS, start, end - start)?)?;
            found.extend(proposals(&answers, first as u32, scale, threshold)?);
        }
        Ok(found)
    }

    /// R-Net: the proposals that it takes for faces, as better squares.
    fn refine(
        &self,
        photo: &RgbImage,
        proposals: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, TchError> {
        let mut passed = Vec::new();
        classify_crops(
            &self.refinement,
            photo,
            &proposals,
            (R_SIDE, R_BATCH),
            Orientation::Unchanged,
            |candidate, answer| {
                passed.extend(judged(candidate, answer, self.search.thresholds[1]));
            },
        )?;
        let kept = suppress(passed, Overlap::Union, SAME).into_iter();
        Ok(kept
            .map(|candidate| Candidate {
                face: square(&moved(&candidate.face, candidate.offsets, 1.0)),
                ..candidate
            })
            .collect())
    }

    /// O-Net: the faces with their landmarks.
    fn decide(
        &self,
        photo: &RgbImage,
        refined: Vec<Candidate>,
    ) -> Result<Vec<FoundFace>, TchError> {
        let mut passed = Vec::new();
        classify_crops(
            &self.output,
            photo,
            &refined,
            (O_SIDE, O_BATCH),
            Orientation::Unchanged,
            |candidate, answer| {
                passed.extend(
                    judged(candidate, answer, self.search.thresholds[2]).map(|judged| Candidate {
                        face: moved(&judged.face, judged.offsets, 1.0),
                        landmarks: Some(landmarks(&judged.face, &answer[FIRST_LANDMARK..])),
                        ..judged
                    }),
                );
            },
        )?;
        let mut kept = suppress(passed, Overlap::Smaller, SAME);
        if let Some(threshold) = self.search.mirrored_pass {
            kept = self.mirrored_pass(photo, kept, threshold)?;
        }
        Ok(kept
            .into_iter()
            .filter_map(|candidate| {
                Some(FoundFace {
                    face: candidate.face,
                    score: candidate.score,
                    landmarks: candidate.landmarks?,
                })
            })
            .collect())
    }
}

/// Whether a network sees the pictures mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orientation {
    Unchanged,
    /// Left and right exchanged.
    Mirrored,
}

/// Runs a network on the candidates, batch by batch, and hands each with its answer to `take`.
/// Candidates outside the photo are left out.
pub(super) fn classify_crops(
    network: &Network,
    photo: &RgbImage,
    candidates: &[Candidate],
    (side, batch): (u32, usize),
    orientation: Orientation,
    mut take: impl FnMut(&Candidate, &[f32]),
) -> Result<(), TchError> {
    let size = Size::of(photo);
    let inside: Vec<(&Candidate, PixelRect)> = candidates
        .iter()
        .filter_map(|candidate| Some((candidate, crop_rect(&candidate.face, size)?)))
        .collect();
    for batch in inside.chunks(batch) {
        let mut pictures = Pictures::with_capacity(Size::new(side, side), batch.len());
        for (_, part) in batch {
            pictures.add(photo, *part);
        }
        let mut pictures = pictures.tensor()?;
        if orientation == Orientation::Mirrored {
            pictures = pictures.f_flip([WIDTH_AXIS])?;
        }
        let answers = network.forward(&pictures)?;
        let (numbers, length) = numbers(&answers)?;
        for ((candidate, _), answer) in batch.iter().zip(numbers.chunks_exact(length)) {
            take(candidate, answer);
        }
    }
    Ok(())
}

/// All numbers of a network's answers, and how many there are about each place.
fn numbers(answers: &Tensor) -> Result<(Vec<f32>, usize), TchError> {
    let length = answers.size().last().map_or(1, |length| *length as usize);
    let flat = answers.f_contiguous()?.f_reshape([-1])?;
    Ok((Vec::<f32>::try_from(flat)?, length))
}

/// A candidate with a network's answer; `None` where its probability is not over the threshold.
fn judged(candidate: &Candidate, answer: &[f32], threshold: f32) -> Option<Candidate> {
    let score = probability(answer);
    (score > threshold).then_some(Candidate {
        score,
        offsets: offsets(answer),
        ..*candidate
    })
}

/// How many rows of answers P-Net gives for a picture: its pooling lets a last odd row count.
const fn answer_rows(height: i64) -> i64 {
    (height - STRIP_BORDER + 1) / CELL_STEP as i64
}

/// P-Net's answers from its threshold on, as squares in the photo.
///
/// # Shapes
/// `answers` is `[1, rows, columns, numbers]`; its first row is row `first` of the picture's.
fn proposals(
    answers: &Tensor,
    first: u32,
    scale: f32,
    threshold: f32,
) -> Result<Vec<Candidate>, TchError> {
    let columns = answers.size().get(2).map_or(1, |columns| *columns as usize);
    let (numbers, length) = numbers(answers)?;
    let mut found = Vec::new();
    for (index, answer) in numbers.chunks_exact(length).enumerate() {
        let score = probability(answer);
        if score >= threshold {
            found.push(Candidate {
                face: cell(
                    (index % columns) as u32,
                    first + (index / columns) as u32,
                    scale,
                ),
                score,
                offsets: offsets(answer),
                landmarks: None,
            });
        }
    }
    Ok(found)
}

/// The square of the photo that P-Net's answer at a column and row is about.
fn cell(column: u32, row: u32, scale: f32) -> FaceBox {
    // One pixel off, as the networks' authors counted from 1.
    let edge = |cell: u32, inside: u32| ((CELL_STEP * cell + inside) as f32 / scale).floor();
    FaceBox {
        left: edge(column, 1),
        top: edge(row, 1),
        right: edge(column, CELL),
        bottom: edge(row, CELL),
    }
}

/// The probability of a face from the scores of "no face" and "face".
pub(super) fn probability(answer: &[f32]) -> f32 {
    let larger = answer[0].max(answer[1]);
    let (no_face, face) = ((answer[0] - larger).exp(), (answer[1] - larger).exp());
    face / (no_face + face)
}

fn offsets(answer: &[f32]) -> [f32; 4] {
    std::array::from_fn(|edge| answer[FIRST_OFFSET + edge])
}

/// O-Net's landmarks, five x and then five y as shares of the box, in the photo's pixels.
fn landmarks(face: &FaceBox, shares: &[f32]) -> Landmarks5 {
    let (width, height) = (face.right - face.left + 1.0, face.bottom - face.top + 1.0);
    Landmarks5(std::array::from_fn(|point| {
        [
            width * shares[point] + face.left - 1.0,
            height * shares[point + 5] + face.top - 1.0,
        ]
    }))
}

#[cfg(test)]
mod tests {
    use super::super::Search;
    use super::super::networks::tests::random;
    use super::super::plan::{O_NET, P_NET, R_NET};
    use super::*;
    use image::Rgb;

    #[test]
    fn a_cell_is_twelve_searched_pixels_wide() {
        let face = cell(3, 10, 0.5);
        assert_eq!((face.left, face.right), (14.0, 36.0));
        assert_eq!((face.top, face.bottom), (42.0, 64.0));
    }

    #[test]
    fn scores_become_probabilities() {
        assert!((probability(&[1.0, 1.0]) - 0.5).abs() < 1e-7);
        assert!((probability(&[0.0, 1.5_f32.ln()]) - 0.6).abs() < 1e-6);
        assert!((probability(&[-500.0, 500.0]) - 1.0).abs() < 1e-7);
    }

    #[test]
    fn proposals_lie_at_their_row_and_column() {
        let answers = Tensor::zeros([1, 4, 7, 6], (tch::Kind::Float, tch::Device::Cpu));
        let place = answers.narrow(1, 2, 1).narrow(2, 5, 1).reshape([6]);
        let mut view = answers.narrow(1, 2, 1).narrow(2, 5, 1);
        view.copy_(&Tensor::from_slice(&[0.0_f32, 3.0, 0.1, 0.2, 0.3, 0.4]).view([1, 1, 1, 6]));
        assert_eq!(place.size(), [6]);
        let found = proposals(&answers, 0, 1.0, 0.6).expect("a tensor of numbers");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].face.left, found[0].face.top), (11.0, 5.0));
        assert_eq!(found[0].offsets, [0.1, 0.2, 0.3, 0.4]);
    }

    #[test]
    fn strips_find_what_the_whole_picture_gives() {
        tch::set_num_threads(1);
        let mtcnn = Mtcnn {
            search: Search::USUAL,
            proposal: random(&P_NET),
            refinement: random(&R_NET),
            output: random(&O_NET),
        };
        for height in [12, 13, 1025, 1100, 2051] {
            let picture = Tensor::rand([1, 3, height, 64], (tch::Kind::Float, tch::Device::Cpu));
            let answers = tch::no_grad(|| mtcnn.proposal.forward(&picture)).expect("runs");
            assert_eq!(answers.size()[1], answer_rows(height), "{height}");
            let whole = proposals(&answers, 0, 0.5, 0.0).expect("numbers");
            let strips = tch::no_grad(|| mtcnn.slide(&picture, 0.5, 0.0)).expect("runs");
            assert_eq!(whole.len(), strips.len());
            for (one, other) in whole.iter().zip(&strips) {
                assert_eq!(one.face, other.face);
                assert!((one.score - other.score).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn landmarks_are_shares_of_the_box() {
        let face = FaceBox {
            left: 10.0,
            top: 20.0,
            right: 109.0,
            bottom: 69.0,
        };
        let shares = [0.3, 0.7, 0.5, 0.35, 0.65, 0.2, 0.2, 0.5, 0.8, 0.8];
        let Landmarks5(points) = landmarks(&face, &shares);
        assert_eq!(points[0], [39.0, 29.0]);
        assert_eq!(points[1], [79.0, 29.0]);
        assert_eq!(points[4], [74.0, 59.0]);
    }

    #[test]
    fn photos_of_any_size_go_through_all_stages() {
        let mtcnn = Mtcnn {
            search: Search::USUAL,
            proposal: random(&P_NET),
            refinement: random(&R_NET),
            output: random(&O_NET),
        };
        let thorough = Mtcnn {
            search: Search::THOROUGH,
            ..mtcnn.share()
        };
        for (width, height) in [(1, 1), (19, 200), (20, 20), (64, 48), (333, 21)] {
            let photo = RgbImage::from_fn(width, height, |x, y| {
                Rgb([(x * 7) as u8, (y * 11) as u8, (x * y) as u8])
            });
            let faces = mtcnn.detect(&photo).expect("runs");
            assert!(faces.iter().all(|face| face.score > 0.7));
            assert_eq!(faces, mtcnn.share().detect(&photo).expect("runs"));
            let faces = thorough.detect(&photo).expect("runs");
            assert!(faces.iter().all(|face| face.score > 0.6));
            assert!(faces.is_sorted_by(|one, next| one.score >= next.score));
        }
    }
}
