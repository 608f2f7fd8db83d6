//! How well a number tells strangers from the people whom a model knows.

use serde::{Deserialize, Serialize};

use super::answers::Prediction;
use super::curve::{AcceptRate, Curve, Point, Scored, thinned};
use super::open_set::Impostor;

/// False-accept rates that are always reported.
pub const FALSE_ACCEPT_RATES: [f64; 2] = [0.01, 0.001];
/// Parts of the strangers for the cross-check: the threshold chosen on four of them is tried on the
/// fifth.
const PARTS: usize = 5;

/// A number by which a face is accepted as somebody whom the model knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ScoreKind {
    /// The probability of the most probable label.
    #[default]
    Probability,
    /// How alike the face is to that label's images.
    Similarity,
}

impl ScoreKind {
    /// The number of a face, by which it may be accepted.
    pub(super) fn of(self, probability: f64, similarity: Option<f64>) -> f64 {
        match self {
            Self::Probability => probability,
            Self::Similarity => similarity.unwrap_or(f64::NEG_INFINITY),
        }
    }
}

/// What accepting faces by a number comes to. A known person's face counts only if its label is the right one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// At the rate that was chosen.
    pub chosen: AcceptRate,
    /// The share of strangers that was accepted when the threshold was chosen by other strangers: what
    /// to expect of new ones. `None` with fewer strangers than parts.
    pub cross_checked_false_accepts: Option<f64>,
    /// At 1 % and 0.1 %.
    pub rates: Vec<AcceptRate>,
    /// Share of strangers accepted, share of known faces accepted and rightly named.
    pub curve: Vec<Point>,
}

impl Separation {
    /// The figures of a number; `None` unless there are faces of known people and of strangers.
    pub(super) fn new(
        kind: ScoreKind,
        genuine: &[Prediction],
        strangers: &[&Impostor],
        false_accept_rate: f64,
    ) -> Option<Self> {
        let curve = curve(kind, genuine, strangers)?;
        Some(Self {
            chosen: curve.accept_rate(false_accept_rate),
            cross_checked_false_accepts: cross_check(kind, genuine, strangers, false_accept_rate),
            rates: FALSE_ACCEPT_RATES
                .map(|rate| curve.accept_rate(rate))
                .into(),
            curve: thinned(&curve.roc()),
        })
    }
}

/// Known faces are positives; those with a wrong name are below every threshold.
fn curve(kind: ScoreKind, genuine: &[Prediction], strangers: &[&Impostor]) -> Option<Curve> {
    let known = genuine.iter().map(|prediction| Scored {
        score: if prediction.is_right() {
            prediction.score(kind)
        } else {
            f64::NEG_INFINITY
        },
        positive: true,
    });
    let unknown = strangers.iter().map(|impostor| Scored {
        score: impostor.score(kind),
        positive: false,
    });
    Curve::new(known.chain(unknown).collect())
}

/// The share of strangers that is accepted at thresholds that were chosen by others of them; all photos
/// of a folder are in the same part.
fn cross_check(
    kind: ScoreKind,
    genuine: &[Prediction],
    strangers: &[&Impostor],
    rate: f64,
) -> Option<f64> {
    let mut part = 0;
    let mut parts: Vec<Vec<&Impostor>> = vec![Vec::new(); PARTS];
    for (index, impostor) in strangers.iter().enumerate() {
        let before = index
            .checked_sub(1)
            .and_then(|before| strangers[before].person());
        if index > 0 && (before.is_none() || before != impostor.person()) {
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
        let threshold = curve(kind, genuine, &others)?.threshold_for(rate);
        accepted += held_out
            .iter()
            .filter(|one| one.score(kind) >= threshold)
            .count();
    }
    Some(accepted as f64 / strangers.len() as f64)
}
