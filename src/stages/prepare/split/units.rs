//! Units: images that go to one side together.

use std::collections::{BTreeMap, HashMap};

use super::super::Grouped;
use super::super::union_find::UnionFind;
use super::fill::{Targets, Unit};
use super::{Origin, Source, SplitBy};
use facepipe_core::artifacts::digest::sha256_hex;
use facepipe_core::types::Split;
use facepipe_core::words::{counted, counted_as};

/// Units of images, with their labels by number.
pub(super) struct Units<'items> {
    pub(super) units: Vec<Unit>,
    /// The unit of each image.
    pub(super) unit_of: Vec<usize>,
    pub(super) labels: Vec<&'items str>,
    /// How many images each label has.
    pub(super) images: Vec<usize>,
    /// How many units each label has.
    groups: Vec<usize>,
}

impl<'items> Units<'items> {
    pub(super) fn of(placed: &[(Grouped<'items>, Origin)], source: Source<'_>) -> Self {
        let numbers: BTreeMap<&'items str, usize> = placed
            .iter()
            .map(|(image, _)| (image.item.label.as_str(), 0))
            .collect();
        let labels: Vec<&'items str> = numbers.into_keys().collect();
        let number = |label: &str| labels.binary_search(&label).unwrap_or_default();
        let known = sides_of_sets(source);
        let mut units: Vec<Unit> = Vec::new();
        let mut unit_of_root: HashMap<usize, usize> = HashMap::new();
        let mut unit_of = Vec::with_capacity(placed.len());
        for (root, (image, origin)) in joined(placed).into_iter().zip(placed) {
            let unit = *unit_of_root.entry(root).or_insert_with(|| {
                let name = origin.name.as_ref().unwrap_or(&image.group);
                units.push(Unit {
                    order: sha256_hex(format!("{} {name}", source.settings.seed).as_bytes()),
                    ..Unit::default()
                });
                units.len() - 1
            });
            unit_of.push(unit);
            let unit = &mut units[unit];
            let label = number(&image.item.label);
            match unit.labels.iter_mut().find(|(known, _)| *known == label) {
                Some((_, count)) => *count += 1,
                None => unit.labels.push((label, 1)),
            }
            let side = known.get(&image.set).map(|side| *side as usize);
            // Of two sides the one that is nearer to training.
            unit.fixed = unit.fixed.into_iter().chain(side).min();
            unit.made = unit.made.max(origin.made.map(|made| made.seconds));
        }
        let (mut images, mut groups) = (vec![0; labels.len()], vec![0; labels.len()]);
        for (label, count) in units.iter().flat_map(|unit| &unit.labels) {
            images[*label] += count;
            groups[*label] += 1;
        }
        Self {
            units,
            unit_of,
            labels,
            images,
            groups,
        }
    }

    /// Labels whose number of images has a property.
    pub(super) fn labels_with(&self, has: impl Fn(usize) -> bool) -> Vec<String> {
        let labels = self.labels.iter().zip(&self.images);
        let labels = labels.filter(|(_, images)| has(**images));
        labels.map(|(label, _)| (*label).to_owned()).collect()
    }

    /// Says that a label has too little for its sides.
    pub(super) fn shortage(&self, label: usize, targets: &Targets) -> String {
        let sides = Split::ALL.iter().zip(&targets.images[label]);
        let sides: Vec<String> = sides
            .filter(|(_, target)| **target > 0.0)
            .map(|(side, _)| side.to_string())
            .collect();
        let parts = match (targets.minimum, self.groups[label]) {
            (_, groups) if groups == self.images[label] => String::new(),
            (_, groups) => format!(
                " in {} together",
                counted_as(groups, "group that stays", "groups that stay")
            ),
        };
        format!(
            "its label has {}{parts}: too few for {} on each of {}",
            counted(self.images[label], "image"),
            targets.minimum,
            sides.join(", ")
        )
    }
}

/// For each image the first one that stays together with it: its group and, where the origin counts, its source.
fn joined(placed: &[(Grouped<'_>, Origin)]) -> Vec<usize> {
    let mut sets = UnionFind::new(placed.len());
    let mut first_of_set: HashMap<usize, usize> = HashMap::new();
    let mut first_of_source: HashMap<&str, usize> = HashMap::new();
    for (index, (image, origin)) in placed.iter().enumerate() {
        sets.join(*first_of_set.entry(image.set).or_insert(index), index);
        if let Some(name) = &origin.name {
            sets.join(*first_of_source.entry(name).or_insert(index), index);
        }
    }
    (0..placed.len()).map(|index| sets.find(index)).collect()
}

/// The sides of sets of images before. Of two sides the one nearer to training: what a network has learnt
/// from, or was chosen by, can't test it.
fn sides_of_sets(source: Source<'_>) -> HashMap<usize, Split> {
    let mut sides: HashMap<usize, Split> = HashMap::new();
    if source.earlier.is_empty() {
        return sides;
    }
    for (item, set) in source.items.iter().zip(source.sets) {
        if let Some(known) = source.earlier.of(item) {
            let side = sides.entry(*set).or_insert(known.split);
            *side = known.split.min(*side);
        }
    }
    sides
}

/// How many sources there are.
pub(super) fn count_sources<'a>(
    origins: impl Iterator<Item = &'a Origin>,
    by: SplitBy,
) -> Option<u64> {
    let names: std::collections::BTreeSet<&String> =
        origins.filter_map(|origin| origin.name.as_ref()).collect();
    (by == SplitBy::Source).then_some(names.len() as u64)
}
