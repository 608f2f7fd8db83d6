//! Embeddings by SFace.

use std::path::Path;

use tch::{Device, Tensor};

use super::network_embedder::{ChipNetwork, NetworkEmbedderFactory};
use facepipe_core::types::{Alignment, ChipForm, Distances, Size};
use facepipe_nn::{FoldedSFace, SFaceError};

/// The name on the command line.
pub const NAME: &str = "sface";
/// The length that its embeddings are brought to: it was trained for their angles.
pub const LENGTH: f32 = 1.0;

/// Of embeddings of length 1: a distance d is a cosine similarity of 1 - d²/2.
///
/// "Measured" is on 1,383 photos of 79 people of LFW and 418 of 12 people in harder pose and light, whose faces were
/// found by YuNet.
pub const DISTANCES: Distances = Distances {
    // OpenCV's `FaceRecognizerSF`, for this network. Measured: 0.15 % of LFW's pairs of two people are nearer, and
    // 1.0 % of the pairs of one person are not.
    same_person: 1.128,
    // Half of LFW's pairs of one person are nearer than 0.807. Measured.
    spread: 0.571,
    // Measured: of all pairs of two people fewer than one in ten thousand are as near, of the pairs of
    // one person more than 65 % even in hard pose and light.
    neighbour: 1.05,
    // Measured: 0.4 % of the right faces of LFW and 3 % of the harder ones are there or beyond, and 95 % of the
    // strangers that are within the limit.
    doubtful_zone: 0.06,
    // The centre of ten faces is uncertain by 0.18.
    clearly_nearer: 0.09,
    // Measured: the centres of five faces each of one person are 0.50 apart at most in 99 of 100 draws, and 0.61 in
    // all; those of the most alike two people, 0.82.
    same_identity: 0.70,
    // Measured: halves of one person's faces 0.54 at most; two people who are alike, 0.78 and more.
    two_people: 0.66,
    // Measured on 150 photos that were cut, shrunk, turned, blurred and saved again: faces from one photo are 0.11 to
    // 0.73 apart, 99 of 100 within 0.54.
    one_photo: 0.70,
    // Of LFW's pairs of different photos of one person five are nearer, of faces from one photo half.
    alike: 0.33,
};

impl ChipNetwork for FoldedSFace {
    const NAME: &str = NAME;
    const FORM: ChipForm = ChipForm {
        alignment: Alignment::ArcFace,
        size: Size::new(Self::SIDE, Self::SIDE),
    };
    const NUMBERS: usize = Self::EMBEDDING_LENGTH;
    const DISTANCES: Distances = DISTANCES;

    fn share(&self) -> Self {
        self.shared()
    }

    fn device(&self) -> Device {
        Self::device(self)
    }

    fn embeddings(&self, pixels: &Tensor) -> Tensor {
        self.forward(&Self::input(pixels))
    }
}

/// Reads the weights from the folder of weights.
///
/// # Errors
/// [`SFaceError`].
pub fn factory(
    weights: &Path,
    device: Device,
) -> Result<NetworkEmbedderFactory<FoldedSFace>, SFaceError> {
    let path = weights.join(FoldedSFace::FILE);
    let network = FoldedSFace::open(&path, device)?;
    NetworkEmbedderFactory::new(network, &path).map_err(SFaceError::io)
}
