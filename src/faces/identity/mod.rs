//! The person of each label, and the faces of its label that are other people's: strangers.
//!
//! Search engines return, for a name, photos of namesakes, of friends and of people beside the
//! person meant. Among the embeddings of a label's faces those of one person are close together,
//! the strangers' scattered; so the largest group is the person of the label, as long as no
//! stranger is on more photos. Faces that are further from its centre than a person's own faces are
//! strangers. Other labels help: a face nearer to their person is theirs, and a group that is
//! theirs is not this label's person.
//!
//! Nothing here reads files or names: the same faces give the same answer, in any order, with any
//! number of threads.

mod centre;
mod choice;
mod groups;
mod halves;
mod thresholds;
mod verdicts;

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use centre::{Centre, Point};
use choice::{Candidates, same_identity};
use facepipe_core::parallel;
use facepipe_core::types::{Distances, Embedding};
use groups::Group;

/// One face of a label.
#[derive(Debug, Clone, Copy)]
pub struct Face<'faces> {
    /// The embedding of the face.
    pub embedding: &'faces Embedding,
    /// Identifies its photo, where that is known: two faces of one photo are one vote for the
    /// label's person.
    pub photo: Option<&'faces str>,
}

/// The verdict on a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is the label's person.
    Kept,
    /// It may be the label's person, and is kept; it should be reviewed.
    Doubtful,
    /// It is not the label's person.
    Stranger,
    /// It is not the label's person, but another label's.
    NearerToOtherLabel,
}

impl Verdict {
    /// Whether the face is left out.
    #[must_use]
    pub const fn is_set_aside(self) -> bool {
        matches!(self, Self::Stranger | Self::NearerToOtherLabel)
    }
}

/// The judgement of a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Its Euclidean distance from the centre of the other faces of the label's person; `None` where
    /// the label has no evident person, or no other face.
    pub distance: Option<f64>,
    /// The largest distance that counts as that person.
    pub limit: Option<f64>,
    /// The other label to whose person it is nearest, with the distance from its centre.
    pub nearest_other: Option<(usize, f64)>,
}

/// The judgement of a label.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedLabel {
    /// Whether its person is evident. Where it isn't, all faces are doubtful.
    pub is_evident: bool,
    /// Other labels that seem to be about the same person, ascending.
    pub same_person_as: Vec<usize>,
    /// The faces, in the order they were given.
    pub faces: Vec<Judgement>,
}

/// Judges the faces of all labels by what the distances of their embeddings mean.
///
/// For one label with n faces it takes time in the square of n up to 5,000 faces, and in n beyond.
#[must_use]
pub fn judge(
    labels: &[Vec<Face<'_>>],
    distances: &Distances,
    threads: NonZeroUsize,
) -> Vec<JudgedLabel> {
    let sorted: Vec<SortedLabel<'_>> = labels.iter().map(|faces| SortedLabel::of(faces)).collect();
    let groups = in_parallel(&sorted, threads, |label| {
        groups::find(&label.points, distances)
    });
    let chosen = choose(&sorted, &groups, distances);
    let people: Vec<Person<'_>> = (groups.iter().zip(&chosen))
        .map(|(groups, chosen)| Person {
            groups,
            chosen: *chosen,
        })
        .collect();
    let numbered: Vec<(usize, &SortedLabel<'_>)> = sorted.iter().enumerate().collect();
    in_parallel(&numbered, threads, |(label, sorted)| {
        let judged = verdicts::of_label(*label, &sorted.points, &people, distances);
        sorted.in_given_order(judged)
    })
}

/// The groups of a label, and the one that is its person.
struct Person<'groups> {
    groups: &'groups [Group],
    chosen: Option<usize>,
}

impl Person<'_> {
    /// The label's person, if evident.
    fn group(&self) -> Option<&Group> {
        self.chosen.map(|chosen| &self.groups[chosen])
    }
}

/// The group of each label that is its person: by the label alone, and then also by the larger
/// labels.
fn choose(
    labels: &[SortedLabel<'_>],
    groups: &[Vec<Group>],
    distances: &Distances,
) -> Vec<Option<usize>> {
    let candidates: Vec<Candidates<'_>> = (groups.iter().zip(labels))
        .map(|(groups, label)| Candidates::new(groups, &label.faces))
        .collect();
    let alone: Vec<Option<usize>> = (candidates.iter())
        .map(|label| label.dominant(&[], distances))
        .collect();
    let people = || {
        let chosen = alone.iter().zip(groups);
        chosen.map(|(chosen, groups)| chosen.map(|chosen| &groups[chosen]))
    };
    let largest = |label: usize| {
        let sizes = groups[label].iter().map(|group| group.members.len());
        sizes.max().unwrap_or(0)
    };
    let with_others = |(label, candidates): (usize, &Candidates<'_>)| {
        let known: Vec<&Centre> = people()
            .enumerate()
            .filter(|(other, _)| *other != label)
            .filter_map(|(_, person)| person)
            .filter(|person| person.members.len() > largest(label))
            .map(|person| &person.centre)
            .collect();
        candidates.dominant(&known, distances).or(alone[label])
    };
    candidates.iter().enumerate().map(with_others).collect()
}

/// A label's faces in an order that depends on their numbers alone, so that sums don't depend on the
/// order of files.
struct SortedLabel<'faces> {
    faces: Vec<Face<'faces>>,
    points: Vec<Point<'faces>>,
    /// The original index of each face.
    given: Vec<usize>,
}

impl<'faces> SortedLabel<'faces> {
    fn of(faces: &[Face<'faces>]) -> Self {
        let mut given: Vec<usize> = (0..faces.len()).collect();
        given.sort_by(|one, other| {
            let (one, other) = (&faces[*one], &faces[*other]);
            let pairs = one
                .embedding
                .numbers()
                .iter()
                .zip(other.embedding.numbers());
            let mut orders = pairs.map(|(a, b)| a.total_cmp(b));
            let by_numbers = orders.find(|order| order.is_ne());
            by_numbers.unwrap_or_else(|| one.photo.cmp(&other.photo))
        });
        let sorted: Vec<Face<'faces>> = given.iter().map(|index| faces[*index]).collect();
        Self {
            points: sorted.iter().map(|face| face.embedding.numbers()).collect(),
            faces: sorted,
            given,
        }
    }

    fn in_given_order(&self, mut label: JudgedLabel) -> JudgedLabel {
        let mut faces: Vec<(usize, Judgement)> =
            self.given.iter().copied().zip(label.faces).collect();
        faces.sort_by_key(|(given, _)| *given);
        label.faces = faces.into_iter().map(|(_, face)| face).collect();
        label
    }
}

/// The results of some work on all items, in their order.
fn in_parallel<Item: Sync, Output: Send>(
    items: &[Item],
    threads: NonZeroUsize,
    work: impl Fn(&Item) -> Output + Sync,
) -> Vec<Output> {
    let mut outputs = Vec::with_capacity(items.len());
    let done = parallel::for_each_in_order(
        items,
        threads,
        || Ok::<_, std::convert::Infallible>(()),
        |(), _, item| work(item),
        |output| {
            outputs.push(output);
            Ok(())
        },
    );
    match done {
        Ok(()) => outputs,
    }
}
