//! How good the model is, and how far that can be believed.

use crate::cli::commands::networks::evaluate_lines;
use facepipe_core::types::Split;
use facepipe_core::words::{counted, counted_as, percent, percent_range};
use facepipe_evaluate::{Metrics, Report};
use facepipe_prepare::{Decision, PrepareReport};

/// Below this many images the interval of the accuracy is told in words: it is what matters most then.
const FEW_IMAGES: u64 = 100;

/// The sentences.
pub(super) fn sentences(evaluate: &Report, prepare: &PrepareReport) -> Vec<String> {
    let mut sentences = vec![accuracy(&evaluate.metrics, evaluate.split)];
    if evaluate.split != Split::Test {
        sentences.push(format!(
            "  test has no images: on those of {} the best epoch was chosen, which flatters",
            evaluate.split
        ));
    }
    sentences.extend(evaluate_lines::strangers(evaluate));
    sentences.extend(too_clean(prepare, evaluate.split));
    sentences
}

fn accuracy(metrics: &Metrics, side: Split) -> String {
    let Metrics { images, right, .. } = metrics;
    let [low, high] = metrics.top1_interval;
    let all = counted(*images, &format!("{side} image"));
    if *images >= FEW_IMAGES {
        return format!(
            "{right} of {all} named right: {} (the true share is {} with 95 % certainty)",
            percent(metrics.top1),
            percent_range(metrics.top1_interval)
        );
    }
    let share = match (right == images, *right == 0) {
        (true, _) => format!("from {} on", percent(low)),
        (_, true) => format!("up to {}", percent(high)),
        _ => format!("from {}", percent_range(metrics.top1_interval)),
    };
    format!(
        "{right} of {all} named right; with so few {side} images the true share may be anything {share}"
    )
}

/// A warning where the side that is measured was cleaned as well.
fn too_clean(prepare: &PrepareReport, side: Split) -> Option<String> {
    let labels = prepare.identities.as_ref()?.values();
    let aside: u64 = labels
        .flat_map(|label| &label.decisions)
        .filter(|(decision, _)| {
            matches!(decision, Decision::Stranger | Decision::NearerToOtherLabel)
        })
        .map(|(_, count)| count)
        .sum();
    (aside > 0).then(|| {
        format!(
            "{} somebody else's and {} set aside before the split, so {side} has none such: new photos may be harder",
            counted_as(aside, "face looks like", "faces look like"),
            if aside == 1 { "was" } else { "were" }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(right: u64, images: u64, top1_interval: [f64; 2]) -> Metrics {
        let metrics = serde_json::json!({
            "images": images, "right": right, "top1": right as f64 / images as f64,
            "top1_interval": top1_interval, "loss": 0.0, "macro_precision": 0.0, "macro_recall": 0.0,
            "macro_f1": 0.0, "classes": [], "confusion": [],
        });
        serde_json::from_value(metrics).expect("figures")
    }

    #[test]
    fn few_images_say_what_the_true_share_may_be() {
        let words =
            |right, images, interval| accuracy(&metrics(right, images, interval), Split::Test);
        assert_eq!(
            words(17, 17, [0.82, 1.0]),
            "17 of 17 test images named right; with so few test images the true share may be anything from 82 % on"
        );
        assert!(words(3, 9, [0.12, 0.65]).ends_with("anything from 12 to 65 %"));
        assert!(words(0, 2, [0.0, 0.66]).ends_with("anything up to 66 %"));
        assert_eq!(
            words(199, 200, [0.972, 0.999]),
            "199 of 200 test images named right: 99.5 % (the true share is 97.2 to 99.9 % with 95 % certainty)"
        );
    }

    #[test]
    fn a_cleaned_test_side_is_said_to_be_easy() {
        let report = |strangers: u64| -> PrepareReport {
            let report = serde_json::json!({
                "stage": "prepare", "out": "out", "images": {"found": 1, "kept": 1, "discarded": 0},
                "splits": {}, "reasons": {}, "items_failed": 0, "seconds": 0.0,
                "identities": {"ada": {"evident": true, "decisions": {"kept": 3, "stranger": strangers}}},
            });
            serde_json::from_value(report).expect("a report")
        };
        let warning = too_clean(&report(2), Split::Test).expect("a warning");
        assert!(warning.starts_with("2 faces look like somebody else's and were set aside"));
        assert_eq!(too_clean(&report(0), Split::Test), None);
    }
}
