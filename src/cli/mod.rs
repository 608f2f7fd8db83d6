//! The command line: arguments, settings, wiring, output, exit codes.

mod args;
mod azure;
mod completions;
mod config;
mod crop;
mod detect;
mod doctor;
#[cfg(feature = "torch")]
mod embed;
mod end;
#[cfg(feature = "torch")]
mod evaluate;
#[cfg(feature = "torch")]
mod evaluate_lines;
mod explanation;
#[cfg(feature = "torch")]
mod export;
mod failure;
mod fetch;
mod fetch_jobs;
mod fetch_limits;
mod fetch_plan;
mod fetch_queries;
mod heap;
mod identities;
mod inputs;
mod limits;
mod models;
mod output;
#[cfg(feature = "torch")]
mod predict;
#[cfg(feature = "torch")]
mod predict_table;
mod prepare;
mod progress;
#[cfg(feature = "torch")]
mod run;
#[cfg(feature = "torch")]
mod serve;
mod splitting;
#[cfg(feature = "torch")]
mod train;
#[cfg(feature = "torch")]
mod verify;
#[cfg(feature = "torch")]
mod waiting;
mod wiring;

use std::sync::Arc;

use clap::FromArgMatches;

use args::{Cli, Command};
use facepipe_core::context::{Context, Interrupt};
use failure::Failure;
use output::Outcome;
use progress::TerminalProgress;

/// Exit code after Ctrl-C: 128 + SIGINT.
const INTERRUPTED: u8 = 130;
/// Exit code with `--strict` when items were left out because of errors.
const SOME_ITEMS_FAILED: u8 = 3;
/// Exit code where all went well.
const SUCCESS: u8 = 0;
/// Exit code for an error.
const FAILURE: u8 = 1;
/// Exit code for arguments that can't be used.
const USAGE: u8 = 2;

/// Runs the program with the arguments and environment of the process, and ends it.
pub(super) fn main() -> ! {
    end::with(exit_code())
}

/// Runs the program until nothing is left to do but to end it.
fn exit_code() -> u8 {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Where even the terminal is gone there is nobody left to tell.
            let _ = error.print();
            return if error.use_stderr() { USAGE } else { SUCCESS };
        }
    };
    heap::share_one_heap(&cli.command);
    #[cfg(feature = "torch")]
    waiting::start_anew_with_sleeping_threads(&cli.command, &arguments);
    let interrupt = Interrupt::default();
    if !handles_signals_itself(&cli.command)
        && let Err(error) = handle_signals(&interrupt)
    {
        return failure::print(&error.into());
    }
    let context = Context {
        progress: Arc::new(TerminalProgress::new(&cli.globals)),
        interrupt,
        threads: cli.globals.threads(),
        seed: cli.globals.seed,
        force: cli.globals.force,
    };
    let outcome = run(&cli, &context).and_then(|outcome| {
        output::print(&outcome, &cli.globals)?;
        Ok(outcome)
    });
    match outcome {
        Ok(outcome) if cli.globals.strict && outcome.items_failed > 0 => SOME_ITEMS_FAILED,
        Ok(_) => SUCCESS,
        Err(error) => failure::print(&error),
    }
}

fn parse(arguments: &[std::ffi::OsString]) -> Result<Cli, clap::Error> {
    let command = config::layered_command(arguments)?;
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

fn run(cli: &Cli, context: &Context) -> Result<Outcome, Failure> {
    match &cli.command {
        #[cfg(feature = "torch")]
        Command::Run(args) => run::run(args, &cli.globals, context),
        Command::Fetch(args) => fetch::run(args, &cli.globals, context),
        Command::Crop(args) => crop::run(args, &cli.globals, context),
        Command::Prepare(args) => prepare::run(args, &cli.globals, context),
        Command::Detect(args) => detect::run(args, &cli.globals, context),
        #[cfg(feature = "torch")]
        Command::Embed(args) => embed::run(args, &cli.globals, context),
        #[cfg(feature = "torch")]
        Command::Verify(args) => verify::run(args, &cli.globals, context),
        #[cfg(feature = "torch")]
        Command::Train(args) => train::run(args, &cli.globals, context),
        #[cfg(feature = "torch")]
        Command::Evaluate(args) => evaluate::run(args, &cli.globals, context),
        #[cfg(feature = "torch")]
        Command::Export(args) => export::run(args, &cli.globals, context),
        #[cfg(feature = "torch")]
        Command::Predict(args) => predict::run(args, &cli.globals, context),
        #[cfg(feature = "torch")]
        Command::Serve(args) => serve::run(args, &cli.globals, context),
        Command::Azure(args) => azure::run(args, &cli.globals, context),
        Command::Models(args) => models::run(args, &cli.globals, context),
        Command::Doctor(args) => doctor::run(args, &cli.globals),
        Command::Completions(args) => completions::run(args),
    }
}

/// A server reads its model again at SIGHUP, which tells every other command to end.
#[cfg(feature = "torch")]
const fn handles_signals_itself(command: &Command) -> bool {
    matches!(command, Command::Serve(_))
}

/// Without libtorch there is no server.
#[cfg(not(feature = "torch"))]
const fn handles_signals_itself(_: &Command) -> bool {
    false
}

/// The first Ctrl-C (or SIGTERM) lets the item at hand end; the second ends the process at once.
fn handle_signals(interrupt: &Interrupt) -> std::io::Result<()> {
    let interrupt = interrupt.clone();
    ctrlc::set_handler(move || {
        if interrupt.raise() {
            #[expect(
                clippy::exit,
                reason = "the user asked twice; every file on disk is whole"
            )]
            std::process::exit(i32::from(INTERRUPTED));
        }
    })
    .map_err(std::io::Error::other)
}
