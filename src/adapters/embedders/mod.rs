//! Face embedders.

pub mod comparable;
pub mod dlib_embedder;
pub mod joined;
mod model_file;
pub mod network_embedder;
pub mod one_thread;
pub mod onnx;
pub mod sface_embedder;

use image::RgbImage;

use facepipe_core::ports::EmbedderError;
use facepipe_core::types::Size;

/// The chips of faces of which each has one.
fn only_chips(faces: &[Vec<RgbImage>], expected: Size) -> Result<Vec<&RgbImage>, EmbedderError> {
    let chip = |face: &'_ Vec<RgbImage>| match face.as_slice() {
        [chip] if Size::of(chip) == expected => Ok(()),
        [chip] => Err(EmbedderError::ChipSize {
            found: Size::of(chip),
            expected,
        }),
        _ => Err(EmbedderError::Chips {
            found: face.len(),
            expected: 1,
        }),
    };
    faces.iter().try_for_each(chip)?;
    Ok(faces.iter().flatten().collect())
}
