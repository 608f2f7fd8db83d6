//! A photo as it is sent: upright, as JPEG, within the service's limits.

use std::path::{Path, PathBuf};

use image::{ImageError, RgbImage, imageops};

use facepipe_core::types::Size;
use facepipe_imaging::image_io::{self, DecodeError, encode_jpeg};

/// Smallest face that the service finds, in pixels, in a picture of up to 1920 x 1080; in larger
/// ones it is larger in proportion. A photo with a shorter side than this is not worth a call.
pub const MIN_FACE_SIDE: u32 = 36;
/// The message for a photo with a shorter side.
const TOO_SMALL: &str = "a side is shorter than the 36 pixels of the smallest face";
/// The largest picture in which faces of [`MIN_FACE_SIDE`] are found, in pixels.
const FULL_SIZE: Size = Size::new(1920, 1080);
/// Pictures are not sent with a longer side than this, in pixels. It only concerns panoramas: others
/// are shrunk to less by the rule of [`FULL_SIZE`].
const LONGEST_SIDE: u32 = 4096;
/// Photos with a shorter longest side than this are enlarged to it, in pixels. Faces of 36 pixels are
/// then found in thumbnails from which they were cut too tightly, and no JPEG is below the service's
/// least size of 1 KB.
const SHORTEST_LONG_SIDE: u32 = 640;
/// Largest file that is sent, in bytes: the service's 6 MB.
const LARGEST_FILE: usize = 6_000_000;
/// JPEG quality: detectors see no difference from the pixels.
const QUALITY: u8 = 90;
/// The factor by which the sides shrink when a file is too large, beside what its size requires.
const SHRINKING: f64 = 0.95;

/// The JPEG of a photo, and the way back to the photo's pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The file.
    pub jpeg: Vec<u8>,
    /// Its size in pixels.
    pub size: Size,
    /// Photo pixels for one of its pixels, from left to right.
    pub scale_x: f32,
    /// The same from top to bottom.
    pub scale_y: f32,
}

/// Why a file can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is not a readable image.
    #[error("`{}`: {source}", .path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// No face in it is large enough.
    #[error("`{}`: {TOO_SMALL}", .0.display())]
    TooSmall(PathBuf),
    /// It can't be written as JPEG.
    #[error("`{}`: {source}", .path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ImageError,
    },
}

impl PictureError {
    /// The reason, without the path.
    #[must_use]
    pub fn problem(&self) -> String {
        match self {
            Self::Decode { source, .. } => source.to_string(),
            Self::TooSmall(_) => TOO_SMALL.to_owned(),
            Self::Encode { source, .. } => source.to_string(),
        }
    }
}

impl Picture {
    /// Reads a file, upright; also gives the photo's own size.
    ///
    /// # Errors
    /// [`PictureError`].
    pub fn read(path: &Path) -> Result<(Self, Size), PictureError> {
        let decoded = image_io::read_bytes(path).and_then(|bytes| image_io::decode(&bytes));
        let path = path.to_owned();
        let photo = match decoded {
            Ok(decoded) => decoded.rgb,
            Err(source) => return Err(PictureError::Decode { path, source }),
        };
        match Self::of(&photo) {
            Ok(Some(picture)) => Ok((picture, Size::of(&photo))),
            Ok(None) => Err(PictureError::TooSmall(path)),
            Err(source) => Err(PictureError::Encode { path, source }),
        }
    }

    /// Encodes a photo for the service; `None` where it is too small for a detectable face.
    ///
    /// A photo that is larger than 1920 x 1080 on both sides, whichever way it is held, is shrunk until
    /// one of them is reached: the smallest face that is found is then the same one, by the service's
    /// rule, and the file is a fraction.
    ///
    /// # Errors
    /// The encoder's.
    pub fn of(photo: &RgbImage) -> Result<Option<Self>, ImageError> {
        let photo_size = Size::of(photo);
        if photo_size.shorter() < MIN_FACE_SIDE {
            return Ok(None);
        }
        let mut scale = scale(photo_size);
        loop {
            let size = scaled(photo_size, scale);
            let jpeg = encode(photo, size)?;
            if jpeg.len() < LARGEST_FILE {
                return Ok(Some(Self {
                    jpeg,
                    size,
                    scale_x: photo_size.width as f32 / size.width as f32,
                    scale_y: photo_size.height as f32 / size.height as f32,
                }));
            }
            scale *= (LARGEST_FILE as f64 / jpeg.len() as f64).sqrt() * SHRINKING;
        }
    }
}

fn encode(photo: &RgbImage, size: Size) -> Result<Vec<u8>, ImageError> {
    if size == Size::of(photo) {
        return encode_jpeg(photo, QUALITY);
    }
    let filter = imageops::FilterType::Triangle;
    encode_jpeg(
        &imageops::resize(photo, size.width, size.height, filter),
        QUALITY,
    )
}

/// Pixels that are sent for one of the photo.
fn scale(photo: Size) -> f64 {
    let longer = f64::from(photo.width.max(photo.height));
    let shorter = f64::from(photo.shorter());
    let harmless = f64::max(
        f64::from(FULL_SIZE.width) / longer,
        f64::from(FULL_SIZE.height) / shorter,
    );
    let enlarging = f64::from(SHORTEST_LONG_SIDE) / longer;
    harmless
        .min(f64::from(LONGEST_SIDE) / longer)
        .min(enlarging.max(1.0))
}

fn scaled(photo: Size, scale: f64) -> Size {
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    Size::new(side(photo.width), side(photo.height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn sent(width: u32, height: u32) -> (u32, u32) {
        let photo = Size::new(width, height);
        let size = scaled(photo, scale(photo));
        (size.width, size.height)
    }

    #[test]
    fn photos_are_shrunk_only_so_far_that_no_face_is_lost() {
        assert_eq!(sent(1280, 720), (1280, 720));
        assert_eq!(sent(1920, 1080), (1920, 1080));
        assert_eq!(sent(3840, 2160), (1920, 1080));
        assert_eq!(sent(4000, 3000), (1920, 1440));
        assert_eq!(sent(3000, 4000), (1440, 1920), "held upright");
        assert_eq!(sent(3000, 1080), (3000, 1080), "one side is not larger");
        assert_eq!(sent(20_000, 1000), (4096, 205), "a panorama");
        assert_eq!(sent(64, 48), (640, 480));
    }

    #[test]
    fn small_and_flat_photos_are_no_smaller_than_the_service_takes() {
        for (width, height) in [(36, 36), (64, 48), (640, 36), (1000, 40)] {
            let flat = RgbImage::from_pixel(width, height, Rgb([90, 90, 90]));
            let picture = Picture::of(&flat).expect("encodes").expect("large enough");
            assert!(
                picture.jpeg.len() > 1024,
                "{width}x{height}: {}",
                picture.jpeg.len()
            );
            let decoded = image_io::decode(&picture.jpeg).expect("decodes");
            assert_eq!(Size::of(&decoded.rgb), picture.size);
        }
        assert_eq!(Picture::of(&RgbImage::new(64, 35)).expect("no error"), None);
    }

    #[test]
    fn noise_is_shrunk_until_it_is_small_enough() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let photo = RgbImage::from_fn(2200, 2700, |_, _| Rgb([noise(), noise(), noise()]));
        let picture = Picture::of(&photo).expect("encodes").expect("large enough");
        assert!(picture.jpeg.len() < LARGEST_FILE);
        assert!(picture.size.area() > 1_000_000, "{}", picture.size);
        let back = picture.size.width as f32 * picture.scale_x;
        assert!((back - 2200.0).abs() < 0.01, "{back}");
        let back = picture.size.height as f32 * picture.scale_y;
        assert!((back - 2700.0).abs() < 0.01, "{back}");
    }
}
