//! What a run may make again of a project: other data always, other options where the user agreed to them.

use std::path::{Path, PathBuf};

use toml::Table;

use super::{LOCK_FILE, RunArgs};
use crate::cli::commands::crop::{self, CropArgs};
use crate::cli::commands::networks::train::{self, TrainArgs};
use crate::cli::commands::prepare::{self, PrepareArgs};
use crate::cli::failure::Failure;
use crate::cli::hints::Advice;
use crate::cli::options::globals::Globals;
use crate::cli::options::project_file::{DEFAULT_PROJECT, PROJECT_FILE, ProjectFile};
use crate::cli::options::shell::{quoted, quoted_path};
use facepipe_core::artifacts::atomic::TEMPORARY_SUFFIX;
use facepipe_core::artifacts::stage::{self, made_by};
use facepipe_core::context::{Context, Remake};

/// What a project that was made by an earlier version holds.
const OF_PROJECTS: [&str; 4] = ["data", "models", "photos.jsonl", "report.json"];

/// The stages of a project whose settings decide what is in it.
pub(super) struct Stages<'a> {
    pub(super) crop: &'a CropArgs,
    pub(super) prepare: &'a PrepareArgs,
    pub(super) train: &'a TrainArgs,
}

/// The project would be made again with other options, which nobody agreed to.
#[derive(Debug, thiserror::Error)]
#[error("`{}` was made with other options:\n{}", .project.display(), .changes.join("\n"))]
pub(crate) struct OtherOptions {
    project: PathBuf,
    /// The stages that would be made again, with the differences of each.
    changes: Vec<String>,
    /// The command line that makes them again.
    command: String,
}

impl Advice for OtherOptions {
    fn next_step(&self) -> Option<String> {
        Some(format!(
            "`{}` makes these again, and what follows from them; without the options, \
             `facepipe run --out {}` goes on as before",
            self.command,
            quoted_path(&self.project)
        ))
    }
}

/// Decides what this run may make again, and writes the project's options.
///
/// Options that are as the project remembers them were agreed to when they were written: a stage that an interrupted
/// run did not reach yet follows. A version of the program that makes it otherwise needs an agreement again.
pub(super) fn agree(
    args: &RunArgs,
    stages: &Stages<'_>,
    globals: &Globals,
    context: &Context,
) -> Result<Remake, Failure> {
    let before = ProjectFile::read(&args.out)?;
    if before.is_none() && args.out == Path::new(DEFAULT_PROJECT) {
        ensure_ours(&args.out)?;
    }
    let changed = before.as_ref().map(|file| file.changes(&args.given));
    let is_agreed = changed.as_deref() == Some(&[])
        && before.as_ref().is_some_and(ProjectFile::is_of_this_version);
    let is_forced = context.remake == Remake::Everything;
    let remake = if is_agreed {
        context.remake.max(Remake::OtherSettings)
    } else {
        let differences = differences(before.as_ref(), &args.given, stages, globals, context)?;
        let other_photos = before
            .as_ref()
            .is_some_and(|file| file.has_other_folder(&args.given));
        match (is_forced, differences.is_empty()) {
            (false, false) => {
                return Err(OtherOptions {
                    project: args.out.clone(),
                    changes: differences,
                    command: forced_command(),
                }
                .into());
            }
            // Only what differs is made again, and what follows from it.
            (true, false) if !other_photos => Remake::OtherSettings,
            (true, _) => Remake::Everything,
            (false, true) => Remake::OtherSettings,
        }
    };
    for change in changed.iter().flatten() {
        let file = args.out.join(PROJECT_FILE);
        let text = format!("`{}` now has {change}", file.display());
        context.progress.note(&text);
    }
    ProjectFile::with_options(before, &args.given).write(&args.out)?;
    Ok(remake)
}

/// A folder that nobody named is not written to where it holds something else.
fn ensure_ours(project: &Path) -> Result<(), Failure> {
    for entry in fs_err::read_dir(project)? {
        let name = entry?.file_name();
        // What a killed run leaves that was about to write its first file.
        let is_unfinished = name.to_string_lossy().ends_with(TEMPORARY_SUFFIX);
        let is_ours = name == LOCK_FILE || OF_PROJECTS.iter().any(|ours| name == *ours);
        if !is_ours && !is_unfinished {
            return Err(Failure::Usage {
                message: format!(
                    "`{}` is no project, and holds `{}`",
                    project.display(),
                    name.display()
                ),
                hint: "name the project's folder with `--out DIR`".to_owned(),
            });
        }
    }
    Ok(())
}

/// The stages that would be made again, with what differs.
fn differences(
    before: Option<&ProjectFile>,
    given: &Table,
    stages: &Stages<'_>,
    globals: &Globals,
    context: &Context,
) -> Result<Vec<String>, Failure> {
    let of = |stage: &str, changes: Vec<String>| {
        (!changes.is_empty()).then(|| format!("  {stage}: {}", changes.join("; ")))
    };
    let is_made = stage::read_stamp(&stages.crop.out)?.is_some();
    let photos = before.filter(|file| is_made && file.has_other_folder(given));
    let photos = photos.map_or_else(Vec::new, |file| file.changes(given));
    let photos = photos
        .into_iter()
        .filter(|change| change.starts_with("--from: "));
    let all = [
        of("photos", photos.collect()),
        of("crop", crop::changed(stages.crop, globals, context)?),
        of(
            "prepare",
            prepare::changed(stages.prepare, globals, context)?,
        ),
        of("train", train::changed(stages.train, globals, context)?),
    ];
    let mut all: Vec<String> = all.into_iter().flatten().collect();
    if !all.is_empty() && before.is_some_and(|file| !file.is_of_this_version()) {
        all.push(format!("  ({} may have other defaults)", made_by()));
    }
    Ok(all)
}

/// The command line of this process with the agreement.
fn forced_command() -> String {
    let mut words = vec!["facepipe".to_owned()];
    let given = std::env::args_os().skip(1);
    words.extend(given.map(|word| quoted(&word.to_string_lossy())));
    words.push("--force".to_owned());
    words.join(" ")
}

/// The project's folder where only photos are named, or the project itself.
pub(in crate::cli::commands::networks) fn is_project(folder: &Path) -> bool {
    folder.join(PROJECT_FILE).is_file()
}
