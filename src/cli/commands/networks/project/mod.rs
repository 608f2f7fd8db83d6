//! `facepipe project`: who and what is in a project, and how that changes.

mod changes;
mod listing;
mod status;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::project_file::DEFAULT_PROJECT;
use crate::cli::output::result::Outcome;
use facepipe_core::context::Context;

/// Arguments of `project`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe project status\n  \
    facepipe project add Grace photos-of-grace\n  \
    facepipe project rename grace 'Grace Hopper'\n  \
    facepipe project merge Gracie 'Grace Hopper'\n  \
    facepipe project drop photos/grace/12.jpg\n  \
    facepipe project undo\n\n\
    Changes are written to the project's project.toml; no photo is moved or deleted. `facepipe run PROJECT` then brings \
    crops, data set and model up to date: what did not change is not computed again.")]
pub(crate) struct ProjectArgs {
    /// The project's folder
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        default_value = DEFAULT_PROJECT,
        env = "FACEPIPE_PROJECT",
        hide_env = true
    )]
    pub(crate) project: PathBuf,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What is done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Say who is in the project, what is stale, and the next command
    Status,
    /// Add a person's folder of photos, or more photos of a person
    Add {
        /// The person's name
        name: String,
        /// The folder of photos
        folder: PathBuf,
    },
    /// Give a person another name
    Rename {
        /// The name
        old: String,
        /// The name from now on
        new: String,
    },
    /// Make one person of two: all photos become the second one's
    Merge {
        /// The name that is given up
        from: String,
        /// The name that stays
        into: String,
    },
    /// Leave out a person with all photos
    Remove {
        /// The person's name
        name: String,
    },
    /// Leave out photos: those of your folder, or faces by their names in reports
    Drop {
        /// Photos
        #[arg(required = true, value_name = "PHOTO")]
        photos: Vec<String>,
    },
    /// Take dropped photos in again
    Restore {
        /// Photos
        #[arg(required = true, value_name = "PHOTO")]
        photos: Vec<String>,
    },
    /// Take the last change back
    Undo,
}

pub(crate) fn run(
    args: &ProjectArgs,
    _globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    match &args.verb {
        Verb::Status => status::run(&args.project, context),
        verb => changes::run(&args.project, verb),
    }
}
