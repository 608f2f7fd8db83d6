//! Strangers: how surely a model separates the people whom it knows from all others.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::EvaluateError;
use super::answers::{self, Prediction};
use super::photo_faces::{Photo, PhotoFace, PhotoFaces, Wanted};
use super::separation::{ScoreKind, Separation};
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::labels::label_of_folder;
use facepipe_core::artifacts::path_text::{relative_path, text_of_name};
use facepipe_core::artifacts::walk::{self, PassedOver};
use facepipe_core::context::Context;
use facepipe_core::types::{
    BoundBasis, Discarded, ModelCard, PhotoFaceName, SimilarityBound, UnknownCard,
};
use facepipe_models::calibration::softmax;
use facepipe_nn::most_probable;

/// How a model does when strangers come too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenSet {
    /// Faces of strangers.
    pub impostors: u64,
    /// Photos of strangers that could not be used: see `discarded.jsonl`.
    pub impostors_discarded: u64,
    /// How many strangers they are, by their folders; `None` where the photos are in no folders.
    pub impostor_people: Option<u64>,
    /// Faces of known people.
    pub genuine: u64,
    /// Where faces are accepted by the probability of their label.
    #[serde(flatten)]
    pub probability: Separation,
    /// Where they are accepted by how alike they are to its images; `None` where the model does not say that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<Separation>,
    /// Which of the two finds more known people at the rate that was chosen: its threshold is the model's from
    /// now on.
    #[serde(default)]
    pub decided_by: ScoreKind,
}

/// A stranger's face and the label that the model gives it.
#[derive(Debug, Clone)]
pub(super) struct Impostor {
    /// The photo.
    pub(super) photo: Photo,
    /// The face in it.
    pub(super) face: PhotoFace,
    /// The most probable label's number.
    pub(super) predicted: usize,
    /// Its probability.
    pub(super) probability: f64,
    /// How alike the face is to the label's images.
    pub(super) similarity: Option<f64>,
}

impl Impostor {
    /// The number by which it may be accepted.
    pub(super) fn score(&self, kind: ScoreKind) -> f64 {
        kind.of(self.probability, self.similarity)
    }

    /// What people are told of it.
    pub(super) fn name(&self) -> PhotoFaceName {
        let PhotoFace { number, found, .. } = self.face;
        PhotoFaceName::of_found(&self.photo.name, number, found)
    }

    /// Who it is: the folder's name.
    pub(super) fn person(&self) -> Option<&str> {
        group(&self.photo.name)
    }
}

/// Strangers, as the model sees them.
#[derive(Debug, Default)]
pub(super) struct Impostors {
    /// Their faces, in the order of names.
    pub(super) faces: Vec<Impostor>,
    /// Photos that could not be used.
    pub(super) discarded: Vec<Discarded>,
}

/// The photos of strangers below a folder.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) photos: Vec<Photo>,
    /// Entries that can't be opened.
    passed_over: Vec<Discarded>,
}

/// Lists the photos of strangers below a folder.
pub(super) fn list(folder: &Path, card: &ModelCard) -> Result<Listed, EvaluateError> {
    if !folder.is_dir() {
        return Err(EvaluateError::NoImpostorFolder(folder.to_owned()));
    }
    let walked = walk::walk(folder, folder)?;
    let mut photos = Vec::new();
    for path in walked.files {
        let name = relative_path(folder, &path);
        // Also below the sides of a data set: the model's own would give a bound above all known people.
        let inside = path.ancestors().skip(1).take_while(|one| *one != folder);
        let mut labels = inside.map(|one| (label_of_folder(&text_of_name(one)), one));
        if let Some((label, of_label)) = labels.find(|(label, _)| card.labels.contains(label)) {
            return Err(EvaluateError::KnownImpostor {
                folder: of_label.to_owned(),
                label,
            });
        }
        photos.push(Photo { name, path });
    }
    if photos.is_empty() {
        return Err(EvaluateError::NoImpostors(folder.to_owned()));
    }
    let passed_over = walked.passed_over.iter().map(PassedOver::discarded);
    Ok(Listed {
        photos,
        passed_over: passed_over.collect(),
    })
}

/// The person of a photo: the first folder's name.
fn group(name: &str) -> Option<&str> {
    name.split_once('/').map(|(folder, _)| folder)
}

/// Runs the model on strangers.
pub(super) fn ask(
    photo_faces: &PhotoFaces<'_>,
    listed: Listed,
    folder: &Path,
    wanted: Wanted,
    temperature: f64,
    context: &Context,
) -> Result<Impostors, EvaluateError> {
    let photos = listed.photos;
    let examined = photo_faces.ask(&photos, wanted, "impostors", context)?;
    let mut impostors = Impostors {
        discarded: listed.passed_over,
        ..Impostors::default()
    };
    let count = photos.len();
    for (photo, examined) in photos.into_iter().zip(examined) {
        match examined {
            Err(discarded) => impostors.discarded.push(discarded),
            Ok(face) => {
                let predicted = most_probable(&face.numbers);
                impostors.faces.push(Impostor {
                    probability: softmax(&face.numbers, temperature)[predicted],
                    similarity: face.similarities.get(predicted).copied().map(f64::from),
                    photo,
                    face,
                    predicted,
                });
            }
        }
    }
    if impostors.faces.is_empty() {
        return Err(EvaluateError::NoImpostorFaces {
            folder: folder.to_owned(),
            photos: count,
        });
    }
    Ok(impostors)
}

impl OpenSet {
    /// The figures; `false_accept_rate` is the one whose threshold is chosen.
    pub(super) fn new(
        genuine: &[Prediction],
        impostors: &Impostors,
        false_accept_rate: f64,
    ) -> Option<Self> {
        let strangers: Vec<_> = impostors.faces.iter().collect();
        let separation = |kind| Separation::new(kind, genuine, &strangers, false_accept_rate);
        let probability = separation(ScoreKind::Probability)?;
        let says_similarity = strangers.iter().all(|one| one.similarity.is_some());
        let similarity = separation(ScoreKind::Similarity).filter(|_| says_similarity);
        let found = |separation: &Separation| separation.chosen.true_accept_rate;
        let is_better = similarity
            .as_ref()
            .is_some_and(|similarity| found(similarity) >= found(&probability));
        let mut people: Vec<_> = strangers.iter().filter_map(|one| one.person()).collect();
        people.dedup();
        Some(Self {
            impostors: strangers.len() as u64,
            impostors_discarded: impostors.discarded.len() as u64,
            impostor_people: (!people.is_empty()).then_some(people.len() as u64),
            genuine: genuine.len() as u64,
            probability,
            similarity,
            decided_by: if is_better {
                ScoreKind::Similarity
            } else {
                ScoreKind::Probability
            },
        })
    }

    /// The figures of the number that decides.
    #[must_use]
    pub fn decisive(&self) -> &Separation {
        match (self.decided_by, &self.similarity) {
            (ScoreKind::Similarity, Some(similarity)) => similarity,
            _ => &self.probability,
        }
    }

    /// The number that does not decide, with its figures.
    #[must_use]
    pub fn other(&self) -> Option<(ScoreKind, &Separation)> {
        match self.decided_by {
            ScoreKind::Similarity => Some((ScoreKind::Probability, &self.probability)),
            ScoreKind::Probability => {
                let similarity = self.similarity.as_ref()?;
                Some((ScoreKind::Similarity, similarity))
            }
        }
    }

    /// The part of the model's card about strangers.
    pub(super) fn card(&self) -> UnknownCard {
        let decides = self.decided_by == ScoreKind::Similarity;
        let similarity = self.similarity.as_ref().filter(|_| decides);
        UnknownCard {
            below: self.probability.chosen.threshold,
            false_accept_rate: Some(self.probability.chosen.false_accepts),
            impostors: self.impostors,
            found_by: BoundBasis::Strangers,
            similarity: similarity.map(|similarity| SimilarityBound {
                below: similarity.chosen.threshold,
                false_accept_rate: Some(similarity.chosen.false_accepts),
            }),
        }
    }
}

/// Writes a line a stranger.
pub(super) fn write_table(
    path: &Path,
    labels: &[&str],
    impostors: &[Impostor],
    open_set: &OpenSet,
) -> Result<(), EvaluateError> {
    let (kind, threshold) = (open_set.decided_by, open_set.decisive().chosen.threshold);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "path",
        "taken_for",
        "probability",
        "accepted",
        "similarity",
        "photo",
        "face",
    ])?;
    for impostor in impostors {
        let name = impostor.name();
        writer.write_record([
            impostor.photo.name.as_str(),
            labels[impostor.predicted],
            &format!("{:.6}", impostor.probability),
            if impostor.score(kind) >= threshold {
                "1"
            } else {
                "0"
            },
            &answers::text_of_similarity(impostor.similarity),
            name.photo(),
            &answers::text_of_number(&name),
        ])?;
    }
    let bytes = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    Ok(atomic::write(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::{DetectedFace, PixelRect};

    fn genuine(answers: &[(f64, bool)]) -> Vec<Prediction> {
        let prediction = |(probability, right): &(f64, bool)| Prediction {
            truth: usize::from(!right),
            probability: *probability,
            similarity: Some(*probability / 2.0),
            ..Prediction::default()
        };
        answers.iter().map(prediction).collect()
    }

    fn impostors(names_and_probabilities: impl Iterator<Item = (String, f64)>) -> Impostors {
        let impostor = |(name, probability): (String, f64)| Impostor {
            photo: Photo {
                path: name.clone().into(),
                name,
            },
            face: PhotoFace {
                face: DetectedFace {
                    rect: PixelRect::from([0, 0, 64, 48]),
                    score: 1.0,
                    landmarks: None,
                },
                number: 0,
                found: 1,
                numbers: Vec::new(),
                features: Vec::new(),
                similarities: Vec::new(),
            },
            predicted: 0,
            probability,
            similarity: None,
        };
        Impostors {
            faces: names_and_probabilities.map(impostor).collect(),
            discarded: Vec::new(),
        }
    }

    #[test]
    fn one_in_a_hundred_strangers_is_accepted_and_wrong_names_never_count() {
        // Strangers from 0.001 to 0.2, two photos of each.
        let strangers = (1..=200).map(|n| (format!("{}/{n}.jpg", n / 2), f64::from(n) / 1000.0));
        let known = [(0.9, true), (0.19, true), (0.1985, true), (0.95, false)];
        let found = OpenSet::new(&genuine(&known), &impostors(strangers), 0.01).expect("both");
        assert_eq!((found.genuine, found.impostors), (4, 200));
        assert_eq!(found.impostor_people, Some(101));
        // 0.2 and 0.199 may pass, 0.198 not: halfway to the next score, which is a known face's.
        assert_eq!(
            (found.decided_by, &found.similarity),
            (ScoreKind::Probability, &None)
        );
        let by_probability = found.decisive();
        let chosen = &by_probability.chosen;
        assert!((chosen.threshold - (0.198 + 0.1985) / 2.0).abs() < 1e-12);
        assert_eq!(chosen.false_accepts, 0.01);
        assert_eq!(chosen.true_accept_rate, 0.5);
        assert!(!chosen.too_few);
        // One in a thousand of 200 is none, and can't be measured.
        let rare = &by_probability.rates[1];
        assert_eq!((rare.false_accepts, rare.true_accept_rate), (0.0, 0.25));
        assert!(rare.too_few);
        assert!((rare.threshold - (0.2 + 0.9) / 2.0).abs() < 1e-12);
        let card = found.card();
        assert_eq!(
            (card.below, card.impostors, card.similarity),
            (chosen.threshold, 200, None)
        );
        // Each point of the curve is one that a threshold reaches.
        assert!(by_probability.curve.iter().all(|point| point[1] <= 0.75));
        assert!(
            by_probability
                .cross_checked_false_accepts
                .is_some_and(|share| share > 0.0 && share < 0.05)
        );
    }

    #[test]
    fn few_strangers_without_folders_give_a_threshold_above_all_of_them() {
        let strangers = [("a.jpg", 0.4), ("b.jpg", 0.7)].map(|(name, p)| (name.to_owned(), p));
        let strangers = impostors(strangers.into_iter());
        let found = OpenSet::new(&genuine(&[(0.6, true)]), &strangers, 0.01).expect("both");
        assert_eq!(found.impostor_people, None);
        let by_probability = found.decisive();
        assert!(by_probability.chosen.too_few && by_probability.chosen.threshold > 0.7);
        assert_eq!(by_probability.chosen.true_accept_rate, 0.0);
        assert_eq!(by_probability.cross_checked_false_accepts, None);
        assert!(OpenSet::new(&[], &strangers, 0.01).is_none());
    }

    #[test]
    fn the_number_decides_that_finds_more_known_people() {
        let names = (1..=200).map(|n| (format!("{n}.jpg"), f64::from(n) / 1000.0));
        let mut strangers = impostors(names);
        // Known people are as similar as half their probability says: 0.075 and more.
        let known = genuine(&[(0.9, true), (0.15, true), (0.16, true)]);
        for (similarity, decided_by, found) in [
            (0.07, ScoreKind::Similarity, 1.0),
            (0.3, ScoreKind::Similarity, 1.0 / 3.0),
            (0.8, ScoreKind::Probability, 1.0 / 3.0),
        ] {
            for stranger in &mut strangers.faces {
                stranger.similarity = Some(similarity);
            }
            let open_set = OpenSet::new(&known, &strangers, 0.01).expect("both");
            assert_eq!(open_set.decided_by, decided_by, "{similarity}");
            let chosen = &open_set.decisive().chosen;
            assert!((chosen.true_accept_rate - found).abs() < 1e-12);
            let card = open_set.card();
            assert_eq!(card.below, open_set.probability.chosen.threshold);
            let bound = card.similarity.map(|bound| bound.below);
            let decides = decided_by == ScoreKind::Similarity;
            assert_eq!(bound, decides.then_some(chosen.threshold));
        }
    }
}
