//! When libtorch fails within a training: the largest batch with which a step fits into memory.

use tch::{Kind, Tensor};

use super::Training;
use super::error::TrainError;
use super::fit::Fitted;
use super::learner::Learner;
use super::mixup::cross_entropy;
use super::optimizer::Rates;
use facepipe_core::artifacts::stage::OpenStage;
use facepipe_imaging::image_io;
use facepipe_nn::{Network, TorchError};

/// How libtorch says that memory is out: on the processor, on a GPU, and as the system's library does.
const OUT_OF_MEMORY: [&str; 5] = [
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "out of memory",
    "bad_alloc",
    "Cannot allocate memory",
];
/// Begins libtorch's own text in a panic of tch.
const TORCH: &str = "Torch(";

impl Training<'_> {
    /// [`Training::fit`], with libtorch's failures as errors: tch panics on them.
    pub(super) fn fit_in_memory(&self, folder: &OpenStage) -> Result<Fitted, TrainError> {
        image_io::contain(|| self.fit(folder)).unwrap_or_else(|text| Err(self.failure(text)))
    }

    #[expect(clippy::panic, reason = "a panic of another kind is resumed unchanged")]
    fn failure(&self, text: String) -> TrainError {
        if OUT_OF_MEMORY.iter().any(|mark| text.contains(mark)) {
            return TrainError::OutOfMemory {
                batch: self.settings.batch,
                side: self.settings.input_size,
                fits: self.largest_batch(),
            };
        }
        match text.split_once(TORCH) {
            Some((_, message)) => TrainError::Torch(TorchError::from_text(message)),
            None => panic!("{text}"),
        }
    }

    /// The largest half, quarter, … of the batch with which a step of a new network is possible. A
    /// single image is no batch that can be trained with, for its statistics have no meaning.
    fn largest_batch(&self) -> Option<u32> {
        let halves = std::iter::successors(Some(self.settings.batch / 2), |batch| Some(batch / 2));
        let mut halves = halves.take_while(|batch| *batch >= 2);
        halves.find(|batch| image_io::contain(|| self.try_step(*batch)).is_ok())
    }

    /// One step with black images; the network is dropped afterwards.
    fn try_step(&self, batch: u32) {
        let (settings, device) = (self.settings, self.places.device);
        let network = Network::with_head(
            settings.backbone,
            settings.head,
            self.data.labels.len(),
            device,
        );
        let mut learner = Learner::new(network, settings);
        let [batch, side] = [batch, settings.input_size].map(i64::from);
        // The loader has some batches ready, each thread up to three.
        let ready_batches = 3 * self.context.threads.get() as i64;
        let ready = Tensor::ones([ready_batches, batch, 3, side, side], (Kind::Float, device));
        let images = settings.precision.input(&ready.select(0, 0));
        let labels = Tensor::zeros([batch], (Kind::Int64, device));
        let logits = learner
            .network
            .classify(&learner.network.features(&images, true));
        let loss = cross_entropy(&logits, &labels, 0.0);
        learner.add(&loss);
        let (trunk, head) = (settings.learning_rate, settings.learning_rate);
        // Whether the gradients are finite does not matter here.
        let _ = learner.step(Rates { trunk, head });
    }
}
