//! Which images are one, which belong together, and which stand under two labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use super::Grouped;
use super::items::Item;
use super::union_find::UnionFind;
use crate::artifacts::digest::group_name;
use crate::perceptual_hash::PerceptualHash;
use crate::types::{Discarded, Reason};

/// The images that stay, and those that don't.
pub(super) struct SortedOut<'items> {
    /// In the order of the input.
    pub(super) kept: Vec<Grouped<'items>>,
    pub(super) discarded: Vec<Discarded>,
}

/// How two images are related.
struct Relations {
    /// Pairs that show the same picture.
    same_picture: Vec<(usize, usize)>,
    /// Pairs that come from the same photo.
    same_photo: Vec<(usize, usize)>,
}

/// Leaves out what stands under two labels and, of each set of duplicates, all but the best; puts
/// what comes from one photo into one group.
pub(super) fn sort_out(items: &[Item], phash_distance: Option<u32>) -> SortedOut<'_> {
    let relations = Relations::of(items, phash_distance);
    let mut pictures = joined(items.len(), relations.same_picture.iter());
    let mut groups = joined(items.len(), relations.all());
    let groups: Vec<usize> = (0..items.len()).map(|index| groups.find(index)).collect();
    let conflicts = conflicts(items, &groups);
    let mut discarded: Vec<_> = conflicts
        .iter()
        .map(|(index, others)| conflict(items, *index, others))
        .collect();
    let best = best_of_each(items, &conflicts, &mut pictures);
    let mut first_of_group: HashMap<usize, &Item> = HashMap::new();
    let mut kept = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if conflicts.contains_key(&index) {
            continue;
        }
        let keeper = best[&pictures.find(index)];
        if keeper == index {
            let first = first_of_group.entry(groups[index]).or_insert(item);
            kept.push(Grouped {
                item,
                group: group_name(&first.md5),
            });
        } else {
            discarded.push(duplicate(item, &items[keeper]));
        }
    }
    SortedOut { kept, discarded }
}

/// Images of a group that stands under two labels or more, each with the members of other labels.
fn conflicts(items: &[Item], groups: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, group) in groups.iter().enumerate() {
        members.entry(*group).or_default().push(index);
    }
    let mut conflicts = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let group = &members[&groups[index]];
        let others = group
            .iter()
            .copied()
            .filter(|other| items[*other].label != item.label);
        let others: Vec<usize> = others.collect();
        if !others.is_empty() {
            conflicts.insert(index, others);
        }
    }
    conflicts
}

fn conflict(items: &[Item], index: usize, others: &[usize]) -> Discarded {
    let related = others
        .iter()
        .map(|other| items[*other].relative.clone())
        .collect();
    let labels: BTreeSet<String> = others
        .iter()
        .map(|other| format!("`{}`", items[*other].label))
        .collect();
    let labels: Vec<String> = labels.into_iter().collect();
    let message = format!(
        "the same picture or photo also stands under {}",
        labels.join(", ")
    );
    items[index].discarded(Reason::LabelConflict, message, related)
}

fn duplicate(item: &Item, keeper: &Item) -> Discarded {
    let related = vec![keeper.relative.clone()];
    if item.pixel_md5 == keeper.pixel_md5 {
        let message = format!("the same pixels as `{}`", keeper.relative);
        return item.discarded(Reason::ExactDuplicate, message, related);
    }
    let distance = item.phash.distance(keeper.phash);
    let message = format!(
        "almost the same as `{}`: {distance} of {} bits differ",
        keeper.relative,
        PerceptualHash::BITS
    );
    item.discarded(Reason::NearDuplicate, message, related)
}

/// The member of each set of pictures that is kept, by the set's smallest member: the one with
/// most pixels, of equal ones the first.
fn best_of_each(
    items: &[Item],
    conflicts: &BTreeMap<usize, Vec<usize>>,
    pictures: &mut UnionFind,
) -> HashMap<usize, usize> {
    let mut best: HashMap<usize, usize> = HashMap::new();
    for index in (0..items.len()).filter(|index| !conflicts.contains_key(index)) {
        let keeper = best.entry(pictures.find(index)).or_insert(index);
        if items[index].size.area() > items[*keeper].size.area() {
            *keeper = index;
        }
    }
    best
}

impl Relations {
    fn of(items: &[Item], phash_distance: Option<u32>) -> Self {
        let hash = |item: &Item| Some(item.phash);
        let photo_hash = |item: &Item| item.photo.as_ref().map(|photo| photo.phash);
        let mut same_picture = equal_pairs(items, |item| Some(&item.pixel_md5));
        let mut same_photo = equal_pairs(items, |item| item.photo.as_ref().map(|photo| &photo.md5));
        if let Some(distance) = phash_distance {
            same_picture.extend(near_pairs(items, distance, hash));
            same_photo.extend(near_pairs(items, distance, photo_hash));
        }
        Self {
            same_picture,
            same_photo,
        }
    }

    fn all(&self) -> impl Iterator<Item = &(usize, usize)> {
        self.same_picture.iter().chain(&self.same_photo)
    }
}

fn joined<'pairs>(len: usize, pairs: impl Iterator<Item = &'pairs (usize, usize)>) -> UnionFind {
    let mut sets = UnionFind::new(len);
    for (a, b) in pairs {
        sets.join(*a, *b);
    }
    sets
}

/// Pairs of neighbours in each set of items with an equal key.
fn equal_pairs<'items, Key: Eq + Hash>(
    items: &'items [Item],
    key: impl Fn(&'items Item) -> Option<Key>,
) -> Vec<(usize, usize)> {
    let mut last: HashMap<Key, usize> = HashMap::new();
    let mut pairs = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(key) = key(item)
            && let Some(before) = last.insert(key, index)
        {
            pairs.push((before, index));
        }
    }
    pairs
}

/// Pairs whose hashes differ in at most `distance` bits.
fn near_pairs(
    items: &[Item],
    distance: u32,
    hash: impl Fn(&Item) -> Option<PerceptualHash>,
) -> Vec<(usize, usize)> {
    let hashes: Vec<_> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| Some((index, hash(item)?)))
        .collect();
    let mut pairs = Vec::new();
    for (position, (a, hash)) in hashes.iter().enumerate() {
        let others = &hashes[position + 1..];
        let near = others
            .iter()
            .filter(|(_, other)| hash.distance(*other) <= distance);
        pairs.extend(near.map(|(b, _)| (*a, *b)));
    }
    pairs
}
