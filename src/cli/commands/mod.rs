//! The commands, one file or folder each.

pub(crate) mod azure;
pub(crate) mod completions;
pub(crate) mod crop;
pub(crate) mod detect;
pub(crate) mod doctor;
pub(crate) mod fetch;
pub(crate) mod models;
#[cfg(feature = "torch")]
pub(crate) mod networks;
pub(crate) mod prepare;

use clap::{Parser, Subcommand};

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::output::result::Outcome;
use crate::cli::process::Needs;
use facepipe_core::context::Context;

/// From a name, or a folder of photos, to a model file that recognises the face.
#[derive(Debug, Parser)]
#[command(
    name = "facepipe",
    version,
    max_term_width = 100,
    after_help = "Results go to stdout, progress and hints to stderr. Every option can also be set \
                  by an environment variable (`--min-face` by FACEPIPE_MIN_FACE) or in the file \
                  given with --config; the command line goes first, then the environment.\n\n\
                  Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 done but items failed (with \
                  --strict), 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(feature = "torch")]
impl Cli {
    /// The same, with the options that its project has to remember.
    pub(crate) fn remembering(mut self, given: impl FnOnce() -> toml::Table) -> Self {
        if let Command::Networks(networks::NetworkCommand::Run(args)) = &mut self.command {
            args.given = given();
        }
        self
    }
}

/// One verb each; they are listed in the order of the pipeline.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fetch images by label from searches, lists of addresses and folders
    #[command(display_order = 2)]
    Fetch(fetch::FetchArgs),
    /// Find the faces of photos and cut them out
    #[command(display_order = 3)]
    Crop(crop::CropArgs),
    /// Remove duplicates and split into train, val and test without leakage
    #[command(display_order = 4)]
    Prepare(prepare::PrepareArgs),
    /// Print the faces of photos as JSON lines
    #[command(display_order = 5)]
    Detect(detect::DetectArgs),
    /// Ask Azure's Face service: enrol persons, name them, and all its other operations
    #[command(display_order = 13)]
    Azure(Box<azure::AzureArgs>),
    /// List, fetch and check model files and the demo's data set
    #[command(display_order = 14)]
    Models(models::ModelsArgs),
    /// Report what is installed, what is missing and how to get it
    #[command(display_order = 15)]
    Doctor(doctor::DoctorArgs),
    /// Print a completion script for a shell
    #[command(display_order = 16)]
    Completions(completions::CompletionsArgs),
    #[cfg(feature = "torch")]
    #[command(flatten)]
    Networks(networks::NetworkCommand),
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(&self, globals: &Globals, context: &Context) -> Result<Outcome, Failure> {
        match self {
            Self::Fetch(args) => fetch::run(args, globals, context),
            Self::Crop(args) => crop::run(args, globals, context),
            Self::Prepare(args) => prepare::run(args, globals, context),
            Self::Detect(args) => detect::run(args, globals, context),
            Self::Azure(args) => azure::run(args, globals, context),
            Self::Models(args) => models::run(args, globals, context),
            Self::Doctor(args) => doctor::run(args, globals),
            Self::Completions(args) => completions::run(args),
            #[cfg(feature = "torch")]
            Self::Networks(command) => command.run(globals, context),
        }
    }

    /// The requirements on the process while it runs.
    pub(crate) fn needs(&self) -> Needs {
        match self {
            Self::Fetch(_) => Needs {
                grows_tables: true,
                ..Needs::default()
            },
            #[cfg(feature = "torch")]
            Self::Networks(command) => command.needs(),
            _ => Needs::default(),
        }
    }
}
