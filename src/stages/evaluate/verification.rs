//! Pairs of photos: one person or two? By the features before the layer of labels, so for people
//! whom it was not trained on as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::EvaluateError;
use super::curve::{AcceptRate, Curve, Point, Scored, thinned};
use super::interval::wilson;
use super::pairs::Pair;
use super::photo_faces::{Photo, PhotoFace, PhotoFaces, Wanted};
use super::separation::FALSE_ACCEPT_RATES;
use facepipe_core::context::Context;
use facepipe_core::types::Discarded;

/// How well pairs of photos are decided to be one person or two, by the cosine of their features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// How many pairs there are.
    pub pairs: u64,
    /// How many of them are one person.
    pub same: u64,
    /// Pairs with a photo in which no face was found: they count as wrong in the accuracy and not at
    /// all in the curve.
    pub lost: u64,
    /// Area below the ROC curve.
    pub roc_auc: f64,
    /// The rate at which as many pairs of two people are accepted as pairs of one are refused.
    pub equal_error_rate: f64,
    /// Acceptance of pairs of one person where at most 1 % and 0.1 % of the others are accepted.
    pub rates: Vec<AcceptRate>,
    /// The share of pairs that is decided right.
    pub accuracy: Accuracy,
    /// Share of pairs of two people accepted, share of pairs of one person accepted.
    pub curve: Vec<Point>,
}

/// The share of pairs that is decided right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// The share.
    pub share: f64,
    /// Wilson's 95 % interval of it.
    pub interval: [f64; 2],
    /// Whether each fold's threshold was chosen on the other folds; else it was chosen on the pairs
    /// themselves, which flatters.
    pub cross_checked: bool,
    /// The thresholds, by fold.
    pub thresholds: BTreeMap<String, f64>,
}

/// A pair with the cosine of its features; `None` where a face is missing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    /// Whether it is one person.
    pub(super) same: bool,
    /// Its fold, where the list has folds.
    pub(super) fold: Option<String>,
    /// From -1 to 1.
    pub(super) cosine: Option<f64>,
}

/// Compares the faces of pairs; also returns the photos that could not be used.
pub(super) fn compare(
    photo_faces: &PhotoFaces<'_>,
    pairs: &[Pair],
    context: &Context,
) -> Result<(Vec<Compared>, Vec<Discarded>), EvaluateError> {
    let photos: BTreeSet<&Photo> = pairs.iter().flat_map(|pair| [&pair.a, &pair.b]).collect();
    let photos: Vec<Photo> = photos.into_iter().cloned().collect();
    let examined = photo_faces.ask(&photos, Wanted::Features, "pairs", context)?;
    let mut discarded = Vec::new();
    let mut features: BTreeMap<&PathBuf, PhotoFace> = BTreeMap::new();
    for (photo, examined) in photos.iter().zip(examined) {
        match examined {
            Ok(face) => drop(features.insert(&photo.path, face)),
            Err(reason) => discarded.push(reason),
        }
    }
    let compared = pairs.iter().map(|pair| {
        let [a, b] = [&pair.a, &pair.b].map(|photo| features.get(&photo.path));
        Compared {
            same: pair.same,
            fold: pair.fold.clone(),
            cosine: a.zip(b).map(|(a, b)| cosine(&a.numbers, &b.numbers)),
        }
    });
    Ok((compared.collect(), discarded))
}

/// The cosine of the angle between two vectors; 0 where one has no length.
fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| {
        let pairs = a.iter().zip(b);
        pairs
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    let lengths = (product(one, one) * product(other, other)).sqrt();
    if lengths > 0.0 {
        (product(one, other) / lengths).clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

impl Verification {
    /// The figures of compared pairs.
    ///
    /// # Errors
    /// [`EvaluateError::OneSidedPairs`] unless faces were found in pairs of both kinds.
    pub(super) fn new(compared: &[Compared], list: &Path) -> Result<Self, EvaluateError> {
        let scored = compared.iter().filter_map(|pair| {
            let score = pair.cosine?;
            Some(Scored {
                score,
                positive: pair.same,
            })
        });
        let curve = Curve::new(scored.collect())
            .ok_or_else(|| EvaluateError::OneSidedPairs(list.to_owned()))?;
        Ok(Self {
            pairs: compared.len() as u64,
            same: compared.iter().filter(|pair| pair.same).count() as u64,
            lost: compared.iter().filter(|pair| pair.cosine.is_none()).count() as u64,
            roc_auc: curve.area(),
            equal_error_rate: curve.equal_error_rate(),
            rates: FALSE_ACCEPT_RATES
                .map(|rate| curve.accept_rate(rate))
                .into(),
            accuracy: accuracy(compared),
            curve: thinned(&curve.roc()),
        })
    }
}

/// The name of the only fold of a list without folds.
const ALL: &str = "all";

fn accuracy(compared: &[Compared]) -> Accuracy {
    let folds: BTreeSet<&String> = compared
        .iter()
        .filter_map(|pair| pair.fold.as_ref())
        .collect();
    let cross_checked = folds.len() >= 2;
    let mut right = 0;
    let mut thresholds = BTreeMap::new();
    if cross_checked {
        for fold in folds {
            let is_inside = |pair: &&Compared| pair.fold.as_ref() == Some(fold);
            let outside: Vec<&Compared> = compared.iter().filter(|pair| !is_inside(pair)).collect();
            let threshold = best_threshold(&outside);
            right += compared
                .iter()
                .filter(is_inside)
                .filter(|pair| is_right(pair, threshold))
                .count();
            thresholds.insert(fold.clone(), threshold);
        }
    } else {
        let threshold = best_threshold(&compared.iter().collect::<Vec<_>>());
        right = compared
            .iter()
            .filter(|pair| is_right(pair, threshold))
            .count();
        thresholds.insert(ALL.to_owned(), threshold);
    }
    let count = compared.len();
    Accuracy {
        share: right as f64 / count.max(1) as f64,
        interval: wilson(right as u64, count as u64),
        cross_checked,
        thresholds,
    }
}

fn is_right(pair: &Compared, threshold: f64) -> bool {
    pair.cosine
        .is_some_and(|cosine| (cosine >= threshold) == pair.same)
}

/// The threshold at which most pairs are decided right: the middle of the best ones between two cosines.
fn best_threshold(pairs: &[&Compared]) -> f64 {
    let mut cosines: Vec<(f64, bool)> = pairs
        .iter()
        .filter_map(|pair| Some((pair.cosine?, pair.same)))
        .collect();
    cosines.sort_by(|one, other| one.0.total_cmp(&other.0));
    // Below all of them, every pair is taken for one person.
    let mut right = cosines.iter().filter(|(_, same)| *same).count();
    let mut tries = vec![(cosines.first().map_or(0.0, |first| first.0), right)];
    for (index, (cosine, same)) in cosines.iter().enumerate() {
        right = if *same { right - 1 } else { right + 1 };
        match cosines.get(index + 1) {
            Some((next, _)) if next > cosine => tries.push((f64::midpoint(*cosine, *next), right)),
            Some(_) => {}
            None => tries.push((cosine.next_up(), right)),
        }
    }
    let most = tries.iter().map(|(_, right)| *right).max().unwrap_or(0);
    let best: Vec<_> = tries.iter().filter(|(_, right)| *right == most).collect();
    best.get(best.len() / 2)
        .map_or(0.0, |(threshold, _)| *threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(same: bool, fold: &str, cosine: f64) -> Compared {
        Compared {
            same,
            fold: Some(fold.to_owned()),
            cosine: Some(cosine),
        }
    }

    #[test]
    fn cosines_do_not_depend_on_lengths() {
        assert!((cosine(&[3.0, 0.0], &[2.0, 2.0]) - 0.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(cosine(&[1.0, 2.0], &[-2.0, -4.0]), -1.0);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 2.0]), 0.0);
    }

    #[test]
    fn each_fold_is_judged_by_the_threshold_of_the_other() {
        let mut pairs = vec![
            pair(true, "1", 0.9),
            pair(true, "1", 0.6),
            pair(false, "1", 0.2),
            pair(true, "2", 0.8),
            pair(false, "2", 0.1),
            pair(false, "2", 0.5),
        ];
        // Fold 1 chooses 0.4, at which 0.5 of fold 2 is taken for one person; fold 2 chooses 0.65, at
        // which 0.6 of fold 1 is not.
        let found = accuracy(&pairs);
        assert!(found.cross_checked);
        assert!((found.thresholds["1"] - 0.65).abs() < 1e-12);
        assert!((found.thresholds["2"] - 0.4).abs() < 1e-12);
        assert!((found.share - 4.0 / 6.0).abs() < 1e-12);
        let whole = Verification::new(&pairs, Path::new("pairs.csv")).expect("both kinds");
        assert_eq!((whole.roc_auc, whole.equal_error_rate), (1.0, 0.0));
        for pair in &mut pairs {
            pair.fold = None;
        }
        pairs[0].cosine = None;
        let found = accuracy(&pairs);
        assert!(!found.cross_checked);
        // The lost pair is wrong, the others are decided right between 0.5 and 0.6.
        assert!((found.share - 5.0 / 6.0).abs() < 1e-12);
        let whole = Verification::new(&pairs, Path::new("pairs.csv")).expect("both kinds");
        assert_eq!((whole.pairs, whole.same, whole.lost), (6, 3, 1));
        let one_sided = Verification::new(&pairs[..2], Path::new("pairs.csv"));
        assert!(matches!(one_sided, Err(EvaluateError::OneSidedPairs(_))));
    }
}
