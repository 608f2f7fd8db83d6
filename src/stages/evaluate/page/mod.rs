//! `report.html`: everything on one page that needs no other file, light or dark as the reader has it.

mod faces;
mod sections;
mod tables;

use maud::{Markup, html};

use super::gallery::Galleries;
use super::report::Report;
use facepipe_core::artifacts::stage::made_by;
use facepipe_core::types::ModelCard;
use facepipe_core::words::percent_range as interval;
use facepipe_drawing::page::{document, percent, plots};
use facepipe_drawing::plot::Plot;

/// The page.
pub(super) fn write(
    report: &Report,
    card: &ModelCard,
    plots: &[Plot],
    galleries: &Galleries,
) -> String {
    let page = Page {
        report,
        card,
        plots,
    };
    let body = html! {
        (page.head())
        main {
            (page.numbers())
            (page.mistakes(galleries))
            (page.labels())
            (page.calibration())
            (page.strangers(galleries))
            (page.pairs())
            (page.groups())
            (page.curves())
            (page.training())
        }
        footer {
            "Made by " (made_by()) ". Beside this page: " code { "report.json" } " (all figures), "
            code { "predictions.csv" } " (each image), " code { "discarded.jsonl" }
            " (what was left out) and the plots as PNG."
        }
    };
    document(&format!("{}: report on {}", card.name, report.split), &body)
}

/// What the sections of the page are made of.
struct Page<'a> {
    report: &'a Report,
    card: &'a ModelCard,
    plots: &'a [Plot],
}

impl Page<'_> {
    /// Those of the named plots that there are.
    fn plots(&self, names: &[&str]) -> Markup {
        let chosen = names
            .iter()
            .filter_map(|name| self.plots.iter().find(|plot| plot.name == *name));
        plots(chosen)
    }
}

/// A probability that is not rounded to certainty.
fn probability(value: f64) -> String {
    match value {
        above if above > 0.9995 && above < 1.0 => "above 99.9 %".to_owned(),
        below if below < 0.0005 && below > 0.0 => "below 0.1 %".to_owned(),
        value => percent(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_never_falsely_certain() {
        assert_eq!(percent(0.987_49), "98.7 %");
        assert_eq!(interval([0.5, 1.0]), "50 to 100 %");
        assert_eq!(probability(0.999_99), "above 99.9 %");
        assert_eq!(probability(1e-9), "below 0.1 %");
        assert_eq!(probability(1.0), "100 %");
    }
}
