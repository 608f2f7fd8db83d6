//! Face embedders.

pub mod both_sides;
pub mod dlib_embedder;
pub mod one_thread;
