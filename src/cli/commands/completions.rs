//! `facepipe completions`: a script that lets a shell complete commands and options.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::commands::Cli;
use crate::cli::failure::Failure;
use crate::cli::output::result::Outcome;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "For bash:  facepipe completions bash > \
                        ~/.local/share/bash-completion/completions/facepipe\n\
                        For zsh:   facepipe completions zsh > \"${fpath[1]}/_facepipe\"\n\
                        For fish:  facepipe completions fish > \
                        ~/.config/fish/completions/facepipe.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "facepipe", &mut script);
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&script).map_err(Failure::of_output)?;
    stdout.flush().map_err(Failure::of_output)?;
    Ok(Outcome::printed(0))
}
