//! The files of a report.

use super::report::Report;
use super::{EvaluateError, Findings, answers, open_set, page, plot, training};
use facepipe_core::artifacts::model_folder::METRICS_FILE as TRAINING_FILE;
use facepipe_core::artifacts::stage::{DISCARDED_FILE, OpenStage, REPORT_FILE};
use facepipe_core::artifacts::{atomic, jsonl};
use facepipe_core::context::Context;
use facepipe_drawing::plot::Plot;

/// The page that shows everything.
pub(super) const PAGE_FILE: &str = "report.html";
/// All figures of labels.
const METRICS_FILE: &str = "metrics.json";
/// Labels, and counts by truth and prediction.
const CONFUSION_FILE: &str = "confusion.json";
/// One line an image.
pub(super) const PREDICTIONS_FILE: &str = "predictions.csv";
/// One line a stranger.
pub(super) const IMPOSTORS_FILE: &str = "impostors.csv";
/// Files that only some reports have.
const OPTIONAL_FILES: [&str; 6] = [
    IMPOSTORS_FILE,
    "open_set.png",
    "pairs.png",
    "verification.png",
    "training_loss.png",
    "training_accuracy.png",
];

impl Findings<'_> {
    /// Writes all files of the report.
    pub(super) fn write(
        &self,
        folder: &OpenStage,
        report: &Report,
        context: &Context,
    ) -> Result<(), EvaluateError> {
        let metrics = &report.metrics;
        let labels = metrics.labels();
        for name in OPTIONAL_FILES {
            atomic::remove_if_there(&folder.path(name))?;
        }
        jsonl::write(&folder.path(DISCARDED_FILE), &self.discarded)?;
        atomic::write_json(
            &folder.path(METRICS_FILE),
            &serde_json::json!({"split": self.task.split, "metrics": metrics}),
        )?;
        atomic::write_json(
            &folder.path(CONFUSION_FILE),
            &serde_json::json!({"labels": labels, "rows_truth_columns_prediction": metrics.confusion}),
        )?;
        let usable = &self.checked.usable;
        let table = folder.path(PREDICTIONS_FILE);
        answers::write_table(&table, &labels, self.data, usable, &self.predictions)?;
        if let (Some(impostors), Some(open_set)) = (&self.impostors, &report.open_set) {
            let table = folder.path(IMPOSTORS_FILE);
            open_set::write_table(&table, &labels, &impostors.faces, open_set)?;
        }
        let training = training::read(&self.task.model.join(TRAINING_FILE));
        let plots: Vec<Plot> = plot::all(report, self, training.as_ref());
        for plot in &plots {
            context.interrupt.check()?;
            let path = folder.path(&format!("{}.png", plot.name));
            atomic::write(&path, &plot.figure.png()?)?;
        }
        let galleries = self.galleries(report, context)?;
        let page = page::write(report, self.classifier.card(), &plots, &galleries);
        atomic::write(&folder.path(PAGE_FILE), page.as_bytes())?;
        Ok(atomic::write_json(&folder.path(REPORT_FILE), report)?)
    }
}
