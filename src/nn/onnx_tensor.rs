//! Constants of ONNX files in libtorch.

use tch::{TchError, Tensor};

use facepipe_models::onnx::TensorData;

/// A constant of an ONNX file, in its shape.
pub(crate) fn to_tensor(data: &TensorData) -> Result<Tensor, TchError> {
    let shape: Vec<i64> = data.shape.iter().map(|side| *side as i64).collect();
    Tensor::f_from_slice(&data.values)?.f_reshape(shape)
}
