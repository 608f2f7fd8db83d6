//! Layers of settings: command line, then `FACEPIPE_*`, then the `--config` file, then defaults.
//!
//! The file's values become the defaults of the options they name, so that clap checks and
//! reports them like any other value.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{BoolishValueParser, Resettable};
use clap::error::ErrorKind;
use clap::{ArgAction, Command};
use toml::{Table, Value};

/// Tables of the config file that also set options of `run`.
const STAGES_OF_RUN: [&str; 6] = ["fetch", "crop", "prepare", "train", "evaluate", "export"];

/// The plain definition of the command line with the environment's and the config file's values as its defaults.
///
/// # Errors
/// A file that can't be read, that is no TOML, or that names an option that does not exist.
pub(crate) fn layered(plain: Command, arguments: &[OsString]) -> Result<Command, clap::Error> {
    let mut command = with_environment(plain.clone());
    if let Some(path) = config_path(&command, arguments) {
        let table = read(&path).map_err(|message| usage(&mut command, &message))?;
        command =
            apply(command, &table, &path).map_err(|message| usage(&mut plain.clone(), &message))?;
    }
    Ok(command)
}

/// Lets every option be set by `FACEPIPE_<OPTION>`, but those that name their variable themselves
/// because another verb has an option of that name. An empty variable counts as unset, and switches take
/// `1`, `yes`, `on`, `true` and their opposites.
fn with_environment(command: Command) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    let command = command.mut_args(|arg| {
        let arg = match arg.get_long() {
            Some(long) if !matches!(long, "help" | "version") && arg.get_env().is_none() => {
                let name = format!("FACEPIPE_{}", long.replace('-', "_").to_uppercase());
                arg.env(name).hide_env(true)
            }
            _ => arg,
        };
        let is_empty =
            |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
        if arg.get_env().is_some_and(is_empty) {
            arg.env(Resettable::Reset)
        } else if matches!(arg.get_action(), ArgAction::SetTrue) {
            arg.value_parser(BoolishValueParser::new())
        } else {
            arg
        }
    });
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_environment)
    })
}

/// The value of `--config`, found before the real parse.
fn config_path(command: &Command, arguments: &[OsString]) -> Option<PathBuf> {
    let matches = command
        .clone()
        .ignore_errors(true)
        .try_get_matches_from(arguments)
        .ok()?;
    matches
        .try_get_one::<PathBuf>("config")
        .ok()
        .flatten()
        .cloned()
}

fn read(path: &Path) -> Result<Table, String> {
    let text = fs_err::read_to_string(path).map_err(|error| error.to_string())?;
    text.parse()
        .map_err(|error| format!("`{}` is not valid TOML: {error}", path.display()))
}

pub(super) fn apply(mut command: Command, table: &Table, path: &Path) -> Result<Command, String> {
    for (key, value) in table {
        let unknown = || format!("unknown key `{key}` in `{}`", path.display());
        if let Value::Table(options) = value {
            let verbs: Vec<&str> = if STAGES_OF_RUN.contains(&key.as_str()) {
                vec![key, "run"]
            } else {
                vec![key]
            };
            for verb in verbs {
                if command.find_subcommand(verb).is_none() {
                    if verb == key {
                        return Err(unknown());
                    } else {
                        continue;
                    }
                }
                let mut problem = None;
                command = command.mut_subcommand(verb, |mut verb_command| {
                    for (name, value) in options {
                        match set_default(verb_command.clone(), name, value) {
                            Some(with_default) => verb_command = with_default,
                            None if verb == key => {
                                problem = Some(format!(
                                    "unknown key `{name}` in [{key}] of `{}`",
                                    path.display()
                                ));
                            }
                            None => {}
                        }
                    }
                    verb_command
                });
                if let Some(problem) = problem {
                    return Err(problem);
                }
            }
        } else {
            command = set_default(command, key, value).ok_or_else(unknown)?;
        }
    }
    Ok(command)
}

/// Makes a file's value the default of an option; `None` where there is no such option.
fn set_default(command: Command, name: &str, value: &Value) -> Option<Command> {
    let long = name.replace('_', "-");
    let id = command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(&long))?
        .get_id()
        .clone();
    let values: Vec<String> = match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        other => vec![plain(other)],
    };
    Some(command.mut_arg(id, |arg| match arg.get_action() {
        ArgAction::SetTrue | ArgAction::Set | ArgAction::Append | ArgAction::Count => {
            arg.default_values(values)
        }
        _ => arg,
    }))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn usage(command: &mut Command, message: &str) -> clap::Error {
    command.error(ErrorKind::InvalidValue, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::Cli;
    use clap::CommandFactory as _;

    fn parse(file: &str, arguments: &[&str]) -> Result<Cli, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().join("facepipe.toml");
        fs_err::write(&path, file).map_err(|error| error.to_string())?;
        let mut all = vec!["facepipe".to_owned()];
        all.extend(arguments.iter().map(ToString::to_string));
        all.extend(["--config".to_owned(), path.display().to_string()]);
        let all: Vec<OsString> = all.into_iter().map(OsString::from).collect();
        crate::cli::parse(&all).map_err(|error| error.to_string())
    }

    fn min_face(cli: &Cli) -> u32 {
        match &cli.command {
            crate::cli::commands::Command::Crop(args) => args.options.min_face,
            _ => panic!("another command"),
        }
    }

    #[test]
    fn the_file_overrides_defaults_and_the_command_line_overrides_the_file() {
        let file = "seed = 7\n[crop]\nmin-face = 33\nlargest_only = true\n";
        let cli = parse(file, &["crop", "in", "--out", "x"]).expect("parses");
        assert_eq!((cli.globals.seed, min_face(&cli)), (7, 33));
        let cli = parse(file, &["crop", "in", "--out", "x", "--min-face", "20"]).expect("parses");
        assert_eq!(min_face(&cli), 20);
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_errors() {
        for (file, message) in [
            ("sead = 7", "unknown key `sead`"),
            ("[crop]\nmin-fase = 3", "unknown key `min-fase` in [crop]"),
            ("[corp]\nmin-face = 3", "unknown key `corp`"),
            ("[crop]\nmin-face = \"big\"", "--min-face"),
            ("seed =", "not valid TOML"),
        ] {
            let error = parse(file, &["crop", "in", "--out", "x"]).expect_err(file);
            assert!(error.contains(message), "{file}: {error}");
        }
    }

    #[test]
    fn one_variable_never_means_different_values_for_two_verbs() {
        let command = with_environment(Cli::command());
        let mut meanings = std::collections::BTreeMap::new();
        for verb in command.get_subcommands() {
            for arg in verb.get_arguments() {
                let Some(variable) = arg.get_env() else {
                    continue;
                };
                let values: Vec<String> = arg
                    .get_possible_values()
                    .iter()
                    .map(|value| value.get_name().to_owned())
                    .collect();
                let default = arg.get_default_values().to_vec();
                let meaning = meanings.entry(variable.to_owned()).or_insert_with(|| {
                    (verb.get_name().to_owned(), values.clone(), default.clone())
                });
                assert_eq!(
                    (&meaning.1, &meaning.2),
                    (&values, &default),
                    "{variable:?} of {} and {}",
                    meaning.0,
                    verb.get_name()
                );
            }
        }
    }
}
