//! Temperature scaling: one number that logits are divided by.

use super::{Answers, surprise};
use facepipe_core::types::Calibrated;

/// The smallest temperature that is considered: logits are multiplied by 20.
const LOWEST: f64 = 0.05;
/// The largest temperature that is considered.
const HIGHEST: f64 = 20.0;
/// How far, in natural logarithms, temperatures are expected to lie from 1: most that are found for
/// networks are between 1/e and e (C. Guo et al., ICML 2017, table S2: 0.9 to 3.2; networks that were
/// trained with label smoothing: below 1).
const EXPECTED_SPREAD: f64 = 1.0;
/// Temperatures that are tried first, evenly in their logarithm: near enough to each other that the
/// best is next to the lowest one of them.
const FIRST_TRIES: u32 = 121;
/// Steps of the search after that; each shrinks the interval by the golden ratio, to a millionth.
const STEPS: u32 = 30;
/// Digits behind the point that are kept: more would be noise, and the last bits of a sum could come
/// to depend on the machine.
const DIGITS: i32 = 4;

/// Parts of the answers for the trial: a temperature fitted on all others is tried on each.
const PARTS: usize = 10;

/// Answers from which on a temperature is fitted: a share of right ones is then known to about a sixth (95 % interval at one
/// half).
pub const ENOUGH: usize = 32;

/// The temperature for some answers, and how it came about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// What logits are divided by.
    pub temperature: f64,
    /// Why it is that.
    pub calibrated: Calibrated,
}

impl Chosen {
    const fn without(calibrated: Calibrated) -> Self {
        Self {
            temperature: 1.0,
            calibrated,
        }
    }
}

/// The temperature at which probabilities agree best with the true labels (C. Guo et al., "On
/// calibration of modern neural networks", ICML 2017), where the answers can tell it; else 1, which changes nothing.
///
/// There have to be [`ENOUGH`] answers. They are split into ten parts; a temperature fitted on nine is tried on the
/// tenth, and unless the log loss over all ten is then lower by 1 nat than without one, none is used.
#[must_use]
pub fn choose_temperature(answers: Answers<'_>) -> Chosen {
    let rows = answers.logits.iter().map(Vec::as_slice);
    let rows: Vec<Row<'_>> = rows.zip(answers.truths.iter().copied()).collect();
    if rows.len() < ENOUGH {
        return Chosen::without(Calibrated::TooFew);
    }
    let loss = |rows: &[Row<'_>], temperature| -> f64 {
        let of_row = |(logits, truth): &Row<'_>| surprise(logits, *truth, temperature);
        rows.iter().map(of_row).sum()
    };
    let mut gain = 0.0;
    for part in 0..PARTS {
        let numbered = || rows.iter().copied().enumerate();
        let (held_out, others): (Vec<_>, Vec<_>) =
            numbered().partition(|(index, _)| index % PARTS == part);
        let [held_out, others] =
            [held_out, others].map(|rows| rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
        gain += loss(&held_out, 1.0) - loss(&held_out, fit(&others));
    }
    if gain < LEAST_GAIN {
        return Chosen::without(Calibrated::NoBetter);
    }
    Chosen {
        temperature: fit(&rows),
        calibrated: Calibrated::Fitted,
    }
}

/// How much lower the sum of log losses has to be, in nats: what one parameter has to gain to be worth having (H. Akaike,
/// 1974). A model that is right and certain nearly everywhere gains less by more certainty than one wrong answer costs.
const LEAST_GAIN: f64 = 1.0;

/// Logits and the right label of an answer.
type Row<'a> = (&'a [f32], usize);

/// The temperature with the least log loss, summed over the answers, plus `(ln T)^2 / 2`: a normal prior around 1.
///
/// Log loss alone would fall without end towards `T = 0` where every answer is right, as happens with the few images of
/// val, and then the first mistake would be made with certainty. The prior weighs about as much as a single answer: a
/// hundred answers with some mistakes decide almost without it.
fn fit(rows: &[Row<'_>]) -> f64 {
    let loss = |logarithm: f64| {
        let temperature = f64::exp(logarithm);
        let of_row = |(logits, truth): &Row<'_>| surprise(logits, *truth, temperature);
        let sum: f64 = rows.iter().map(of_row).sum();
        sum + (logarithm / EXPECTED_SPREAD).powi(2) / 2.0
    };
    let (low, high) = (LOWEST.ln(), HIGHEST.ln());
    let step = (high - low) / f64::from(FIRST_TRIES - 1);
    let tries = (0..FIRST_TRIES).map(|number| low + step * f64::from(number));
    // Of equally good ones the nearest to 1.
    let (_, _, best) = tries
        .map(|logarithm| (loss(logarithm), logarithm.abs(), logarithm))
        .min_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)))
        .unwrap_or_default();
    let found = lowest_between((best - step).max(low), (best + step).min(high), loss);
    let scale = 10_f64.powi(DIGITS);
    (found.exp() * scale).round() / scale
}

/// The place of a function's lowest value between two places, by golden-section search (J. Kiefer,
/// 1953).
fn lowest_between(mut low: f64, mut high: f64, function: impl Fn(f64) -> f64) -> f64 {
    let ratio = (5_f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_left, mut at_right) = (function(left), function(right));
    for _ in 0..STEPS {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - ratio * (high - low);
            at_left = function(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + ratio * (high - low);
            at_right = function(right);
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(logits: &[Vec<f32>], truths: &[usize]) -> Chosen {
        choose_temperature(Answers { logits, truths })
    }

    fn fitted(logits: &[Vec<f32>], truths: &[usize]) -> f64 {
        let chosen = choose(logits, truths);
        assert_eq!(chosen.calibrated, Calibrated::Fitted);
        chosen.temperature
    }

    /// Of answers that say 95 % (a distance of logits of ln 19) a share of 80 % is right: at the right
    /// temperature they say 80 %.
    #[test]
    fn confidence_becomes_the_share_of_right_answers() {
        let logits = vec![vec![0.0, 19_f32.ln()]; 5000];
        let truths: Vec<usize> = (0..5000)
            .map(|index| usize::from(index / 10 % 5 != 0))
            .collect();
        let expected = 19_f64.ln() / 4_f64.ln();
        assert!((fitted(&logits, &truths) - expected).abs() < 2e-3);
        // Too modest ones as well.
        let logits = vec![vec![0.0, 1.5_f32.ln()]; 5000];
        let expected = 1.5_f64.ln() / 4_f64.ln();
        assert!((fitted(&logits, &truths) - expected).abs() < 2e-3);
    }

    #[test]
    fn right_answers_alone_give_no_certainty() {
        let all_right = |count: usize| fitted(&vec![vec![2.0, 0.0, 0.0]; count], &vec![0; count]);
        // More of them give more certainty.
        let found = [32, 100, 10_000].map(all_right);
        assert!(found.is_sorted_by(|more, less| more > less), "{found:?}");
        assert!(found[0] > 0.3 && found[2] > LOWEST, "{found:?}");
    }

    #[test]
    fn too_few_answers_change_nothing() {
        let few = choose(&vec![vec![2.0, 0.0]; ENOUGH - 1], &[0; ENOUGH - 1]);
        assert_eq!(few, Chosen::without(Calibrated::TooFew));
        assert_eq!(choose(&[], &[]), few);
    }

    #[test]
    fn what_is_no_better_on_other_answers_is_not_used() {
        // Calibrated as they are: of those that say 80 % four in five are right.
        let logits = vec![vec![0.0, 4_f32.ln()]; 40];
        let truths: Vec<usize> = (0..40).map(|index| usize::from(index % 5 != 0)).collect();
        let chosen = choose(&logits, &truths);
        assert!((chosen.temperature - 1.0).abs() < 0.12, "{chosen:?}");
        // Only wrong ones, and answers that favour no label.
        assert!(fitted(&vec![vec![2.0, 0.0]; 500], &vec![1; 500]) > 10.0);
        let equal = choose(&vec![vec![0.5, 0.5]; 50], &[1; 50]);
        assert_eq!(equal, Chosen::without(Calibrated::NoBetter));
    }

    #[test]
    fn the_order_of_answers_and_a_shift_of_logits_do_not_matter() {
        let row = |index: usize| {
            let shift = 100.0 * (index % 3) as f32;
            vec![
                shift + (index * 7 % 5) as f32,
                shift + (index * 3 % 4) as f32,
            ]
        };
        let mut logits: Vec<_> = (0..60).map(row).collect();
        let mut truths: Vec<_> = (0..60).map(|index| usize::from(index % 4 == 0)).collect();
        let found = choose(&logits, &truths);
        logits.reverse();
        truths.reverse();
        let again = choose(&logits, &truths);
        assert!((again.temperature - found.temperature).abs() < 1e-3);
    }
}
