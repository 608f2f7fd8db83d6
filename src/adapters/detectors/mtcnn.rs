//! MTCNN, run by libtorch: boxes and five landmarks.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::RgbImage;

use facepipe_core::ports::{DetectorError, FaceDetector, FaceDetectorFactory};
use facepipe_core::types::{DetectedFace, Size};
use facepipe_nn::mtcnn::{FILES, Mtcnn, Search};
use facepipe_nn::{in_photo, use_threads};

/// The name on the command line of the usual search.
pub const NAME: &str = "mtcnn";
/// The name on the command line of the thorough search.
pub const THOROUGH_NAME: &str = "mtcnn-thorough";

/// Reads the three networks once; the workers share their weights.
#[derive(Debug)]
pub struct MtcnnFactory {
    name: &'static str,
    /// Locked, as a tensor may be sent to another thread but not be used by two at once.
    networks: Mutex<Mtcnn>,
}

impl MtcnnFactory {
    /// Reads and checks the three files in a folder of weights, for [`Search::USUAL`].
    ///
    /// # Errors
    /// [`DetectorError::ModelMissing`], [`DetectorError::ModelUnreadable`].
    pub fn usual(weights: &Path) -> Result<Self, DetectorError> {
        Self::new(NAME, Search::USUAL, weights)
    }

    /// The same for [`Search::THOROUGH`].
    ///
    /// # Errors
    /// As [`usual`](Self::usual).
    pub fn thorough(weights: &Path) -> Result<Self, DetectorError> {
        Self::new(THOROUGH_NAME, Search::THOROUGH, weights)
    }

    fn new(name: &'static str, search: Search, weights: &Path) -> Result<Self, DetectorError> {
        for file in FILES {
            let path = weights.join(file);
            if !path.exists() {
                let detector = NAME.to_owned();
                return Err(DetectorError::ModelMissing { detector, path });
            }
        }
        let networks =
            Mtcnn::read(weights, search).map_err(|error| DetectorError::ModelUnreadable {
                detector: NAME.to_owned(),
                source: io::Error::other(error),
            })?;
        Ok(Self {
            name,
            networks: Mutex::new(networks),
        })
    }
}

impl FaceDetectorFactory for MtcnnFactory {
    fn name(&self) -> &str {
        self.name
    }

    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        // Each worker has a processor of its own: libtorch's threads would only wait for each
        // other.
        use_threads(NonZeroUsize::MIN);
        let networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(MtcnnDetector {
            networks: networks.share(),
        }))
    }
}

struct MtcnnDetector {
    networks: Mtcnn,
}

impl FaceDetector for MtcnnDetector {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        let found = self
            .networks
            .detect(photo)
            .map_err(|error| DetectorError::Crashed {
                detector: NAME.to_owned(),
                message: error.to_string(),
            })?;
        Ok(in_photo(found, Size::of(photo)))
    }
}
