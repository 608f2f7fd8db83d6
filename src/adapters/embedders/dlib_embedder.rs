//! Embeddings by dlib's face recognition network.

use std::path::Path;

use tch::{Device, Tensor};

use super::network_embedder::{ChipNetwork, NetworkEmbedderFactory};
use facepipe_core::types::{Alignment, ChipForm, Distances, Size};
use facepipe_models::dlib::face_chip::CHIP_SIDE;
use facepipe_models::dlib::resnet_file::EMBEDDING_LENGTH;
use facepipe_models::dlib::{ModelFileError, RESNET_FILE};
use facepipe_nn::DlibResNet;

/// The name on the command line.
pub const NAME: &str = "dlib";

/// The mean length of its embeddings, over the photos of [`DISTANCES`] (with a standard deviation of 0.07): brought
/// to it, distances stay what they are.
pub const LENGTH: f32 = 1.42;

/// Of embeddings of both sides of a face and of length 1.42 (see [`super::comparable`]).
///
/// "Measured" is on 1,383 photos of 79 people of LFW (press photos) and 418 of 12 people in harder
/// pose and light, whose faces were found by MTCNN.
pub const DISTANCES: Distances = Distances {
    // By embeddings of one side: the distance that the network was trained for, at which it reaches 99.38 % on LFW.
    same_person: 0.6,
    // Half of LFW's pairs of one person are nearer than 0.422. Measured.
    spread: 0.30,
    // Measured: of all pairs of two people fewer than one in a thousand are as near, of the pairs of
    // one person more than 60 % even in hard pose and light.
    neighbour: 0.5,
    // Measured: 1 % of the right faces of LFW and 3 % of the harder ones are there or beyond, and half of the
    // strangers that are within the limit.
    doubtful_zone: 0.07,
    // The centre of ten faces is uncertain by 0.1.
    clearly_nearer: 0.05,
    // Measured: the centres of five faces each of one person are 0.26 apart at most; those of the most
    // alike two people, 0.345.
    same_identity: 0.28,
    // Measured: halves of one person's faces 0.34 at most (but one: with and without
    // sunglasses); two people who are alike, 0.36 to 0.5.
    two_people: 0.36,
    // Measured: faces from one photo are 0.04 to 0.33 apart, those of different people 0.6 and more.
    one_photo: 0.35,
    // Of 1,581 LFW photos no two different ones of a person have embeddings nearer than 0.196, and
    // photos cut otherwise have 0.04 and more: near faces are a hint, and no proof.
    alike: 0.2,
};

impl ChipNetwork for DlibResNet {
    const NAME: &str = NAME;
    const FORM: ChipForm = ChipForm {
        alignment: Alignment::Dlib,
        size: Size::new(CHIP_SIDE, CHIP_SIDE),
    };
    const NUMBERS: usize = EMBEDDING_LENGTH;
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
/// [`ModelFileError`].
pub fn factory(
    weights: &Path,
    device: Device,
) -> Result<NetworkEmbedderFactory<DlibResNet>, ModelFileError> {
    let path = weights.join(RESNET_FILE);
    let network = DlibResNet::open(&path, device)?;
    Ok(NetworkEmbedderFactory::new(network, &path)?)
}
