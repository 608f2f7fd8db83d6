//! YuNet: boxes and five landmarks.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::RgbImage;

use facepipe_core::ports::{DetectorError, FaceDetector, FaceDetectorFactory};
use facepipe_core::types::{DetectedFace, Size};
use facepipe_nn::mtcnn::OutputNetwork;
use facepipe_nn::yunet::Yunet;
use facepipe_nn::{in_photo, use_threads};

/// The file of each of the two networks, by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The smaller one, of the OpenCV Zoo.
    Small,
    /// The one that its authors call `n`.
    N,
}

impl Variant {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "yunet",
            Self::N => "yunet-n",
        }
    }

    /// The file in the folder of weights.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Small => "face_detection_yunet_2023mar_int8bq.onnx",
            Self::N => "yunet_n_dynamic.onnx",
        }
    }
}

/// Reads the networks once; the workers share their weights.
#[derive(Debug)]
pub struct YunetFactory {
    variant: Variant,
    /// Locked, as a tensor may be sent to another thread but not be used by two at once.
    networks: Mutex<Yunet>,
}

impl YunetFactory {
    /// Reads and checks the files in a folder of weights.
    ///
    /// # Errors
    /// [`DetectorError::ModelMissing`], [`DetectorError::ModelUnreadable`].
    pub fn new(variant: Variant, weights: &Path) -> Result<Self, DetectorError> {
        for (detector, file) in [
            (variant.name(), variant.file()),
            ("mtcnn", OutputNetwork::FILE),
        ] {
            let path = weights.join(file);
            if !path.exists() {
                let detector = detector.to_owned();
                return Err(DetectorError::ModelMissing { detector, path });
            }
        }
        let unreadable = |source| DetectorError::ModelUnreadable {
            detector: variant.name().to_owned(),
            source,
        };
        let second =
            OutputNetwork::read(weights).map_err(|error| unreadable(io::Error::other(error)))?;
        let networks = Yunet::read(&weights.join(variant.file()), second)
            .map_err(|error| unreadable(io::Error::other(error)))?;
        Ok(Self {
            variant,
            networks: Mutex::new(networks),
        })
    }
}

impl FaceDetectorFactory for YunetFactory {
    fn name(&self) -> &str {
        self.variant.name()
    }

    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        // Each worker has a processor of its own: libtorch's threads would only wait for each
        // other.
        use_threads(NonZeroUsize::MIN);
        let networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(YunetDetector {
            name: self.variant.name(),
            networks: networks.share(),
        }))
    }
}

struct YunetDetector {
    name: &'static str,
    networks: Yunet,
}

impl FaceDetector for YunetDetector {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        let found = self.networks.detect(photo);
        let found = found.map_err(|error| DetectorError::Crashed {
            detector: self.name.to_owned(),
            message: error.to_string(),
        })?;
        Ok(in_photo(found, Size::of(photo)))
    }
}
