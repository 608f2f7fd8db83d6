//! Model files: registry, download and verification; formats of dlib and ONNX; calibration.

pub mod calibration;
pub mod dlib;
pub mod files;
pub mod onnx;
