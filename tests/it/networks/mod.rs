//! Whatever needs libtorch.

use std::path::{Path, PathBuf};

mod azure_models;
mod default_network;
mod documentation;
mod embed;
mod evaluate;
mod export;
mod few_photos;
mod living_project;
mod onnx_embedder;
mod predict;
mod quality;
mod random_names;
mod real_duplicates;
mod recipe;
pub(crate) mod resume;
mod run;
mod run_summary;
mod serve;
pub(crate) mod training;
mod wrong_calls;

/// The paths in a folder, by name.
pub(crate) fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).expect("lists");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("lists").path()).collect();
    paths.sort();
    paths
}
