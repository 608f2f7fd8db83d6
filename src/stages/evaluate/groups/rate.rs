//! The share of trials that fail, with an interval that knows that one person's trials are alike.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::interval::{DRAWS, middle_of, wilson_of_share};

/// People from which on draws of them show how uncertain a share is: of two people, a pair that always fails would
/// seem sure.
pub const ENOUGH_PEOPLE: usize = 10;

/// A share of errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorRate {
    /// Errors as a share of the trials.
    pub share: f64,
    /// The 95 % interval of the share: of people drawn with replacement (bootstrap), since the trials of one
    /// person are alike; with fewer than [`ENOUGH_PEOPLE`] it also holds Wilson's of as many trials as there are images,
    /// and without errors it is that.
    pub interval: [f64; 2],
    /// How many errors there are.
    pub errors: u64,
    /// How many trials there are.
    pub trials: u64,
}

/// The trials and errors of people with their own images, and between the images of two people.
#[derive(Debug, Clone, Default)]
pub(super) struct Trials {
    /// Each person's own: errors, trials.
    pub(super) own: Vec<(u64, u64)>,
    /// Errors between two people, by their numbers, the smaller first; without errors a pair is left out.
    pub(super) between: Vec<((usize, usize), u64)>,
    /// How many images each person has in trials with others; empty where there are none.
    pub(super) images: Vec<u64>,
}

impl Trials {
    /// Trials of each person alone.
    pub(super) const fn of_each(own: Vec<(u64, u64)>) -> Self {
        Self {
            own,
            between: Vec::new(),
            images: Vec::new(),
        }
    }

    /// Trials of images of two people each: all pairs.
    pub(super) const fn of_two(images: Vec<u64>, between: Vec<((usize, usize), u64)>) -> Self {
        Self {
            own: Vec::new(),
            between,
            images,
        }
    }

    fn people(&self) -> usize {
        self.own.len().max(self.images.len())
    }

    /// Errors and trials where each person counts so many times.
    fn counted(&self, times: &[u64]) -> (u64, u64) {
        let own = self.own.iter().zip(times);
        let (mut errors, mut trials) = own.fold((0, 0), |sum, (own, times)| {
            (sum.0 + own.0 * times, sum.1 + own.1 * times)
        });
        for ((one, other), found) in &self.between {
            errors += found * times[*one] * times[*other];
        }
        // All pairs, less those of one person.
        let drawn = || self.images.iter().zip(times);
        let all: u64 = drawn().map(|(images, times)| images * times).sum();
        let same: u64 = drawn().map(|(images, times)| (images * times).pow(2)).sum();
        trials += (all * all - same) / 2;
        (errors, trials)
    }

    /// The share of errors, where there are trials; `images` are those that take part.
    pub(super) fn rate(&self, images: u64, seed: u64) -> Option<ErrorRate> {
        let people = self.people();
        let (errors, trials) = self.counted(&vec![1; people]);
        if trials == 0 {
            return None;
        }
        let share = errors as f64 / trials as f64;
        let mut interval = wilson_of_share(share, images.min(trials));
        if errors > 0 && errors < trials && people > 1 {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            let mut shares = Vec::with_capacity(DRAWS);
            let mut times = vec![0; people];
            for _ in 0..DRAWS {
                times.fill(0);
                for _ in 0..people {
                    times[generator.random_range(0..people)] += 1;
                }
                let (errors, trials) = self.counted(&times);
                if trials > 0 {
                    shares.push(errors as f64 / trials as f64);
                }
            }
            let [low, high] = middle_of(shares);
            let [low, high] = [low.min(share), high.max(share)];
            interval = if people < ENOUGH_PEOPLE {
                [low.min(interval[0]), high.max(interval[1])]
            } else {
                [low, high]
            };
        }
        Some(ErrorRate {
            share,
            interval,
            errors,
            trials,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::{Z_95, wilson};

    #[test]
    fn pairs_of_two_people_are_counted_without_those_of_one() {
        let trials = Trials::of_two(vec![2, 3, 4], vec![((0, 2), 4), ((1, 2), 1)]);
        let rate = trials.rate(9, 1).expect("trials");
        assert_eq!((rate.errors, rate.trials), (5, 2 * 3 + 2 * 4 + 3 * 4));
        assert!(rate.interval[0] <= rate.share && rate.share <= rate.interval[1]);
        assert_eq!(Trials::of_two(vec![5], Vec::new()).rate(5, 1), None);
        assert_eq!(Trials::of_each(Vec::new()).rate(0, 1), None);
    }

    /// Forty people of whom ten fail each time: as uncertain as forty trials, not as four hundred.
    #[test]
    fn an_interval_is_as_wide_as_the_people_are_few() {
        let own = (0..40).map(|person| (if person < 10 { 10 } else { 0 }, 10));
        let rate = Trials::of_each(own.collect()).rate(400, 7).expect("trials");
        let deviation = (0.25_f64 * 0.75 / 40.0).sqrt();
        for (end, expected) in rate
            .interval
            .iter()
            .zip([0.25 - Z_95 * deviation, 0.25 + Z_95 * deviation])
        {
            assert!((end - expected).abs() < 0.03, "{rate:?}");
        }
    }

    #[test]
    fn a_pair_of_people_is_not_taken_for_sure() {
        let trials = Trials::of_two(vec![6, 6], vec![((0, 1), 12)]);
        let rate = trials.rate(12, 1).expect("trials");
        assert_eq!((rate.errors, rate.trials), (12, 36));
        assert!(
            rate.interval[0] < 0.15 && rate.interval[1] > 0.55,
            "{rate:?}"
        );
    }

    #[test]
    fn without_an_error_the_interval_is_wilsons_of_the_images() {
        let rate = Trials::of_each(vec![(0, 45); 3])
            .rate(30, 1)
            .expect("trials");
        let [low, high] = wilson(0, 30);
        assert_eq!(rate.interval, [low, high]);
    }
}
