//! Reads PyTorch's own files of tensors (`.pth`, `.pt`): state dicts in the archive format that
//! `torch.save` writes since version 1.6, and in the one before; TorchScript networks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};
use zip::ZipArchive;
use zip::result::ZipError;

use super::pickle::{self, PickleError, Value};
use super::torch_error::TorchError;

/// The first bytes of a zip archive, which the files are since version 1.6.
pub(super) const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// The first bytes of the older files: a pickle of the number 0x1950a86a20f9469cfc6c.
pub(super) const OLD_MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Pickles at the front of an older file before the state dict: magic number, version, system.
const OLD_PREAMBLE: usize = 3;
/// The function that makes a tensor of a storage.
const REBUILD: &str = "torch._utils._rebuild_tensor_v2";
/// The function that makes a parameter of a tensor.
const REBUILD_PARAMETER: &str = "torch._utils._rebuild_parameter";
/// Where programs that save more than a state dict put it.
const INNER: &str = "state_dict";

/// Why a file is not a state dict.
#[derive(Debug, thiserror::Error)]
pub enum PthError {
    /// The archive is damaged.
    #[error("the archive is damaged")]
    Archive(#[from] ZipError),
    /// A file in the archive can't be read.
    #[error("the archive is damaged")]
    Io(#[from] std::io::Error),
    /// The list of tensors is damaged.
    #[error("the list of tensors can't be read")]
    Pickle(#[from] PickleError),
    /// It holds something other than a dictionary.
    #[error("it holds no dictionary of tensors")]
    NoStateDict,
    /// A tensor has an unknown form.
    #[error("tensor `{0}` is of an unknown form, or its numbers are missing")]
    Tensor(String),
    /// libtorch can't make a tensor.
    #[error("libtorch can't make tensor `{0}`")]
    Torch(String, #[source] TorchError),
}

/// The numbers behind tensors, by key.
type Storages = BTreeMap<String, Vec<u8>>;

/// The tensors of a state dict, by name.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>, PthReadError> {
    parse(&fs_err::read(path)?).map_err(|source| PthReadError::Content {
        path: path.to_owned(),
        source,
    })
}

/// The tensors of a state dict's bytes, by name.
pub(super) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, PthError> {
    if bytes.starts_with(ZIP_MAGIC) {
        read_archive(bytes)
    } else {
        read_old(bytes)
    }
}

/// Why a file can't be read as a state dict.
#[derive(Debug, thiserror::Error)]
pub enum PthReadError {
    /// It can't be read at all.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not a state dict.
    #[error("`{}` is not a PyTorch state dict, or it is damaged", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PthError,
    },
}

fn read_archive(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, PthError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    let list = archive
        .file_names_raw()
        .position(|name| name.ends_with(b"/data.pkl"))
        .ok_or(PthError::NoStateDict)?;
    let mut file = archive.by_index(list)?;
    let folder = file.name()?.trim_end_matches("data.pkl").to_owned();
    let mut pickle = Vec::new();
    file.read_to_end(&mut pickle)?;
    drop(file);
    let (value, _) = pickle::read(&pickle)?;
    let items = tensor_items(&value)?;
    let mut storages = Storages::new();
    for (name, item) in &items {
        if let Entry::Vacant(place) = storages.entry(item.storage.key.clone()) {
            let mut numbers = Vec::new();
            archive
                .by_name(&format!("{folder}data/{}", place.key()))
                .map_err(|_| PthError::Tensor(name.clone()))?
                .read_to_end(&mut numbers)?;
            place.insert(numbers);
        }
    }
    build(&items, &storages)
}

/// The older format: pickles one behind the other, the last one the storages' keys; then for each
/// key the count of its numbers, in eight bytes, and the numbers.
fn read_old(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, PthError> {
    let mut rest = bytes;
    for _ in 0..OLD_PREAMBLE {
        (_, rest) = pickle::read(rest)?;
    }
    let (value, rest) = pickle::read(rest)?;
    let items = tensor_items(&value)?;
    let (keys, mut rest) = pickle::read(rest)?;
    let Value::List(keys) = keys else {
        return Err(PthError::NoStateDict);
    };
    let mut kinds = BTreeMap::new();
    for (_, item) in &items {
        kinds.insert(item.storage.key.clone(), item.storage.kind);
    }
    let mut storages = Storages::new();
    for key in keys {
        let Value::Text(key) = key else {
            return Err(PthError::NoStateDict);
        };
        let lost = || PthError::Tensor(format!("storage {key}"));
        let kind = kinds.get(&key).ok_or_else(lost)?;
        let (count, behind) = rest.split_first_chunk().ok_or_else(lost)?;
        let length = usize::try_from(i64::from_le_bytes(*count))
            .ok()
            .and_then(|count| count.checked_mul(kind.elt_size_in_bytes()));
        let (numbers, behind) = length
            .and_then(|length| behind.split_at_checked(length))
            .ok_or_else(lost)?;
        storages.insert(key, numbers.to_vec());
        rest = behind;
    }
    build(&items, &storages)
}

/// Where a tensor's numbers are in its storage.
struct Item {
    storage: Storage,
    offset: i64,
    size: Vec<i64>,
    stride: Vec<i64>,
}

struct Storage {
    key: String,
    kind: Kind,
}

/// The tensors of a dictionary, or of the dictionary `state_dict` in it; of a TorchScript module.
fn tensor_items(value: &Value) -> Result<Vec<(String, Item)>, PthError> {
    let entries = match value {
        Value::Dict(entries) => entries,
        Value::Object(attributes) => {
            let mut items = Vec::new();
            module_items(attributes, "", &mut items);
            return Ok(items);
        }
        _ => return Err(PthError::NoStateDict),
    };
    for (key, inner) in entries {
        if matches!((key, inner), (Value::Text(key), Value::Dict(_)) if key == INNER) {
            return tensor_items(inner);
        }
    }
    let mut items = Vec::new();
    for (key, value) in entries {
        let Value::Text(name) = key else {
            return Err(PthError::NoStateDict);
        };
        let item = item(value).ok_or_else(|| PthError::Tensor(name.clone()))?;
        items.push((name.clone(), item));
    }
    Ok(items)
}

/// The parameters and buffers of a module and of those below it, named as in its state dict. Modules
/// also have attributes that are neither.
fn module_items(attributes: &[(Value, Value)], prefix: &str, items: &mut Vec<(String, Item)>) {
    for (name, value) in attributes {
        let Value::Text(name) = name else {
            continue;
        };
        if let Value::Object(below) = value {
            module_items(below, &format!("{prefix}{name}."), items);
        } else if let Some(item) = item(value) {
            items.push((format!("{prefix}{name}"), item));
        }
    }
}

fn item(value: &Value) -> Option<Item> {
    let Value::Call(function, arguments) = value else {
        return None;
    };
    match (function.as_str(), arguments.as_slice()) {
        (REBUILD_PARAMETER, [data, ..]) => item(data),
        (
            REBUILD,
            [
                Value::Persistent(storage),
                Value::Int(offset),
                size,
                stride,
                ..,
            ],
        ) => {
            let [_, Value::Global(class), Value::Text(key), ..] = storage.as_slice() else {
                return None;
            };
            Some(Item {
                storage: Storage {
                    key: key.clone(),
                    kind: kind(class)?,
                },
                offset: *offset,
                size: numbers(size)?,
                stride: numbers(stride)?,
            })
        }
        _ => None,
    }
}

fn kind(class: &str) -> Option<Kind> {
    Some(match class.strip_prefix("torch.")? {
        "FloatStorage" => Kind::Float,
        "DoubleStorage" => Kind::Double,
        "HalfStorage" => Kind::Half,
        "BFloat16Storage" => Kind::BFloat16,
        "LongStorage" => Kind::Int64,
        "IntStorage" => Kind::Int,
        "ByteStorage" => Kind::Uint8,
        _ => return None,
    })
}

fn numbers(value: &Value) -> Option<Vec<i64>> {
    let Value::List(items) = value else {
        return None;
    };
    items
        .iter()
        .map(|item| match item {
            Value::Int(number) if *number >= 0 => Some(*number),
            _ => None,
        })
        .collect()
}

fn build(
    items: &[(String, Item)],
    storages: &Storages,
) -> Result<BTreeMap<String, Tensor>, PthError> {
    let mut tensors = BTreeMap::new();
    for (name, item) in items {
        let numbers = storages
            .get(&item.storage.key)
            .filter(|numbers| item.fits(numbers.len()))
            .ok_or_else(|| PthError::Tensor(name.clone()))?;
        let kind = item.storage.kind;
        let count = numbers.len() / kind.elt_size_in_bytes();
        let tensor = Tensor::f_from_data_size(numbers, &[count as i64], kind)
            .and_then(|all| all.f_as_strided(&item.size, &item.stride, item.offset))
            .map_err(|source| PthError::Torch(name.clone(), source.into()))?;
        tensors.insert(name.clone(), tensor.contiguous());
    }
    Ok(tensors)
}

impl Item {
    /// Whether all of its numbers are inside a storage of this many bytes.
    fn fits(&self, bytes: usize) -> bool {
        let width = self.storage.kind.elt_size_in_bytes();
        if self.size.len() != self.stride.len() || self.offset < 0 || !bytes.is_multiple_of(width) {
            return false;
        }
        if self.size.contains(&0) {
            return true;
        }
        let mut steps = self.size.iter().zip(&self.stride);
        let last = steps.try_fold(self.offset, |last, (size, stride)| {
            last.checked_add((size - 1).checked_mul(*stride)?)
        });
        last.is_some_and(|last| (last as u64) < (bytes / width) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &[u8] = include_bytes!("../../tests/fixtures/state_dict.pth");
    /// `Sequential(Linear(3, 2), BatchNorm1d(2))`, traced.
    const SCRIPT: &[u8] = include_bytes!("../../tests/fixtures/torchscript.pt");
    const OLD: &[u8] = include_bytes!("../../tests/fixtures/state_dict_before_1_6.pth");

    #[test]
    fn both_formats_give_pytorchs_tensors() {
        assert!(NEW.starts_with(ZIP_MAGIC) && OLD.starts_with(OLD_MAGIC));
        let tensors = read_archive(NEW).expect("reads");
        assert_eq!(tensors, read_old(OLD).expect("reads"));
        assert_eq!(tensors.len(), 8);
        let weight = Tensor::from_slice(&[0.0_f32, 0.25, 0.5, 0.75, 1.0, 1.25]).view([2, 3]);
        assert_eq!(tensors["0.weight"], weight);
        assert_eq!(tensors["0.bias"], Tensor::from_slice(&[-1.5_f32, 2.0]));
        assert_eq!(tensors["1.num_batches_tracked"], Tensor::from(0_i64));
        let transposed = Tensor::from_slice(&[0.0_f32, 3.0, 1.0, 4.0, 2.0, 5.0]).view([3, 2]);
        assert_eq!(tensors["transposed"], transposed);
    }

    #[test]
    fn a_torchscript_network_gives_the_tensors_of_its_state_dict() {
        let mut expected = read_archive(NEW).expect("reads");
        expected.remove("transposed");
        assert_eq!(parse(SCRIPT).expect("reads"), expected);
    }

    #[test]
    fn a_cut_or_changed_file_is_an_error_and_never_a_crash() {
        for length in (0..OLD.len()).step_by(7) {
            assert!(read_old(&OLD[..length]).is_err(), "cut at {length}");
        }
        for length in (0..NEW.len()).step_by(97) {
            assert!(read_archive(&NEW[..length]).is_err(), "cut at {length}");
        }
        for place in (0..OLD.len()).step_by(3) {
            let mut changed = OLD.to_vec();
            changed[place] ^= 0x55;
            let _ = read_old(&changed);
        }
    }

    #[test]
    fn numbers_outside_a_storage_are_not_read() {
        let item = |offset, size: &[i64], stride: &[i64]| Item {
            storage: Storage {
                key: "0".to_owned(),
                kind: Kind::Float,
            },
            offset,
            size: size.to_vec(),
            stride: stride.to_vec(),
        };
        assert!(item(0, &[2, 3], &[3, 1]).fits(24));
        assert!(item(0, &[], &[]).fits(4));
        assert!(!item(1, &[2, 3], &[3, 1]).fits(24));
        assert!(!item(0, &[2, 3], &[4, 1]).fits(24));
        assert!(!item(0, &[2, i64::MAX], &[i64::MAX, 1]).fits(24));
        assert!(!item(0, &[2, 3], &[3]).fits(24));
    }
}
