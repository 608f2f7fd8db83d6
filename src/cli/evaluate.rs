//! `facepipe evaluate`

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::Globals;
use super::failure::Failure;
use super::output::{Outcome, to_value};
use crate::artifacts::model_folder::REPORT_FOLDER;
use crate::context::Context;
use crate::evaluate::{self, Report, Task};
use crate::nn::parse_device;
use crate::types::Split;

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    /// The model's folder
    pub(super) model: PathBuf,
    /// The data set
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Where the report goes [default: `report` in the model's folder, or `report_<split>`]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) options: EvaluateOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Evaluate")]
pub(super) struct EvaluateOptions {
    /// Which side of the data set
    #[arg(long, value_name = "train|val|test", default_value = "test")]
    pub(super) split: Split,
}

pub(super) fn run(
    args: &EvaluateArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| default_out(&args.model, args.options.split));
    let task = Task {
        model: &args.model,
        data: &args.data,
        split: args.options.split,
        out: &out,
        device: parse_device(&globals.device)?,
    };
    let report = evaluate::run(&task, context)?;
    Ok(Outcome {
        report: to_value(&report)?,
        lines: lines(&report, &out),
        items_failed: report.unreadable,
    })
}

fn default_out(model: &Path, split: Split) -> PathBuf {
    match split {
        Split::Test => model.join(REPORT_FOLDER),
        other => model.join(format!("{REPORT_FOLDER}_{other}")),
    }
}

/// The report as a table.
pub(super) fn lines(report: &Report, out: &Path) -> Vec<String> {
    const LEAST_WIDTH: usize = "all labels (mean)".len();
    let metrics = &report.metrics;
    let widths = metrics
        .classes
        .iter()
        .map(|class| class.label.chars().count());
    let width = widths.max().unwrap_or(0).max(LEAST_WIDTH);
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "–".to_owned(), |share| format!("{:.1}", share * 100.0))
    };
    let row = |name: &str, figures: [Option<f64>; 3], images: u64| {
        let [precision, recall, f1] = figures.map(percent);
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
    for class in &metrics.classes {
        let figures = [class.precision, class.recall, class.f1];
        lines.push(row(&class.label, figures, class.support));
    }
    let means = [
        metrics.macro_precision,
        metrics.macro_recall,
        metrics.macro_f1,
    ];
    lines.push(row("all labels (mean)", means.map(Some), metrics.images));
    let [low, high] = metrics.top1_interval;
    lines.push(format!(
        "accuracy {:.1} % ({} of {}; 95 % interval {:.1} to {:.1} %), loss {:.4}",
        metrics.top1 * 100.0,
        metrics.right,
        metrics.images,
        low * 100.0,
        high * 100.0,
        metrics.loss
    ));
    lines.push(format!("report in `{}`", out.display()));
    lines
}
