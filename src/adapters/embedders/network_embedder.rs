//! Embeddings by a network in libtorch that takes one chip of each face.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::RgbImage;
use tch::{Device, Tensor};

use super::model_file::model_file;
use super::only_chips;
use facepipe_core::ports::{EmbedderError, FaceEmbedder, FaceEmbedderFactory};
use facepipe_core::types::{ChipForm, Distances, EmbedderModel, Embedding, Size};
use facepipe_imaging::image_io::contain;

/// Chips that the network sees at once: more are no faster, and take more memory.
const BATCH: usize = 16;

/// A network that makes embeddings of chips.
pub trait ChipNetwork: Send + Sized + 'static {
    /// Its name on the command line.
    const NAME: &str;
    /// The chip that it takes.
    const FORM: ChipForm;
    /// How many numbers an embedding has.
    const NUMBERS: usize;
    /// What the distances of its embeddings mean.
    const DISTANCES: Distances;

    /// The same network with the same weights in memory, for another thread.
    #[must_use]
    fn share(&self) -> Self;

    /// Where its weights are.
    fn device(&self) -> Device;

    /// Embeddings of chips.
    ///
    /// # Shapes
    /// `[batch, height, width, 3]` of bytes to `[batch, numbers]`.
    fn embeddings(&self, pixels: &Tensor) -> Tensor;
}

/// Makes the embedders of a network that was read before; all share its weights.
#[derive(Debug)]
pub struct NetworkEmbedderFactory<Network> {
    network: Mutex<Network>,
    model: EmbedderModel,
}

impl<Network: ChipNetwork> NetworkEmbedderFactory<Network> {
    /// Wraps a network that was read from a file.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn new(network: Network, path: &Path) -> io::Result<Self> {
        let file = model_file(path)?;
        Ok(Self {
            network: Mutex::new(network),
            model: EmbedderModel {
                name: Network::NAME.to_owned(),
                files: vec![file],
                length: Network::NUMBERS,
                distances: Network::DISTANCES,
            },
        })
    }
}

impl<Network: ChipNetwork> FaceEmbedderFactory for NetworkEmbedderFactory<Network> {
    fn model(&self) -> &EmbedderModel {
        &self.model
    }

    fn create(&self) -> Box<dyn FaceEmbedder> {
        // The lock only guards the copying of handles, which can't leave the network half-changed.
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        Box::new(NetworkEmbedder {
            network: network.share(),
        })
    }
}

/// One thread's embedder.
struct NetworkEmbedder<Network> {
    network: Network,
}

impl<Network: ChipNetwork> FaceEmbedder for NetworkEmbedder<Network> {
    fn forms(&self) -> &[ChipForm] {
        std::slice::from_ref(&Network::FORM)
    }

    fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
        let chips = only_chips(faces, Network::FORM.size)?;
        let mut embeddings = Vec::with_capacity(chips.len());
        for batch in chips.chunks(BATCH) {
            // libtorch reports errors, such as too little memory, as panics.
            let numbers = contain(|| self.batch(batch)).map_err(EmbedderError::Network)?;
            embeddings.extend(numbers.chunks(Network::NUMBERS).map(Embedding::new));
        }
        Ok(embeddings)
    }
}

impl<Network: ChipNetwork> NetworkEmbedder<Network> {
    /// The numbers of all embeddings, one after the other.
    fn batch(&self, chips: &[&RgbImage]) -> Vec<f32> {
        let _guard = tch::no_grad_guard();
        let Size { width, height } = Network::FORM.size;
        let bytes: Vec<u8> = chips
            .iter()
            .flat_map(|chip| chip.as_raw())
            .copied()
            .collect();
        let shape = [chips.len() as i64, i64::from(height), i64::from(width), 3];
        let pixels = Tensor::from_slice(&bytes)
            .view(shape)
            .to_device(self.network.device());
        let output = self.network.embeddings(&pixels);
        let output = output.to_device(Device::Cpu).contiguous();
        let mut numbers = vec![0.0; chips.len() * Network::NUMBERS];
        let count = numbers.len();
        output.copy_data(&mut numbers, count);
        numbers
    }
}
