//! Pictures and photos on two sides of a folder that was split by others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::Grouped;
use super::super::items::Item;
use super::super::relations::{Link, Why};
use facepipe_core::artifacts::given_split::GivenSides;
use facepipe_core::types::{Discarded, Reason, Split};

/// Two images of two sides that are one picture, or parts of one photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// The one that is farther from training: of test, or of val.
    pub kept: String,
    /// Its side.
    pub side: Split,
    /// The other.
    pub leaked: String,
    /// The other's side.
    pub leaked_side: Split,
    /// The evidence.
    pub why: Why,
}

/// All pairs of a folder.
pub(super) fn find(items: &[Item], links: &[Link], given: &GivenSides) -> Vec<Leak> {
    let side = |index: usize| given.of(&items[index].relative);
    let mut leaks: BTreeMap<(&str, &str), Leak> = BTreeMap::new();
    for link in links {
        let (Some(a), Some(b)) = (side(link.a), side(link.b)) else {
            continue;
        };
        if a == b {
            continue;
        }
        // Test before val before train.
        let (kept, leaked) = if a > b {
            (link.a, link.b)
        } else {
            (link.b, link.a)
        };
        let (kept_name, leaked_name) = (&items[kept].relative, &items[leaked].relative);
        leaks
            .entry((kept_name, leaked_name))
            .or_insert_with(|| Leak {
                kept: kept_name.clone(),
                side: a.max(b),
                leaked: leaked_name.clone(),
                leaked_side: a.min(b),
                why: link.why,
            });
    }
    leaks.into_values().collect()
}

/// Images without those whose group is on a side farther from training as well.
///
/// A published test set stays the same, so that figures can be compared; the network just does not learn
/// from what it is tested on.
pub(super) fn without<'items>(
    images: Vec<Grouped<'items>>,
    given: &GivenSides,
) -> (Vec<Grouped<'items>>, Vec<Discarded>) {
    let side = |image: &Grouped<'_>| given.of(&image.item.relative).unwrap_or(Split::Train);
    let mut last: BTreeMap<usize, (Split, Vec<&Item>)> = BTreeMap::new();
    for image in &images {
        let here = side(image);
        let group = last.entry(image.set).or_insert((here, Vec::new()));
        if here > group.0 {
            *group = (here, Vec::new());
        }
        if here == group.0 {
            group.1.push(image.item);
        }
    }
    let (mut kept, mut discarded) = (Vec::new(), Vec::new());
    for image in images {
        let (last_side, others) = &last[&image.set];
        if side(&image) == *last_side {
            kept.push(image);
            continue;
        }
        let message = format!(
            "the same picture or photo is on {last_side}, which must not be learnt from: `{}`",
            others[0].name
        );
        let related = others.iter().map(|other| other.relative.clone()).collect();
        discarded.push(image.item.discarded(Reason::SplitLeak, message, related));
    }
    (kept, discarded)
}
