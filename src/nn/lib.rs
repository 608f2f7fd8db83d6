//! Networks in libtorch: their layers, weights, input and devices.

mod classifier;
mod device;
mod dlib_resnet;
pub mod graph;
mod input_tensor;
mod loader;
mod mmod;
pub mod mtcnn;
mod network;
mod pickle;
mod precision;
mod pth;
mod reference;
mod resnet;
mod state;
pub mod tensor_file;
mod torch_error;
mod weights;

pub use classifier::{Classifier, ModelError, most_probable};
pub use classifier::{EXTRA_FOLDER, card_in_archive, open_network};
pub use device::{NoCuda, device, device_name, use_threads, use_threads_here};
pub use dlib_resnet::DlibResNet;
pub use input_tensor::input_tensor;
pub use loader::consecutive_batches;
pub use loader::{Batch, Loader, LoaderError, Picture};
pub use mmod::Mmod;
pub use network::{Backbone, Network, SMALLEST_LENGTH};
pub use pickle::PickleError;
pub use precision::{Precision, PrecisionChoice, PrecisionError, has_bf16};
pub use pth::{PthError, PthReadError};
pub use reference::{reference_of, reference_picture};
pub use state::{Entry, Role, State};
pub use torch_error::TorchError;
pub use weights::OPTIMIZER_PREFIX;
pub use weights::{HeadWeights, WeightsChoice, WeightsError, load_weights, read_tensors};
