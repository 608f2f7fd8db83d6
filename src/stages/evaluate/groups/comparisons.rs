//! All pairs of faces, compared by the cosine of their features.

use std::collections::BTreeMap;

use tch::Tensor;

use super::rate::Trials;
use crate::EvaluateError;
use crate::curve::allowed;
use facepipe_core::context::Interrupt;
use facepipe_nn::{ModelError, of_length_one};

/// Faces that are compared with all others at once.
const BLOCK: usize = 256;
/// Steps of cosines between -1 and 1: bounds are as fine as that.
const STEPS: usize = 1 << 16;

/// Faces and whose they are.
pub(super) struct Faces {
    /// `[faces, features]`, each of length 1.
    features: Tensor,
    /// Each face's person, a number.
    people: Vec<usize>,
}

/// At which bound faces are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    step: usize,
    /// Pairs of two people.
    pub(super) pairs_of_two: u64,
    /// Pairs of one person.
    pub(super) pairs_of_one: u64,
}

impl Bound {
    /// The cosine from which on two faces are taken for one person.
    pub(super) fn cosine(self) -> f64 {
        self.step as f64 / STEPS as f64 * 2.0 - 1.0
    }
}

/// What is wrong at a bound.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// By person: pairs of the person below the bound, and all.
    of_one: Vec<(u64, u64)>,
    /// By two people, the smaller number first: pairs at the bound or above.
    of_two: BTreeMap<(usize, usize), u64>,
    /// By person: how many faces there are.
    faces: Vec<u64>,
}

impl Faces {
    /// Faces with their features; `people` are numbers from 0.
    pub(super) fn new(features: &[&[f32]], people: Vec<usize>) -> Result<Self, EvaluateError> {
        let numbers = features.first().map_or(0, |row| row.len()) as i64;
        let all: Vec<f32> = features
            .iter()
            .flat_map(|row| row.iter().copied())
            .collect();
        let torch = |error| EvaluateError::Model(ModelError::from(error));
        let rows = Tensor::from_slice(&all)
            .f_view([features.len() as i64, numbers])
            .map_err(torch)?;
        Ok(Self {
            // Features without a direction are like nobody's.
            features: of_length_one(&rows),
            people,
        })
    }

    /// Calls `each` with the people of each pair of faces, the smaller number first, and the step of their
    /// cosine.
    fn each_pair(
        &self,
        interrupt: &Interrupt,
        mut each: impl FnMut((usize, usize), usize),
    ) -> Result<(), EvaluateError> {
        let count = self.people.len();
        let all = self.features.transpose(0, 1);
        let mut cosines = vec![0.0_f32; BLOCK * count];
        for start in (0..count).step_by(BLOCK) {
            interrupt.check()?;
            let size = BLOCK.min(count - start);
            let rows = self.features.narrow(0, start as i64, size as i64);
            let block = rows.matmul(&all).contiguous();
            block.copy_data(&mut cosines, size * count);
            for row in 0..size {
                let one = start + row;
                for other in one + 1..count {
                    let cosine = f64::from(cosines[row * count + other]);
                    let step = (cosine + 1.0) / 2.0 * STEPS as f64;
                    let people = (self.people[one], self.people[other]);
                    let people = (people.0.min(people.1), people.0.max(people.1));
                    each(people, step.clamp(0.0, STEPS as f64) as usize);
                }
            }
        }
        Ok(())
    }

    /// The lowest bound at which at most a share of the pairs of two people is accepted.
    pub(super) fn bound(&self, share: f64, interrupt: &Interrupt) -> Result<Bound, EvaluateError> {
        let mut of_two = vec![0_u64; STEPS + 1];
        let mut pairs_of_one = 0;
        self.each_pair(interrupt, |(one, other), step| {
            if one == other {
                pairs_of_one += 1;
            } else {
                of_two[step] += 1;
            }
        })?;
        let pairs_of_two: u64 = of_two.iter().sum();
        let allowed = allowed(share, pairs_of_two);
        let mut accepted = 0;
        let refused = (0..=STEPS).rev().find(|step| {
            accepted += of_two[*step];
            accepted > allowed
        });
        Ok(Bound {
            step: refused.map_or(0, |step| step + 1),
            pairs_of_two,
            pairs_of_one,
        })
    }

    /// The errors at a bound.
    pub(super) fn errors(
        &self,
        bound: Bound,
        interrupt: &Interrupt,
    ) -> Result<Errors, EvaluateError> {
        let people = self.people.iter().max().map_or(0, |last| last + 1);
        let mut errors = Errors {
            of_one: vec![(0, 0); people],
            of_two: BTreeMap::new(),
            faces: vec![0; people],
        };
        for person in &self.people {
            errors.faces[*person] += 1;
        }
        let Errors { of_one, of_two, .. } = &mut errors;
        self.each_pair(interrupt, |(one, other), step| {
            let accepted = step >= bound.step;
            if one == other {
                let (wrong, all) = &mut of_one[one];
                *wrong += u64::from(!accepted);
                *all += 1;
            } else if accepted {
                *of_two.entry((one, other)).or_default() += 1;
            }
        })?;
        Ok(errors)
    }
}

impl Errors {
    /// How many faces some people have.
    pub(super) fn faces_of(&self, people: &[usize]) -> u64 {
        people.iter().map(|person| self.faces[*person]).sum()
    }

    /// The pairs of one person, of some people.
    pub(super) fn non_matches(&self, people: &[usize]) -> Trials {
        Trials::of_each(people.iter().map(|person| self.of_one[*person]).collect())
    }

    /// The pairs of two of some people; `people` are in order.
    pub(super) fn matches(&self, people: &[usize]) -> Trials {
        let place = |person: &usize| people.binary_search(person).ok();
        let between = self
            .of_two
            .iter()
            .filter_map(|((one, other), errors)| Some(((place(one)?, place(other)?), *errors)));
        let images = people.iter().map(|person| self.faces[*person]);
        Trials::of_two(images.collect(), between.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faces() -> Faces {
        let features: [&[f32]; 5] = [
            &[2.0, 0.0],
            &[1.0, 0.1],
            &[0.0, 3.0],
            &[0.1, 1.0],
            &[1.0, 1.0],
        ];
        Faces::new(&features, vec![0, 0, 1, 1, 2]).expect("faces")
    }

    #[test]
    fn the_bound_accepts_no_more_than_its_share() {
        let (faces, interrupt) = (faces(), Interrupt::default());
        // Of the eight pairs of two people four have cosines of 0.707 and more, and the two of the middle face with
        // the tilted ones the largest: 0.77.
        let strict = faces.bound(0.0, &interrupt).expect("bound");
        assert_eq!((strict.pairs_of_one, strict.pairs_of_two), (2, 8));
        assert!((strict.cosine() - 0.774).abs() < 1e-3, "{strict:?}");
        let half = faces.bound(0.5, &interrupt).expect("bound");
        assert!((half.cosine() - 0.198).abs() < 1e-3, "{half:?}");
        let errors = faces.errors(half, &interrupt).expect("errors");
        let rate = |trials: Trials| trials.rate(5, 1).map(|rate| (rate.errors, rate.trials));
        assert_eq!(rate(errors.matches(&[0, 1, 2])), Some((4, 8)));
        assert_eq!(rate(errors.matches(&[1, 2])), Some((2, 2)));
        assert_eq!(rate(errors.matches(&[2])), None);
        assert_eq!(rate(errors.non_matches(&[0, 1])), Some((0, 2)));
        assert_eq!(errors.faces_of(&[1, 2]), 3);
        let nothing = faces.bound(1.0, &interrupt).expect("bound");
        assert_eq!(nothing.cosine(), -1.0);
    }
}
