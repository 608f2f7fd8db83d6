//! The tables of the page.

use maud::{Markup, html};

use super::interval;
use crate::{
    AcceptRate, CalibrationFigures, ClassAreas, ClassMetrics, ENOUGH_TO_CALIBRATE, ErrorRate,
    GroupFigures, Groups, Metrics, OneVsRest, rate_text, threshold_text,
};
use facepipe_drawing::page::percent;

/// Most kinds of mistakes that are listed.
const MOST_CONFUSIONS: usize = 15;

/// The most frequent mistakes.
pub(super) fn confusions(metrics: &Metrics) -> Markup {
    let mut found = Vec::new();
    for (truth, row) in metrics.confusion.iter().enumerate() {
        for (predicted, count) in row.iter().enumerate() {
            if truth != predicted && *count > 0 {
                found.push((*count, truth, predicted));
            }
        }
    }
    found.sort_by_key(|(count, truth, predicted)| (std::cmp::Reverse(*count), *truth, *predicted));
    let label = |index: usize| &metrics.classes[index].label;
    html! {
        div.table { table {
            thead { tr { th { "person" } th.left { "taken for" } th { "images" } th { "of" } } }
            tbody {
                @for (count, truth, predicted) in found.iter().take(MOST_CONFUSIONS) {
                    tr {
                        td { (label(*truth)) }
                        td.left { (label(*predicted)) }
                        td { (count) }
                        td { (metrics.classes[*truth].support) }
                    }
                }
            }
        } }
        @if found.len() > MOST_CONFUSIONS {
            small { (found.len() - MOST_CONFUSIONS) " other kinds of mistakes are in report.json." }
        }
    }
}

/// The figures of each label, the worst first.
pub(super) fn labels(metrics: &Metrics, one_vs_rest: &OneVsRest) -> Markup {
    let mut rows: Vec<(&ClassMetrics, &ClassAreas)> =
        metrics.classes.iter().zip(&one_vs_rest.classes).collect();
    // Labels without images say nothing: they come last.
    let worth = |figure: Option<f64>| figure.unwrap_or(f64::INFINITY);
    rows.sort_by(|(one, _), (other, _)| {
        worth(one.recall)
            .total_cmp(&worth(other.recall))
            .then(worth(one.f1).total_cmp(&worth(other.f1)))
            .then(one.label.cmp(&other.label))
    });
    let share = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), percent);
    let area = |figure: Option<f64>| {
        figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.4}"))
    };
    html! {
        div.table { table {
            thead { tr {
                th { "label" } th { "recall" } th { "precision" } th { "F1" } th { "images" }
                th { "ROC area" } th { "average precision" }
            } }
            tbody {
                @for (class, areas) in rows {
                    tr {
                        td { (class.label) }
                        td { (share(class.recall)) }
                        td { (share(class.precision)) }
                        td { (share(class.f1)) }
                        td { (class.support) }
                        td { (area(areas.roc_auc)) }
                        td { (area(areas.average_precision)) }
                    }
                }
            }
        } }
    }
}

/// Calibration without and with the temperature.
pub(super) fn calibration(figures: &CalibrationFigures) -> Markup {
    let too_few = figures.too_few;
    let rows = [
        ("as given, with the temperature", &figures.calibrated),
        ("without it", &figures.uncalibrated),
    ];
    html! {
        div.table { table {
            thead { tr {
                th { "probabilities" } th { "temperature" } th { "ECE" } th { "adaptive ECE" } th { "log loss" }
                th { "Brier score" } th { "mean confidence" }
            } }
            tbody {
                @for (name, figures) in rows {
                    tr {
                        td { (name) }
                        td { (format!("{:.3}", figures.temperature)) }
                        td { (percent(figures.ece)) }
                        td { (percent(figures.adaptive_ece)) }
                        td { (format!("{:.4}", figures.loss)) }
                        td { (format!("{:.4}", figures.brier)) }
                        td { (percent(figures.confidence)) }
                    }
                }
            }
        } }
        @if too_few {
            p {
                "The images of val or of this side are fewer than " (ENOUGH_TO_CALIBRATE) ": too few to calibrate on, or \
                 to measure it. Take probabilities as a rank, not as a chance."
            }
        }
    }
}

/// Acceptance at several rates; `chosen` is added where it is none of them.
pub(super) fn rates(rates: &[AcceptRate], chosen: &AcceptRate, accepted: &str) -> Markup {
    let is_new = rates
        .iter()
        .all(|rate| rate.false_accept_rate != chosen.false_accept_rate);
    let rows = rates.iter().chain(Some(chosen).filter(|_| is_new));
    html! {
        div.table { table {
            thead { tr {
                th { "false-accept rate" } th { (accepted) } th { "95 % interval" } th { "threshold" }
                th { "falsely accepted" }
            } }
            tbody {
                @for row in rows {
                    tr {
                        td { (rate_text(row.false_accept_rate)) @if row.too_few { " (too few to be sure)" } }
                        td { (percent(row.true_accept_rate)) }
                        td { (interval(row.interval)) }
                        td { (threshold_text(row.threshold)) }
                        td { (rate_text(row.false_accepts)) }
                    }
                }
            }
        } }
    }
}

/// The error rates of groups of people.
pub(super) fn groups(groups: &Groups) -> Markup {
    let rate = |rate: &Option<ErrorRate>| {
        html! {
            td {
                @match rate {
                    Some(rate) => {
                        (percent(rate.share)) br;
                        small { (percent(rate.interval[0])) " to " (percent(rate.interval[1])) br; (rate.errors) " of " (rate.trials) }
                    }
                    None => { "–" }
                }
            }
        }
    };
    let row = |figures: &GroupFigures| {
        html! {
            tr {
                td { (figures.group) }
                td { (figures.people) }
                td { (figures.images) }
                (rate(&figures.fnmr)) (rate(&figures.fmr)) (rate(&figures.fnir)) (rate(&figures.fpir))
            }
        }
    };
    html! {
        div.table { table {
            thead { tr {
                th { "group" } th { "people" } th { "images" } th { "FNMR" } th { "FMR" } th { "FNIR" } th { "FPIR" }
            } }
            tbody {
                @for figures in &groups.groups { (row(figures)) }
                (row(&groups.everyone))
            }
        } }
    }
}
