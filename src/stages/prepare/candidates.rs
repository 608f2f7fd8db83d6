//! Pairs of images that may show one photo though their hashes are apart: their details are compared.

use std::collections::{BTreeMap, HashMap};

use super::items::Item;
use super::relations::{self, Link, Why};
use facepipe_neighbours::hash_join::close_pairs;

/// Distance of coarse hashes up to which two pictures may be one photo, in bits of 64. Measured: one photo
/// with other colours, a frame or a strip less differs in 0 to 8 in one of the two hashes.
const COARSE: u32 = 8;
/// Distance of the hashes up to which two whole pictures may be one photo, in bits of 256: one photo
/// in other colours differs in 53 to 62, unrelated photos in 65 or more.
const PICTURES: u32 = 64;
/// The same for aligned faces, which are more alike: one photo's differ in 16 at most, those of different
/// people in 35 or more but for one pair in 300,000.
const FACES: u32 = 32;
/// Largest label in which all pairs of images are searched, which costs half a second on one thread.
/// Across labels, and in larger ones, only those are whose coarse hashes are near.
const LARGEST_LABEL: usize = 20_000;

/// Most images that one image is compared with, the nearest: a label of thousands of pictures of one series would
/// need millions of comparisons. Pictures of one photo are the nearest to each other. Those of other labels whose
/// hashes are near are compared all: only their details decide whether they may be on two sides.
const MOST_OTHERS: usize = 32;

/// An image to compare another with, and whether their hashes are known to be near.
pub(super) type Other = (usize, Option<Why>);

/// Pairs to compare.
pub(super) struct Candidates {
    /// By the first of each pair the others.
    pub(super) pairs: Vec<(usize, Vec<Other>)>,
    /// Pairs of near hashes of one label that are too many to compare.
    pub(super) left_out: Vec<Link>,
}

/// The pairs: `near` are those whose hashes are near. Of pictures that are known to be the same only the first
/// is searched.
pub(super) fn find(items: &[Item], links: &[Link], near: &[Link]) -> Candidates {
    let mut pictures = relations::pictures(items.len(), links);
    let mut known: HashMap<(usize, usize), Why> = HashMap::new();
    for link in near {
        let (a, b) = (pictures.find(link.a), pictures.find(link.b));
        if a != b {
            let why = known.entry((a.min(b), a.max(b))).or_insert(link.why);
            if link.why.bits() < why.bits() {
                *why = link.why;
            }
        }
    }
    let first: Vec<usize> = (0..items.len())
        .filter(|at| pictures.find(*at) == *at)
        .collect();
    let mut pairs: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut ask = |a: usize, b: usize| {
        if may_be_one_photo(&items[a], &items[b]) {
            let (a, b) = (a.min(b), a.max(b));
            let others = pairs.entry(a).or_default();
            others.push(b);
            if others.len() > 8 * MOST_OTHERS {
                keep_nearest(items, a, others);
            }
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
        // Equal hashes come first, each with the first of them; here all have to be searched.
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
    for (a, b) in known.keys() {
        pairs.entry(*a).or_default().push(*b);
    }
    let mut candidates = Candidates {
        pairs: Vec::with_capacity(pairs.len()),
        left_out: Vec::new(),
    };
    for (a, others) in pairs {
        let (mut others, across): (Vec<usize>, Vec<usize>) = (others.into_iter())
            .partition(|b| items[a].label == items[*b].label || !known.contains_key(&(a, *b)));
        keep_nearest(items, a, &mut others);
        let others = others.into_iter().chain(across);
        let others = others.map(|b| (b, known.remove(&(a, b))));
        candidates.pairs.push((a, others.collect()));
    }
    let left_out = known.into_iter();
    candidates.left_out = left_out.map(|((a, b), why)| Link { a, b, why }).collect();
    candidates.left_out.sort_by_key(|link| (link.a, link.b));
    candidates
}

/// Keeps the nearest of those that an image is to be compared with.
fn keep_nearest(items: &[Item], a: usize, others: &mut Vec<usize>) {
    let hash = |at: usize| items[at].features.view.fine;
    others.sort_unstable();
    others.dedup();
    others.sort_by_key(|b| hash(a).distance(hash(*b)));
    others.truncate(MOST_OTHERS);
}

/// The members of a set of equal hashes, by its first.
fn all(equal: &HashMap<u32, Vec<u32>>, first: u32) -> impl Iterator<Item = usize> {
    let others = equal.get(&first).into_iter().flatten();
    std::iter::once(first)
        .chain(others.copied())
        .map(|at| at as usize)
}

/// Whether the details of two images are compared, where their hashes don't make them one already.
pub(super) fn needs_detail_comparison(a: &Item, b: &Item) -> bool {
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
