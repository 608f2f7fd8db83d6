//! The nearest pairs of bit strings.

use super::few::Few;
use super::{NearPair, scan};
use facepipe_core::context::{Context, Interrupted};

/// Strings in a tile that stays in the L1 cache while it is compared.
const TILE: usize = 512;

/// The `most` nearest pairs between two lists of bit strings, nearest first; the distance is the number
/// of bits that differ. Of equally near ones those with the lowest indices count.
///
/// # Errors
/// [`Interrupted`].
pub fn nearest_hashes<const WORDS: usize>(
    left: &[[u64; WORDS]],
    right: &[[u64; WORDS]],
    most: usize,
    context: &Context,
) -> Result<Vec<NearPair>, Interrupted> {
    let [nearest] = scan::<1>(left.len(), most, context, |rows, [found]| {
        for (tile, strings) in right.chunks(TILE).enumerate() {
            for row in rows.clone() {
                compare(&left[row], strings, row, tile * TILE, found);
            }
        }
    })?;
    let pair = |(key, left, right)| NearPair {
        left: left as usize,
        right: right as usize,
        distance: f64::from(key),
    };
    Ok(nearest.into_iter().map(pair).collect())
}

/// Compares one string with those of a tile.
fn compare<const WORDS: usize>(
    string: &[u64; WORDS],
    tile: &[[u64; WORDS]],
    row: usize,
    first: usize,
    found: &mut Few,
) {
    let mut distances = [u32::MAX; TILE];
    // Without a branch, so that several are compared at once.
    for (distance, other) in distances.iter_mut().zip(tile) {
        let words = string.iter().zip(other);
        *distance = words.map(|(a, b)| (a ^ b).count_ones()).sum();
    }
    let bound = found.bound();
    let smallest = distances.iter().fold(u32::MAX, |a, b| a.min(*b));
    if smallest > bound {
        return;
    }
    for (at, distance) in distances.iter().enumerate().take(tile.len()) {
        if *distance <= bound {
            found.offer((*distance, row as u32, (first + at) as u32));
        }
    }
}
