//! Any bytes as a model's file: refused, or read without taking more memory than the file has.

#![no_main]

use facepipe_core::types::ModelCard;
use facepipe_models::dlib::reader::Reader;
use facepipe_models::dlib::resnet_file::ResNetView;
use facepipe_models::dlib::{ShapePredictor, mmod_file};
use facepipe_models::onnx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = serde_json::from_slice::<ModelCard>(bytes);
    let _ = ShapePredictor::read(&mut Reader::new(bytes));
    let _ = ResNetView::read(&mut Reader::new(bytes));
    let _ = mmod_file::read(&mut Reader::new(bytes));
    let _ = onnx::parse(bytes, "x.onnx".as_ref());
});
