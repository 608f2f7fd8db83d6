//! What `run` says at its end, over all stages: what became of the photos and faces, how good the result is, what is
//! doubtful about it, and what can be done now.

mod next_commands;
mod outcomes;
mod quality;
mod suspects;

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::commands::networks::evaluate_lines;
use crate::cli::commands::prepare::identities;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::shell::quoted_path;
use crate::cli::output::result::reason_lines;
use facepipe_core::ledger::{self, Fate, Tally};
use facepipe_core::types::Split;
use facepipe_evaluate::Report;
use facepipe_prepare::PrepareReport;

use suspects::SuspectsOfLabel;

/// The environment's name of the option for where model files are.
const WEIGHTS_VARIABLE: &str = "FACEPIPE_WEIGHTS_DIR";

/// The folders of a finished project, and what its stages reported.
pub(super) struct Ended<'a> {
    pub(super) project: &'a Path,
    /// The folder that `crop` read.
    pub(super) photos: &'a Path,
    pub(super) crops: &'a Path,
    pub(super) data_set: &'a Path,
    pub(super) model: &'a Path,
    /// Whether a command finds the model by the project's folder.
    pub(super) is_its_main_model: bool,
    pub(super) side: Split,
    pub(super) fates: &'a [Fate],
    pub(super) reports: &'a Map<String, Value>,
    pub(super) globals: &'a Globals,
}

impl Ended<'_> {
    /// The option that says where model files are, with a blank before it, where commands of the same shell need it.
    fn weights(&self) -> String {
        let folder = self.globals.weights_dir.as_deref();
        let of_shell = std::env::var_os(WEIGHTS_VARIABLE);
        let folder = folder.filter(|folder| of_shell.as_deref() != Some(folder.as_os_str()));
        folder.map_or_else(String::new, |folder| {
            format!(" --weights-dir {}", quoted_path(folder))
        })
    }
}

/// The same as it is in `report.json`, under `summary`.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// What became of each photo.
    photos: Tally,
    /// What became of each face that was found.
    faces: Tally,
    /// Sentences about the result.
    result: Vec<String>,
    /// Faces that look like somebody else's and are in the data set.
    suspects: Vec<SuspectsOfLabel>,
    /// Where these are shown, and how they are set aside.
    #[serde(skip)]
    what_to_do: String,
    /// Commands that go on from here, each behind its purpose.
    next: Vec<[String; 2]>,
}

impl Summary {
    pub(super) fn of(ended: &Ended<'_>) -> Result<Self, Failure> {
        let prepare: PrepareReport = report_of("prepare", ended.reports)?;
        let evaluate: Report = report_of("evaluate", ended.reports)?;
        let found = ended.reports.get("crop");
        let found = found.and_then(|report| report.get("faces_found")?.as_u64());
        let result = quality::sentences(&evaluate, &prepare);
        Ok(Self {
            photos: ledger::tally_photos(ended.fates),
            faces: ledger::tally_faces(ended.crops, ended.data_set, found.unwrap_or_default())?,
            result,
            suspects: suspects::by_label(&prepare.look_like_others),
            what_to_do: suspects::what_to_do(ended.project, ended.data_set, &ended.weights()),
            next: next_commands::of(ended),
        })
    }

    /// The summary for people, each part below its heading.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec!["── photos and faces".to_owned()];
        lines.extend(outcomes::lines(&self.photos, "photo"));
        lines.extend(outcomes::lines(&self.faces, "face"));
        lines.push("── result".to_owned());
        lines.extend(self.result.iter().cloned());
        if !self.suspects.is_empty() {
            lines.push("── who looks like somebody else".to_owned());
            lines.extend(suspects::lines(&self.suspects));
            lines.push(self.what_to_do.clone());
        }
        lines.push("── next".to_owned());
        for [purpose, command] in &self.next {
            lines.push(format!("{purpose}:"));
            lines.push(format!("  {command}"));
        }
        lines
    }
}

/// Lines of a stage's result that the summary says instead.
pub(super) fn said_at_the_end(
    stage: &str,
    reports: &Map<String, Value>,
) -> Result<Vec<String>, Failure> {
    Ok(match stage {
        "crop" => {
            let reasons = reports.get(stage).and_then(|report| report.get("reasons"));
            let reasons = serde_json::from_value(reasons.cloned().unwrap_or_default());
            reason_lines(&reasons.unwrap_or_default()).collect()
        }
        "prepare" => {
            let report: PrepareReport = report_of(stage, reports)?;
            let suspects = identities::lines(&report);
            let suspects = suspects.filter(|_| !report.look_like_others.is_empty());
            reason_lines(&report.reasons).chain(suspects).collect()
        }
        "evaluate" => {
            let report: Report = report_of(stage, reports)?;
            let mut lines = evaluate_lines::strangers(&report);
            lines.push(evaluate_lines::accuracy(&report));
            lines
        }
        _ => Vec::new(),
    })
}

fn report_of<T: serde::de::DeserializeOwned>(
    stage: &str,
    reports: &Map<String, Value>,
) -> Result<T, Failure> {
    let report = reports.get(stage).cloned().unwrap_or_default();
    serde_json::from_value(report).map_err(|error| std::io::Error::from(error).into())
}
