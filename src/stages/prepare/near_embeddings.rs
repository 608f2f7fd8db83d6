//! All pairs of embeddings that are near each other, without computing all distances in full.
//!
//! Projecting points onto a few axes at right angles brings none further apart. So two points whose projections are
//! further apart than the radius are, too, and only the others are compared in full: the result is exact. The
//! axes are those along which the points differ most (found by subspace iteration), so that few pairs
//! are left; the projections are compared in blocks that stay in the processor's cache, on all threads.

use facepipe_core::context::{Context, Interrupted};
use facepipe_core::parallel;
use facepipe_core::types::Embedding;

/// Axes that the points are projected onto: more compare slower, fewer leave more pairs to compare in full.
const AXES: usize = 16;
/// Rounds of the search for the axes: any axes at right angles give the same pairs, better ones sooner.
const ROUNDS: usize = 12;
/// Points that the axes are found from at most.
const SAMPLE: usize = 2000;
/// Points of a block: two blocks of projections fill half of a small first cache.
const BLOCK: usize = 128;
/// Tolerance on the radius between projections, for rounding errors.
const ROUNDING: f32 = 1e-3;

type Point = [f32; AXES];

/// Gives each pair of points within the radius once, the smaller index first, with its Euclidean distance; in an
/// order that depends only on the points.
///
/// Time grows with the square of their number: 100,000 points are 5,000,000,000 pairs of projections.
///
/// # Errors
/// The interruption.
pub(super) fn near_pairs(
    points: &[&Embedding],
    radius: f32,
    context: &Context,
    mut take: impl FnMut(usize, usize, f32),
) -> Result<(), Interrupted> {
    let axes = axes(points);
    let projected: Vec<Point> = points.iter().map(|point| project(&axes, point)).collect();
    let blocks: Vec<Block> = projected.chunks(BLOCK).map(Block::of).collect();
    let limit = (radius + ROUNDING).powi(2);
    let numbers: Vec<usize> = (0..blocks.len()).collect();
    let bar = context.progress.start("near", Some(numbers.len() as u64));
    parallel::for_each_in_order(
        &numbers,
        context.threads,
        || Ok(()),
        |(), _, row| {
            let mut found = Vec::new();
            for (column, block) in blocks.iter().enumerate().skip(*row) {
                for (at, point) in projected.iter().enumerate().skip(row * BLOCK).take(BLOCK) {
                    block.each_within(point, limit, |other| {
                        let other = column * BLOCK + other;
                        if other > at {
                            let distance = points[at].distance(points[other]);
                            if distance <= radius {
                                found.push((at, other, distance));
                            }
                        }
                    });
                }
            }
            found
        },
        |found: Vec<(usize, usize, f32)>| {
            context.interrupt.check()?;
            bar.advance(1);
            found
                .into_iter()
                .for_each(|(a, b, distance)| take(a, b, distance));
            Ok(())
        },
    )
}

/// Projections of some points, axis by axis, so that one instruction takes several of them.
struct Block {
    axes: [[f32; BLOCK]; AXES],
    count: usize,
}

impl Block {
    fn of(points: &[Point]) -> Self {
        let mut axes = [[0.0; BLOCK]; AXES];
        for (at, point) in points.iter().enumerate() {
            for (axis, number) in axes.iter_mut().zip(point) {
                axis[at] = *number;
            }
        }
        Self {
            axes,
            count: points.len(),
        }
    }

    /// Calls with each point whose squared distance to another is within the limit.
    fn each_within(&self, point: &Point, limit: f32, mut take: impl FnMut(usize)) {
        let mut sums = [0.0_f32; BLOCK];
        for (axis, number) in self.axes.iter().zip(point) {
            for (sum, other) in sums.iter_mut().zip(axis) {
                *sum += (other - number) * (other - number);
            }
        }
        let mut least = f32::INFINITY;
        for sum in &sums {
            least = if *sum < least { *sum } else { least };
        }
        if least > limit {
            return;
        }
        let within = sums[..self.count].iter().enumerate();
        within
            .filter(|(_, sum)| **sum <= limit)
            .for_each(|(at, _)| take(at));
    }
}

fn project(axes: &[Vec<f32>; AXES], point: &Embedding) -> Point {
    std::array::from_fn(|axis| dot(&axes[axis], point.numbers()))
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Axes of length 1 at right angles along which the points differ much.
fn axes(points: &[&Embedding]) -> [Vec<f32>; AXES] {
    let step = points.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<&[f32]> = points.iter().step_by(step).map(|p| p.numbers()).collect();
    let count = sample.len().max(1) as f32;
    let length = sample.first().map_or(0, |numbers| numbers.len());
    let mean: Vec<f32> = (0..length)
        .map(|at| sample.iter().map(|numbers| numbers[at]).sum::<f32>() / count)
        .collect();
    // Any start will do that lacks no axis: here, coordinates at regular steps.
    let mut axes: [Vec<f32>; AXES] = std::array::from_fn(|axis| {
        let own = |at: usize| at % AXES == axis;
        (0..length)
            .map(|at| if own(at) { 1.0 } else { 0.0 })
            .collect()
    });
    right_angled(&mut axes);
    for _ in 0..ROUNDS {
        let mut better: [Vec<f32>; AXES] = std::array::from_fn(|_| vec![0.0; length]);
        for numbers in &sample {
            let centred: Vec<f32> = numbers.iter().zip(&mean).map(|(a, b)| a - b).collect();
            for (axis, better) in axes.iter().zip(&mut better) {
                let along = dot(axis, &centred);
                for (sum, number) in better.iter_mut().zip(&centred) {
                    *sum += along * number;
                }
            }
        }
        // Points that differ along fewer axes give too few: the ones from before are as exact.
        if !right_angled(&mut better) {
            break;
        }
        axes = better;
    }
    axes
}

/// Makes axes of length 1 at right angles (Gram-Schmidt, twice for the rounding); whether that was possible.
fn right_angled(axes: &mut [Vec<f32>; AXES]) -> bool {
    for at in 0..AXES {
        let (before, rest) = axes.split_at_mut(at);
        let axis = &mut rest[0];
        let length = dot(axis, axis).sqrt();
        if !length.is_finite() || length == 0.0 {
            return false;
        }
        axis.iter_mut().for_each(|number| *number /= length);
        for other in before.iter().chain(before.iter()) {
            let along = dot(other, axis);
            for (number, other) in axis.iter_mut().zip(other) {
                *number -= along * other;
            }
        }
        let left = dot(axis, axis).sqrt();
        if left < ROUNDING {
            return false;
        }
        axis.iter_mut().for_each(|number| *number /= left);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Arc;

    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use facepipe_core::context::Interrupt;
    use facepipe_core::ports::SilentProgress;

    /// Points about as far apart as faces are, in clusters.
    fn points<const LENGTH: usize>(count: usize, spread: f32) -> Vec<Embedding> {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut near = |centre: f32, spread: f32| centre + spread * (random.random::<f32>() - 0.5);
        let mut centre = [0.0; LENGTH];
        (0..count)
            .map(|number| {
                if number % 7 == 0 {
                    centre = std::array::from_fn(|_| near(0.0, 0.25));
                }
                Embedding::new(centre.map(|number| near(number, spread)))
            })
            .collect()
    }

    fn found(points: &[Embedding], radius: f32, threads: usize) -> Vec<(usize, usize)> {
        let points: Vec<&Embedding> = points.iter().collect();
        let context = Context {
            progress: Arc::new(SilentProgress),
            interrupt: Interrupt::default(),
            threads: NonZeroUsize::new(threads).expect("not zero"),
            seed: 0,
            remake: facepipe_core::context::Remake::default(),
        };
        let mut found = Vec::new();
        near_pairs(&points, radius, &context, |a, b, _| found.push((a, b))).expect("runs");
        found
    }

    #[test]
    fn the_pairs_are_those_of_all_distances() {
        pairs_are_those_of_all_distances::<128>();
        // Fewer than there are axes.
        pairs_are_those_of_all_distances::<5>();
    }

    fn pairs_are_those_of_all_distances<const LENGTH: usize>() {
        for (count, spread) in [(0, 0.1), (1, 0.1), (130, 0.1), (700, 0.1), (300, 0.0)] {
            let points = points::<LENGTH>(count, spread);
            let mut expected = Vec::new();
            for b in 0..count {
                for a in 0..b {
                    if points[a].distance(&points[b]) <= 0.5 {
                        expected.push((a, b));
                    }
                }
            }
            expected.sort_unstable();
            let mut found_pairs = found(&points, 0.5, 2);
            assert_eq!(found_pairs, found(&points, 0.5, 1), "the order");
            found_pairs.sort_unstable();
            assert_eq!(found_pairs, expected, "{count} {spread}");
            assert!(count < 100 || !expected.is_empty());
        }
    }

    #[test]
    fn axes_are_at_right_angles() {
        let points = points::<128>(500, 0.1);
        let points: Vec<&Embedding> = points.iter().collect();
        let axes = axes(&points);
        for (at, axis) in axes.iter().enumerate() {
            for (other_at, other) in axes.iter().enumerate() {
                let expected = if at == other_at { 1.0 } else { 0.0 };
                assert!((dot(axis, other) - expected).abs() < 1e-5);
            }
        }
    }
}
