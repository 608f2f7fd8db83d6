//! YuNet: one small network that finds faces and five landmarks of each.
//!
//! Source: W. Wu, H. Peng, S. Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research
//! 20 (2023). Weights: the OpenCV Zoo's, and those of the authors' repository (libfacedetection.train).
//!
//! 1. The photo is searched in two sizes (`search`): a large one, and a small one for faces that fill it.
//! 2. MTCNN's O-Net looks at each larger box again, and what it is certain to be no face is left out.
//!
//! Measured with `scripts/bench/detection.py` beside one and two other sizes: see `docs/detectors.md`.

mod cells;
mod search;

use std::path::Path;
use std::sync::Arc;

use crate::mtcnn::OutputNetwork;
use facepipe_yunet::{Arch, Memory, Network};

pub use facepipe_yunet::YunetError;

/// The network, and the one that looks again.
#[derive(Debug)]
pub struct Yunet {
    network: Arc<Network>,
    /// The vectors of this processor.
    arch: Arch,
    memory: Memory,
    second: OutputNetwork,
}

impl Yunet {
    /// Reads the network's file; `second` is MTCNN's.
    ///
    /// # Errors
    /// [`YunetError`].
    pub fn read(path: &Path, second: OutputNetwork) -> Result<Self, YunetError> {
        Ok(Self {
            network: Arc::new(Network::read(path)?),
            arch: Arch::new(),
            memory: Memory::default(),
            second,
        })
    }

    /// The same networks for another thread; the weights are shared.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            network: self.network.clone(),
            arch: self.arch,
            memory: Memory::default(),
            second: self.second.share(),
        }
    }
}
