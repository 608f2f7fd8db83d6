//! The learning rate schedule, and when a training ends early.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Forms of the learning rate over a training.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Schedule {
    /// Lower by a factor each time the loss on val stays where it is.
    Plateau,
    /// Half a cosine from the full rate to none.
    Cosine,
}

/// Epochs in which the rate grows from nothing: Adam's first steps are large, for its means are
/// still those of few batches.
const WARM_UP_EPOCHS: u64 = 1;
/// The factor of the rate on a plateau. PyTorch's default is 0.1, for longer trainings.
const PLATEAU_FACTOR: f64 = 0.3;
/// Epochs without a lower loss that make a plateau. PyTorch's default is 10, for longer trainings.
const PLATEAU_EPOCHS: u32 = 3;
/// Share by which a loss must be lower to count: PyTorch's default.
const PLATEAU_THRESHOLD: f64 = 1e-4;

/// The state of a plateau schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plateau {
    factor: f64,
    best: Option<f64>,
    bad_epochs: u32,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            factor: 1.0,
            best: None,
            bad_epochs: 0,
        }
    }
}

impl Plateau {
    /// Records an epoch's loss on val.
    pub(super) fn after_epoch(&mut self, loss: f64) {
        if self
            .best
            .is_none_or(|best| loss < best * (1.0 - PLATEAU_THRESHOLD))
        {
            self.best = Some(loss);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.bad_epochs > PLATEAU_EPOCHS {
            self.factor *= PLATEAU_FACTOR;
            self.bad_epochs = 0;
        }
    }
}

impl Schedule {
    /// The share of the highest rate in a step, counted from 0.
    pub(super) fn factor(
        self,
        step: u64,
        steps_per_epoch: u64,
        epochs: u32,
        plateau: &Plateau,
    ) -> f64 {
        let warm_up = WARM_UP_EPOCHS * steps_per_epoch;
        let warm = ((step + 1) as f64 / warm_up as f64).min(1.0);
        let factor = match self {
            Self::Plateau => plateau.factor,
            Self::Cosine => {
                let cooling = (steps_per_epoch * u64::from(epochs)).saturating_sub(warm_up);
                let done = step.saturating_sub(warm_up) as f64 / cooling.max(1) as f64;
                (1.0 + (PI * done.min(1.0)).cos()) / 2.0
            }
        };
        warm * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_warms_up_and_cools_down() {
        let factor = |step| Schedule::Cosine.factor(step, 4, 5, &Plateau::default());
        assert_eq!(factor(0), 0.25);
        assert_eq!(factor(3), 1.0);
        assert_eq!(factor(4), 1.0);
        assert!((factor(12) - 0.5).abs() < 1e-12);
        assert!(factor(19) > 0.0 && factor(19) < 0.02);
    }

    #[test]
    fn a_plateau_lowers_the_rate_once_and_starts_counting_again() {
        let mut plateau = Plateau::default();
        let mut factors = Vec::new();
        for loss in [2.0, 1.0, 1.0, 0.99995, 1.2, 1.1, 1.0, 1.0, 0.5, 0.6] {
            plateau.after_epoch(loss);
            factors.push(Schedule::Plateau.factor(100, 4, 50, &plateau));
        }
        assert_eq!(factors[..5], [1.0; 5]);
        assert_eq!(factors[5..], [0.3; 5]);
    }
}
