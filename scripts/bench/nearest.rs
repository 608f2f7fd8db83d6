//! Times the search for the nearest pairs between the sides of a data set: all pairs of train, val and test
//! in shares of 70, 15 and 15 %.
//!
//! ```sh
//! cargo run --release --example nearest            # 10,000, 30,000 and 100,000 images
//! cargo run --release --example nearest -- 50000
//! ```
//!
//! Hashes are random but for their first bits, embeddings are around 1,000 people. A set of 1,000,000 is
//! 100 times the work of 100,000.

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use facepipe_core::context::{Context, Interrupt};
use facepipe_core::ports::SilentProgress;
use facepipe_core::types::Embedding;
use facepipe_neighbours::nearest::{Faces, nearest_faces, nearest_hashes};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Pairs that are searched.
const MOST: usize = 12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "{:>7} {:>7} {:>14} {:>14}",
        "images", "threads", "hashes (s)", "embeddings (s)"
    );
    let asked: Vec<usize> = (std::env::args().skip(1))
        .map(|count| count.parse())
        .collect::<Result<_, _>>()?;
    let counts = if asked.is_empty() {
        vec![10_000, 30_000, 100_000]
    } else {
        asked
    };
    for count in counts {
        for threads in [1, 2] {
            let context = Context {
                progress: Arc::new(SilentProgress),
                interrupt: Interrupt::default(),
                threads: NonZeroUsize::new(threads).ok_or("no threads")?,
                seed: 0,
                remake: facepipe_core::context::Remake::default(),
            };
            let mut random = ChaCha8Rng::seed_from_u64(0);
            let sizes = [count * 70 / 100, count * 15 / 100, count * 15 / 100];
            let hashes = sizes.map(|size| hashes(size, &mut random));
            let people: Vec<[f32; 128]> = (0..1000).map(|_| point(0.11, &mut random)).collect();
            let faces = sizes.map(|size| faces(size, &people, &mut random));
            let sides = [(0, 1), (0, 2), (1, 2)];
            let started = Instant::now();
            for (a, b) in sides {
                let found = nearest_hashes(&hashes[a], &hashes[b], MOST, &context)?;
                assert_eq!(found.len(), MOST);
            }
            let of_hashes = started.elapsed().as_secs_f64();
            let started = Instant::now();
            for (a, b) in sides {
                let found = nearest_faces(&faces[a], &faces[b], MOST, &context)?;
                assert_eq!(found[1].len(), MOST);
            }
            let of_faces = started.elapsed().as_secs_f64();
            println!("{count:>7} {threads:>7} {of_hashes:>14.2} {of_faces:>14.2}");
        }
    }
    Ok(())
}

fn hashes(count: usize, random: &mut ChaCha8Rng) -> Vec<[u64; 4]> {
    let hash = |random: &mut ChaCha8Rng| {
        [
            random.random::<u64>() | 0xffff,
            random.random(),
            random.random(),
            random.random(),
        ]
    };
    (0..count).map(|_| hash(random)).collect()
}

fn point(spread: f32, random: &mut ChaCha8Rng) -> [f32; 128] {
    std::array::from_fn(|_| random.random_range(-spread..spread))
}

fn faces(count: usize, people: &[[f32; 128]], random: &mut ChaCha8Rng) -> Faces {
    let mut faces = Faces::default();
    for _ in 0..count {
        let person = random.random_range(0..people.len());
        let noise = point(0.05, random);
        let numbers: [f32; 128] = std::array::from_fn(|at| people[person][at] + noise[at]);
        faces.push(&Embedding::new(numbers), person as u32);
    }
    faces
}
