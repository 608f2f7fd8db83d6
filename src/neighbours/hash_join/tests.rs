//! The join against a comparison of all pairs.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::*;

fn random<const WORDS: usize>(count: usize, random: &mut ChaCha8Rng) -> Vec<[u64; WORDS]> {
    (0..count)
        .map(|_| std::array::from_fn(|_| random.random()))
        .collect()
}

/// Strings in groups of which the members differ in a few bits, some not at all.
fn clustered<const WORDS: usize>(count: usize, random: &mut ChaCha8Rng) -> Vec<[u64; WORDS]> {
    let centres: Vec<[u64; WORDS]> = super::tests::random(1 + count / 9, random);
    let bits = 64 * WORDS as u32;
    let member = |_| {
        let mut string = centres[random.random_range(0..centres.len())];
        for _ in 0..random.random_range(0..bits / 8) {
            let bit = random.random_range(0..bits);
            string[(bit / 64) as usize] ^= 1 << (bit % 64);
        }
        string
    };
    (0..count).map(member).collect()
}

/// The expected result, found by comparing all pairs.
fn expected<const WORDS: usize>(strings: &[[u64; WORDS]], radius: u32) -> Vec<ClosePair> {
    let mut pairs = Vec::new();
    let is_first: Vec<bool> = (0..strings.len())
        .map(|at| !strings[..at].contains(&strings[at]))
        .collect();
    for second in 0..strings.len() {
        for first in (0..second).filter(|first| is_first[*first]) {
            let distance = distance(&strings[first], &strings[second]);
            if distance <= radius && (is_first[second] || distance == 0) {
                pairs.push(ClosePair {
                    first: first as u32,
                    second: second as u32,
                    distance,
                });
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

fn found<const WORDS: usize>(strings: &[[u64; WORDS]], radius: u32) -> Vec<ClosePair> {
    let mut pairs = Vec::new();
    close_pairs(strings, radius, |pair| pairs.push(pair));
    pairs.sort_unstable();
    pairs
}

fn check<const WORDS: usize>(radiuses: &[u32]) {
    let mut generator = ChaCha8Rng::seed_from_u64(WORDS as u64);
    for count in [0, 1, 2, 3, 40, 1500] {
        let sets = [
            random::<WORDS>(count, &mut generator),
            clustered(count, &mut generator),
        ];
        for (strings, radius) in sets
            .iter()
            .flat_map(|set| radiuses.iter().map(move |r| (set, *r)))
        {
            assert!(
                found(strings, radius) == expected(strings, radius),
                "{count} strings of {WORDS} words, radius {radius}"
            );
        }
    }
}

#[test]
fn the_result_is_that_of_comparing_all_pairs() {
    check::<1>(&[0, 1, 2, 3, 6, 10, 17, 63, 64, 200]);
    check::<4>(&[0, 1, 6, 12, 20, 31, 256, 1000]);
}

#[test]
fn blocks_find_all_close_pairs_with_any_plan() {
    let mut generator = ChaCha8Rng::seed_from_u64(7);
    let strings = clustered::<1>(600, &mut generator);
    for tolerances in [vec![2, 1, 1], vec![1; 4], vec![0; 8], vec![1, 1, 1, 0, 0]] {
        let radius = tolerances.iter().map(|one| one + 1).sum::<u32>() - 1;
        let blocks = Block::deal(64, &tolerances);
        for (at, a) in strings.iter().enumerate() {
            for b in &strings[..at] {
                let is_found = blocks.iter().any(|block| block.finds(a, b));
                assert!(is_found || distance(a, b) > radius);
            }
        }
    }
}

#[test]
fn a_hundred_thousand_equal_strings_are_a_hundred_thousand_pairs() {
    let pairs = found(&vec![[7_u64, 8, 9, 10]; 100_000], 20);
    assert_eq!(pairs.len(), 99_999);
    assert!(
        pairs
            .iter()
            .all(|pair| pair.first == 0 && pair.distance == 0)
    );
}
