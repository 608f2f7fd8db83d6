//! Which of a label's groups is the person that it is about.

use std::collections::BTreeSet;

use super::Face;
use super::centre::Centre;
use super::groups::Group;
use super::thresholds::{FACES_TO_COMPARE, FEWEST_FACES, ONE_PHOTO_IN};
use facepipe_core::types::Distances;

/// A label's groups, with the number of photos of each.
pub(super) struct Candidates<'groups> {
    groups: &'groups [Group],
    /// The number of photos of each group.
    photos: Vec<usize>,
    /// How many photos the label has.
    all_photos: usize,
    /// How many faces the label has.
    all_faces: usize,
}

impl<'groups> Candidates<'groups> {
    pub(super) fn new(groups: &'groups [Group], faces: &[Face<'_>]) -> Self {
        let photos = |members: &mut dyn Iterator<Item = usize>| {
            let (mut named, mut unnamed) = (BTreeSet::new(), 0);
            for member in members {
                match faces[member].photo {
                    Some(photo) => drop(named.insert(photo)),
                    None => unnamed += 1,
                }
            }
            named.len() + unnamed
        };
        Self {
            groups,
            photos: groups
                .iter()
                .map(|group| photos(&mut group.members.iter().copied()))
                .collect(),
            all_photos: photos(&mut (0..faces.len())),
            all_faces: faces.len(),
        }
    }

    /// The group that is on most photos, if that is evident: it is the only one, or it is on enough
    /// photos and on more than any other group.
    ///
    /// Where none is on more than half of the photos, groups of `known` people, to whom larger
    /// labels belong, are considered only if no other group is half as large. With more than half,
    /// the label itself is evidence enough: the larger label might be about a person who looks
    /// alike.
    pub(super) fn dominant(&self, known: &[&Centre], distances: &Distances) -> Option<usize> {
        if let [group] = self.groups
            && group.members.len() == self.all_faces
        {
            return Some(0);
        }
        let largest = self.photos.iter().copied().max().unwrap_or(0);
        let is_majority = 2 * largest > self.all_photos;
        let is_known = |index: &usize| {
            let group = &self.groups[*index];
            known
                .iter()
                .any(|known| same_identity(known, &group.centre, distances))
        };
        let all = 0..self.groups.len();
        let new: Vec<usize> = all.clone().filter(|index| !is_known(index)).collect();
        let new_counts = new.iter().any(|index| 2 * self.photos[*index] >= largest);
        let (first, others) = if new_counts && !is_majority {
            self.most(new)
        } else {
            self.most(all.collect())
        }?;
        let enough = self.groups[first].members.len() >= FEWEST_FACES
            && self.photos[first] * ONE_PHOTO_IN >= self.all_photos;
        (enough && self.photos[first] > others).then_some(first)
    }

    /// The group on most photos, and the number of photos of the next one.
    fn most(&self, mut indices: Vec<usize>) -> Option<(usize, usize)> {
        indices.sort_by_key(|index| (std::cmp::Reverse(self.photos[*index]), *index));
        let next = indices.get(1).map_or(0, |index| self.photos[*index]);
        indices.first().map(|first| (*first, next))
    }
}

/// Whether two centres are one person's.
pub(super) fn same_identity(one: &Centre, other: &Centre, distances: &Distances) -> bool {
    one.faces().min(other.faces()) >= FACES_TO_COMPARE
        && one.distance_to(other) < distances.same_identity
}
