//! Times the search for close hashes, and compares its result with that of comparing all pairs.
//!
//! ```sh
//! cargo run --release --example hash_join
//! ```
//!
//! The hashes are clustered as those of pictures are: each is around one of 200 archetypes whose bits
//! hang together, and a tenth of the pictures have up to 30 near copies. On one thread. Peak memory is
//! that of the whole program, hashes included (Linux).

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::time::Instant;

use facepipe_neighbours::hash_join::{close_pairs, distance};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// How many hashes are compared all with all.
const SAMPLE: usize = 50_000;

fn main() {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    compare::<1>(6, &mut random);
    compare::<4>(20, &mut random);
    println!(
        "{:>5} {:>7} {:>9} {:>9} {:>8} {:>9}",
        "bits", "radius", "hashes", "pairs", "seconds", "peak MiB"
    );
    for count in [10_000, 30_000, 100_000, 300_000, 1_000_000] {
        time::<1>(6, count, &mut random);
    }
    for count in [10_000, 30_000, 100_000, 300_000, 1_000_000] {
        time::<4>(20, count, &mut random);
    }
}

fn compare<const WORDS: usize>(radius: u32, random: &mut ChaCha8Rng) {
    let hashes = clustered::<WORDS>(SAMPLE, random);
    let mut found = Vec::new();
    close_pairs(&hashes, radius, |pair| {
        found.push((pair.first, pair.second))
    });
    let mut expected = Vec::new();
    let mut is_first = vec![true; hashes.len()];
    for second in 0..hashes.len() {
        for first in (0..second)
            .filter(|first| is_first[*first])
            .collect::<Vec<_>>()
        {
            match distance(&hashes[first], &hashes[second]) {
                0 => {
                    expected.retain(|(_, other)| *other != second as u32);
                    expected.push((first as u32, second as u32));
                    is_first[second] = false;
                    break;
                }
                distance if distance <= radius => expected.push((first as u32, second as u32)),
                _ => {}
            }
        }
    }
    found.sort_unstable();
    expected.sort_unstable();
    assert!(found == expected, "the results differ");
    let bits = 64 * WORDS;
    println!(
        "{bits} bits: the same {} pairs as by comparing all of {SAMPLE} hashes",
        found.len()
    );
}

fn time<const WORDS: usize>(radius: u32, count: usize, random: &mut ChaCha8Rng) {
    let hashes = clustered::<WORDS>(count, random);
    let mut pairs = 0_u64;
    let begun = Instant::now();
    close_pairs(&hashes, radius, |_| pairs += 1);
    let seconds = begun.elapsed().as_secs_f64();
    let bits = 64 * WORDS;
    println!(
        "{bits:5} {radius:7} {count:9} {pairs:9} {seconds:8.2} {:>9}",
        peak_memory()
    );
}

/// In MiB, as Linux says.
fn peak_memory() -> String {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kibibytes.map_or_else(
        || "?".to_owned(),
        |kibibytes| (kibibytes / 1024).to_string(),
    )
}

fn clustered<const WORDS: usize>(count: usize, random: &mut ChaCha8Rng) -> Vec<[u64; WORDS]> {
    let bits = 64 * WORDS as u32;
    let flip = |hash: &mut [u64; WORDS], times: u32, random: &mut ChaCha8Rng| {
        for _ in 0..times {
            let bit = random.random_range(0..bits);
            hash[(bit / 64) as usize] ^= 1 << (bit % 64);
        }
    };
    let archetypes: Vec<[u64; WORDS]> = (0..200)
        .map(|_| {
            std::array::from_fn(|_| {
                let word: u64 = random.random();
                word & random.random::<u64>() | word << 1
            })
        })
        .collect();
    let mut hashes = Vec::with_capacity(count + 30);
    while hashes.len() < count {
        let mut centre = archetypes[random.random_range(0..archetypes.len())];
        flip(&mut centre, 20 * WORDS as u32, random);
        let members = if random.random_range(0..10) == 0 {
            random.random_range(1..=30)
        } else {
            1
        };
        for _ in 0..members {
            let mut hash = centre;
            let times = random.random_range(0..5);
            flip(&mut hash, times, random);
            hashes.push(hash);
        }
    }
    hashes.truncate(count);
    hashes
}
