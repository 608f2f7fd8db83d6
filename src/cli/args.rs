//! The command line's top: global options and the list of commands.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::{
    azure::AzureArgs, completions::CompletionsArgs, crop::CropArgs, detect::DetectArgs,
    doctor::DoctorArgs, fetch::FetchArgs, models::ModelsArgs, prepare::PrepareArgs,
};
#[cfg(feature = "torch")]
use super::{
    embed::EmbedArgs, evaluate::EvaluateArgs, export::ExportArgs, predict::PredictArgs,
    run::RunArgs, serve::ServeArgs, train::TrainArgs, verify::VerifyArgs,
};

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
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) globals: Globals,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// Print the result as one JSON object
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Say less: errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Draw no progress bars
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
    /// Read options from a TOML file: global ones at its top, a command's in its own [table]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The seed of everything random
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// Where networks run
    #[arg(
        long,
        global = true,
        value_name = "cpu|cuda[:N]|auto",
        default_value = "auto"
    )]
    pub(super) device: String,
    /// Worker threads [default: all processors]
    #[arg(long, global = true, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
    /// Make the output anew where it was made with other settings or from other input
    #[arg(long, global = true)]
    pub(super) force: bool,
    /// Exit with 3 when items were left out because of errors
    #[arg(long, global = true)]
    pub(super) strict: bool,
    /// Folder of fetched model files [default: models/weights, here or where facepipe was built]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) weights_dir: Option<PathBuf>,
}

impl Globals {
    /// The number of worker threads.
    pub(super) fn threads(&self) -> NonZeroUsize {
        self.threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN)
    }
}

/// One verb each; they are listed in the order of the pipeline.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Do all stages: from names or photos to a model file
    #[cfg(feature = "torch")]
    Run(Box<RunArgs>),
    /// Fetch images by label from searches, lists of addresses and folders
    Fetch(FetchArgs),
    /// Find the faces of photos and cut them out
    Crop(CropArgs),
    /// Remove duplicates and split into train, val and test without leakage
    Prepare(PrepareArgs),
    /// Print the faces of photos as JSON lines
    Detect(DetectArgs),
    /// Print the faces of photos with their embeddings, as JSON lines
    #[cfg(feature = "torch")]
    Embed(EmbedArgs),
    /// Say whether the faces of two photos are one person
    #[cfg(feature = "torch")]
    Verify(VerifyArgs),
    /// Train a network on a data set
    #[cfg(feature = "torch")]
    Train(TrainArgs),
    /// Say how well a model does on a side of a data set
    #[cfg(feature = "torch")]
    Evaluate(EvaluateArgs),
    /// Write a model's file for other programs
    #[cfg(feature = "torch")]
    Export(ExportArgs),
    /// Name the faces of photos, as JSON lines
    #[cfg(feature = "torch")]
    Predict(PredictArgs),
    /// Serve a model over HTTP: a page for people, JSON for programs
    #[cfg(feature = "torch")]
    Serve(Box<ServeArgs>),
    /// Ask Azure's Face service: enrol persons, name them, and all its other operations
    Azure(Box<AzureArgs>),
    /// List, fetch and check model files and the demo's data set
    Models(ModelsArgs),
    /// Say what is there, what is missing and how to mend it
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}
