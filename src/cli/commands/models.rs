//! `facepipe models list|pull|verify`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::DecimalBytes;
use serde::Serialize;

use crate::cli::failure::Failure;
use crate::cli::hints::Advice;
use crate::cli::options::globals::Globals;
use crate::cli::output::result::{self, Outcome};
use crate::cli::wiring;
use facepipe_core::context::Context;
use facepipe_models::files::{EntryStatus, Folders, Registry, Selection, pull, status};

/// Arguments of `models`.
#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Folder of data sets [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Show every model file and data set, and whether it is present
    List,
    /// Fetch missing files: those that every pipeline needs, or the named ones
    Pull(PullArgs),
    /// Check sizes and checksums; fails when a file is missing or damaged
    Verify,
}

#[derive(Debug, Args)]
struct PullArgs {
    /// Names from `models list`
    #[arg(conflicts_with = "all")]
    names: Vec<String>,
    /// All files of the list
    #[arg(long)]
    all: bool,
}

/// The object that `list` and `verify` print with `--json`.
#[derive(Debug, Serialize)]
struct ModelsReport<'a> {
    ok: bool,
    models: &'a [EntryStatus],
}

/// Some files are missing or damaged.
#[derive(Debug, thiserror::Error)]
#[error("{} of {total} missing or damaged: {}", .names.len(), .names.join(", "))]
struct Unverified {
    names: Vec<String>,
    total: usize,
}

impl Advice for Unverified {
    fn next_step(&self) -> Option<String> {
        Some(format!(
            "run `facepipe models pull {}`",
            self.names.join(" ")
        ))
    }
}

/// Runs one of the three.
pub(crate) fn run(
    args: &ModelsArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let registry = Registry::embedded()?;
    let folders = wiring::model_folders(globals, args.data_dir.as_deref())?;
    match &args.command {
        ModelsCommand::List => list(&registry, &folders),
        ModelsCommand::Pull(args) => pull_models(&registry, &folders, args, context),
        ModelsCommand::Verify => verify(&registry, &folders, globals),
    }
}

fn list(registry: &Registry, folders: &Folders) -> Result<Outcome, Failure> {
    let models = status(registry, folders)?;
    let mut lines: Vec<String> = models.iter().flat_map(described).collect();
    lines.push(format!(
        "model files belong in {}, data sets in {}",
        folders.weights.display(),
        folders.data.display()
    ));
    outcome(&models, lines)
}

fn verify(registry: &Registry, folders: &Folders, globals: &Globals) -> Result<Outcome, Failure> {
    let models = status(registry, folders)?;
    let outcome = outcome(&models, models.iter().map(row).collect())?;
    let bad = models.iter().filter(|model| model.needs_mending());
    let names: Vec<_> = bad.map(|model| model.name.clone()).collect();
    if names.is_empty() {
        return Ok(outcome);
    }
    result::print(&outcome, globals)?;
    let total = models.len();
    Err(Unverified { names, total }.into())
}

fn outcome(models: &[EntryStatus], lines: Vec<String>) -> Result<Outcome, Failure> {
    let ok = !models.iter().any(EntryStatus::needs_mending);
    let report = ModelsReport { ok, models };
    Ok(Outcome {
        report: serde_json::to_value(report).map_err(std::io::Error::from)?,
        lines,
        items_failed: 0,
    })
}

fn pull_models(
    registry: &Registry,
    folders: &Folders,
    args: &PullArgs,
    context: &Context,
) -> Result<Outcome, Failure> {
    let selection = if args.all {
        Selection::All
    } else if args.names.is_empty() {
        Selection::Required
    } else {
        Selection::Named(args.names.clone())
    };
    let report = pull(registry, &selection, folders, context)?;
    let lines = report.pulled.iter().flat_map(|pulled| {
        let state = match &pulled.source {
            Some(_) => "ready",
            None => "already there",
        };
        [
            format!("{state}: {} at {}", pulled.name, pulled.path.display()),
            format!("  credit: {}", pulled.credit),
        ]
    });
    Ok(Outcome {
        lines: lines.collect(),
        report: serde_json::to_value(&report).map_err(std::io::Error::from)?,
        items_failed: 0,
    })
}

/// `seeta           detector  present    1.23 MB  BSD-2-Clause`
fn row(model: &EntryStatus) -> String {
    let size = model
        .bytes
        .map_or_else(|| "-".to_owned(), |bytes| DecimalBytes(bytes).to_string());
    let required = if model.required { ", required" } else { "" };
    let problem = model.problem.as_ref().map(|problem| format!(": {problem}"));
    format!(
        "{:<15} {:<9} {:<8} {size:>9}  {}{required}{}",
        model.name,
        model.kind,
        model.state,
        model.licence,
        problem.unwrap_or_default()
    )
}

fn described(model: &EntryStatus) -> [String; 2] {
    let text = format!("                {} ({})", model.description, model.credit);
    [row(model), text]
}
