//! The factor by which the loss is multiplied in fp16, so that small gradients are not lost.

use serde::{Deserialize, Serialize};

/// The first factor: PyTorch's `GradScaler`.
const FIRST: f64 = 65536.0;
/// Its factor of growth after many good steps: PyTorch's.
const GROWTH: f64 = 2.0;
/// Its factor after a step whose gradients do not fit: PyTorch's.
const BACK_OFF: f64 = 0.5;
/// Good steps after which it grows: PyTorch's.
const GROWTH_STEPS: u32 = 2000;
/// Smallest factor: a loss that is not scaled up and still has no finite gradient can't be helped.
const SMALLEST: f64 = 1.0;

/// The factor and its history; a part of every checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct LossScaler {
    /// The factor of the loss.
    pub(super) factor: f64,
    good_steps: u32,
}

impl Default for LossScaler {
    fn default() -> Self {
        Self {
            factor: FIRST,
            good_steps: 0,
        }
    }
}

impl LossScaler {
    /// Records a step, and whether all its gradients were finite. Returns whether the training
    /// can continue.
    pub(super) fn after_step(&mut self, finite: bool) -> bool {
        if !finite {
            self.factor *= BACK_OFF;
            self.good_steps = 0;
            return self.factor >= SMALLEST;
        }
        self.good_steps += 1;
        if self.good_steps == GROWTH_STEPS {
            self.good_steps = 0;
            if (self.factor * GROWTH).is_finite() {
                self.factor *= GROWTH;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_on_infinity_and_doubles_after_many_good_steps() {
        let mut scaler = LossScaler::default();
        assert!(scaler.after_step(true));
        assert!(scaler.after_step(false));
        assert_eq!(scaler.factor, 32768.0);
        for _ in 0..GROWTH_STEPS - 1 {
            assert!(scaler.after_step(true));
        }
        assert_eq!(scaler.factor, 32768.0);
        assert!(scaler.after_step(true));
        assert_eq!(scaler.factor, 65536.0);
    }

    #[test]
    fn it_continues_from_a_checkpoint_in_the_same_step() {
        let mut whole = LossScaler::default();
        let _ = whole.after_step(false);
        (0..1500).for_each(|_| assert!(whole.after_step(true)));
        let text = serde_json::to_string(&whole).expect("serializes");
        let mut resumed: LossScaler = serde_json::from_str(&text).expect("parses");
        (0..500).for_each(|_| assert!(resumed.after_step(true)));
        assert_eq!(resumed.factor, 65536.0);
    }

    #[test]
    fn gradients_that_never_fit_end_it() {
        let mut scaler = LossScaler::default();
        let steps = (0..100).take_while(|_| scaler.after_step(false)).count();
        assert_eq!(steps, 16);
    }
}
