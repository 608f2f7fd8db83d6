//! Features of a frozen trunk that an earlier training computed: a data set that grew costs only its new images.
//!
//! `cache/features.safetensors` in the data set's folder, beside what `prepare` keeps there, and only where that is. It
//! holds the features of the images that are there, by their content; a training of another network, of other
//! weights, on another device or by another version of the program writes it anew. Removing it is safe.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use facepipe_core::artifacts::digest::is_content_name;
use facepipe_core::artifacts::given_split::CACHE_FOLDER;
use facepipe_core::artifacts::path_text::text_of_name;
use facepipe_imaging::data_set::Example;
use facepipe_nn::tensor_file;

/// The file's name, in the cache folder.
const FEATURES_FILE: &str = "features.safetensors";
/// Its one tensor, `[rows, features]`.
const TENSOR: &str = "features";

/// The text of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Rows {
    /// What the features were computed with.
    made_with: String,
    /// The image and view of each row.
    rows: Vec<String>,
}

/// Known features.
pub(super) struct FeatureCache {
    path: PathBuf,
    made_with: String,
    features: Option<Tensor>,
    /// The row of each image and view.
    rows: HashMap<String, i64>,
    /// Rows for the next training.
    next: BTreeMap<String, Tensor>,
}

/// How an image is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// As it is.
    Plain,
    /// Left and right exchanged.
    Mirrored,
}

impl FeatureCache {
    /// Opens that of a data set, of which `made_with` says with what its features are computed. A file that can't
    /// be read or understood is none.
    pub(super) fn open(data: &Path, made_with: String) -> Self {
        let path = data.join(CACHE_FOLDER).join(FEATURES_FILE);
        let (features, rows) = read(&path, &made_with).unzip();
        Self {
            path,
            made_with,
            features,
            rows: rows.unwrap_or_default(),
            next: BTreeMap::new(),
        }
    }

    /// The features of an image, on a device; `None` where they are not known.
    pub(super) fn get(&self, example: &Example, view: View, device: Device) -> Option<Tensor> {
        let row = self.rows.get(&key(example, view)?)?;
        Some(self.features.as_ref()?.get(*row).to_device(device))
    }

    /// Keeps an image's features for the next training.
    pub(super) fn put(&mut self, example: &Example, view: View, features: &Tensor) {
        if let Some(key) = key(example, view) {
            self.next.insert(key, features.to_device(Device::Cpu));
        }
    }

    /// Writes what was kept, where the data set has a folder for it that can be written to: it only saves time.
    pub(super) fn write(self) {
        let has_folder = self.path.parent().is_some_and(Path::is_dir);
        let is_same = self.next.len() == self.rows.len()
            && self.next.keys().all(|key| self.rows.contains_key(key));
        if !has_folder || self.next.is_empty() || is_same {
            return;
        }
        let (rows, features): (Vec<String>, Vec<Tensor>) = self.next.into_iter().unzip();
        let text = Rows {
            made_with: self.made_with,
            rows,
        };
        let tensors = BTreeMap::from([(TENSOR.to_owned(), Tensor::stack(&features, 0))]);
        if let Ok(text) = serde_json::to_string(&text) {
            let _ = tensor_file::write(&self.path, &tensors, Some(text));
        }
    }
}

fn read(path: &Path, made_with: &str) -> Option<(Tensor, HashMap<String, i64>)> {
    let mut file = tensor_file::read(path).ok()?;
    let text: Rows = serde_json::from_str(&file.text?).ok()?;
    let features = file.tensors.remove(TENSOR)?;
    let is_whole = features.dim() == 2
        && features.kind() == Kind::Float
        && features.size()[0] == text.rows.len() as i64;
    let rows = text.rows.into_iter().zip(0..).collect();
    (is_whole && text.made_with == made_with).then_some((features, rows))
}

/// An image by its content, with the place of its face; `None` where its name does not say its content.
fn key(example: &Example, view: View) -> Option<String> {
    let name = text_of_name(&example.path);
    is_content_name(&name).then(|| format!("{name} {view:?} {:?}", example.place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(name: &str) -> Example {
        Example {
            label: 0,
            file: format!("train/ada/{name}"),
            path: format!("/nowhere/train/ada/{name}").into(),
            place: None,
        }
    }

    #[test]
    fn features_come_back_for_the_same_content_view_and_network() {
        let data = tempfile::tempdir().expect("temporary folder");
        let (one, two) = (
            example("0123456789abcdef.png"),
            example("fedcba9876543210.png"),
        );
        let unnamed = example("portrait.png");
        let features = Tensor::from_slice(&[1.0_f32, 2.0]);
        let fill = || {
            let mut cache = FeatureCache::open(data.path(), "a".to_owned());
            for example in [&one, &unnamed] {
                cache.put(example, View::Plain, &features);
            }
            cache.write();
        };
        let get = |made_with: &str, example: &Example, view| {
            let cache = FeatureCache::open(data.path(), made_with.to_owned());
            cache.get(example, view, Device::Cpu)
        };
        fill();
        assert!(get("a", &one, View::Plain).is_none(), "no folder is made");
        fs_err::create_dir(data.path().join(CACHE_FOLDER)).expect("makes");
        fill();
        assert_eq!(get("a", &one, View::Plain), Some(features));
        for other in [
            get("a", &one, View::Mirrored),
            get("a", &two, View::Plain),
            get("a", &unnamed, View::Plain),
            get("b", &one, View::Plain),
        ] {
            assert!(other.is_none());
        }
        let path = data.path().join(CACHE_FOLDER).join(FEATURES_FILE);
        fs_err::write(path, "damaged").expect("writes");
        assert!(get("a", &one, View::Plain).is_none());
    }
}
