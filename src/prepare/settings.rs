//! What decides which images are one, and which side each goes to.

use serde::{Deserialize, Serialize};

/// Settings of the stage; they stand in its `stage.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Share of each label that goes to train.
    pub train: f64,
    /// Share of each label that goes to val.
    pub val: f64,
    /// Share of each label that goes to test.
    pub test: f64,
    /// Largest distance of perceptual hashes, in bits of 256, at which two images are one; `None`
    /// compares exactly only.
    pub phash_distance: Option<u32>,
    /// Labels with fewer images are left out.
    pub min_per_class: usize,
    /// What the split depends on beside the images.
    pub seed: u64,
}

impl Settings {
    /// Distance of perceptual hashes below which two images are one, in bits of 256.
    ///
    /// Measured: one picture saved again or resized differs in 6 bits at most; crops of different
    /// people in 37 or more (see [`crate::perceptual_hash`]). Between 14 and 23 lie crops of one
    /// person from one series of shots, which are too alike for train and test to share.
    pub const DEFAULT_PHASH_DISTANCE: u32 = 20;
}
