//! Pairs of images that may show one photo though their hashes are apart: they get a second look.

use std::collections::{BTreeMap, HashMap};

use super::items::Item;
use super::relations::Link;
use super::union_find::UnionFind;
use crate::hash_join::close_pairs;

/// Distance of coarse hashes up to which two pictures may be one photo, in bits of 64. Measured: one photo
/// with other colours, a frame or a strip less differs in 0 to 8 in one of the two hashes.
const COARSE: u32 = 8;
/// Distance of the hashes up to which two whole pictures may be one photo, in bits of 256: one photo
/// in other colours differs in 53 to 62, unrelated photos in 65 or more.
const PICTURES: u32 = 64;
/// The same for aligned faces, which are more alike: one photo's differ in 16 at most, those of different
/// people in 35 or more but for one pair in 300,000.
const FACES: u32 = 32;
/// Largest label in which each two images are asked about, which costs half a second on one thread.
/// Across labels, and in larger ones, only those are whose coarse hashes are near.
const LARGEST_LABEL: usize = 20_000;

/// The pairs, by their first. Of pictures that are known to be the same only the first is asked about.
pub(super) fn find(items: &[Item], links: &[Link]) -> Vec<(usize, Vec<usize>)> {
    let mut pictures = UnionFind::new(items.len());
    for link in links.iter().filter(|link| link.why.is_same_picture()) {
        pictures.join(link.a, link.b);
    }
    let first: Vec<usize> = (0..items.len())
        .filter(|at| pictures.find(*at) == *at)
        .collect();
    let mut pairs: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut ask = |a: usize, b: usize| {
        if may_be_one_photo(&items[a], &items[b]) {
            pairs.entry(a.min(b)).or_default().push(a.max(b));
        }
    };
    // In the order of their paths, the images of a label follow each other.
    for label in first.chunk_by(|a, b| items[*a].label == items[*b].label) {
        if label.len() <= LARGEST_LABEL {
            for (at, b) in label.iter().enumerate() {
                label[..at].iter().for_each(|a| ask(*a, *b));
            }
        }
    }
    let coarse = |at: &usize| items[*at].features.view.coarse;
    let across: Vec<[u64; 1]> = first.iter().map(|at| [coarse(at).across]).collect();
    let down: Vec<[u64; 1]> = first.iter().map(|at| [coarse(at).down]).collect();
    for hashes in [across, down] {
        // Equal hashes come first, each with the first of them; here all have to be asked about.
        let mut equal: HashMap<u32, Vec<u32>> = HashMap::new();
        close_pairs(&hashes, COARSE, |pair| {
            if pair.distance == 0 {
                equal.entry(pair.first).or_default().push(pair.second);
                return;
            }
            for a in all(&equal, pair.first) {
                all(&equal, pair.second).for_each(|b| ask(first[a], first[b]));
            }
        });
        for set in equal.keys() {
            let members: Vec<usize> = all(&equal, *set).collect();
            for (at, b) in members.iter().enumerate() {
                members[..at].iter().for_each(|a| ask(first[*a], first[*b]));
            }
        }
    }
    let sorted = |(a, mut others): (usize, Vec<usize>)| {
        others.sort_unstable();
        others.dedup();
        (a, others)
    };
    pairs.into_iter().map(sorted).collect()
}

/// The members of a set of equal hashes, by its first.
fn all(equal: &HashMap<u32, Vec<u32>>, first: u32) -> impl Iterator<Item = usize> {
    let others = equal.get(&first).into_iter().flatten();
    std::iter::once(first)
        .chain(others.copied())
        .map(|at| at as usize)
}

/// Whether two images get a second look, where their hashes alone don't make them one.
pub(super) fn gets_second_look(a: &Item, b: &Item) -> bool {
    let [a_hash, b_hash] = [a, b].map(|item| item.features.view.coarse);
    let nearest = (a_hash.across ^ b_hash.across)
        .count_ones()
        .min((a_hash.down ^ b_hash.down).count_ones());
    (a.label == b.label || nearest <= COARSE) && may_be_one_photo(a, b)
}

/// Whether the finer hashes of two images are near enough.
fn may_be_one_photo(a: &Item, b: &Item) -> bool {
    let largest = match (a.place(), b.place()) {
        (Some(_), Some(_)) => FACES,
        (None, None) => PICTURES,
        _ => return false,
    };
    a.features.view.fine.distance(b.features.view.fine) <= largest
}
