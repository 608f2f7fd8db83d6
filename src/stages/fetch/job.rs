//! The state of one job while its source is driven.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use facepipe_core::ports::TaskProgress;
use facepipe_core::types::Candidate;

/// The state of one job.
pub(super) struct JobState {
    pub(super) number: u32,
    /// The label of all that a search finds; `None` for lists.
    pub(super) search_label: Option<String>,
    /// Items that the source gave so far.
    pub(super) position: u64,
    pub(super) ended: bool,
    pub(super) waits_for_page: bool,
    /// A candidate that waits until it is known whether the limit leaves room for it.
    pub(super) held: Option<Box<Candidate>>,
    /// Candidates under way by label.
    pub(super) under_way: HashMap<String, u64>,
    /// Addresses that are being requested, each with the candidates for other labels that wait for the
    /// same answer, and their positions.
    pub(super) asked: HashMap<String, Vec<(Candidate, u64)>>,
    /// Hashes of the labels and addresses that were offered so far.
    pub(super) offered: HashSet<u64>,
    pub(super) display: Display,
}

impl JobState {
    pub(super) fn no_longer_under_way(&mut self, label: &str) {
        if let Some(count) = self.under_way.get_mut(label) {
            *count -= 1;
        }
    }
}

/// Whether the limit leaves room for one more image of a label.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Free,
    /// That depends on the downloads under way.
    Unsure,
    Full,
}

/// The bar of a job: for a search the images that were kept of the requested number, for a list the
/// entries that are done.
pub(super) struct Display {
    bar: Box<dyn TaskProgress>,
    begun: Instant,
    counts_kept: bool,
    wanted: Option<u64>,
    kept: u64,
    tried: u64,
    bytes: u64,
}

impl Display {
    pub(super) fn new(bar: Box<dyn TaskProgress>, counts_kept: bool, wanted: Option<u64>) -> Self {
        Self {
            bar,
            begun: Instant::now(),
            counts_kept,
            wanted,
            kept: 0,
            tried: 0,
            bytes: 0,
        }
    }

    /// One more item is done.
    pub(super) fn done(&mut self, is_kept: bool) {
        self.kept += u64::from(is_kept);
        if is_kept || !self.counts_kept {
            self.bar.advance(1);
        }
        self.show_counts();
    }

    /// One more image was requested, of this many bytes.
    pub(super) fn tried(&mut self, bytes: u64) {
        self.tried += 1;
        self.bytes += bytes;
    }

    fn show_counts(&self) {
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        let wanted = self
            .wanted
            .map_or_else(String::new, |wanted| format!(", {wanted} wanted"));
        self.bar.message(&format!(
            "{} kept, {} tried{wanted}; {:.1} images/s, {:.1} MB/s",
            self.kept,
            self.tried,
            self.tried as f64 / seconds,
            self.bytes as f64 / 1e6 / seconds
        ));
    }
}
