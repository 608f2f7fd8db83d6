//! Sets of duplicates, and pictures under two labels.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use maud::{Markup, html};

use super::not_shown;
use super::pictures::{Pictures, names};
use crate::items::Item;
use facepipe_core::types::{Discarded, Reason};
use facepipe_core::words::counted;

/// Sets of duplicates that are shown.
const MOST_SETS: usize = 12;
/// Images of a set that are shown beside the kept one.
const MOST_OF_SET: usize = 5;
/// Conflicts that are shown.
const MOST_CONFLICTS: usize = 12;
/// Pairs of labels that are listed.
const MOST_LABEL_PAIRS: usize = 50;

/// A kept image and those that were left out for it.
struct Set<'a> {
    kept: &'a Item,
    left_out: Vec<(&'a Discarded, &'a Item)>,
    /// The largest distance of the kept one's hashes from those of the others, in bits.
    farthest: u32,
}

/// All sets of duplicates, the least alike first: there a mistake would be.
pub(super) struct Duplicates<'a> {
    sets: Vec<Set<'a>>,
}

impl<'a> Duplicates<'a> {
    pub(super) fn of(discarded: &'a [Discarded], images: &HashMap<&str, &'a Item>) -> Self {
        let mut sets: BTreeMap<&str, Set<'_>> = BTreeMap::new();
        for one in discarded {
            if !matches!(one.reason, Reason::ExactDuplicate | Reason::NearDuplicate) {
                continue;
            }
            let kept = one
                .related
                .first()
                .and_then(|name| images.get(name.as_str()));
            let (Some(kept), Some(item)) = (kept, images.get(one.item.as_str())) else {
                continue;
            };
            let set = sets.entry(kept.relative.as_str()).or_insert_with(|| Set {
                kept,
                left_out: Vec::new(),
                farthest: 0,
            });
            set.farthest = set.farthest.max(nearest_hashes(kept, item));
            set.left_out.push((one, item));
        }
        let mut sets: Vec<Set<'_>> = sets.into_values().collect();
        sets.sort_by_key(|set| (std::cmp::Reverse(set.farthest), &set.kept.relative));
        Self { sets }
    }

    fn shown(&self) -> &[Set<'a>] {
        &self.sets[..self.sets.len().min(MOST_SETS)]
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &'a Item> {
        self.shown().iter().flat_map(|set| {
            let others = set.left_out.iter().take(MOST_OF_SET);
            std::iter::once(set.kept).chain(others.map(|(_, item)| *item))
        })
    }

    pub(super) fn markup(&self, pictures: &Pictures<'_>) -> Markup {
        let left_out: usize = self.sets.iter().map(|set| set.left_out.len()).sum();
        html! {
            @if !self.sets.is_empty() {
                h2 { "Duplicates" }
                p {
                    (counted(left_out, "image")) " left out as the same picture as " (counted(self.sets.len(), "kept image"))
                    ". The least alike come first: are they really one picture?"
                }
                @for set in self.shown() {
                    div.set {
                        div.face {
                            div.pictures { (pictures.show(set.kept)) }
                            div.good { "kept" }
                            div { b { (set.kept.label) } }
                            (names(set.kept, &format!(", {}", set.kept.features.size)))
                        }
                        @for (discarded, item) in set.left_out.iter().take(MOST_OF_SET) {
                            div.face {
                                div.pictures { (pictures.show(item)) }
                                div.bad { (discarded.reason) }
                                div { (discarded.message) }
                                (names(item, &format!(", {}", item.features.size)))
                            }
                        }
                        (not_shown(set.left_out.len().saturating_sub(MOST_OF_SET), "image"))
                    }
                }
                (not_shown(self.sets.len().saturating_sub(MOST_SETS), "set"))
            }
        }
    }
}

/// The smaller distance of the two kinds of hashes that every image has, in bits.
fn nearest_hashes(a: &Item, b: &Item) -> u32 {
    let picture = a.features.phash.distance(b.features.phash);
    picture.min(a.features.view.fine.distance(b.features.view.fine))
}

/// Pictures and photos under two labels.
pub(super) struct Conflicts<'a> {
    /// An image and one that it contradicts; a photo that was downloaded for two labels is shown on its own.
    shown_together: Vec<(&'a Discarded, Vec<&'a Item>)>,
    /// How many images contradict each other, by their two labels.
    labels: BTreeMap<[&'a str; 2], usize>,
    /// Images that were left out.
    images: usize,
}

impl<'a> Conflicts<'a> {
    pub(super) fn of(discarded: &'a [Discarded], images: &HashMap<&str, &'a Item>) -> Self {
        let conflicts = || {
            discarded
                .iter()
                .filter(|one| one.reason == Reason::LabelConflict)
        };
        let (mut shown_together, mut labels) = (Vec::new(), BTreeMap::new());
        let mut shown: HashSet<&str> = HashSet::new();
        for one in conflicts() {
            let Some(&item) = images.get(one.item.as_str()) else {
                continue;
            };
            let image = |name: &String| images.get(name.as_str()).copied();
            let others: Vec<&Item> = one.related.iter().filter_map(image).collect();
            let also = item.also_labels.iter();
            let other_labels: BTreeSet<&str> = also
                .chain(others.iter().map(|other| &other.label))
                .map(String::as_str)
                .collect();
            for other in other_labels {
                let mut two = [item.label.as_str(), other];
                two.sort_unstable();
                *labels.entry(two).or_insert(0) += 1;
            }
            // Each image once, and no pair from both of its ends.
            if shown.insert(&item.relative) {
                let nearest = others
                    .into_iter()
                    .min_by_key(|other| nearest_hashes(item, other));
                shown.extend(nearest.map(|other| other.relative.as_str()));
                shown_together.push((one, [item].into_iter().chain(nearest).collect()));
            }
        }
        Self {
            shown_together,
            labels,
            images: conflicts().count(),
        }
    }

    fn shown(&self) -> &[(&'a Discarded, Vec<&'a Item>)] {
        &self.shown_together[..self.shown_together.len().min(MOST_CONFLICTS)]
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &'a Item> {
        self.shown().iter().flat_map(|(_, items)| items).copied()
    }

    pub(super) fn markup(&self, pictures: &Pictures<'_>) -> Markup {
        let mut labels: Vec<(&[&str; 2], &usize)> = self.labels.iter().collect();
        labels.sort_by_key(|(labels, images)| (std::cmp::Reverse(**images), *labels));
        html! {
            @if self.images > 0 {
                h2 { "Under two labels" }
                p {
                    (counted(self.images, "image")) " left out because the same picture or photo is also under \
                     another label: at most one of the two can be right. Remove the wrong ones and run the command \
                     again."
                }
                div.table { table {
                    thead { tr { th { "label" } th.left { "and" } th { "images left out" } } }
                    tbody {
                        @for ([a, b], images) in labels.iter().take(MOST_LABEL_PAIRS) {
                            tr { td { (a) } td.left { (b) } td { (images) } }
                        }
                    }
                } }
                (not_shown(labels.len().saturating_sub(MOST_LABEL_PAIRS), "label pair"))
                div.faces {
                    @for (discarded, items) in self.shown() {
                        div.face.pair title=(discarded.message) {
                            div.pictures { @for item in items { (pictures.show(item)) } }
                            @for item in items {
                                div { b { (item.label) } }
                                (names(item, ""))
                                @if !item.also_labels.is_empty() {
                                    div { "also downloaded for " b { (item.also_labels.join(", ")) } }
                                }
                            }
                        }
                    }
                }
                (not_shown(self.shown_together.len().saturating_sub(MOST_CONFLICTS), "conflict"))
            }
        }
    }
}
