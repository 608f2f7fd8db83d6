//! Model files: how they are fetched and checked, what is in those of dlib, how answers are calibrated.

pub mod calibration;
pub mod dlib;
pub mod files;
