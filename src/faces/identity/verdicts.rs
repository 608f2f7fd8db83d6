//! The verdict on each face, once the person of each label is known.

use super::centre::{Centre, Point};
use super::groups::Group;
use super::thresholds::{FEWEST_FACES, limit};
use super::{JudgedLabel, Judgement, Person, Verdict, same_identity};
use facepipe_core::types::Distances;

/// A person other than the label's.
struct Other<'groups> {
    centre: &'groups Centre,
    /// Their label; `None` for a group of strangers in the same label.
    label: Option<usize>,
}

/// Judges the faces of one label; `points` are its faces, in the order of its groups' members.
pub(super) fn of_label(
    label: usize,
    points: &[Point<'_>],
    people: &[Person<'_>],
    distances: &Distances,
) -> JudgedLabel {
    let person = people[label].group();
    let mut others = Vec::new();
    let mut same_person_as = Vec::new();
    for (other, candidate) in people.iter().enumerate() {
        let Some(group) = candidate.group().filter(|_| other != label) else {
            continue;
        };
        if person.is_some_and(|person| same_identity(&person.centre, &group.centre, distances)) {
            same_person_as.push(other);
        } else if group.members.len() >= FEWEST_FACES {
            others.push(Other {
                centre: &group.centre,
                label: Some(other),
            });
        }
    }
    let faces = match (person, people[label].chosen) {
        (Some(person), Some(chosen)) => {
            let groups = people[label].groups.iter().enumerate();
            let strangers = groups
                .filter(|(index, group)| *index != chosen && group.members.len() >= FEWEST_FACES);
            others.extend(strangers.map(|(_, group)| Other {
                centre: &group.centre,
                label: None,
            }));
            let judge = |(index, point): (usize, &Point<'_>)| {
                let is_member = person.members.binary_search(&index).is_ok();
                beside_person(point, is_member, person, &others, distances)
            };
            points.iter().enumerate().map(judge).collect()
        }
        _ => without_person(points, &others, distances),
    };
    JudgedLabel {
        is_evident: person.is_some(),
        same_person_as,
        faces,
    }
}

/// Judges a face of a label whose person is known.
fn beside_person(
    point: Point<'_>,
    is_member: bool,
    person: &Group,
    others: &[Other<'_>],
    distances: &Distances,
) -> Judgement {
    if person.members.len() < 2 {
        return Judgement {
            verdict: Verdict::Kept,
            distance: None,
            limit: None,
            nearest_other: None,
        };
    }
    let (distance, limit) = if is_member {
        let others = person.members.len() - 1;
        (
            person.centre.distance_of_member(point),
            limit(distances, others),
        )
    } else {
        (
            person.centre.distance(point),
            limit(distances, person.members.len()),
        )
    };
    let nearest = Nearest::of(point, others, distances);
    let is_nearer = |by: f64| nearest.away + by < distance;
    let not_this_person = match nearest.label {
        Some((_, away)) if nearest.is_within && away < distance => Verdict::NearerToOtherLabel,
        _ => Verdict::Stranger,
    };
    let verdict = if distance > limit {
        not_this_person
    } else if distance > limit - distances.doubtful_zone {
        if is_nearer(0.0) {
            not_this_person
        } else {
            Verdict::Doubtful
        }
    } else if is_nearer(distances.clearly_nearer) {
        not_this_person
    } else {
        Verdict::Kept
    };
    Judgement {
        verdict,
        distance: Some(distance),
        limit: Some(limit),
        nearest_other: nearest.label,
    }
}

/// Judges the faces of a label without an evident person: all are doubtful, except a minority that
/// clearly is another label's person.
fn without_person(
    points: &[Point<'_>],
    others: &[Other<'_>],
    distances: &Distances,
) -> Vec<Judgement> {
    let nearest: Vec<Nearest> = (points.iter())
        .map(|point| Nearest::of(point, others, distances))
        .collect();
    let are_minority = 2 * nearest.iter().filter(|face| face.is_clearly).count() < points.len();
    let judge = |nearest: Nearest| Judgement {
        verdict: if are_minority && nearest.is_clearly {
            Verdict::NearerToOtherLabel
        } else {
            Verdict::Doubtful
        },
        distance: None,
        limit: None,
        nearest_other: nearest.label,
    };
    nearest.into_iter().map(judge).collect()
}

/// The other person nearest to a face.
struct Nearest {
    /// The distance of the nearest one; infinite where there are none.
    away: f64,
    /// The nearest other label, with the distance of its person.
    label: Option<(usize, f64)>,
    /// Whether the face may be that label's person.
    is_within: bool,
    /// Whether it is that label's person beyond doubt.
    is_clearly: bool,
}

impl Nearest {
    fn of(point: Point<'_>, others: &[Other<'_>], distances: &Distances) -> Self {
        let mut nearest = Self {
            away: f64::INFINITY,
            label: None,
            is_within: false,
            is_clearly: false,
        };
        for other in others {
            let away = other.centre.distance(point);
            nearest.away = nearest.away.min(away);
            let Some(label) = other.label else { continue };
            if nearest.label.is_none_or(|(_, before)| away < before) {
                let limit = limit(distances, other.centre.faces());
                nearest.label = Some((label, away));
                nearest.is_within = away < limit;
                nearest.is_clearly = away < limit - distances.doubtful_zone;
            }
        }
        nearest
    }
}
