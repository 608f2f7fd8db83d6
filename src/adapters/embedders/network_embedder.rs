//! Embeddings by a network in libtorch that takes one chip of each face.

use std::sync::{Mutex, PoisonError};

use image::RgbImage;
use tch::{Device, Tensor};

use facepipe_core::ports::{EmbedderError, FaceEmbedder, FaceEmbedderFactory};
use facepipe_core::types::{ChipForm, EmbedderModel, Embedding, Size};
use facepipe_imaging::image_io::contain;

/// Chips that the network sees at once: more are no faster, and take more memory.
const BATCH: usize = 16;

/// A network that makes embeddings of chips.
pub trait ChipNetwork: Send + Sized + 'static {
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
    form: ChipForm,
    model: EmbedderModel,
}

impl<Network: ChipNetwork> NetworkEmbedderFactory<Network> {
    /// Wraps a network that takes chips of a form.
    pub const fn new(network: Network, form: ChipForm, model: EmbedderModel) -> Self {
        Self {
            network: Mutex::new(network),
            form,
            model,
        }
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
            form: [self.form],
            length: self.model.length,
        })
    }
}

/// One thread's embedder.
struct NetworkEmbedder<Network> {
    network: Network,
    form: [ChipForm; 1],
    length: usize,
}

impl<Network: ChipNetwork> FaceEmbedder for NetworkEmbedder<Network> {
    fn forms(&self) -> &[ChipForm] {
        &self.form
    }

    fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
        let expected = self.form[0].size;
        let mut chips = Vec::with_capacity(faces.len());
        for face in faces {
            let [chip] = face.as_slice() else {
                let (found, expected) = (face.len(), self.form.len());
                return Err(EmbedderError::Chips { found, expected });
            };
            let found = Size::of(chip);
            if found != expected {
                return Err(EmbedderError::ChipSize { found, expected });
            }
            chips.push(chip);
        }
        let mut embeddings = Vec::with_capacity(chips.len());
        for batch in chips.chunks(BATCH) {
            // libtorch reports errors, such as too little memory, as panics.
            let numbers = contain(|| self.batch(batch)).map_err(EmbedderError::Network)?;
            embeddings.extend(numbers.chunks(self.length).map(Embedding::new));
        }
        Ok(embeddings)
    }
}

impl<Network: ChipNetwork> NetworkEmbedder<Network> {
    /// The numbers of all embeddings, one after the other.
    fn batch(&self, chips: &[&RgbImage]) -> Vec<f32> {
        let _guard = tch::no_grad_guard();
        let Size { width, height } = self.form[0].size;
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
        let mut numbers = vec![0.0; chips.len() * self.length];
        let count = numbers.len();
        output.copy_data(&mut numbers, count);
        numbers
    }
}
