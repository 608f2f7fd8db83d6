//! Named tensors in safetensors files, written whole or not at all, always with the same bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use tch::{Device, Kind, Tensor};

use super::torch_error::TorchError;
use facepipe_core::artifacts::{atomic, digest::sha256_hex};

/// The one key of a file's metadata: more would be written in a random order.
const METADATA_KEY: &str = "facepipe";

/// Why a file of tensors can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TensorFileError {
    /// It can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not a safetensors file.
    #[error("`{}` is not a safetensors file, or it is damaged", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SafeTensorError,
    },
    /// Its numbers have a kind that is not supported.
    #[error("tensor `{name}` in `{}` has numbers of kind {kind}", .path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The kind.
        kind: String,
    },
    /// libtorch's own error.
    #[error("libtorch can't take a tensor of `{}`", .path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: TorchError,
    },
}

/// The contents of a file.
#[derive(Debug)]
pub struct TensorFile {
    /// The tensors, on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// A text that was saved with them.
    pub text: Option<String>,
}

/// A tensor on the CPU whose bytes are copied only while they are written.
struct Plain {
    kind: Dtype,
    shape: Vec<usize>,
    tensor: Tensor,
}

impl View for &Plain {
    fn dtype(&self) -> Dtype {
        self.kind
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = vec![0; View::data_len(self)];
        self.tensor.copy_data_u8(&mut bytes, self.tensor.numel());
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * self.tensor.kind().elt_size_in_bytes()
    }
}

/// Writes tensors, and a text with them, durably and atomically.
///
/// # Errors
/// [`TensorFileError`].
pub fn write(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    text: Option<String>,
) -> Result<(), TensorFileError> {
    let mut all = Vec::new();
    for (name, tensor) in tensors {
        let kind = kind_on_disk(tensor.kind()).ok_or_else(|| TensorFileError::Kind {
            path: path.to_owned(),
            name: name.clone(),
            kind: format!("{:?}", tensor.kind()),
        })?;
        let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
        let shape = tensor.size().iter().map(|side| *side as usize).collect();
        let plain = Plain {
            kind,
            shape,
            tensor,
        };
        all.push((name, plain));
    }
    let metadata = text.map(|text| HashMap::from([(METADATA_KEY.to_owned(), text)]));
    let views = all.iter().map(|(name, plain)| (name, plain));
    let file =
        safetensors::serialize(views, metadata).map_err(|source| TensorFileError::Format {
            path: path.to_owned(),
            source,
        })?;
    Ok(atomic::write(path, &file)?)
}

/// SHA-256 over names, kinds, shapes and numbers of tensors.
#[must_use]
pub fn digest(tensors: &BTreeMap<String, Tensor>) -> String {
    let line = |(name, tensor): (&String, &Tensor)| {
        let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        let numbers = sha256_hex(&bytes);
        format!("{name} {:?} {:?} {numbers}\n", tensor.kind(), tensor.size())
    };
    let lines: String = tensors.iter().map(line).collect();
    sha256_hex(lines.as_bytes())
}

/// Reads all tensors of a file, and the text that was written with them.
///
/// # Errors
/// [`TensorFileError`].
pub fn read(path: &Path) -> Result<TensorFile, TensorFileError> {
    let file = fs_err::read(path)?;
    let damaged = |source| TensorFileError::Format {
        path: path.to_owned(),
        source,
    };
    let (_, metadata) = SafeTensors::read_metadata(&file).map_err(damaged)?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|texts| texts.get(METADATA_KEY).cloned());
    let mut tensors = BTreeMap::new();
    for (name, view) in SafeTensors::deserialize(&file).map_err(damaged)?.iter() {
        let kind = kind_in_memory(view.dtype()).ok_or_else(|| TensorFileError::Kind {
            path: path.to_owned(),
            name: name.to_owned(),
            kind: format!("{:?}", view.dtype()),
        })?;
        let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|source| {
            TensorFileError::Torch {
                path: path.to_owned(),
                source: source.into(),
            }
        })?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(TensorFile { tensors, text })
}

const fn kind_on_disk(kind: Kind) -> Option<Dtype> {
    Some(match kind {
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        Kind::Half => Dtype::F16,
        Kind::BFloat16 => Dtype::BF16,
        Kind::Int64 => Dtype::I64,
        Kind::Uint8 => Dtype::U8,
        _ => return None,
    })
}

const fn kind_in_memory(kind: Dtype) -> Option<Kind> {
    Some(match kind {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::I64 => Kind::Int64,
        Dtype::U8 => Kind::Uint8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_and_text_are_read_back_exactly() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a.safetensors");
        let tensors: BTreeMap<_, _> = [
            (
                "b.weight",
                Tensor::from_slice(&[0.1_f32, -3.5, f32::MIN_POSITIVE, 7.0, 1e30, 0.0])
                    .view([2, 3]),
            ),
            ("a.count", Tensor::from(5_i64)),
        ]
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .into();
        write(&path, &tensors, Some("{\"epoch\":3}".to_owned())).expect("writes");
        let bytes = fs_err::read(&path).expect("reads");
        let back = read(&path).expect("reads");
        assert_eq!(back.text.as_deref(), Some("{\"epoch\":3}"));
        assert_eq!(back.tensors["b.weight"].size(), [2, 3]);
        assert_eq!(back.tensors, tensors);
        write(&path, &back.tensors, back.text).expect("writes");
        assert_eq!(fs_err::read(&path).expect("reads"), bytes);
    }

    #[test]
    fn a_cut_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a.safetensors");
        let tensors = [("x".to_owned(), Tensor::from_slice(&[1.0_f32; 64]))].into();
        write(&path, &tensors, None).expect("writes");
        let bytes = fs_err::read(&path).expect("reads");
        for length in [0, 7, 20, bytes.len() - 1] {
            fs_err::write(&path, &bytes[..length]).expect("cuts");
            let error = read(&path).expect_err("cut").to_string();
            assert!(error.contains("a.safetensors"), "{error}");
        }
    }
}
