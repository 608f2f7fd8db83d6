//! The report of the split.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::earlier::{Earlier, Known};
use super::{GivenSplit, Leak, Placed, Source, SplitBy, units};
use facepipe_core::context::Context;
use facepipe_core::types::Split;
use facepipe_core::words::counted_as;

/// Names that one note gives; the others are counted.
const NAMED: usize = 5;

/// How the images were split: a part of the stage's report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitReport {
    /// How images were chosen for test.
    pub split_by: SplitBy,
    /// Whether the input folder was split already, and its sides stay.
    pub given: bool,
    /// Whether images that leak are left out of such a folder.
    pub leaks_left_out: bool,
    /// Images of two sides of such a folder that are one picture, or parts of one photo.
    pub leaks: Vec<Leak>,
    /// Images on the same side as before.
    pub kept_sides: u64,
    /// Images that have changed sides since the data set was first made.
    pub moved: Vec<MovedImage>,
    /// Whether an earlier split was given up, because another one was requested.
    pub given_up: bool,
    /// Labels that lack images on a side, with the reason.
    pub short_labels: BTreeMap<String, String>,
    /// Labels with too few images for the requested numbers.
    pub shrunk_labels: Vec<String>,
    /// How many sources there are, where the split goes by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<u64>,
    /// Images whose source or date is not known, where the split goes by it.
    pub unknown: u64,
    /// Images of train and val that are newer than the oldest one of test of their label, where the split
    /// goes by time: those that were there before, and members of groups.
    pub newer_than_test: u64,
    /// How many images each fold has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<Vec<u64>>,
}

/// An image that has changed sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedImage {
    /// Its path below the folder that `prepare` read.
    pub item: String,
    /// The side that it was on.
    pub from: Split,
    /// The side that it is on.
    pub to: Split,
    /// Images that it turned out to belong to.
    pub because: Vec<String>,
}

impl SplitReport {
    pub(super) fn new(source: Source<'_>) -> Self {
        let settings = source.settings;
        Self {
            split_by: settings.split_by,
            given: source.given.is_some(),
            leaks_left_out: source.given.is_some() && settings.given_split == GivenSplit::Clean,
            given_up: source.given.is_none() && source.earlier.is_given_up,
            ..Self::default()
        }
    }

    pub(super) fn look_at(&mut self, images: &[Placed<'_>]) {
        let origins = || images.iter().map(|placed| &placed.origin);
        self.sources = units::count_sources(origins(), self.split_by);
        self.unknown = match self.split_by {
            SplitBy::Chance => 0,
            SplitBy::Source => origins().filter(|origin| origin.name.is_none()).count() as u64,
            SplitBy::Time => origins().filter(|origin| origin.made.is_none()).count() as u64,
        };
        let mut oldest: BTreeMap<&str, i64> = BTreeMap::new();
        let dated = || {
            images
                .iter()
                .filter_map(|placed| Some((placed, placed.origin.made?.seconds)))
        };
        for (placed, made) in dated().filter(|(placed, _)| placed.side == Split::Test) {
            let oldest = oldest.entry(&placed.image.item.label).or_insert(made);
            *oldest = made.min(*oldest);
        }
        let is_newer = |(placed, made): &(&Placed<'_>, i64)| {
            let oldest = oldest.get(placed.image.item.label.as_str());
            placed.side != Split::Test && oldest.is_some_and(|oldest| made > oldest)
        };
        self.newer_than_test = dated().filter(is_newer).count() as u64;
    }

    pub(super) fn tell_moves(&mut self, images: &[Placed<'_>], known: &[Known], earlier: &Earlier) {
        let now: BTreeMap<&str, &Known> = known
            .iter()
            .map(|known| (known.md5.as_str(), known))
            .collect();
        for placed in images {
            let item = placed.image.item;
            let before = earlier.of(item).map(|known| known.split);
            self.kept_sides += u64::from(before == Some(placed.side));
            let moved = now
                .get(item.features.md5.as_str())
                .and_then(|known| known.moved.as_ref());
            self.moved.extend(moved.map(|moved| MovedImage {
                item: item.relative.clone(),
                from: moved.from,
                to: placed.side,
                because: moved.because.clone(),
            }));
        }
    }

    /// Reports what matters to the user.
    pub(crate) fn note(&self, context: &Context) {
        let note = |text: String| context.progress.note(&text);
        if self.given {
            note("the folder is split already: its sides stay".to_owned());
        }
        if !self.leaks.is_empty() {
            let what = if self.leaks_left_out {
                "the copies nearer to training are left out (reason split_leak)"
            } else {
                "they stay, and figures on test can't be believed"
            };
            note(format!(
                "{} the same: {what}",
                counted_as(
                    self.leaks.len(),
                    "pair of images of two sides shows",
                    "pairs of images of two sides show"
                )
            ));
        }
        if self.given_up {
            note(
                "the seed, the shares or what the split goes by changed, so all images are split again: models \
                 trained before have seen images of the new test"
                    .to_owned(),
            );
        }
        if !self.moved.is_empty() {
            note(format!(
                "{} sides since the data set was first made, because new images joined groups of two sides; \
                 `moved` in report.json has the names",
                counted_as(self.moved.len(), "image has changed", "images have changed")
            ));
        }
        self.tell_what_lacks(&note);
    }

    fn tell_what_lacks(&self, note: &dyn Fn(String)) {
        if !self.short_labels.is_empty() {
            let labels: Vec<&String> = self.short_labels.keys().collect();
            let have = if labels.len() == 1 { "has" } else { "have" };
            note(format!(
                "{} {have} no images on some side",
                listed("label", &labels)
            ));
        }
        if !self.shrunk_labels.is_empty() {
            let labels: Vec<&String> = self.shrunk_labels.iter().collect();
            let have = if labels.len() == 1 { "has" } else { "have" };
            note(format!(
                "{} {have} too few images for the requested numbers: the sides are smaller",
                listed("label", &labels)
            ));
        }
        let (what, becomes) = match self.split_by {
            SplitBy::Chance => return,
            SplitBy::Time => ("date", "what has none counts as the oldest"),
            SplitBy::Source => ("source", "each counts as one of its own"),
        };
        if self.unknown > 0 {
            note(format!(
                "{} of unknown {what}, and {becomes}",
                counted_as(self.unknown, "image is", "images are")
            ));
        }
        if self.newer_than_test > 0 {
            note(format!(
                "{} newer than the oldest one of test of the label: there before, or of the group of older ones",
                counted_as(
                    self.newer_than_test,
                    "image of train and val is",
                    "images of train and val are"
                )
            ));
        }
    }
}

/// The first few names, and how many more there are.
fn listed(what: &str, names: &[&String]) -> String {
    let named: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let what = if names.len() == 1 {
        what.to_owned()
    } else {
        format!("{what}s")
    };
    format!("{what} {}{more}", named.join(", "))
}
