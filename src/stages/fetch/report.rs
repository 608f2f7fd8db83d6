//! What a fetch reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use facepipe_core::ports::{Progress, TaskProgress};

/// Hosts in the report: a list may name a hundred thousand.
const MOST_HOSTS: usize = 100;
/// Hosts that have a line beside the bar.
const MOST_LINES: usize = 12;

/// `report.json` of the fetch stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `fetch`.
    pub stage: String,
    /// Images in the folder.
    pub kept: u64,
    /// Their size in bytes.
    #[serde(default)]
    pub kept_bytes: u64,
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
    /// Of those, the ones that were known from an earlier run, or under another label, and not requested
    /// again.
    pub known: u64,
    /// Of those, the ones that were downloaded or read, or tried in vain.
    pub tried: u64,
    /// Of those offered, the ones whose image is in the folder.
    pub stored: u64,
    /// Bytes of images downloaded or read.
    pub bytes: u64,
    /// Items left out in this run, by reason code.
    #[serde(default)]
    pub reasons: BTreeMap<String, u64>,
    /// The hosts with the most requests for images, by name.
    #[serde(default)]
    pub hosts: BTreeMap<String, HostReport>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Images downloaded or read a second.
    pub images_per_second: f64,
}

/// What one run did at one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// Images that were requested.
    pub tried: u64,
    /// Of those, the ones that are in the folder.
    pub kept: u64,
    /// Of those, the ones that were left out.
    pub left_out: u64,
    /// Bytes of images downloaded.
    pub bytes: u64,
}

impl HostReport {
    /// In words: `12 kept, 3 left out, 1.4 MB`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let megabytes = self.bytes as f64 / 1e6;
        let Self { kept, left_out, .. } = self;
        format!("{kept} kept, {left_out} left out, {megabytes:.1} MB")
    }
}

/// Counts for each host, with lines that show them where the user wants to see them.
#[derive(Default)]
pub(super) struct HostLines {
    hosts: BTreeMap<String, HostReport>,
    lines: BTreeMap<String, Box<dyn TaskProgress>>,
}

impl HostLines {
    pub(super) fn count(&mut self, progress: &dyn Progress, host: &str, is_kept: bool, bytes: u64) {
        if !self.hosts.contains_key(host) {
            self.hosts.insert(host.to_owned(), HostReport::default());
            let line = progress
                .detail(host)
                .filter(|_| self.lines.len() < MOST_LINES);
            self.lines.extend(line.map(|line| (host.to_owned(), line)));
        }
        if let Some(report) = self.hosts.get_mut(host) {
            report.tried += 1;
            report.kept += u64::from(is_kept);
            report.left_out += u64::from(!is_kept);
            report.bytes += bytes;
            if let Some(line) = self.lines.get(host) {
                line.message(&report.in_words());
            }
        }
    }

    /// The hosts with the most requests.
    pub(super) fn finish(self) -> BTreeMap<String, HostReport> {
        let mut hosts: Vec<_> = self.hosts.into_iter().collect();
        hosts.sort_by(|(a, one), (b, other)| (other.tried, a).cmp(&(one.tried, b)));
        hosts.truncate(MOST_HOSTS);
        hosts.into_iter().collect()
    }
}
