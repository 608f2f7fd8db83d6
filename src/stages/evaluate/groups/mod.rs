//! Error rates by group of people: does the model do as well for all of them?

mod comparisons;
mod list;
mod rate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::answers::Prediction;
use super::curve::too_few;
use super::open_set::Impostor;
use super::separation::ScoreKind;
use super::{EvaluateError, Findings, OpenSet};
use comparisons::{Errors, Faces};
use facepipe_core::artifacts::labels::label_of_folder;
use facepipe_core::context::Context;
use facepipe_core::types::UnknownCard;
use rate::Trials;

pub(super) use list::{GroupList, read};
pub use rate::{ENOUGH_PEOPLE, ErrorRate};

/// Error rates by group of people, as ISO/IEC 19795-1 names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// At which bound two faces are taken for one person, the same for all groups; `None` where no two people are
    /// compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ComparisonBound>,
    /// From which bound on a face gets a name; `None`: every face gets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognition: Option<RecognitionBound>,
    /// The figures of all people together, also of those without a group.
    pub everyone: GroupFigures,
    /// The figures of each group.
    pub groups: Vec<GroupFigures>,
    /// People with images whom the list puts into no group.
    pub without_group: Vec<String>,
    /// People of the list who have no images.
    pub without_images: Vec<String>,
}

/// A bound of the cosine of two faces' features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonBound {
    /// The share of all pairs of two people that may be accepted.
    pub false_accept_rate: f64,
    /// Two faces of at least this cosine are taken for one person.
    pub cosine: f64,
    /// Pairs of one person's faces.
    pub pairs_of_one: u64,
    /// Pairs of two people's faces.
    pub pairs_of_two: u64,
    /// Whether the pairs of two people are fewer than one in that share: not one may be accepted then.
    pub too_few: bool,
}

/// A bound from which on a face gets a name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RecognitionBound {
    /// Of which number.
    pub score: ScoreKind,
    /// The number.
    pub threshold: f64,
}

/// The error rates of a group of people; `None` where there is nothing to measure it on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupFigures {
    /// Its name, from the list.
    pub group: String,
    /// People with images.
    pub people: u64,
    /// Their images with a face.
    pub images: u64,
    /// False non-match rate: pairs of one person's faces below the bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fnmr: Option<ErrorRate>,
    /// False match rate: pairs of faces of two people, both of this group, at the bound or above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fmr: Option<ErrorRate>,
    /// False-negative identification rate: faces of people whom the model knows that get no name or a wrong one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fnir: Option<ErrorRate>,
    /// False-positive identification rate: faces of strangers that get a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fpir: Option<ErrorRate>,
}

/// The name of the figures of all people.
pub(super) const EVERYONE: &str = "everyone";

/// A face with the person whose it is.
struct PersonFace<'a> {
    person: String,
    features: &'a [f32],
    /// What the model makes of it.
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Of a person whom the model knows: named rightly, or not.
    Known { is_right: bool },
    /// Of a stranger: given a name, or not.
    Stranger { is_named: bool },
}

impl RecognitionBound {
    /// The bound that this report chooses, else that of the model's card.
    fn of(open_set: Option<&OpenSet>, card: Option<&UnknownCard>) -> Option<Self> {
        let bound = |score, threshold| Self { score, threshold };
        if let Some(open_set) = open_set {
            let threshold = open_set.decisive().chosen.threshold;
            return Some(bound(open_set.decided_by, threshold));
        }
        card.map(Self::of_card)
    }

    /// That of a model's card.
    pub(super) fn of_card(card: &UnknownCard) -> Self {
        let (score, threshold) = match card.similarity {
            Some(similarity) => (ScoreKind::Similarity, similarity.below),
            None => (ScoreKind::Probability, card.below),
        };
        Self { score, threshold }
    }

    fn names(bound: Option<Self>, score: impl Fn(ScoreKind) -> f64) -> bool {
        bound.is_none_or(|bound| score(bound.score) >= bound.threshold)
    }
}

impl Findings<'_> {
    /// The figures of the groups of a list, over the images of the side and, where there are some, of strangers.
    pub(super) fn groups(
        &self,
        list: &GroupList,
        path: PathBuf,
        open_set: Option<&OpenSet>,
        context: &Context,
    ) -> Result<Groups, EvaluateError> {
        let card = self.classifier.card();
        let bound = RecognitionBound::of(open_set, card.unknown.as_ref());
        let known = self.predictions.iter().zip(&self.answers.features);
        let known = known.map(|(prediction, features): (&Prediction, _)| PersonFace {
            person: card.labels[prediction.truth].clone(),
            features,
            outcome: Outcome::Known {
                is_right: prediction.is_right()
                    && RecognitionBound::names(bound, |kind| prediction.score(kind)),
            },
        });
        let strangers = self.impostors.iter().flat_map(|impostors| &impostors.faces);
        let strangers = strangers.filter_map(|stranger: &Impostor| {
            Some(PersonFace {
                person: label_of_folder(stranger.person()?),
                features: &stranger.face.features,
                outcome: Outcome::Stranger {
                    is_named: RecognitionBound::names(bound, |kind| stranger.score(kind)),
                },
            })
        });
        let faces: Vec<_> = known.chain(strangers).collect();
        let measured = Measured::new(&faces, self.task.false_accept_rate, context)?;
        measured
            .groups(list, bound, self.task.false_accept_rate)
            .ok_or_else(|| EvaluateError::NobodyOfGroups {
                list: path,
                found: measured.people.first().cloned().unwrap_or_default(),
            })
    }
}

/// All that was counted.
struct Measured {
    /// Their numbers are their places.
    people: Vec<String>,
    bound: comparisons::Bound,
    errors: Errors,
    known: Vec<(u64, u64)>,
    strangers: Vec<(u64, u64)>,
    seed: u64,
}

impl Measured {
    fn new(
        faces: &[PersonFace<'_>],
        false_accept_rate: f64,
        context: &Context,
    ) -> Result<Self, EvaluateError> {
        let names: BTreeSet<&str> = faces.iter().map(|face| face.person.as_str()).collect();
        let numbers: BTreeMap<&str, usize> = names
            .iter()
            .enumerate()
            .map(|(number, name)| (*name, number))
            .collect();
        let (mut known, mut strangers) = (vec![(0, 0); names.len()], vec![(0, 0); names.len()]);
        let mut of_faces = Vec::with_capacity(faces.len());
        for face in faces {
            let person = numbers[face.person.as_str()];
            of_faces.push(person);
            let (counts, is_error) = match face.outcome {
                Outcome::Known { is_right } => (&mut known[person], !is_right),
                Outcome::Stranger { is_named } => (&mut strangers[person], is_named),
            };
            counts.0 += u64::from(is_error);
            counts.1 += 1;
        }
        let features: Vec<&[f32]> = faces.iter().map(|face| face.features).collect();
        let compared = Faces::new(&features, of_faces)?;
        let bound = compared.bound(false_accept_rate, &context.interrupt)?;
        Ok(Self {
            errors: compared.errors(bound, &context.interrupt)?,
            people: names.into_iter().map(str::to_owned).collect(),
            bound,
            known,
            strangers,
            seed: context.seed,
        })
    }

    /// The figures of each group; `None` if nobody of any group has a face.
    fn groups(
        &self,
        list: &GroupList,
        recognition: Option<RecognitionBound>,
        false_accept_rate: f64,
    ) -> Option<Groups> {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut without_group = Vec::new();
        for (number, person) in self.people.iter().enumerate() {
            match list.get(person) {
                Some(group) => groups.entry(group).or_default().push(number),
                None => without_group.push(person.clone()),
            }
        }
        if groups.is_empty() {
            return None;
        }
        let pairs_of_two = self.bound.pairs_of_two;
        let everyone: Vec<usize> = (0..self.people.len()).collect();
        Some(Groups {
            comparison: (pairs_of_two > 0).then(|| ComparisonBound {
                false_accept_rate,
                cosine: self.bound.cosine(),
                pairs_of_one: self.bound.pairs_of_one,
                pairs_of_two,
                too_few: too_few(pairs_of_two, false_accept_rate),
            }),
            recognition,
            everyone: self.figures(EVERYONE, &everyone),
            groups: groups
                .into_iter()
                .map(|(group, people)| self.figures(group, &people))
                .collect(),
            without_group,
            without_images: list
                .keys()
                .filter(|person| self.people.binary_search(person).is_err())
                .cloned()
                .collect(),
        })
    }

    /// The figures of some people, whose numbers are in order.
    fn figures(&self, group: &str, people: &[usize]) -> GroupFigures {
        let images = self.errors.faces_of(people);
        let of_each = |counts: &[(u64, u64)]| {
            let counts: Vec<_> = people.iter().map(|person| counts[*person]).collect();
            let images = counts.iter().map(|(_, trials)| trials).sum();
            Trials::of_each(counts).rate(images, self.seed)
        };
        let compared = |trials: Trials| {
            let rate = trials.rate(images, self.seed);
            rate.filter(|_| self.bound.pairs_of_two > 0)
        };
        GroupFigures {
            group: group.to_owned(),
            people: people.len() as u64,
            images,
            fnmr: compared(self.errors.non_matches(people)),
            fmr: compared(self.errors.matches(people)),
            fnir: of_each(&self.known),
            fpir: of_each(&self.strangers),
        }
    }
}
