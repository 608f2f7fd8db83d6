//! Whether a group of faces shows two people who look alike.

use super::centre::{Centre, Point};
use super::thresholds::{FEWEST_FACES, SMALLER_HALF, by_chance};
use facepipe_core::types::Distances;

/// Rounds until the direction in which the faces differ most has converged.
const DIRECTION_ROUNDS: usize = 30;
/// Rounds until the halves have converged.
const HALVES_ROUNDS: usize = 30;

/// The larger half of a group that is two people's (of equal ones the one of the first face);
/// `None` for one person's.
pub(super) fn larger_half(
    points: &[Point<'_>],
    members: &[usize],
    distances: &Distances,
) -> Option<Vec<usize>> {
    if members.len() < 2 * FEWEST_FACES {
        return None;
    }
    let middle = Centre::of(points, members);
    let direction = main_direction(points, members, &middle);
    let along = |member: &usize| dot(middle.offset(points[*member]), &direction) > 0.0;
    let (mut one, mut other): (Vec<usize>, Vec<usize>) = members.iter().partition(|m| along(m));
    for _ in 0..HALVES_ROUNDS {
        if one.is_empty() || other.is_empty() {
            return None;
        }
        let centres = (Centre::of(points, &one), Centre::of(points, &other));
        let nearer = |member: &&usize| {
            let point = points[**member];
            centres.0.distance(point) < centres.1.distance(point)
        };
        let halves: (Vec<usize>, Vec<usize>) = members.iter().partition(nearer);
        if halves == (one.clone(), other.clone()) {
            break;
        }
        (one, other) = halves;
    }
    if other.len() > one.len() || (other.len() == one.len() && other < one) {
        (one, other) = (other, one);
    }
    let fewest = (SMALLER_HALF * members.len() as f64).max(FEWEST_FACES as f64);
    if (other.len() as f64) < fewest {
        return None;
    }
    let distance = Centre::of(points, &one).distance_to(&Centre::of(points, &other));
    let beyond_chance = distance * distance - by_chance(distances, one.len(), other.len());
    (beyond_chance > distances.two_people.powi(2)).then_some(one)
}

/// The direction in which faces differ most, of length 1: by power iteration, from the face that is
/// furthest from the middle.
fn main_direction(points: &[Point<'_>], members: &[usize], middle: &Centre) -> Vec<f64> {
    let furthest = members.iter().max_by(|one, other| {
        let distance = |member: usize| middle.distance(points[member]);
        distance(**one).total_cmp(&distance(**other))
    });
    let start = furthest.map(|member| middle.offset(points[*member]).collect());
    let mut direction: Vec<f64> = start.unwrap_or_default();
    for _ in 0..DIRECTION_ROUNDS {
        let mut next = vec![0.0; direction.len()];
        for member in members {
            let weight = dot(middle.offset(points[*member]), &direction);
            for (sum, number) in next.iter_mut().zip(middle.offset(points[*member])) {
                *sum += weight * number;
            }
        }
        let length = dot(next.iter().copied(), &next).sqrt();
        if length == 0.0 {
            return direction;
        }
        direction = next.into_iter().map(|number| number / length).collect();
    }
    direction
}

fn dot(one: impl Iterator<Item = f64>, other: &[f64]) -> f64 {
    one.zip(other).map(|(a, b)| a * b).sum()
}
