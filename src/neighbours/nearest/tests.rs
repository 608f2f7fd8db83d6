use std::num::NonZeroUsize;
use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::hash_join::distance;
use facepipe_core::context::Interrupt;
use facepipe_core::ports::SilentProgress;
use facepipe_core::types::Embedding;

fn context(threads: usize) -> Context {
    Context {
        progress: Arc::new(SilentProgress),
        interrupt: Interrupt::default(),
        threads: NonZeroUsize::new(threads).expect("not zero"),
        seed: 0,
        remake: facepipe_core::context::Remake::default(),
    }
}

/// Strings with few bits set, so that many pairs are equally near.
fn strings(count: usize, random: &mut ChaCha8Rng) -> Vec<[u64; 2]> {
    let word =
        |random: &mut ChaCha8Rng| 1 << random.random_range(0..64) | 1 << random.random_range(0..64);
    (0..count).map(|_| [word(random), word(random)]).collect()
}

#[test]
fn strings_come_out_as_from_comparing_and_sorting_all() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for (rows, columns, most) in [
        (0, 5, 3),
        (1, 1, 4),
        (63, 700, 12),
        (300, 513, 1),
        (130, 1030, 500),
    ] {
        let (left, right) = (strings(rows, &mut random), strings(columns, &mut random));
        let mut expected = Vec::new();
        for (a, one) in left.iter().enumerate() {
            for (b, other) in right.iter().enumerate() {
                expected.push((distance(one, other), a, b));
            }
        }
        expected.sort_unstable();
        expected.truncate(most);
        for threads in [1, 3] {
            let found = nearest_hashes(&left, &right, most, &context(threads)).expect("finishes");
            let found: Vec<_> = (found.iter())
                .map(|pair| (pair.distance as u32, pair.left, pair.right))
                .collect();
            assert_eq!(
                found, expected,
                "{rows} x {columns}, {most}, {threads} threads"
            );
        }
    }
}

#[test]
fn faces_come_out_as_from_comparing_and_sorting_all() {
    // Longer than the part that is compared first, no multiple of the lanes, and shorter than these.
    compare_with_sorting::<128>();
    compare_with_sorting::<70>();
    compare_with_sorting::<3>();
}

fn compare_with_sorting<const NUMBERS: usize>() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let mut faces = |count: usize| -> Vec<(Embedding, u32)> {
        let face = |_| {
            let numbers: [f32; NUMBERS] = std::array::from_fn(|_| random.random_range(-0.2..0.2));
            (Embedding::new(numbers), random.random_range(0..4))
        };
        (0..count).map(face).collect()
    };
    let (left, mut right) = (faces(150), faces(200));
    right[77] = left[3].clone();
    let packed = |faces: &[(Embedding, u32)]| {
        let mut packed = Faces::default();
        faces
            .iter()
            .for_each(|(embedding, label)| packed.push(embedding, *label));
        packed
    };
    let found = nearest_faces(&packed(&left), &packed(&right), 9, &context(2)).expect("finishes");
    assert_eq!(
        (found[0][0].left, found[0][0].right, found[0][0].distance),
        (3, 77, 0.0)
    );
    for (kind, found) in Kind::ALL.into_iter().zip(found) {
        let mut expected = Vec::new();
        for (a, (one, label)) in left.iter().enumerate() {
            for (b, (other, other_label)) in right.iter().enumerate() {
                if (label == other_label) == (kind == Kind::SameLabel) {
                    expected.push((one.distance(other), a, b));
                }
            }
        }
        expected.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        expected.truncate(9);
        assert_eq!(found.len(), expected.len());
        for (pair, (distance, a, b)) in found.iter().zip(expected) {
            assert_eq!((pair.left, pair.right), (a, b), "{kind:?}");
            assert!((pair.distance - f64::from(distance)).abs() < 1e-5);
        }
    }
}

#[test]
fn an_interruption_ends_the_search() {
    let context = context(2);
    context.interrupt.raise();
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let strings = strings(1000, &mut random);
    assert_eq!(
        nearest_hashes(&strings, &strings, 3, &context),
        Err(Interrupted)
    );
}
