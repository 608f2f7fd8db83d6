//! All pairs of bit strings that differ in few bits, without comparing all pairs.
//!
//! The bits of a string are distributed over blocks, and each block gets a number of bits that may
//! differ in it. These are chosen so small that two strings within the radius must stay within the
//! number of at least one block: were they over it everywhere, the differing bits would add up to
//! more than the radius. So for each block the strings are sorted by it, the strings of equal and
//! of almost equal blocks are looked up, and only these are compared. The result is exact for any
//! strings.
//!
//! Source of the idea: M. Norouzi, A. Punjani, D. Fleet, "Fast search in Hamming space with multi-index
//! hashing", CVPR 2012; here as a join of a set with itself, which needs each look-up from one side only.

mod block;
mod plan;
#[cfg(test)]
mod tests;

use block::{Block, Sorted};
use plan::Plan;

/// Two strings that differ in few bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClosePair {
    /// The index of one.
    pub first: u32,
    /// The index of the other, which is larger.
    pub second: u32,
    /// The number of bits that differ.
    pub distance: u32,
}

/// The number of bits that differ between two strings.
#[must_use]
pub fn distance<const WORDS: usize>(a: &[u64; WORDS], b: &[u64; WORDS]) -> u32 {
    let pairs = a.iter().zip(b);
    pairs.map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// Gives all pairs of different strings that differ in at most `radius` bits, once each, and joins
/// equal strings into sets.
///
/// Of equal strings only the first is compared with others; each further one gives one pair, with
/// the first and of distance 0. So a hundred thousand equal strings are a hundred thousand pairs,
/// and the sets of connected strings are complete. These pairs come before all others; the order of
/// the pairs is always the same.
///
/// Time grows about linearly with the number of strings as long as that of the close pairs does;
/// memory is about 24 bytes and two strings for each string, and up to 80 MiB beside that.
///
/// # Shapes
/// A string has `64 * WORDS` bits. There are at most `u32::MAX` strings.
pub fn close_pairs<const WORDS: usize>(
    strings: &[[u64; WORDS]],
    radius: u32,
    mut take: impl FnMut(ClosePair),
) {
    let distinct = distinct(strings, &mut take);
    if distinct.len() < 2 || radius == 0 {
        return;
    }
    let mut take_distinct = |a: u32, b: u32, distance: u32| {
        let (a, b) = (distinct[a as usize], distinct[b as usize]);
        take(ClosePair {
            first: a.min(b),
            second: a.max(b),
            distance,
        });
    };
    let of = |index: u32| &strings[distinct[index as usize] as usize];
    match Plan::cheapest(64 * WORDS as u32, radius, distinct.len()) {
        Plan::AllPairs => {
            for b in 0..distinct.len() as u32 {
                for a in 0..b {
                    let distance = distance(of(a), of(b));
                    if distance <= radius {
                        take_distinct(a, b, distance);
                    }
                }
            }
        }
        Plan::Blocks(tolerances) => {
            let blocks = Block::deal(64 * WORDS as u32, &tolerances);
            let mut sorted = Sorted::default();
            for (at, block) in blocks.iter().enumerate() {
                sorted.sort(block, distinct.len(), of);
                sorted.for_each_neighbours(block.tolerance, |a, a_string, b, b_string| {
                    let distance = distance(a_string, b_string);
                    let is_first = || {
                        let mut before = blocks[..at].iter();
                        before.all(|block| !block.finds(a_string, b_string))
                    };
                    if distance <= radius && is_first() {
                        take_distinct(a, b, distance);
                    }
                });
            }
        }
    }
}

/// The indices of the first of equal strings, ascending; also gives each further one with its
/// first.
fn distinct<const WORDS: usize>(
    strings: &[[u64; WORDS]],
    take: &mut impl FnMut(ClosePair),
) -> Vec<u32> {
    let mut order: Vec<u32> = (0..strings.len() as u32).collect();
    order.sort_unstable_by_key(|index| (strings[*index as usize], *index));
    let mut first = Vec::new();
    for equal in order.chunk_by(|a, b| strings[*a as usize] == strings[*b as usize]) {
        first.push(equal[0]);
        for other in &equal[1..] {
            take(ClosePair {
                first: equal[0],
                second: *other,
                distance: 0,
            });
        }
    }
    first.sort_unstable();
    first
}
