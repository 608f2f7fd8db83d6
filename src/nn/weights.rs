//! Initial weights of a network, from other programs' files, checked name by name.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::dlib_resnet::published_tensors;
use super::network::{Backbone, Network};
use super::pth::{self, OLD_MAGIC, PthReadError, ZIP_MAGIC};
use super::sface::{self, SFaceError};
use super::state::Role;
use super::tensor_file::{self, TensorFileError};
use facepipe_models::dlib::ModelFileError;

/// Tensors whose names begin with this belong to an optimizer, not to a network.
pub const OPTIMIZER_PREFIX: &str = "optimizer.";

/// The beginning of dlib's network files: the loss layer's version, 1, and the length of its name.
const DLIB_START: &[u8] = &[1, 1, 1, 13];

/// Bytes of a file that tell its kind.
const START_BYTES: u64 = 16;

/// Whether a file begins as ONNX files do: the version of the format, a small number, is their first field.
/// safetensors begin with a length of 8 bytes and a brace.
fn is_onnx(start: &[u8]) -> bool {
    matches!(start, [8, 1..=127, ..]) && start.get(8) != Some(&b'{')
}

/// Where a network's first weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightsChoice {
    /// Random numbers.
    None,
    /// The backbone's file in the folder of downloaded weights.
    Default,
    /// A file: safetensors, PyTorch's state dict, or TorchScript.
    File(PathBuf),
}

impl std::str::FromStr for WeightsChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "none" => Self::None,
            "default" => Self::Default,
            path => Self::File(PathBuf::from(path)),
        })
    }
}

impl WeightsChoice {
    /// The file to load, if any.
    ///
    /// # Errors
    /// [`WeightsError::DefaultMissing`], [`WeightsError::Io`] when the file is missing.
    pub fn file(
        &self,
        backbone: Backbone,
        weights_folder: &Path,
    ) -> Result<Option<PathBuf>, WeightsError> {
        match self {
            Self::None => Ok(None),
            Self::Default => {
                let path = weights_folder.join(backbone.default_weights_file());
                if path.is_file() {
                    Ok(Some(path))
                } else {
                    Err(WeightsError::DefaultMissing { backbone, path })
                }
            }
            Self::File(path) => {
                fs_err::metadata(path)?;
                Ok(Some(path.clone()))
            }
        }
    }
}

/// Whether the head was loaded with the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadWeights {
    /// It was taken from the file.
    Taken,
    /// It stays random: the file has none, or one for another number of labels.
    Fresh {
        /// For how many labels the file's head is, if it has one.
        classes_in_file: Option<i64>,
    },
}

/// Why weights can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A backbone's own weights are missing.
    #[error("the weights of `{backbone}` are missing: there is no `{}`", .path.display())]
    DefaultMissing {
        /// The backbone.
        backbone: Backbone,
        /// Where the file was expected.
        path: PathBuf,
    },
    /// A file of tensors that can't be read.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// A file of PyTorch's that can't be read as a state dict.
    #[error(transparent)]
    Pth(#[from] PthReadError),
    /// A file of dlib's that can't be read.
    #[error(transparent)]
    Dlib(#[from] ModelFileError),
    /// A file of the OpenCV Zoo's that can't be read.
    #[error(transparent)]
    SFace(#[from] SFaceError),
    /// A tensor that the network needs is not in the file.
    #[error("`{}` has no tensor `{name}`, which `{backbone}` needs", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The network.
        backbone: Backbone,
    },
    /// A tensor in the file has no place in the network.
    #[error("`{}` has a tensor `{name}`, which `{backbone}` does not know", .path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The network.
        backbone: Backbone,
    },
    /// A tensor has another shape than the network's.
    #[error("tensor `{name}` in `{}` is {found:?}, but `{backbone}` has {expected:?}", .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The network.
        backbone: Backbone,
        /// Shape in the file.
        found: Vec<i64>,
        /// Shape in the network.
        expected: Vec<i64>,
    },
}

/// Reads the tensors of a safetensors file, of a state dict that PyTorch saved, of a TorchScript
/// network, or of the networks that dlib and the OpenCV Zoo publish; the content decides, not the name. An optimizer's tensors are left out.
///
/// # Errors
/// [`WeightsError`] on files that can't be read.
pub fn read_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>, WeightsError> {
    let mut start = Vec::new();
    fs_err::File::open(path)?
        .take(START_BYTES)
        .read_to_end(&mut start)?;
    let mut tensors = if start.starts_with(ZIP_MAGIC) || start.starts_with(OLD_MAGIC) {
        pth::read(path)?
    } else if start.starts_with(DLIB_START) {
        published_tensors(path)?
    } else if is_onnx(&start) {
        sface::published_tensors(path)?
    } else {
        tensor_file::read(path)?.tensors
    };
    tensors.retain(|name, _| !name.starts_with(OPTIMIZER_PREFIX));
    Ok(tensors)
}

/// Copies tensors from `path` into a network. The whole trunk must be in the file, in the right
/// shapes, and nothing else; a head for another number of labels is left unchanged.
///
/// # Errors
/// [`WeightsError`] naming the tensor; the network may be partly changed then.
pub fn load_weights(
    network: &Network,
    mut tensors: BTreeMap<String, Tensor>,
    path: &Path,
) -> Result<HeadWeights, WeightsError> {
    let backbone = network.backbone();
    let (path, mut head) = (path.to_owned(), HeadWeights::Taken);
    for entry in network.state().entries() {
        let expected = entry.tensor.size();
        let in_head = entry.name.starts_with(Network::HEAD);
        let found = match tensors.remove(&entry.name) {
            Some(tensor) if tensor.size() == expected => tensor,
            Some(tensor) if in_head => {
                head = HeadWeights::Fresh {
                    classes_in_file: tensor.size().first().copied(),
                };
                continue;
            }
            Some(tensor) => {
                return Err(WeightsError::Shape {
                    path,
                    name: entry.name.clone(),
                    backbone,
                    found: tensor.size(),
                    expected,
                });
            }
            None if in_head => {
                head = HeadWeights::Fresh {
                    classes_in_file: None,
                };
                continue;
            }
            // Files from before PyTorch 0.4.1 have no counters.
            None if entry.role == Role::Counter => continue,
            None => {
                return Err(WeightsError::Missing {
                    path,
                    name: entry.name.clone(),
                    backbone,
                });
            }
        };
        let kind = entry.tensor.kind();
        debug_assert!(kind == Kind::Float || kind == Kind::Int64);
        tch::no_grad(|| entry.tensor.shallow_clone().f_copy_(&found.to_kind(kind))).map_err(
            |source| {
                WeightsError::File(TensorFileError::Torch {
                    path: path.clone(),
                    source: source.into(),
                })
            },
        )?;
    }
    match tensors.into_keys().next() {
        Some(name) => Err(WeightsError::Unknown {
            path,
            name,
            backbone,
        }),
        None => Ok(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn network(classes: usize, seed: i64) -> Network {
        tch::manual_seed(seed);
        Network::new(Backbone::Resnet18, classes, Device::Cpu)
    }

    #[test]
    fn another_number_of_labels_leaves_the_head_alone() {
        let (from, to) = (network(5, 1), network(3, 2));
        let before = to.state().snapshot();
        let result = load_weights(&to, from.state().snapshot(), Path::new("a.pth"));
        let fresh = HeadWeights::Fresh {
            classes_in_file: Some(5),
        };
        assert_eq!(result.expect("loads"), fresh);
        let (after, source) = (to.state().snapshot(), from.state().snapshot());
        for (name, tensor) in &after {
            let expected = if name.starts_with("fc.") {
                &before[name]
            } else {
                &source[name]
            };
            assert_eq!(tensor, expected, "{name}");
        }
        let result = load_weights(&network(5, 3), source, Path::new("a.pth"));
        assert_eq!(result.expect("loads"), HeadWeights::Taken);
    }

    #[test]
    fn a_tensor_that_is_missing_misshaped_or_unknown_is_named() {
        let to = network(3, 1);
        let path = Path::new("a.pth");
        let mut tensors = to.state().snapshot();
        tensors.remove("layer3.1.bn2.running_var");
        let error = load_weights(&to, tensors, path).expect_err("missing");
        assert!(
            error.to_string().contains("`layer3.1.bn2.running_var`"),
            "{error}"
        );
        let mut tensors = to.state().snapshot();
        tensors.insert(
            "conv1.weight".to_owned(),
            Tensor::zeros([64, 3, 7, 5], (Kind::Float, Device::Cpu)),
        );
        let error = load_weights(&to, tensors, path).expect_err("misshaped");
        assert!(error.to_string().contains("[64, 3, 7, 5]"), "{error}");
        // ResNet-34 has all names of ResNet-18, and more.
        let larger = Network::new(Backbone::Resnet34, 3, Device::Cpu);
        let error = load_weights(&to, larger.state().snapshot(), path).expect_err("unknown");
        assert!(matches!(error, WeightsError::Unknown { .. }), "{error}");
    }

    #[test]
    fn safetensors_are_told_from_onnx() {
        // The version of the format, and the field of the producer's name.
        assert!(is_onnx(b"\x08\x07\x12\x05mxnet"));
        // A header of 1800 bytes.
        assert!(!is_onnx(b"\x08\x07\0\0\0\0\0\0{\"conv1"));
        assert!(!is_onnx(b"\x08\0\0\0\0\0\0\0{}     "));
        assert!(!is_onnx(b""));
    }

    #[test]
    fn missing_and_unreadable_files_are_named() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let error = WeightsChoice::Default
            .file(Backbone::Resnet18, folder.path())
            .expect_err("an empty folder");
        assert!(
            matches!(error, WeightsError::DefaultMissing { .. }),
            "{error}"
        );
        for (name, bytes) in [
            ("old.pth", [OLD_MAGIC, b"\x80\x02"].concat()),
            ("new.pth", [ZIP_MAGIC, b" and nothing more"].concat()),
            ("a.safetensors", b"no tensors".to_vec()),
        ] {
            let path = folder.path().join(name);
            fs_err::write(&path, bytes).expect("writes");
            let error = read_tensors(&path).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
