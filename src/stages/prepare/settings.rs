//! Settings that decide which images are one, and which side each goes to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{GivenSplit, SideSize, SplitBy};

/// Settings of the stage; recorded in its `stage.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How much of each label goes to train.
    pub train: SideSize,
    /// How much of each label goes to val.
    pub val: SideSize,
    /// How much of each label goes to test.
    pub test: SideSize,
    /// Labels with fewer images on a side that is to get any are left out; 0 leaves none out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub min_per_side: usize,
    /// What decides which images go to test.
    #[serde(default, skip_serializing_if = "is_default")]
    pub split_by: SplitBy,
    /// How the sides that the input folder has already are treated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub given_split: GivenSplit,
    /// How many folds the images outside test are divided into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
    /// How many images a tar file of the data set holds, where such are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u64>,
    /// Another data set, or its manifest, whose images stay on their sides. (Its content counts as an
    /// input, not as a setting.)
    #[serde(skip)]
    pub keep_split: Option<PathBuf>,
    /// Largest distance of perceptual hashes, in bits of 256, at which two images are one; `None`
    /// compares exactly only.
    pub phash_distance: Option<u32>,
    /// Whether pictures that are turned or mirrored count as the same.
    pub rotations: bool,
    /// Whether duplicates stay; all on one side.
    pub keep_duplicates: bool,
    /// How to treat pictures under two labels.
    pub conflicts: Conflicts,
    /// How images come into the data set.
    pub link: LinkMode,
    /// Labels with fewer images are left out.
    pub min_per_class: usize,
    /// Whether faces are embedded, and duplicates found by them too.
    pub embeddings: bool,
    /// Whether faces that are not the person of their label are left out; needs embeddings as well.
    pub clean_identities: bool,
    /// How many of the nearest pairs between two sides the proof shows; at least one.
    pub nearest_pairs: usize,
    /// The settings that the split depends on.
    pub seed: u64,
}

/// How to treat a picture or photo under two labels.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Conflicts {
    /// Leave it out of both.
    #[default]
    Drop,
    /// Keep it under the label whose path comes first.
    KeepFirst,
    /// Keep it under both, on one side.
    Keep,
}

/// How images come into the data set.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum LinkMode {
    /// As copies.
    #[default]
    Copy,
    /// As hard links, where the file system can make them, else as copies.
    Hard,
}

/// Settings at their defaults are not written: data sets from versions without them stay valid.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Settings {
    /// Distance of perceptual hashes below which two images are one, in bits of 256.
    ///
    /// Measured: one picture saved again or resized differs in 6 bits at most; crops of different
    /// people in 37 or more (see [`facepipe_imaging::perceptual_hash`]). Between 14 and 23 are crops of one
    /// person from one series of shots, which are too alike for train and test to share.
    pub const DEFAULT_PHASH_DISTANCE: u32 = 20;

    /// Whether the network that compares faces is needed.
    #[must_use]
    pub const fn needs_embeddings(&self) -> bool {
        self.embeddings || self.clean_identities
    }
    /// Nearest pairs of two sides that are shown: three rows of a page.
    pub const DEFAULT_NEAREST_PAIRS: usize = 12;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            train: SideSize::Share(0.7),
            val: SideSize::Share(0.15),
            test: SideSize::Share(0.15),
            min_per_side: 0,
            split_by: SplitBy::default(),
            given_split: GivenSplit::default(),
            folds: None,
            shards: None,
            keep_split: None,
            phash_distance: Some(Self::DEFAULT_PHASH_DISTANCE),
            rotations: false,
            keep_duplicates: false,
            conflicts: Conflicts::default(),
            link: LinkMode::default(),
            min_per_class: 1,
            embeddings: false,
            clean_identities: false,
            nearest_pairs: Self::DEFAULT_NEAREST_PAIRS,
            seed: 0,
        }
    }
}
