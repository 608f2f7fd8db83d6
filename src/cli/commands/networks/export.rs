//! `facepipe export`

use std::path::{Path, PathBuf};

use clap::Args;
use strum::VariantArray as _;

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::model_path;
use crate::cli::options::named::named;
use crate::cli::output::result::{Outcome, to_value};
use facepipe_core::artifacts::model_folder::EXPORT_FOLDER;
use facepipe_core::artifacts::stage;
use facepipe_core::context::Context;
use facepipe_core::types::Stage;
use facepipe_export::{Format, Task};

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The model's folder, or a project with one
    pub(crate) model: PathBuf,
    /// The folder of the files [default: `export` in the model's folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: ExportOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Export")]
pub(crate) struct ExportOptions {
    /// Formats, with commas between them
    #[arg(
        long,
        value_name = "FORMATS",
        value_delimiter = ',',
        value_parser = named(Format::VARIANTS),
        default_values_t = Format::DEFAULT
    )]
    pub(crate) format: Vec<Format>,
}

/// Makes the files in a model's folder again, in their formats, where they are not those of the model as it is.
pub(crate) fn renew(model: &Path, context: &Context) -> Result<Vec<String>, Failure> {
    let out = model.join(EXPORT_FOLDER);
    let is_export = stage::read_stamp(&out)?.is_some_and(|stamp| stamp.is_of(Stage::Export));
    if !is_export || facepipe_export::is_current(model, &out)? {
        return Ok(Vec::new());
    }
    let task = Task {
        model,
        formats: &[],
        out: &out,
    };
    let report = facepipe_export::run(&task, context)?;
    let names: Vec<&str> = report.files.values().map(|file| &*file.file).collect();
    Ok(vec![format!(
        "exported again, with the new bound: {} in `{}`",
        names.join(", "),
        out.display()
    )])
}

pub(crate) fn run(
    args: &ExportArgs,
    _globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let model = model_path::resolved(&args.model, context)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| model.join(EXPORT_FOLDER));
    let task = Task {
        model: &model,
        formats: &args.options.format,
        out: &out,
    };
    let report = facepipe_export::run(&task, context)?;
    let line = |(format, file): (&Format, &facepipe_core::types::ExportCard)| {
        format!(
            "{}: `{}`, {} bytes; opened again, its probabilities differ by at most {:.1e}",
            format.name(),
            out.join(&file.file).display(),
            file.bytes,
            file.max_difference
        )
    };
    Ok(Outcome {
        report: to_value(&report)?,
        lines: report.files.iter().map(line).collect(),
        items_failed: 0,
    })
}
