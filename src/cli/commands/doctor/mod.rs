//! `facepipe doctor`: what is installed, what is missing, and the command that gets it.

mod machine;
mod purpose;
#[cfg(feature = "torch")]
mod torch;

use clap::Args;
use serde::Serialize;

use crate::cli::failure::Failure;
use crate::cli::hints::Advice;
use crate::cli::options::globals::Globals;
use crate::cli::output::result::{self, Outcome};
use crate::cli::wiring;
use facepipe_models::files::{EntryStatus, Folders, Registry, status};

/// Arguments of `doctor`: none but the global ones.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// Not needed for everything, or only information.
    Note,
    /// The pipeline does not work without it.
    Missing,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
struct Check {
    name: &'static str,
    level: Level,
    message: String,
    /// The command or action that fixes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Level::Ok, message, None)
    }

    fn note(name: &'static str, message: impl Into<String>, fix: Option<&str>) -> Self {
        Self::new(name, Level::Note, message, fix)
    }

    fn missing(name: &'static str, message: impl Into<String>, fix: &str) -> Self {
        Self::new(name, Level::Missing, message, Some(fix))
    }

    fn new(name: &'static str, level: Level, text: impl Into<String>, fix: Option<&str>) -> Self {
        Self {
            name,
            level,
            message: text.into(),
            fix: fix.map(ToOwned::to_owned),
        }
    }

    /// `ok       libtorch 2.13.0`, `MISSING  seeta … → run …`
    fn line(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Missing => "MISSING",
        };
        let fix = self.fix.as_ref().map(|fix| format!(" → {fix}"));
        format!("{level:<8} {}{}", self.message, fix.unwrap_or_default())
    }
}

/// The object that `doctor --json` prints.
#[derive(Debug, Serialize)]
struct DoctorReport {
    version: &'static str,
    /// Whether the program was built with libtorch.
    torch: bool,
    /// Whether nothing is missing.
    ok: bool,
    checks: Vec<Check>,
}

/// Something that the pipeline needs is missing.
#[derive(Debug, thiserror::Error)]
#[error("{count} missing, see MISSING above")]
struct Unhealthy {
    count: usize,
    fix: String,
}

impl Advice for Unhealthy {
    fn next_step(&self) -> Option<String> {
        Some(self.fix.clone())
    }
}

/// Runs all checks.
pub(crate) fn run(_: &DoctorArgs, globals: &Globals) -> Result<Outcome, Failure> {
    let mut checks = vec![program()];
    #[cfg(feature = "torch")]
    checks.extend(torch::checks());
    checks.extend(machine::processor());
    checks.extend(match wiring::model_folders(globals, None) {
        Ok(folders) => models(&folders)?,
        Err(error) => vec![Check::missing(
            "weights",
            error.to_string(),
            &error.next_step().unwrap_or_default(),
        )],
    });
    checks.extend(machine::working_directory());
    checks.extend(machine::tools());
    checks.push(machine::secrets());
    let missing: Vec<_> = checks
        .iter()
        .filter(|check| check.level == Level::Missing)
        .cloned()
        .collect();
    let report = DoctorReport {
        version: env!("CARGO_PKG_VERSION"),
        torch: wiring::networks::PRESENT,
        ok: missing.is_empty(),
        checks,
    };
    let outcome = Outcome {
        lines: report.checks.iter().map(Check::line).collect(),
        report: serde_json::to_value(&report).map_err(std::io::Error::from)?,
        items_failed: 0,
    };
    let Some(first) = missing.first() else {
        return Ok(outcome);
    };
    result::print(&outcome, globals)?;
    Err(Unhealthy {
        count: missing.len(),
        fix: first.fix.clone().unwrap_or_default(),
    }
    .into())
}

fn program() -> Check {
    let build = if wiring::networks::PRESENT {
        "with libtorch: all commands"
    } else {
        "without libtorch: no training, evaluation, export, prediction"
    };
    let version = env!("CARGO_PKG_VERSION");
    Check::ok("program", format!("facepipe {version}, built {build}"))
}

fn models(folders: &Folders) -> Result<Vec<Check>, Failure> {
    let registry = Registry::embedded()?;
    let weights = format!(
        "model files are looked for in {}",
        folders.weights.display()
    );
    let mut checks = vec![Check::ok("weights", weights)];
    checks.extend(status(&registry, folders)?.iter().map(model));
    Ok(checks)
}

fn model(model: &EntryStatus) -> Check {
    let message = match &model.problem {
        Some(problem) => format!("{} {} is damaged: {problem}", model.kind, model.name),
        None => format!("{} {} is {}", model.kind, model.name, model.state),
    };
    let fix = format!("run `facepipe models pull {}`", model.name);
    match model.state {
        "present" => Check::ok("model", format!("{message}: {}", model.path.display())),
        // What is damaged was fetched, and is used.
        _ if model.problem.is_some() => Check::missing("model", message, &fix),
        _ => match purpose::only_for(&model.name) {
            Some(use_of_it) => Check::note("model", format!("{message}; {use_of_it}"), Some(&fix)),
            None => Check::missing("model", message, &fix),
        },
    }
}
