//! The result of an evaluation: `report.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::groups::Groups;
use super::known_found::KnownFound;
use super::one_vs_rest::OneVsRest;
use super::open_set::OpenSet;
use super::verification::Verification;
use super::{EvaluateError, Findings, Metrics, rate_text};
use facepipe_core::artifacts::stage::REPORT_FILE;
use facepipe_core::context::Context;
use facepipe_core::types::{Calibrated, Split};
use facepipe_core::words::counted_as;
use facepipe_models::calibration::{ENOUGH, Figures};

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The folder of the report, as it was given.
    #[serde(with = "facepipe_core::artifacts::path_text::as_text")]
    pub report: PathBuf,
    /// The side of the data set.
    pub split: Split,
    /// The figures.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// How well probabilities are calibrated.
    pub calibration: CalibrationFigures,
    /// Curves of each label against all others.
    pub one_vs_rest: OneVsRest,
    /// What the bound for strangers that the model has does to the people whom it knows; where there were strangers,
    /// `open_set` says it of the bound that it has from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_found: Option<KnownFound>,
    /// The model's behaviour with strangers, where there were some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_set: Option<OpenSet>,
    /// Verification of pairs of photos (one person or two), where there were some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// Error rates by group of people, where a list says to which each person belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
    /// Images left out because they can't be read.
    pub unreadable: u64,
    /// Time that it took, in seconds.
    pub seconds: f64,
}

/// Calibration without and with the model's temperature, which was fitted on val and never on the side
/// that is reported, unless that is val.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationFigures {
    /// At a temperature of 1.
    pub uncalibrated: Figures,
    /// At the model's temperature: what `predict` gives.
    pub calibrated: Figures,
    /// How the temperature came about; `None` for models of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<Calibrated>,
    /// Images of val that it was to be fitted on.
    #[serde(default)]
    pub fitted_on: u64,
    /// Whether the images of val, or those of this side, are fewer than [`ENOUGH_TO_CALIBRATE`]: the figures
    /// mean little then.
    #[serde(default)]
    pub too_few: bool,
}

/// Images of a side from which on calibration can be measured; see [`ENOUGH`].
pub const ENOUGH_TO_CALIBRATE: u64 = ENOUGH as u64;

/// The report of an earlier evaluation.
pub(super) fn of_before(out: &Path) -> Result<Report, EvaluateError> {
    let bytes = fs_err::read(out.join(REPORT_FILE))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(std::io::Error::from)?;
    Ok(Report {
        report: out.to_owned(),
        ..report
    })
}

impl Report {
    /// Items by outcome, for the stamp.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::from([
            ("images".to_owned(), self.metrics.images),
            ("unreadable".to_owned(), self.unreadable),
        ]);
        if let Some(open_set) = &self.open_set {
            counts.insert("impostors".to_owned(), open_set.impostors);
        }
        if let Some(verification) = &self.verification {
            counts.insert("pairs".to_owned(), verification.pairs);
        }
        counts
    }

    /// The figures that a model's card has.
    pub(super) fn summary(&self) -> BTreeMap<String, f64> {
        let calibrated = &self.calibration.calibrated;
        let mut summary = self.metrics.summary();
        summary.insert("ece".to_owned(), calibrated.ece);
        summary.insert("brier".to_owned(), calibrated.brier);
        summary
    }
}

impl Findings<'_> {
    /// The figures of all results; the time is still missing.
    pub(super) fn report(&self, context: &Context) -> Result<Report, EvaluateError> {
        let card = self.classifier.card();
        let view = self.answers.view();
        let calibrated = Figures::new(view, card.temperature);
        let probabilities = self.answers.probabilities(card.temperature);
        let fitted_on = card.data.images.get(Split::Val.folder());
        let fitted_on = fitted_on.copied().unwrap_or_default();
        let images = self.answers.truths.len() as u64;
        let task = self.task;
        let open_set = self.impostors.as_ref().and_then(|impostors| {
            OpenSet::new(&self.predictions, impostors, task.false_accept_rate)
        });
        if let Some(open_set) = &open_set
            && let chosen = &open_set.decisive().chosen
            && chosen.too_few
        {
            context.progress.note(&format!(
                "{} too few for a false-accept rate of {}: the threshold is above all \
                 of them; {} faces or more would measure it",
                counted_as(open_set.impostors, "stranger is", "strangers are"),
                rate_text(chosen.false_accept_rate),
                (1.0 / chosen.false_accept_rate).ceil()
            ));
        }
        let verification = match (&self.compared, task.pairs) {
            (Some(compared), Some(pairs)) => Some(Verification::new(compared, pairs.list)?),
            _ => None,
        };
        let groups = match (&self.group_list, task.groups) {
            (Some(list), Some(path)) => {
                let path = path.to_owned();
                Some(self.groups(list, path, open_set.as_ref(), context)?)
            }
            _ => None,
        };
        Ok(Report {
            report: task.out.to_owned(),
            split: task.split,
            metrics: Metrics::new(
                &card.labels,
                &self.predictions,
                calibrated.loss,
                context.seed,
            ),
            calibration: CalibrationFigures {
                uncalibrated: Figures::new(view, 1.0),
                calibrated,
                how: card.calibrated,
                fitted_on,
                too_few: fitted_on.min(images) < ENOUGH_TO_CALIBRATE,
            },
            one_vs_rest: OneVsRest::new(&card.labels, &probabilities, &self.answers.truths),
            known_found: match (&open_set, &card.unknown) {
                (None, Some(unknown)) => Some(KnownFound::new(&self.predictions, unknown)),
                _ => None,
            },
            open_set,
            verification,
            groups,
            unreadable: self.checked.discarded.len() as u64,
            seconds: 0.0,
        })
    }
}
