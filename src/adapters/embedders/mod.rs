//! Face embedders.

pub mod comparable;
pub mod dlib_embedder;
pub mod joined;
pub mod network_embedder;
pub mod one_thread;
pub mod sface_embedder;
