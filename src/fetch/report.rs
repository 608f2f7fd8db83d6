//! What a fetch reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `report.json` of the fetch stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `fetch`.
    pub stage: String,
    /// Images in the folder.
    pub kept: u64,
    /// Items left out of the folder, by all runs.
    pub discarded: u64,
    /// Those by reason code.
    pub reasons: BTreeMap<String, u64>,
    /// Those of them that went wrong, rather than being left out by choice.
    pub failed: u64,
    /// Images in the folder by label.
    pub labels: BTreeMap<String, u64>,
    /// What this run did.
    pub this_run: Activity,
}

/// What one run did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Items that the sources offered.
    pub offered: u64,
    /// Of those, the ones that were known from an earlier run and not tried again.
    pub known: u64,
    /// Of those, the ones that were downloaded or read, or tried in vain.
    pub tried: u64,
    /// Of those offered, the ones whose image lies in the folder.
    pub stored: u64,
    /// Bytes of images downloaded or read.
    pub bytes: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Images downloaded or read a second.
    pub images_per_second: f64,
}
