//! Faces of photos: detected, cut, aligned, measured.

mod alignment;
mod crop;
mod detect;
mod dlib;
#[cfg(feature = "torch")]
mod network_detectors;
mod odd_images;
mod portraits;
mod quality;
