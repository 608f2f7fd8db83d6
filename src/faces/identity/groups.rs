//! Groups of one person's faces within a label, from the densest on.

use super::centre::{Centre, Point};
use super::halves::larger_half;
use super::thresholds::{MOST_FACES, limit};
use facepipe_core::types::Distances;

/// Most groups of a label: beyond the first ones they don't matter.
const MOST_GROUPS: usize = 6;
/// Rounds until a group has settled; most need three.
const ROUNDS: usize = 20;

/// Faces that are one person's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// Indices, ascending.
    pub(super) members: Vec<usize>,
    pub(super) centre: Centre,
}

/// The largest groups, each face in one of them at most.
///
/// A group begins as the face with most neighbours, and these. Then the faces within the limit
/// around the mean of the group become the group, until that changes nothing; so it moves to the
/// middle of one person's faces. If it turns out to be two people's, the larger half is taken. The
/// next group is sought among the remaining faces.
pub(super) fn find(points: &[Point<'_>], distances: &Distances) -> Vec<Group> {
    let chosen = sample(points.len());
    let sampled: Vec<Point<'_>> = chosen.iter().map(|index| points[*index]).collect();
    let neighbours = Neighbours::of(&sampled, distances.neighbour);
    let mut remaining: Vec<usize> = (0..sampled.len()).collect();
    let mut groups = Vec::new();
    while !remaining.is_empty() && groups.len() < MOST_GROUPS {
        let members = settle(
            &sampled,
            &remaining,
            neighbours.of_densest(&remaining),
            distances,
        );
        let members = larger_half(&sampled, &members, distances).unwrap_or(members);
        remaining.retain(|index| members.binary_search(index).is_err());
        groups.push(Group {
            centre: Centre::of(&sampled, &members),
            members: members.into_iter().map(|member| chosen[member]).collect(),
        });
    }
    groups
}

/// All indices or, of too many, [`MOST_FACES`] evenly spread ones.
fn sample(count: usize) -> Vec<usize> {
    let chosen = count.min(MOST_FACES);
    (0..chosen).map(|index| index * count / chosen).collect()
}

/// Moves a group to the middle of its person's faces; never returns an empty one.
fn settle(
    points: &[Point<'_>],
    remaining: &[usize],
    start: Vec<usize>,
    distances: &Distances,
) -> Vec<usize> {
    let mut members = start;
    for _ in 0..ROUNDS {
        let centre = Centre::of(points, &members);
        let limit = limit(distances, members.len());
        let within = |index: &usize| centre.distance(points[*index]) < limit;
        let next: Vec<usize> = remaining.iter().copied().filter(within).collect();
        if next.is_empty() || next == members {
            break;
        }
        members = next;
    }
    members
}

/// Which faces are neighbours ([`Distances::neighbour`]): a row of bits for each face. Each face is
/// its own neighbour.
struct Neighbours {
    rows: Vec<Vec<u64>>,
}

impl Neighbours {
    fn of(points: &[Point<'_>], nearer_than: f64) -> Self {
        let empty = vec![0; points.len().div_ceil(64)];
        let mut rows = vec![empty; points.len()];
        for one in 0..points.len() {
            for other in one..points.len() {
                if are_neighbours(points[one], points[other], nearer_than) {
                    set(&mut rows[one], other);
                    set(&mut rows[other], one);
                }
            }
        }
        Self { rows }
    }

    /// The face of `remaining` that has most neighbours there (of equal ones the first) with them.
    fn of_densest(&self, remaining: &[usize]) -> Vec<usize> {
        let mut mask = vec![0; self.rows.len().div_ceil(64)];
        for index in remaining {
            set(&mut mask, *index);
        }
        let count = |index: usize| -> u32 {
            let pairs = self.rows[index].iter().zip(&mask);
            pairs.map(|(row, mask)| (row & mask).count_ones()).sum()
        };
        // Of equal ones `max_by_key` gives the last.
        let densest = remaining.iter().rev().max_by_key(|index| count(**index));
        let is_neighbour = |index: &usize| {
            densest.is_some_and(|densest| self.rows[*densest][index / 64] >> (index % 64) & 1 == 1)
        };
        remaining.iter().copied().filter(is_neighbour).collect()
    }
}

fn set(bits: &mut [u64], index: usize) {
    bits[index / 64] |= 1 << (index % 64);
}

fn are_neighbours(one: Point<'_>, other: Point<'_>, nearer_than: f64) -> bool {
    let squares = one.iter().zip(other).map(|(a, b)| (a - b) * (a - b));
    f64::from(squares.sum::<f32>()) < nearer_than * nearer_than
}
