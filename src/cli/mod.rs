//! The command line: arguments, settings, wiring, output, exit codes.

mod commands;
mod failure;
mod hints;
mod options;
mod output;
mod process;
mod wiring;

use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches};

use commands::Cli;
use facepipe_core::context::{Context, Interrupt, Remake};
use output::progress::TerminalProgress;

/// Exit code after Ctrl-C: 128 + SIGINT.
const INTERRUPTED: u8 = 130;
/// Exit code with `--strict` when items were left out because of errors.
const SOME_ITEMS_FAILED: u8 = 3;
/// Exit code of success.
const SUCCESS: u8 = 0;
/// Exit code for an error.
const FAILURE: u8 = 1;
/// Exit code for arguments that can't be used.
const USAGE: u8 = 2;

/// Runs the program with the arguments and environment of the process, and ends it.
pub(super) fn main() -> ! {
    process::exit_with(exit_code())
}

/// Runs the program up to its exit code.
fn exit_code() -> u8 {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Where even the terminal is gone no one is left to read it.
            let _ = error.print();
            return if error.use_stderr() { USAGE } else { SUCCESS };
        }
    };
    let needs = cli.command.needs();
    process::share_one_heap(needs);
    process::restart_with_sleeping_threads(needs, &arguments);
    let interrupt = Interrupt::default();
    if !needs.own_signals
        && let Err(error) = process::handle_signals(&interrupt)
    {
        return failure::print(&error.into());
    }
    let context = Context {
        progress: Arc::new(TerminalProgress::new(&cli.globals)),
        interrupt,
        threads: cli.globals.threads(),
        seed: cli.globals.seed,
        remake: if cli.globals.force {
            Remake::Everything
        } else {
            Remake::default()
        },
    };
    let outcome = cli.command.run(&cli.globals, &context).and_then(|outcome| {
        output::result::print(&outcome, &cli.globals)?;
        Ok(outcome)
    });
    match outcome {
        Ok(outcome) if cli.globals.strict && outcome.items_failed > 0 => SOME_ITEMS_FAILED,
        Ok(_) => SUCCESS,
        Err(error) => failure::print(&error),
    }
}

fn parse(arguments: &[std::ffi::OsString]) -> Result<Cli, clap::Error> {
    let plain = Cli::command();
    let layered = options::layered(plain.clone(), arguments)?;
    let command = options::short_help::with_short_lists(layered.command);
    let matches = command.clone().try_get_matches_from(arguments);
    let cli = matches.and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        #[cfg(feature = "torch")]
        let cli = cli.remembering(|| options::project_file::given(&plain, &matches));
        Ok(cli)
    });
    cli.map_err(|mut error| {
        options::origin::explain(&mut error, &command, &layered.files, arguments);
        hints::verbs::explain(&mut error, &command, arguments);
        error
    })
}
