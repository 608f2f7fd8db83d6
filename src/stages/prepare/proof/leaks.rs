//! Sets of images that belong together and are on more than one side.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{LeakedSet, Placed};
use crate::explain::Step;
use crate::relations::Why;
use crate::union_find::UnionFind;

/// Two images that belong together, by their numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) why: Why,
}

/// The sets that leak, in the order of their first images.
pub(super) fn find(placed: &[Placed<'_>], joined: &[Joined]) -> Vec<LeakedSet> {
    let mut sets = UnionFind::new(placed.len());
    let mut first_of_group: HashMap<&str, usize> = HashMap::new();
    for (index, image) in placed.iter().enumerate() {
        sets.join(*first_of_group.entry(&image.group).or_insert(index), index);
    }
    for one in joined {
        sets.join(one.a, one.b);
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..placed.len() {
        members.entry(sets.find(index)).or_default().push(index);
    }
    let side = |index: &usize| placed[*index].side;
    members.retain(|_, set| set.iter().any(|index| side(index) != side(&set[0])));
    let mut links: HashMap<usize, Vec<Step>> = HashMap::new();
    let mut listed: HashSet<[usize; 2]> = HashSet::new();
    for Joined { a, b, why } in joined {
        if side(a) != side(b) && listed.insert([*a.min(b), *a.max(b)]) {
            let step = Step {
                from: placed[*a].file.clone(),
                to: placed[*b].file.clone(),
                why: *why,
                from_name: placed[*a].item.name.to_string(),
                to_name: placed[*b].item.name.to_string(),
            };
            links.entry(sets.find(*a)).or_default().push(step);
        }
    }
    let leak = |(set, members): (usize, Vec<usize>)| {
        let images = members.iter().map(|index| placed[*index].image());
        LeakedSet {
            images: images.collect(),
            links: links.remove(&set).unwrap_or_default(),
        }
    };
    members.into_iter().map(leak).collect()
}
