//! The weights that the OpenCV Zoo publishes, by the names of this network.
//!
//! The file's layers are taken in their order, whatever their names: the Zoo's files with and without quantised
//! weights name them differently.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use tch::{Device, TchError, Tensor};

use super::SFace;
use crate::TorchError;
use crate::onnx_tensor::to_tensor;
use crate::state::{Role, State};
use facepipe_models::onnx::{self, Node, OnnxError, OnnxFile};

/// Why the network can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SFaceError {
    /// The file is missing.
    #[error("the model file `{}` is missing", .path.display())]
    Missing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// The file can't be read.
    #[error(transparent)]
    Read(#[from] OnnxError),
    /// It is another network.
    #[error("`{}` is not SFace: {problem}", .path.display())]
    NotSFace {
        /// The file.
        path: PathBuf,
        /// What is different.
        problem: String,
    },
    /// libtorch's error.
    #[error(transparent)]
    Torch(#[from] TorchError),
}

impl SFaceError {
    /// The system's error on reading the file.
    #[must_use]
    pub const fn io(error: io::Error) -> Self {
        Self::Read(OnnxError::Io(error))
    }
}

impl From<TchError> for SFaceError {
    fn from(error: TchError) -> Self {
        Self::Torch(error.into())
    }
}

/// A file's weights by the names of the network's tensors.
///
/// # Errors
/// [`SFaceError`].
pub(crate) fn published_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>, SFaceError> {
    let mut state = State::new(Device::Cpu);
    // Its tensors are in the state.
    let _ = SFace::new(&mut state);
    load(path, &state)?;
    Ok(state.tensors())
}

/// Copies a file's weights into the tensors of a network.
pub(super) fn load(path: &Path, state: &State) -> Result<(), SFaceError> {
    if !path.exists() {
        let path = path.to_owned();
        return Err(SFaceError::Missing { path });
    }
    let file = onnx::read(path)?;
    let mut tensors = tensors(&file, path)?.into_iter();
    let other = |problem| SFaceError::NotSFace {
        path: path.to_owned(),
        problem,
    };
    // Both are in the order of the layers.
    let entries = state.entries().iter();
    for entry in entries.filter(|entry| entry.role != Role::Counter) {
        let (name, tensor) = tensors
            .next()
            .ok_or_else(|| other(format!("it has no `{}`", entry.name)))?;
        let (found, expected) = (tensor.size(), entry.tensor.size());
        if found != expected {
            let problem = format!("its `{name}` is {found:?}, not {expected:?}");
            return Err(other(problem));
        }
        tch::no_grad(|| entry.tensor.shallow_clone().f_copy_(&tensor))?;
    }
    match tensors.next() {
        Some((name, _)) => Err(other(format!("it has a layer too many: `{name}`"))),
        None => Ok(()),
    }
}

/// The weights in the order of the layers, by the file's names. A normalisation has its weight, bias, mean and
/// variance.
fn tensors(file: &OnnxFile, path: &Path) -> Result<Vec<(String, Tensor)>, SFaceError> {
    let mut tensors = Vec::new();
    for node in &file.nodes {
        for name in weights_of(node).map_err(|problem| SFaceError::NotSFace {
            path: path.to_owned(),
            problem,
        })? {
            let data = file.tensors.get(name).ok_or_else(|| SFaceError::NotSFace {
                path: path.to_owned(),
                problem: format!("`{name}` is no constant"),
            })?;
            let mut tensor = to_tensor(data)?;
            if node.operation == "PRelu" {
                // One for each channel, written as rows of one column.
                tensor = tensor.f_flatten(0, -1)?;
            }
            tensors.push((name.clone(), tensor));
        }
    }
    Ok(tensors)
}

/// The names of a node's weights; what is wrong with a node that this network does not have.
fn weights_of(node: &Node) -> Result<&[String], String> {
    let inputs = node.inputs.as_slice();
    let expected = match node.operation.as_str() {
        "Conv" | "PRelu" => 1,
        "BatchNormalization" => 4,
        "Gemm" if node.int("transB") == Some(1) => 2,
        // Bytes become numbers around 0 (`FoldedSFace::input`), and numbers another shape.
        "Sub" | "Mul" | "Constant" | "Dropout" | "Identity" | "Flatten" => return Ok(&[]),
        operation => {
            let name = node.outputs.first().map_or("", String::as_str);
            return Err(format!("it has no {operation}, and here is `{name}`"));
        }
    };
    match inputs.get(1..) {
        Some(weights) if weights.len() == expected => Ok(weights),
        _ => Err(format!(
            "a {} has {} inputs, not {}",
            node.operation,
            inputs.len(),
            expected + 1
        )),
    }
}
