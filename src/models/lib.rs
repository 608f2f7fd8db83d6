//! Model files: registry, download and verification; dlib's formats; calibration.

pub mod calibration;
pub mod dlib;
pub mod files;
