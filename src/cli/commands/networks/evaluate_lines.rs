//! What `evaluate` prints on the terminal.

use std::path::Path;

use facepipe_core::types::{BoundBasis, Calibrated};
use facepipe_core::words::{counted, counted_as, percent, percent_range};
use facepipe_drawing::plot::shown;
use facepipe_evaluate::{
    AcceptRate, ENOUGH_TO_CALIBRATE, ErrorRate, GroupFigures, Groups, KnownFound, Metrics, OpenSet,
    Report, Separation, Verification, threshold_text,
};
use facepipe_models::calibration::Figures;

/// From this many labels on only the worst are listed.
const MOST_LABELS: usize = 40;
/// How many are listed then.
const WORST_LABELS: usize = 15;

/// Most letters of a group's name.
const MOST_LETTERS: usize = 40;

/// The report as a table and the most important figures.
pub(crate) fn lines(report: &Report, out: &Path) -> Vec<String> {
    let metrics = &report.metrics;
    let mut lines = table(report);
    lines.push(accuracy(report));
    if let Some(top5) = metrics.top5 {
        lines.push(format!(
            "right among the first five labels {}",
            percent(top5)
        ));
    }
    lines.push(calibration(report));
    if report.calibration.too_few {
        lines.push(format!(
            "  {} of val and {} of {} are too few to calibrate on or to measure it ({ENOUGH_TO_CALIBRATE} \
             of each would do): take probabilities as a rank, not as a chance",
            counted(report.calibration.fitted_on, "image"),
            metrics.images,
            report.split
        ));
    }
    lines.extend(strangers(report));
    lines.extend(report.verification.iter().flat_map(verification));
    lines.extend(report.groups.iter().flat_map(groups));
    lines.push(format!("report in `{}`", out.join("report.html").display()));
    lines
}

/// How many images were named right.
pub(crate) fn accuracy(report: &Report) -> String {
    let metrics = &report.metrics;
    let wrong = metrics.images - metrics.right;
    format!(
        "accuracy {} ({} of {}, {wrong} wrong; 95 % interval {}), balanced {} ({})",
        percent(metrics.top1),
        metrics.right,
        metrics.images,
        percent_range(metrics.top1_interval),
        percent(metrics.balanced_accuracy),
        percent_range(metrics.balanced_accuracy_interval),
    )
}

/// What happens to strangers.
pub(crate) fn strangers(report: &Report) -> Vec<String> {
    let known = report.known_found.iter().flat_map(known_found);
    known
        .chain(report.open_set.iter().flat_map(open_set))
        .collect()
}

/// How well probabilities are calibrated, and by which temperature.
fn calibration(report: &Report) -> String {
    let calibration = &report.calibration;
    let (before, after) = (&calibration.uncalibrated, &calibration.calibrated);
    let figures = |figures: &Figures| {
        // Nobody believes in so many digits as a share of strangers may have.
        format!("{:.1} %, loss {:.4}", figures.ece * 100.0, figures.loss)
    };
    let temperature = match calibration.how {
        Some(Calibrated::TooFew) => format!(
            "no temperature: val has {}, of which {ENOUGH_TO_CALIBRATE} could tell one",
            counted(calibration.fitted_on, "image")
        ),
        Some(Calibrated::NoBetter) => {
            "no temperature: fitted on a part of val, it was no better on the rest".to_owned()
        }
        Some(Calibrated::Fitted) | None => format!(
            "at temperature {:.3}; without it {}",
            after.temperature,
            figures(before)
        ),
    };
    format!("calibration error (ECE) {}, {temperature}", figures(after))
}

fn table(report: &Report) -> Vec<String> {
    const LEAST_WIDTH: usize = "all labels (mean)".len();
    let metrics = &report.metrics;
    let shown = listed(metrics);
    let widths = shown
        .iter()
        .map(|index| metrics.classes[*index].label.chars().count());
    let width = widths.max().unwrap_or(0).max(LEAST_WIDTH);
    let in_percent = |share: Option<f64>| {
        share.map_or_else(|| "–".to_owned(), |share| format!("{:.1}", share * 100.0))
    };
    let row = |name: &str, figures: [Option<f64>; 3], images: u64| {
        let [precision, recall, f1] = figures.map(in_percent);
        format!("{name:<width$}  {precision:>9}  {recall:>6}  {f1:>5}  {images:>6}")
    };
    let mut lines = vec![format!(
        "{:<width$}  {:>9}  {:>6}  {:>5}  {:>6}",
        format!("{} (in %)", report.split),
        "precision",
        "recall",
        "F1",
        "images"
    )];
    for index in &shown {
        let class = &metrics.classes[*index];
        lines.push(row(
            &class.label,
            [class.precision, class.recall, class.f1],
            class.support,
        ));
    }
    if shown.len() < metrics.classes.len() {
        lines.push(format!(
            "… and {} with a higher F1",
            counted(metrics.classes.len() - shown.len(), "label")
        ));
    }
    let means = [
        metrics.macro_precision,
        metrics.macro_recall,
        metrics.macro_f1,
    ];
    lines.push(row("all labels (mean)", means.map(Some), metrics.images));
    lines
}

/// The labels that are listed: all in their order, or of many those with the lowest F1.
fn listed(metrics: &Metrics) -> Vec<usize> {
    let mut all: Vec<usize> = (0..metrics.classes.len()).collect();
    if all.len() > MOST_LABELS {
        let worth = |index: &usize| metrics.classes[*index].f1.unwrap_or(f64::INFINITY);
        all.sort_by(|one, other| worth(one).total_cmp(&worth(other)));
        all.truncate(WORST_LABELS);
    }
    all
}

fn accepted(rate: &AcceptRate) -> String {
    format!(
        "{} ({}) at {}{}",
        percent(rate.true_accept_rate),
        percent_range(rate.interval),
        percent(rate.false_accept_rate),
        if rate.too_few {
            " (too few to measure)"
        } else {
            ""
        }
    )
}

/// The bound that the model has without photos of strangers.
fn known_found(known: &KnownFound) -> Vec<String> {
    let bound = known.bound;
    let strangers = match (known.found_by, known.false_accept_rate) {
        (BoundBasis::Strangers, Some(rate)) => {
            format!(
                "{} of the strangers it was measured on reach it",
                percent(rate)
            )
        }
        (_, Some(rate)) => format!(
            "about {} of strangers would reach it (estimated; --impostors DIR measures it)",
            percent(rate)
        ),
        (_, None) => {
            "how many strangers would reach it is not known: --impostors DIR measures it".to_owned()
        }
    };
    vec![
        format!(
            "strangers: `unknown` below a {} of {}; {strangers}",
            bound.score,
            threshold_text(bound.threshold)
        ),
        format!(
            "  {} of {} of known people ({}) are found with it, {} with the right name are below it",
            known.found,
            counted(known.images, "face"),
            percent(known.found as f64 / known.images.max(1) as f64),
            known.lost
        ),
    ]
}

fn open_set(open_set: &OpenSet) -> Vec<String> {
    let rates = |separation: &Separation| -> String {
        let rates: Vec<String> = separation.rates.iter().map(accepted).collect();
        rates.join(", ")
    };
    let chosen = &open_set.decisive().chosen;
    let mut lines = vec![
        format!(
            "strangers: {}, {} left out; known people found {} of strangers accepted",
            counted(open_set.impostors, "face"),
            counted(open_set.impostors_discarded, "photo"),
            rates(open_set.decisive())
        ),
        format!(
            "unknown below a {} of {}, at which {} of strangers are accepted",
            open_set.decided_by,
            threshold_text(chosen.threshold),
            percent(chosen.false_accepts)
        ),
    ];
    if let Some((kind, other)) = open_set.other() {
        lines.push(format!("(by {kind} alone {})", rates(other)));
    }
    lines
}

fn verification(verification: &Verification) -> Vec<String> {
    let rates: Vec<String> = verification.rates.iter().map(accepted).collect();
    vec![format!(
        "pairs: {} of {} decided right{}, area below ROC {:.4}, equal error {}; one person found {} of others \
         accepted",
        percent(verification.accuracy.share),
        verification.pairs,
        if verification.accuracy.cross_checked {
            ""
        } else {
            " (best threshold)"
        },
        verification.roc_auc,
        percent(verification.equal_error_rate),
        rates.join(", ")
    )]
}

/// The error rates of groups as a table.
fn groups(groups: &Groups) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(bound) = &groups.comparison {
        lines.push(format!(
            "groups: FNMR and FMR of pairs at a cosine of {}, where {} of all pairs of two people may be accepted{}",
            threshold_text(bound.cosine),
            percent(bound.false_accept_rate),
            if bound.too_few { " (too few to measure)" } else { "" }
        ));
    }
    let rows = || groups.groups.iter().chain([&groups.everyone]);
    let name = |group: &str| shown(group, MOST_LETTERS);
    let width = rows().map(|row| name(&row.group).chars().count()).max();
    let width = width.unwrap_or(0);
    let rate = |rate: &Option<ErrorRate>| {
        rate.as_ref().map_or_else(
            || "–".to_owned(),
            |rate| {
                let [share, low, high] =
                    [rate.share, rate.interval[0], rate.interval[1]].map(|share| share * 100.0);
                format!("{share:.2} ({low:.2} to {high:.2})")
            },
        )
    };
    let line = |group: &str, people: &str, rates: [String; 4]| {
        let rates: String = rates.map(|rate| format!("  {rate:>24}")).concat();
        format!("{group:<width$}  {people:>6}{rates}")
    };
    let header = ["FNMR", "FMR", "FNIR", "FPIR"].map(str::to_owned);
    lines.push(line("in %", "people", header));
    for GroupFigures {
        group,
        people,
        fnmr,
        fmr,
        fnir,
        fpir,
        ..
    } in rows()
    {
        let rates = [fnmr, fmr, fnir, fpir].map(rate);
        lines.push(line(&name(group), &people.to_string(), rates));
    }
    if !groups.without_group.is_empty() {
        lines.push(format!(
            "{} in no group of the list, such as `{}`",
            counted_as(
                groups.without_group.len(),
                "person with images is",
                "people with images are"
            ),
            groups.without_group[0]
        ));
    }
    if let Some(first) = groups.without_images.first() {
        lines.push(format!(
            "{} no images here, such as `{first}`",
            counted_as(
                groups.without_images.len(),
                "person of the list has",
                "people of the list have"
            )
        ));
    }
    lines
}
