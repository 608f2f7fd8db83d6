//! Strangers: how surely a model separates the people whom it knows from all others.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::EvaluateError;
use super::answers::Prediction;
use super::curve::{AcceptRate, Curve, Point, Scored, thinned};
use super::photo_faces::{Photo, PhotoFace, PhotoFaces, Wanted};
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::labels::label_of_folder;
use facepipe_core::artifacts::path_text::relative_path;
use facepipe_core::artifacts::walk::{self, PassedOver};
use facepipe_core::context::Context;
use facepipe_core::types::{Discarded, ModelCard, UnknownCard};
use facepipe_models::calibration::softmax;
use facepipe_nn::most_probable;

/// False-accept rates that are always reported.
pub const FALSE_ACCEPT_RATES: [f64; 2] = [0.01, 0.001];
/// Parts of the strangers for the cross-check: the threshold chosen on four of them is tried on the
/// fifth.
const PARTS: usize = 5;

/// How a model does when strangers come too. A face is accepted when its most probable label has at
/// least a probability; a known person's face counts only if that label is the right one.
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
    /// At the rate that was chosen: its threshold is the model's from now on.
    pub chosen: AcceptRate,
    /// The share of strangers that was accepted when the threshold was chosen by other strangers: what
    /// to expect of new ones. `None` with fewer strangers than parts.
    pub cross_checked_false_accepts: Option<f64>,
    /// At 1 % and 0.1 %.
    pub rates: Vec<AcceptRate>,
    /// Share of strangers accepted, share of known faces accepted and rightly named.
    pub curve: Vec<Point>,
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
        let person = group(&name).map(label_of_folder);
        if let Some(label) = card
            .labels
            .iter()
            .find(|label| person.as_ref() == Some(label))
        {
            return Err(EvaluateError::KnownImpostor {
                label: label.clone(),
                folder: folder.join(label),
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
    temperature: f64,
    context: &Context,
) -> Result<Impostors, EvaluateError> {
    let photos = listed.photos;
    let examined = photo_faces.ask(&photos, Wanted::Logits, "impostors", context)?;
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
        let curve = curve(genuine, &strangers)?;
        let mut people: Vec<_> = strangers
            .iter()
            .filter_map(|one| group(&one.photo.name))
            .collect();
        people.dedup();
        let (known, unknown) = curve.counts();
        Some(Self {
            impostors: unknown,
            impostors_discarded: impostors.discarded.len() as u64,
            impostor_people: (!people.is_empty()).then_some(people.len() as u64),
            genuine: known,
            chosen: curve.accept_rate(false_accept_rate),
            cross_checked_false_accepts: cross_check(genuine, &strangers, false_accept_rate),
            rates: FALSE_ACCEPT_RATES
                .map(|rate| curve.accept_rate(rate))
                .into(),
            curve: thinned(&curve.roc()),
        })
    }

    /// The part of the model's card about strangers.
    pub(super) fn card(&self) -> UnknownCard {
        UnknownCard {
            below: self.chosen.threshold,
            false_accept_rate: self.chosen.false_accepts,
            impostors: self.impostors,
        }
    }
}

/// Known faces are positives; those with a wrong name are below every threshold.
fn curve(genuine: &[Prediction], strangers: &[&Impostor]) -> Option<Curve> {
    let known = genuine.iter().map(|prediction| Scored {
        score: if prediction.is_right() {
            prediction.probability
        } else {
            f64::NEG_INFINITY
        },
        positive: true,
    });
    let unknown = strangers.iter().map(|impostor| Scored {
        score: impostor.probability,
        positive: false,
    });
    Curve::new(known.chain(unknown).collect())
}

/// The share of strangers that is accepted at thresholds that were chosen by others of them; all photos
/// of a folder are in the same part.
fn cross_check(genuine: &[Prediction], strangers: &[&Impostor], rate: f64) -> Option<f64> {
    let mut part = 0;
    let mut parts: Vec<Vec<&Impostor>> = vec![Vec::new(); PARTS];
    for (index, impostor) in strangers.iter().enumerate() {
        let before = index
            .checked_sub(1)
            .and_then(|before| group(&strangers[before].photo.name));
        if index > 0 && (before.is_none() || before != group(&impostor.photo.name)) {
            part = (part + 1) % PARTS;
        }
        parts[part].push(impostor);
    }
    if parts.iter().any(Vec::is_empty) {
        return None;
    }
    let mut accepted = 0;
    for (number, held_out) in parts.iter().enumerate() {
        let others = parts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number);
        let others: Vec<_> = others.flat_map(|(_, part)| part.iter().copied()).collect();
        let threshold = curve(genuine, &others)?.threshold_for(rate);
        accepted += held_out
            .iter()
            .filter(|one| one.probability >= threshold)
            .count();
    }
    Some(accepted as f64 / strangers.len() as f64)
}

/// Writes a line a stranger.
pub(super) fn write_table(
    path: &Path,
    labels: &[&str],
    impostors: &[Impostor],
    threshold: f64,
) -> Result<(), EvaluateError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["path", "taken_for", "probability", "accepted"])?;
    for impostor in impostors {
        writer.write_record([
            impostor.photo.name.as_str(),
            labels[impostor.predicted],
            &format!("{:.6}", impostor.probability),
            if impostor.probability >= threshold {
                "1"
            } else {
                "0"
            },
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
                numbers: Vec::new(),
            },
            predicted: 0,
            probability,
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
        assert!((found.chosen.threshold - (0.198 + 0.1985) / 2.0).abs() < 1e-12);
        assert_eq!(found.chosen.false_accepts, 0.01);
        assert_eq!(found.chosen.true_accept_rate, 0.5);
        assert!(!found.chosen.too_few);
        // One in a thousand of 200 is none, and can't be measured.
        let rare = &found.rates[1];
        assert_eq!((rare.false_accepts, rare.true_accept_rate), (0.0, 0.25));
        assert!(rare.too_few);
        assert!((rare.threshold - (0.2 + 0.9) / 2.0).abs() < 1e-12);
        let card = found.card();
        assert_eq!((card.below, card.impostors), (found.chosen.threshold, 200));
        // Each point of the curve is one that a threshold reaches.
        assert!(found.curve.iter().all(|point| point[1] <= 0.75));
        assert!(
            found
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
        assert!(found.chosen.too_few && found.chosen.threshold > 0.7);
        assert_eq!(found.chosen.true_accept_rate, 0.0);
        assert_eq!(found.cross_checked_false_accepts, None);
        assert!(OpenSet::new(&[], &strangers, 0.01).is_none());
    }
}
