//! MTCNN: three small networks, one after the other, that find faces and five landmarks of each.
//!
//! Source: K. Zhang et al., "Joint face detection and alignment using multitask cascaded
//! convolutional networks", IEEE Signal Processing Letters 23 (2016). The weights, and with them
//! every constant and rounding rule below, are those of facenet-pytorch 2.6.0 (MIT licence): the
//! same photo gives the same boxes.
//!
//! 1. P-Net slides over the photo at many sizes (`pyramid`) and proposes squares.
//! 2. R-Net classifies each proposal, at 24x24 pixels.
//! 3. O-Net classifies the remaining ones, at 48x48 pixels, and gives the landmarks.

mod boxes;
mod cascade;
mod mirrored_pass;
mod networks;
mod output_network;
mod plan;
mod pyramid;
mod resize;

use std::path::Path;

pub use networks::MtcnnError;
pub(crate) use networks::channels_last;
pub use output_network::OutputNetwork;

use networks::Network;
use plan::{O_NET, P_NET, R_NET};

/// The names of the three files in a folder of weights.
pub const FILES: [&str; 3] = [P_NET.file, R_NET.file, O_NET.file];

/// How thoroughly a photo is searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Side of the smallest face that is searched, in pixels of the photo.
    pub min_face: u32,
    /// Probabilities above which candidates of P-Net, R-Net and O-Net are kept.
    pub thresholds: [f32; 3],
    /// Whether O-Net also sees the mirror image of each face that it found, and from which mean of
    /// both probabilities it counts as one.
    pub mirrored_pass: Option<f32>,
}

impl Search {
    /// facenet-pytorch's defaults.
    pub const USUAL: Self = Self {
        min_face: 20,
        thresholds: [0.6, 0.7, 0.7],
        mirrored_pass: None,
    };
    /// Less certain faces too, each classified again in its mirror image.
    ///
    /// Measured on 82 photos of crowds (WIDER FACE) with `scripts/bench/detection.py`: recall of easy,
    /// medium and hard faces .795, .696, .319 instead of .770, .658, .297. Faces from 15 pixels on
    /// would add .000, .004 and .018 for half as much time again.
    pub const THOROUGH: Self = Self {
        min_face: 20,
        thresholds: [0.5, 0.6, 0.5],
        mirrored_pass: Some(0.6),
    };
}

/// The three networks.
#[derive(Debug)]
pub struct Mtcnn {
    search: Search,
    proposal: Network,
    refinement: Network,
    output: Network,
}

impl Mtcnn {
    /// Reads the three files in a folder of weights.
    ///
    /// # Errors
    /// [`MtcnnError`] naming the file.
    pub fn read(weights: &Path, search: Search) -> Result<Self, MtcnnError> {
        Ok(Self {
            search,
            proposal: Network::read(&P_NET, weights)?,
            refinement: Network::read(&R_NET, weights)?,
            output: Network::read(&O_NET, weights)?,
        })
    }

    /// The same networks for another thread; the weights are shared.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            search: self.search,
            proposal: self.proposal.share(),
            refinement: self.refinement.share(),
            output: self.output.share(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pth;
    use facepipe_test_support::found;
    use std::path::PathBuf;

    /// Files are cut off at multiples of this number of bytes: a prime, so that all parts of an
    /// instruction are met.
    const CUT_STEP: usize = 37;

    fn weights() -> Option<PathBuf> {
        let found = FILES.iter().all(|file| found::weights(file).is_some());
        found.then(found::weights_folder)
    }

    #[test]
    fn cut_files_are_errors() {
        let Some(weights) = weights() else { return };
        for file in FILES {
            let bytes = fs_err::read(weights.join(file)).expect("reads");
            assert!(pth::parse(&bytes).is_ok(), "{file}");
            for length in (0..bytes.len()).step_by(CUT_STEP) {
                assert!(pth::parse(&bytes[..length]).is_err(), "{file} at {length}");
            }
        }
    }

    #[test]
    fn a_damaged_or_exchanged_file_is_named() {
        let Some(weights) = weights() else { return };
        assert!(Mtcnn::read(&weights, Search::USUAL).is_ok());
        let folder = tempfile::tempdir().expect("temporary folder");
        let here = |file: &str| folder.path().join(file);
        for file in FILES {
            fs_err::copy(weights.join(file), here(file)).expect("copies");
        }
        let read = || Mtcnn::read(folder.path(), Search::USUAL);
        let error = || read().expect_err("damaged").to_string();
        fs_err::copy(weights.join(FILES[2]), here(FILES[1])).expect("copies");
        assert!(error().contains(FILES[1]), "{}", error());
        fs_err::write(here(FILES[0]), b"\x80\x02").expect("writes");
        assert!(error().contains(FILES[0]), "{}", error());
    }
}
