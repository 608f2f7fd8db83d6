//! Embeddings by dlib's face recognition network, in libtorch.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::RgbImage;
use tch::{Device, Tensor};

use facepipe_core::ports::{EmbedderError, FaceEmbedder, FaceEmbedderFactory};
use facepipe_core::types::{Embedding, Size};
use facepipe_imaging::image_io::contain;
use facepipe_models::dlib::face_chip::CHIP_SIDE;
use facepipe_models::dlib::{ModelFileError, RESNET_FILE};
use facepipe_nn::DlibResNet;

/// Chips that the network sees at once: more are no faster, and take more memory.
const BATCH: usize = 16;

/// Reads the weights once; all embedders share them.
#[derive(Debug)]
pub struct DlibEmbedderFactory {
    network: Mutex<DlibResNet>,
}

impl DlibEmbedderFactory {
    /// Reads the weights from the folder of weights.
    ///
    /// # Errors
    /// [`ModelFileError`].
    pub fn new(weights: &Path, device: Device) -> Result<Self, ModelFileError> {
        let network = Mutex::new(DlibResNet::open(&weights.join(RESNET_FILE), device)?);
        Ok(Self { network })
    }
}

impl FaceEmbedderFactory for DlibEmbedderFactory {
    fn create(&self) -> Box<dyn FaceEmbedder> {
        // The lock only guards the copying of handles, which can't leave the network half-changed.
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        Box::new(DlibEmbedder {
            network: network.shared(),
        })
    }
}

/// One thread's embedder.
#[derive(Debug)]
struct DlibEmbedder {
    network: DlibResNet,
}

impl FaceEmbedder for DlibEmbedder {
    fn embed(&mut self, chips: &[RgbImage]) -> Result<Vec<Embedding>, EmbedderError> {
        let expected = Size::new(CHIP_SIDE, CHIP_SIDE);
        if let Some(wrong) = chips.iter().find(|chip| Size::of(chip) != expected) {
            let found = Size::of(wrong);
            return Err(EmbedderError::ChipSize { found, expected });
        }
        let mut embeddings = Vec::with_capacity(chips.len());
        for batch in chips.chunks(BATCH) {
            // libtorch reports errors, such as too little memory, as panics.
            let numbers = contain(|| self.batch(batch)).map_err(EmbedderError::Network)?;
            embeddings.extend(numbers.as_chunks().0.iter().copied().map(Embedding::new));
        }
        Ok(embeddings)
    }
}

impl DlibEmbedder {
    /// The numbers of all embeddings, one after the other.
    fn batch(&self, chips: &[RgbImage]) -> Vec<f32> {
        let _guard = tch::no_grad_guard();
        let side = i64::from(CHIP_SIDE);
        let bytes: Vec<u8> = chips
            .iter()
            .flat_map(|chip| chip.as_raw())
            .copied()
            .collect();
        let pixels = Tensor::from_slice(&bytes).view([chips.len() as i64, side, side, 3]);
        let input = DlibResNet::input(&pixels.to_device(self.network.device()));
        let output = self
            .network
            .forward(&input)
            .to_device(Device::Cpu)
            .contiguous();
        let mut numbers = vec![0.0; chips.len() * Embedding::LENGTH];
        let count = numbers.len();
        output.copy_data(&mut numbers, count);
        numbers
    }
}
