//! How good a picture of a face is: sharpness, light, pose and the part outside the photo.
//!
//! Every face is brought to the same size and, with landmarks, turned upright before it is
//! measured, so that the numbers compare between faces of different photos. Pixels outside the
//! photo are not measured.
//!
//! The names follow ISO/IEC 29794-5 (face image quality). The overall number is a heuristic: the scales
//! of its [`parts`] are chosen so that blurred, dark, cut off and turned-away faces come after good
//! ones. It forecasts recognition errors poorly; the length of an embedding, where a network is asked for one
//! ([`with_norm`]), does better.

mod pixels;
mod pose;
mod score;

use image::RgbImage;

use facepipe_core::types::{
    ChipSpec, ChipSquare, CropPlace, DetectedFace, EyeCornersNose, FacePose, FaceQuality,
    Landmarks, PixelRect, Size,
};
use facepipe_models::dlib::face_chip::{CHIP_SIDE, cut_from, square_of};

pub use score::{overall, parts, recognised};

/// A face at the size at which it is measured.
#[derive(Debug, Clone, Copy)]
pub struct FaceView<'view> {
    /// The face's chip in the size of dlib's, as [`cut_from`] makes it.
    pub chip: &'view RgbImage,
    /// The chip's place in the photo.
    pub square: ChipSquare,
    /// The photo's size.
    pub photo: Size,
}

/// Measures a face of an EXIF-upright photo, aligned by its landmarks or, without them, in a square
/// around its box.
///
/// Boxes of different detectors are of different sizes: without landmarks the numbers compare
/// within one detector only.
#[must_use]
pub fn measure(
    photo: &RgbImage,
    face: &DetectedFace,
    landmarks: Option<&EyeCornersNose>,
) -> FaceQuality {
    let square = landmarks.map_or_else(|| square_of_box(face.rect), square_of);
    let place = CropPlace::in_picture(square, None);
    let view = FaceView {
        chip: &cut_from(photo, &place, Size::new(CHIP_SIDE, CHIP_SIDE)),
        square,
        photo: Size::of(photo),
    };
    measure_view(view, face, landmarks)
}

/// Measures a face whose chip is cut already.
#[must_use]
pub fn measure_view(
    view: FaceView<'_>,
    face: &DetectedFace,
    landmarks: Option<&EyeCornersNose>,
) -> FaceQuality {
    let pixels::Measures {
        sharpness,
        brightness,
        contrast,
        outside,
    } = pixels::measure(view);
    let pose = landmarks.map(|landmarks| FacePose {
        yaw: rounded(pose::yaw(landmarks), 1),
        pitch: face
            .landmarks
            .and_then(|landmarks| match landmarks {
                Landmarks::EyesNoseMouth(points) => pose::pitch(&points),
                Landmarks::EyeCornersNose(_) => None,
            })
            .map(|pitch| rounded(pitch, 1)),
        roll: rounded(pose::roll(landmarks), 1),
    });
    let mut quality = FaceQuality {
        overall: 0.0,
        size: face.rect.size().shorter(),
        score: rounded(f64::from(face.score), 4),
        sharpness: rounded(sharpness, 1),
        brightness: rounded(brightness, 4),
        contrast: rounded(contrast, 4),
        outside: rounded(outside, 4),
        norm: None,
        pose,
    };
    quality.overall = rounded(overall(&quality), 4);
    quality
}

/// The quality with the length of SFace's embedding of the face, which then decides the overall one: see
/// [`recognised`].
#[must_use]
pub fn with_norm(quality: FaceQuality, norm: f64) -> FaceQuality {
    FaceQuality {
        norm: Some(rounded(norm, 2)),
        overall: rounded(recognised(norm), 4),
        ..quality
    }
}

/// The square around a box in which the box takes the place of the mean face: the chip of a face
/// without landmarks.
fn square_of_box(rect: PixelRect) -> ChipSquare {
    let size = rect.size();
    let side = f64::from(size.width.max(size.height)) * (1.0 + 2.0 * ChipSpec::PADDING);
    let middle = |low: u32, high: u32| (f64::from(low) + f64::from(high) - 1.0) / 2.0;
    let (x, y) = (middle(rect.left, rect.right), middle(rect.top, rect.bottom));
    let half = (side - 1.0) / 2.0;
    ChipSquare {
        left: x - half,
        top: y - half,
        right: x + half,
        bottom: y + half,
        angle: 0.0,
    }
}

/// A number with this many decimals: more would be noise in the records.
fn rounded(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}

#[cfg(test)]
mod tests;
