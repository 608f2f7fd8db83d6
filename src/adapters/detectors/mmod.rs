//! dlib's CNN face detector, in libtorch.
//!
//! It finds faces from about 80 pixels on, in more positions than frontal detectors do, and has no
//! landmarks.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::{RgbImage, imageops};
use tch::Device;

use facepipe_core::ports::{DetectorError, FaceDetector, FaceDetectorFactory};
use facepipe_core::types::{DetectedFace, FaceBox, Size};
use facepipe_faces::dlib_box::SquareFit;
use facepipe_imaging::image_io::contain;
use facepipe_models::dlib::{MMOD_FILE, ModelFileError};
use facepipe_nn::{Mmod, use_threads};

/// The detector's name on the command line.
pub const NAME: &str = "mmod";
/// How its squares differ from those of dlib's frontal detector; measured as described in
/// [`dlib_box`](facepipe_faces::dlib_box), with standard deviations of 0.12 and 0.06.
pub const FIT: SquareFit = SquareFit {
    side: 1.05,
    below: 0.06,
};
/// Longest side that is searched, in pixels; larger photos are shrunk to it. A worker's memory grows
/// with the searched area, by about 230 MB a megapixel: two workers stay below 600 MB in all.
const MAX_SEARCHED_SIDE: u32 = 1024;
/// Photos with a side below this can't hold a detectable face, in pixels: the detector's window is
/// 80 pixels wide, and may reach over the edge by half.
const MIN_PHOTO_SIDE: u32 = 40;

/// Reads the weights once; all detectors share them.
#[derive(Debug)]
pub struct MmodFactory {
    network: Mutex<Mmod>,
}

impl MmodFactory {
    /// Reads the weights from the folder of weights.
    ///
    /// # Errors
    /// [`ModelFileError`].
    pub fn new(weights: &Path, device: Device) -> Result<Self, ModelFileError> {
        let network = Mutex::new(Mmod::open(&weights.join(MMOD_FILE), device)?);
        Ok(Self { network })
    }
}

impl FaceDetectorFactory for MmodFactory {
    fn name(&self) -> &str {
        NAME
    }

    /// A detector that computes on one libtorch thread: each worker has its own.
    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        use_threads(NonZeroUsize::MIN);
        // The lock only guards the copying of handles, which can't leave the network half-changed.
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(MmodDetector {
            network: network.shared(),
        }))
    }
}

#[derive(Debug)]
struct MmodDetector {
    network: Mmod,
}

impl FaceDetector for MmodDetector {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        let size = Size::of(photo);
        if size.shorter() < MIN_PHOTO_SIDE {
            return Ok(Vec::new());
        }
        let longer = size.width.max(size.height);
        // libtorch reports errors, such as too little memory, as panics.
        let found = contain(|| {
            if longer <= MAX_SEARCHED_SIDE {
                return self.network.faces(photo);
            }
            let shrunk = |side: u32| {
                let scaled = u64::from(side) * u64::from(MAX_SEARCHED_SIDE) / u64::from(longer);
                (scaled as u32).max(MIN_PHOTO_SIDE)
            };
            let (width, height) = (shrunk(size.width), shrunk(size.height));
            let filter = imageops::FilterType::Triangle;
            self.network
                .faces(&imageops::resize(photo, width, height, filter))
        })
        .map_err(|message| DetectorError::Crashed {
            detector: NAME.to_owned(),
            message,
        })?;
        let scale = longer as f32 / longer.min(MAX_SEARCHED_SIDE) as f32;
        let mut faces: Vec<DetectedFace> = found
            .into_iter()
            .filter_map(|(rect, score)| {
                let edge = |pixel: i64| pixel as f32 * scale;
                let rect = FaceBox {
                    left: edge(rect.left),
                    top: edge(rect.top),
                    right: edge(rect.right + 1),
                    bottom: edge(rect.bottom + 1),
                };
                Some(DetectedFace {
                    rect: rect.clamped(size)?,
                    score,
                    landmarks: None,
                })
            })
            .collect();
        faces.sort_by_key(|face| std::cmp::Reverse(face.rect.size().area()));
        Ok(faces)
    }
}
