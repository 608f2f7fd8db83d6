//! YuNet's network on the processor, without libtorch: the layers of an ONNX file, written for its units.
//!
//! libtorch computes each layer for itself, and of layers as small as these most of its time goes into moving numbers.
//! `docs/benchmarks.md` has the times.

mod kernels;
mod network;
mod reader;

pub use kernels::{Aligned, Map, Memory};
pub use network::{HEADS, Level, Network, STRIDES};
pub use pulp::Arch;
pub use reader::YunetError;
