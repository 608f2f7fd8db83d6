//! SeetaFace's frontal face detector, through `rustface`.
//!
//! Source: S. Wu et al., "Funnel-structured cascade for multi-view face detection with alignment
//! awareness", Neurocomputing 221 (2017). It gives square boxes and no landmarks.

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, RgbImage, imageops};
use rustface::{Detector, FaceInfo, ImageData, Model};

use facepipe_core::ports::{DetectorError, FaceDetector, FaceDetectorFactory};
use facepipe_core::types::{DetectedFace, FaceBox, Size};
use facepipe_faces::dlib_box::SquareFit;
use facepipe_imaging::image_io::contain;

/// The detector's name on the command line.
pub const NAME: &str = "seeta";
/// The model's file name in the folder of weights.
pub const MODEL_FILE: &str = "seeta_fd_frontal_v1.0.bin";
/// How its squares differ from those of dlib's frontal detector: practically not. On average dlib's
/// have 0.97 of their side and are 0.06 of it further down, but with that correction the embeddings
/// of one person's photos (LFW) are no nearer to each other.
pub const FIT: SquareFit = SquareFit::SAME;

/// Longest side that is searched, in pixels: larger photos are shrunk to it, smaller ones enlarged
/// towards it. The cascade's window is 40 pixels wide, so that only enlarging finds smaller faces: of
/// the faces of 82 photos of crowds (WIDER FACE; easy, medium, hard) .607, .460, .183 are found with
/// this side, .484, .252, .090 with 1024 and without enlarging.
const MAX_SEARCHED_SIDE: u32 = 1440;
/// The most that a photo is enlarged by: faces of 20 pixels are found, smaller ones are blurs.
const MAX_ENLARGEMENT: f32 = 2.0;
/// Photos are always enlarged to this longer side, in pixels: the window's steps are four pixels,
/// so that a face in a small picture is seen in few positions.
const MIN_SEARCHED_SIDE: u32 = 240;
/// Border added on each side, as a share of the photo's longer side. The cascade was trained on
/// faces with surroundings, and misses a face that fills the picture. With 0.1 a few of those are
/// missed, and there is a face where none is; 0.25 finds no more.
const BORDER: f32 = 0.2;
/// Smallest face that is searched, in pixels of the searched picture.
const MIN_FACE: u32 = 40;
/// Score from which a window is a face; SeetaFace's own suggestion is 2.0 to 4.5.
const SCORE_THRESHOLD: f64 = 2.0;
/// Ratio of neighbouring levels of the picture pyramid: SeetaFace's own default.
const PYRAMID_RATIO: f32 = 0.8;
/// Step of the sliding window in pixels: SeetaFace's own default.
const WINDOW_STEP: u32 = 4;
/// Photos with a side below this can't hold a face that is worth cropping, in pixels.
const MIN_PHOTO_SIDE: u32 = 16;
/// Two boxes that share more than this are one face.
const SAME_FACE_IOU: f32 = 0.4;

/// Reads the model once; each worker's detector gets a copy.
#[derive(Debug)]
pub struct SeetaFactory {
    path: PathBuf,
    model: Vec<u8>,
}

impl SeetaFactory {
    /// Reads and checks the model file in a folder of weights.
    ///
    /// # Errors
    /// [`DetectorError::ModelMissing`], [`DetectorError::ModelUnreadable`].
    pub fn new(weights: &Path) -> Result<Self, DetectorError> {
        let path = weights.join(MODEL_FILE);
        let model = fs_err::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => DetectorError::ModelMissing {
                detector: NAME.to_owned(),
                path: path.clone(),
            },
            _ => DetectorError::ModelUnreadable {
                detector: NAME.to_owned(),
                source,
            },
        })?;
        let factory = Self { path, model };
        factory.read_model()?;
        Ok(factory)
    }

    fn read_model(&self) -> Result<Model, DetectorError> {
        let unreadable = |source| DetectorError::ModelUnreadable {
            detector: format!("{NAME} ({})", self.path.display()),
            source,
        };
        contain(|| rustface::read_model(self.model.as_slice()))
            .unwrap_or_else(|message| Err(std::io::Error::other(message)))
            .map_err(unreadable)
    }
}

impl FaceDetectorFactory for SeetaFactory {
    fn name(&self) -> &str {
        NAME
    }

    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        let mut detector = rustface::create_detector_with_model(self.read_model()?);
        detector.set_min_face_size(MIN_FACE);
        detector.set_score_thresh(SCORE_THRESHOLD);
        detector.set_pyramid_scale_factor(PYRAMID_RATIO);
        detector.set_slide_window_step(WINDOW_STEP, WINDOW_STEP);
        Ok(Box::new(SeetaDetector { detector }))
    }
}

struct SeetaDetector {
    detector: Box<dyn Detector>,
}

impl FaceDetector for SeetaDetector {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        let photo_size = Size::of(photo);
        if photo_size.shorter() < MIN_PHOTO_SIDE {
            return Ok(Vec::new());
        }
        let searched = SearchedPicture::of(photo);
        let (width, height) = searched.grey.dimensions();
        let data = ImageData::new(searched.grey.as_raw(), width, height);
        let found =
            contain(|| self.detector.detect(&data)).map_err(|message| DetectorError::Crashed {
                detector: NAME.to_owned(),
                message,
            })?;
        let boxes = found
            .iter()
            .map(|face| (searched.to_photo(face), face.score() as f32));
        Ok(merge(boxes.collect(), photo_size))
    }
}

/// The grey picture that the cascade sees, and the way back to the photo's pixels.
struct SearchedPicture {
    grey: GrayImage,
    /// Searched pixels per photo pixel.
    scale: f32,
    /// Border in searched pixels.
    border: u32,
}

impl SearchedPicture {
    fn of(photo: &RgbImage) -> Self {
        let size = Size::of(photo);
        let longer = size.width.max(size.height);
        let to_side = |side: u32| side as f32 / longer as f32;
        let enlargement = MAX_ENLARGEMENT.max(to_side(MIN_SEARCHED_SIDE));
        let scale = to_side(MAX_SEARCHED_SIDE).min(enlargement);
        let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
        let (width, height) = (scaled(size.width), scaled(size.height));
        let grey = imageops::grayscale(photo);
        let grey = imageops::resize(&grey, width, height, imageops::FilterType::Triangle);
        let border = (width.max(height) as f32 * BORDER).round() as u32;
        let mean = grey
            .pixels()
            .map(|pixel| u64::from(pixel.0[0]))
            .sum::<u64>()
            / (u64::from(width) * u64::from(height));
        let background = Luma([mean as u8]);
        let mut padded = GrayImage::from_pixel(width + 2 * border, height + 2 * border, background);
        imageops::replace(&mut padded, &grey, i64::from(border), i64::from(border));
        Self {
            grey: padded,
            scale,
            border,
        }
    }

    fn to_photo(&self, face: &FaceInfo) -> FaceBox {
        let rect = face.bbox();
        let x = |searched: f32| (searched - self.border as f32) / self.scale;
        let (left, top) = (rect.x() as f32, rect.y() as f32);
        FaceBox {
            left: x(left),
            top: x(top),
            right: x(left + rect.width() as f32),
            bottom: x(top + rect.height() as f32),
        }
    }
}

/// Of boxes that overlap only the most certain stays; the others are clamped and sorted, largest
/// first. Boxes with less than half of their area inside the photo are dropped.
fn merge(mut boxes: Vec<(FaceBox, f32)>, photo: Size) -> Vec<DetectedFace> {
    boxes.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut kept: Vec<(FaceBox, f32)> = Vec::new();
    for (face, score) in boxes {
        if kept
            .iter()
            .all(|(other, _)| other.iou(&face) <= SAME_FACE_IOU)
        {
            kept.push((face, score));
        }
    }
    let mut faces: Vec<DetectedFace> = kept
        .into_iter()
        .filter_map(|(face, score)| {
            let rect = face.clamped(photo)?;
            let inside = rect.size().area() as f32 >= face.area() / 2.0;
            inside.then_some(DetectedFace {
                rect,
                score,
                landmarks: None,
            })
        })
        .collect();
    faces.sort_by_key(|face| std::cmp::Reverse(face.rect.size().area()));
    faces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_boxes_are_merged_and_sorted_by_size() {
        let square = |left: f32, top: f32, side: f32| FaceBox {
            left,
            top,
            right: left + side,
            bottom: top + side,
        };
        let faces = merge(
            vec![
                (square(4.0, 4.0, 8.0), 9.0),
                (square(20.0, 10.0, 20.0), 3.0),
                (square(21.0, 11.0, 20.0), 5.0),
                (square(-30.0, 0.0, 40.0), 5.0),
            ],
            Size::new(64, 48),
        );
        let boxes: Vec<[u32; 4]> = faces.iter().map(|face| face.rect.into()).collect();
        assert_eq!(boxes, [[21, 11, 41, 31], [4, 4, 12, 12]]);
    }

    #[test]
    fn photos_are_searched_at_a_size_at_which_small_faces_fill_the_window() {
        for (width, height, scale) in [
            (2880, 1000, 0.5),
            (1440, 1000, 1.0),
            (960, 640, 1.5),
            (64, 48, 3.75),
            (400, 300, 2.0),
        ] {
            let searched = SearchedPicture::of(&RgbImage::new(width, height));
            assert_eq!(searched.scale, scale, "{width}x{height}");
            let border = (width as f32 * scale * BORDER).round() as u32;
            assert_eq!(searched.border, border);
            let sides = [width, height].map(|side| (side as f32 * scale) as u32 + 2 * border);
            assert_eq!(searched.grey.dimensions(), (sides[0], sides[1]));
        }
    }

    #[test]
    fn a_missing_model_says_where_it_was_looked_for() {
        let error = SeetaFactory::new(Path::new("/nowhere")).expect_err("no model there");
        assert!(
            error
                .to_string()
                .contains("/nowhere/seeta_fd_frontal_v1.0.bin"),
            "{error}"
        );
    }
}
