//! The commands that need libtorch.

pub(crate) mod embed;
pub(crate) mod evaluate;
pub(crate) mod evaluate_lines;
pub(crate) mod export;
pub(crate) mod predict;
pub(crate) mod predict_csv;
pub(crate) mod predict_table;
pub(crate) mod project;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod train;
pub(crate) mod unknown_options;
pub(crate) mod verify;

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::output::result::Outcome;
use crate::cli::process::Needs;
use facepipe_core::context::Context;

/// One verb each.
#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Do all stages: from names or photos to a model file
    #[command(display_order = 0)]
    Run(Box<run::RunArgs>),
    /// Change who and what is in a project, and say what is stale
    #[command(display_order = 1)]
    Project(project::ProjectArgs),
    /// Print the faces of photos with their embeddings, as JSON lines
    #[command(display_order = 6)]
    Embed(embed::EmbedArgs),
    /// Say whether the faces of two photos are one person
    #[command(display_order = 7)]
    Verify(verify::VerifyArgs),
    /// Train a network on a data set
    #[command(display_order = 8)]
    Train(Box<train::TrainArgs>),
    /// Report how well a model does on a side of a data set
    #[command(display_order = 9)]
    Evaluate(evaluate::EvaluateArgs),
    /// Write a model's file for other programs
    #[command(display_order = 10)]
    Export(export::ExportArgs),
    /// Name the faces of photos: a table on a terminal, else JSON lines
    #[command(display_order = 11)]
    Predict(predict::PredictArgs),
    /// Serve a model over HTTP: a page for people, JSON for programs
    #[command(display_order = 12)]
    Serve(Box<serve::ServeArgs>),
}

impl NetworkCommand {
    /// Runs the command.
    pub(crate) fn run(&self, globals: &Globals, context: &Context) -> Result<Outcome, Failure> {
        match self {
            Self::Run(args) => run::run(args, globals, context),
            Self::Project(args) => project::run(args, globals, context),
            Self::Embed(args) => embed::run(args, globals, context),
            Self::Verify(args) => verify::run(args, globals, context),
            Self::Train(args) => train::run(args, globals, context),
            Self::Evaluate(args) => evaluate::run(args, globals, context),
            Self::Export(args) => export::run(args, globals, context),
            Self::Predict(args) => predict::run(args, globals, context),
            Self::Serve(args) => serve::run(args, globals, context),
        }
    }

    /// The requirements on the process while it runs.
    pub(crate) const fn needs(&self) -> Needs {
        Needs {
            grows_tables: false,
            networks_for_long: matches!(
                self,
                Self::Train(_) | Self::Evaluate(_) | Self::Run(_) | Self::Serve(_)
            ),
            // A server reads its model again at SIGHUP, which ends every other command.
            own_signals: matches!(self, Self::Serve(_)),
        }
    }
}
