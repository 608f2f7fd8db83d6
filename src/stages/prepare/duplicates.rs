//! Which images stay: one of each picture, and none that is under two labels.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::items::Item;
use super::relations::{self, CERTAIN, Link, Why};
use super::settings::Conflicts;
use super::union_find::UnionFind;
use super::{Grouped, Settings};
use facepipe_core::artifacts::digest::group_name;
use facepipe_core::artifacts::given_split::GivenSides;
use facepipe_core::types::{Discarded, Distance, Reason, Split};
use facepipe_imaging::perceptual_hash::PerceptualHash;

/// The kind of distance between images that are linked only through others.
const CHAIN: &str = "chain";

/// The images that are kept, and those that are left out.
pub(super) struct SortedOut<'items> {
    /// In the order of the input.
    pub(super) kept: Vec<Grouped<'items>>,
    pub(super) discarded: Vec<Discarded>,
    /// The group of each image, by its smallest index.
    pub(super) sets: Vec<usize>,
}

/// Which images belong together, by the smallest index of each set.
pub(super) struct Sets {
    /// Sets of images that show the same picture.
    pub(super) pictures: Vec<usize>,
    /// Sets of images that show the same picture or come from one photo.
    pub(super) groups: Vec<usize>,
}

impl Sets {
    pub(super) fn of(items: &[Item], links: &[Link]) -> Self {
        let count = items.len();
        let smallest = |mut sets: UnionFind| (0..count).map(|index| sets.find(index)).collect();
        Self {
            pictures: smallest(relations::pictures(count, links)),
            groups: smallest(relations::joined(count, links, |_| true)),
        }
    }

    /// The members of each group.
    pub(super) fn members(&self) -> HashMap<usize, Vec<usize>> {
        let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, group) in self.groups.iter().enumerate() {
            members.entry(*group).or_default().push(index);
        }
        members
    }
}

/// Leaves out images under two labels and, of each set of duplicates, all but the best; puts
/// images from one photo into one group. Where the images have sides already, each side keeps its own.
pub(super) fn sort_out<'items>(
    items: &'items [Item],
    links: &[Link],
    given: Option<&GivenSides>,
    settings: &Settings,
) -> SortedOut<'items> {
    let side = |index: usize| given.and_then(|given| given.of(&items[index].relative));
    let sets = Sets::of(items, links);
    let conflicts = conflicts(items, &sets, settings.conflicts);
    let mut discarded: Vec<_> = conflicts
        .iter()
        .map(|(index, found)| conflict(items, *index, found, settings.conflicts))
        .collect();
    let mut whys: HashMap<(usize, usize), Why> = HashMap::new();
    for link in links.iter().filter(|link| link.why.is_same_picture()) {
        whys.entry((link.a, link.b)).or_insert(link.why);
    }
    let best = best_of_each(items, &conflicts, &sets, &side);
    let mut first_of_group: HashMap<usize, &Item> = HashMap::new();
    let mut files: HashSet<(&str, &str, Option<Split>)> = HashSet::new();
    let mut kept = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if conflicts.contains_key(&index) {
            continue;
        }
        let side = side(index);
        let keeper = best[&(sets.pictures[index], item.label.as_str(), side)];
        // Files are named by their content: of equal ones there can be one only.
        let is_other_file = || item.features.md5 != items[keeper].features.md5;
        let md5 = item.features.md5.as_str();
        let mut is_new = || files.insert((item.label.as_str(), md5, side));
        if keeper == index || settings.keep_duplicates && is_other_file() && is_new() {
            let first = first_of_group.entry(sets.groups[index]).or_insert(item);
            kept.push(Grouped {
                item,
                group: group_name(&first.features.md5),
                set: sets.groups[index],
            });
        } else {
            let why = whys.get(&(index.min(keeper), index.max(keeper)));
            discarded.push(duplicate(item, &items[keeper], why.copied()));
        }
    }
    SortedOut {
        kept,
        discarded,
        sets: sets.groups,
    }
}

/// The contradiction for which an image is left out.
#[derive(Debug, Default)]
struct Conflict {
    others: Vec<usize>,
    labels: BTreeSet<String>,
}

/// Images that are left out because their group is under two labels or more, each with the image that it
/// contradicts.
fn conflicts(items: &[Item], sets: &Sets, policy: Conflicts) -> BTreeMap<usize, Conflict> {
    let mut conflicts = BTreeMap::new();
    if policy == Conflicts::Keep {
        return conflicts;
    }
    for members in sets.members().into_values() {
        let first = &items[members[0]].label;
        let label = |index: &usize| &items[*index].label;
        // An image that was found for several labels is under the first of them.
        let also = |index: &usize| items[*index].also_labels.iter();
        let labels: BTreeSet<&String> = match policy {
            Conflicts::KeepFirst => [first].into(),
            Conflicts::Drop | Conflicts::Keep => members
                .iter()
                .flat_map(|index| also(index).chain([label(index)]))
                .collect(),
        };
        for index in members.iter() {
            let others = labels.iter().copied().filter(|one| *one != label(index));
            let conflict = Conflict {
                labels: others.cloned().collect(),
                others: members
                    .iter()
                    .filter(|other| label(other) != label(index) && labels.contains(label(other)))
                    .copied()
                    .collect(),
            };
            if !conflict.labels.is_empty() {
                conflicts.insert(*index, conflict);
            }
        }
    }
    conflicts
}

fn conflict(items: &[Item], index: usize, found: &Conflict, policy: Conflicts) -> Discarded {
    let other_file = |other: &usize| items[*other].relative.clone();
    let related = found.others.iter().map(other_file).collect();
    let labels = found.labels.iter().map(|label| format!("`{label}`"));
    let labels: Vec<String> = labels.collect();
    let kept = if policy == Conflicts::KeepFirst {
        ", where it is kept"
    } else {
        ""
    };
    let message = format!(
        "the same picture or photo is also under {}{kept}",
        labels.join(", ")
    );
    items[index].discarded(Reason::LabelConflict, message, related)
}

fn duplicate(item: &Item, keeper: &Item, why: Option<Why>) -> Discarded {
    let related = vec![keeper.relative.clone()];
    let name = &keeper.name;
    let exact = |what: &str| Discarded {
        distance: Some(distance(Why::SamePixels, 0)),
        ..item.discarded(
            Reason::ExactDuplicate,
            format!("the same {what} as `{name}`"),
            related.clone(),
        )
    };
    if item.features.md5 == keeper.features.md5 {
        return exact("file");
    }
    if item.features.pixel_digest == keeper.features.pixel_digest {
        return exact("pixels");
    }
    let picture = item.features.phash.distance(keeper.features.phash);
    let view = item.features.view.fine.distance(keeper.features.view.fine);
    let (nearest, all) = (picture.min(view), PerceptualHash::BITS);
    // Of equal hashes only the first is linked to all others.
    let certain = Why::PictureHash { bits: picture };
    let why = why.or((picture <= CERTAIN).then_some(certain));
    let message = match why {
        Some(Why::PictureHash { bits }) => {
            format!("almost the same as `{name}`: {bits} of {all} bits differ")
        }
        Some(Why::ViewHash { bits }) => {
            let what = view_name(item);
            format!("almost the same as `{name}`: {bits} of {all} bits {what} differ")
        }
        Some(Why::TurnedHash { bits }) => {
            format!("almost the same as `{name}`, turned or mirrored: {bits} of {all} bits differ")
        }
        Some(Why::Details { agreement }) => format!(
            "the same photo as `{name}`: its details agree everywhere ({agreement:.2} at least), \
             though {nearest} of {all} bits differ"
        ),
        Some(Why::Face {
            embedding,
            agreement,
        }) => format!(
            "the same photo of a face as in `{name}`: {embedding:.2} apart, and the details of the \
             aligned faces agree everywhere ({agreement:.2} at least)"
        ),
        _ => format!(
            "joined to `{name}` by other duplicates between them; of its own {nearest} of {all} bits \
             differ"
        ),
    };
    let chain = Distance {
        kind: CHAIN.to_owned(),
        bits: Some(nearest),
        ..Distance::default()
    };
    Discarded {
        distance: Some(why.map_or(chain, |why| distance(why, nearest))),
        ..item.discarded(Reason::NearDuplicate, message, related)
    }
}

/// The distance of two linked images whose hashes differ in `bits` bits.
fn distance(why: Why, bits: u32) -> Distance {
    let (agreement, embedding) = match why {
        Why::Details { agreement } => (Some(agreement), None),
        Why::Face {
            embedding,
            agreement,
        } => (Some(agreement), Some(embedding)),
        _ => (None, None),
    };
    Distance {
        kind: why.name().to_owned(),
        bits: Some(why.bits().unwrap_or(bits)),
        agreement,
        embedding,
    }
}

/// The kind of a view, in a message.
fn view_name(item: &Item) -> &'static str {
    if item.place().is_some() {
        "of the aligned face"
    } else {
        "inside the frame"
    }
}

/// A set of pictures, by its smallest index, with a label and, where images have sides already, a side.
type PictureOfLabel<'items> = (usize, &'items str, Option<Split>);

/// The member of each set of pictures of a label that is kept: the best face, of equally good ones the one
/// with most pixels, of equal ones the first.
fn best_of_each<'items>(
    items: &'items [Item],
    conflicts: &BTreeMap<usize, Conflict>,
    sets: &Sets,
    side: &dyn Fn(usize) -> Option<Split>,
) -> HashMap<PictureOfLabel<'items>, usize> {
    let quality = |index: usize| items[index].photo.as_ref()?.quality;
    let mut best: HashMap<PictureOfLabel<'items>, usize> = HashMap::new();
    for index in (0..items.len()).filter(|index| !conflicts.contains_key(index)) {
        let set = (
            sets.pictures[index],
            items[index].label.as_str(),
            side(index),
        );
        let keeper = best.entry(set).or_insert(index);
        let (own, other) = (
            quality(index).unwrap_or_default(),
            quality(*keeper).unwrap_or_default(),
        );
        let pixels = |index: usize| items[index].features.size.area();
        let is_better = own
            .total_cmp(&other)
            .then_with(|| pixels(index).cmp(&pixels(*keeper)));
        if is_better.is_gt() {
            *keeper = index;
        }
    }
    best
}
