//! `dataset.json`: the description of the data set that `prepare` made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ChipSpec;

/// A data set as later stages need to know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSet {
    /// Class names, sorted: the order of the network's outputs.
    pub labels: Vec<String>,
    /// How the images were cut out of photos; a model does the same to what it is shown.
    pub chip: ChipSpec,
    /// Images by side, then by label.
    pub images: BTreeMap<String, BTreeMap<String, u64>>,
}

impl DataSet {
    /// The file's name, beside the folders of the sides.
    pub const FILE: &str = "dataset.json";
}
