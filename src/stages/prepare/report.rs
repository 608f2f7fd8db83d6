//! Counts of the stage.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{IdentityRecord, LabelIdentity, SplitReport};
use facepipe_core::types::{Counts, DataSet, Discarded, Stage};

/// `report.json` of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrepareReport {
    /// `prepare`
    pub stage: String,
    /// The output folder.
    #[serde(with = "facepipe_core::artifacts::path_text::as_text")]
    pub out: PathBuf,
    /// Images: found = kept + discarded.
    pub images: Counts,
    /// Images by side, then by label.
    pub splits: BTreeMap<String, BTreeMap<String, u64>>,
    /// Images left out, by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Images left out because something went wrong with them.
    pub items_failed: u64,
    /// Images that were not decoded, because an earlier run had.
    #[serde(default)]
    pub from_cache: u64,
    /// Whether faces were compared, too, to find duplicates.
    #[serde(default)]
    pub embeddings: bool,
    /// Whose faces the labels' are, by label, where that was examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<BTreeMap<String, LabelIdentity>>,
    /// Faces that look like somebody else's and are kept all the same, the clearest first; empty where labels
    /// were cleaned, or faces were not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub look_like_others: Vec<IdentityRecord>,
    /// How the images were split.
    #[serde(default)]
    pub split: SplitReport,
    /// Tar files of each side, where they were requested.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shards: BTreeMap<String, u64>,
    /// Sets of images that are one picture or photo and are on more than one side: none, unless near
    /// duplicates were not searched.
    #[serde(default)]
    pub leaks: usize,
    /// How far apart the sides are, in words.
    #[serde(default)]
    pub verdict: Vec<String>,
    /// How long the run took that finished the stage.
    pub seconds: f64,
}

impl PrepareReport {
    pub(super) fn new(
        out: &Path,
        data_set: &DataSet,
        discarded: &[Discarded],
        seconds: f64,
    ) -> Self {
        let kept = data_set.images.values().flat_map(BTreeMap::values).sum();
        let left_out = discarded.len() as u64;
        Self {
            stage: Stage::Prepare.name().to_owned(),
            out: out.to_owned(),
            images: Counts {
                found: kept + left_out,
                kept,
                discarded: left_out,
            },
            splits: data_set.images.clone(),
            reasons: Discarded::count_reasons(discarded),
            items_failed: discarded
                .iter()
                .filter(|item| item.reason.is_error())
                .count() as u64,
            from_cache: 0,
            embeddings: false,
            identities: None,
            look_like_others: Vec::new(),
            split: SplitReport::default(),
            shards: BTreeMap::new(),
            leaks: 0,
            verdict: Vec::new(),
            seconds,
        }
    }

    /// Reads a finished stage's report.
    ///
    /// # Errors
    /// The I/O error with its path, or `InvalidData`.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs_err::read(path)?)?)
    }

    /// The counts that go into the stamp.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let sides = self
            .splits
            .iter()
            .map(|(side, labels)| (side.clone(), labels.values().sum()));
        sides
            .chain([("discarded".to_owned(), self.images.discarded)])
            .collect()
    }
}
