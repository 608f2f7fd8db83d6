//! Layers of settings: command line, then `FACEPIPE_*`, then the `--config` file, then defaults.
//!
//! The file's values become the defaults of the options they name, so that clap checks and
//! reports them like any other value.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, Resettable};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, Id};
use toml::{Table, Value};

use super::config_file::{ConfigFile, option_of};
use super::nearest::nearest;

/// The command that does all stages.
const RUN: &str = "run";
/// Tables of the config file that also set options of `run`.
const STAGES_OF_RUN: [&str; 6] = ["fetch", "crop", "prepare", "train", "evaluate", "export"];

/// A command line with its layers.
pub(crate) struct Layered {
    /// The plain definition with the environment's and the config file's values as its defaults.
    pub(crate) command: Command,
    /// The files that defaults come from, the one that goes first before others.
    pub(crate) files: Vec<ConfigFile>,
}

/// The layers of a plain definition of the command line.
///
/// # Errors
/// A file that can't be read, that is no TOML, or that names options that do not exist.
pub(crate) fn layered(plain: Command, arguments: &[OsString]) -> Result<Layered, clap::Error> {
    let mut command = with_environment(plain.clone());
    let mut files = Vec::new();
    if let Some(path) = config_path(&command, arguments) {
        let read = ConfigFile::read(&path).map_err(|message| usage(&mut command, &message))?;
        command = apply(command, &read).map_err(|message| usage(&mut plain.clone(), &message))?;
        files.push(read);
    }
    Ok(Layered { command, files })
}

/// The tables of the config file that set options of a command.
pub(crate) fn tables_of(verb: &str) -> Vec<&str> {
    match verb {
        RUN => STAGES_OF_RUN.into_iter().chain([RUN]).collect(),
        verb => vec![verb],
    }
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

/// Sets defaults; the error names all keys that set nothing.
pub(super) fn apply(mut command: Command, file: &ConfigFile) -> Result<Command, String> {
    let mut unknown = Vec::new();
    for (key, value) in &file.table {
        match value {
            Value::Table(options) => {
                if command.find_subcommand(key).is_none() {
                    unknown.push(Unknown::table(&command, file, key));
                    continue;
                }
                for name in options.keys() {
                    let verb = command.find_subcommand(key);
                    if verb.is_some_and(|verb| id_of(verb, name).is_none()) {
                        unknown.push(Unknown::key(&command, file, Some(key), name));
                    }
                }
                let is_of_run = STAGES_OF_RUN.contains(&key.as_str());
                let run = is_of_run.then_some(RUN);
                for verb in [key.as_str()].into_iter().chain(run) {
                    command = with_defaults(command, verb, options);
                }
            }
            value => match id_of(&command, key) {
                Some(id) => command = set_default(command, id, value),
                None => unknown.push(Unknown::key(&command, file, None, key)),
            },
        }
    }
    if unknown.is_empty() {
        return Ok(command);
    }
    unknown.sort_by_key(|unknown| unknown.line);
    let path = file.path.display();
    let texts: Vec<String> = unknown.iter().map(Unknown::in_words).collect();
    Err(match texts.as_slice() {
        [only] => format!("`{path}`: {only}"),
        all => format!("`{path}`:\n  {}", all.join("\n  ")),
    })
}

/// Sets defaults of a command, where there is one, by those options of a table that it has.
fn with_defaults(command: Command, verb: &str, options: &Table) -> Command {
    if command.find_subcommand(verb).is_none() {
        return command;
    }
    command.mut_subcommand(verb, |verb| {
        options
            .iter()
            .fold(verb, |verb, (name, value)| match id_of(&verb, name) {
                Some(id) => set_default(verb, id, value),
                None => verb,
            })
    })
}

/// A key that names nothing.
struct Unknown {
    what: String,
    line: Option<usize>,
    /// What may be meant.
    meant: Option<String>,
}

impl Unknown {
    fn table(command: &Command, file: &ConfigFile, name: &str) -> Self {
        let verbs = command.get_subcommands();
        let meant = nearest(name, verbs.map(|verb| verb.get_name().to_owned()));
        Self {
            what: format!("unknown key `{name}`"),
            line: file.line(None, name),
            meant: meant.map(|meant| format!("did you mean the table [{meant}]?")),
        }
    }

    fn key(command: &Command, file: &ConfigFile, table: Option<&str>, key: &str) -> Self {
        let here = table.map_or(Some(command), |table| command.find_subcommand(table));
        let meant = elsewhere(command, key).or_else(|| {
            let names = here.into_iter().flat_map(options_of);
            let meant = nearest(&option_of(key), names)?;
            Some(format!("did you mean `{meant}`?"))
        });
        Self {
            what: match table {
                Some(table) => format!("unknown key `{key}` in [{table}]"),
                None => format!("unknown key `{key}`"),
            },
            line: file.line(table, key),
            meant,
        }
    }

    fn in_words(&self) -> String {
        let line = self.line.map(|line| format!(" (line {line})"));
        let meant = self.meant.as_ref().map(|meant| format!(": {meant}"));
        let parts = [line, meant].map(Option::unwrap_or_default);
        format!("{}{}", self.what, parts.concat())
    }
}

/// Where a key would be right.
fn elsewhere(command: &Command, key: &str) -> Option<String> {
    if id_of(command, key).is_some() {
        return Some("it belongs at the top of the file".to_owned());
    }
    let verbs = command.get_subcommands();
    let with_key = verbs.filter(|verb| id_of(verb, key).is_some());
    let tables: Vec<String> = with_key
        .map(|verb| format!("[{}]", verb.get_name()))
        .collect();
    (!tables.is_empty()).then(|| format!("it belongs in {}", tables.join(" or ")))
}

/// The names of the options that a file can set.
fn options_of(command: &Command) -> impl Iterator<Item = String> {
    let longs = command.get_arguments().filter_map(Arg::get_long);
    longs.map(str::to_owned)
}

/// The option that a key names.
fn id_of(command: &Command, key: &str) -> Option<Id> {
    let long = option_of(key);
    let mut options = command.get_arguments();
    let found = options.find(|arg| arg.get_long() == Some(&long))?;
    Some(found.get_id().clone())
}

/// Makes a file's value the default of an option.
fn set_default(command: Command, option: Id, value: &Value) -> Command {
    let values: Vec<String> = match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        other => vec![plain(other)],
    };
    command.mut_arg(option, |arg| match arg.get_action() {
        ArgAction::SetTrue | ArgAction::Set | ArgAction::Append | ArgAction::Count => {
            arg.default_values(values)
        }
        _ => arg,
    })
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
            ("sead = 7", "`sead` (line 1): did you mean `seed`?"),
            (
                "seed = 1\n[corp]\nmargin = 3",
                "(line 2): did you mean the table [crop]?",
            ),
            (
                "\n\n[crop]\nmin_fase = 3",
                "(line 4): did you mean `min-face`?",
            ),
            ("[crop]\nseed = 3", "it belongs at the top of the file"),
            ("folds = 3", "it belongs in [prepare]"),
            ("[crop]\nzzz = 3", "in [crop] (line 2)\n"),
        ] {
            let error = parse(file, &["crop", "in", "--out", "x"]).expect_err(file);
            assert!(error.contains(message), "{file}: {error}");
        }
    }

    #[test]
    fn all_unknown_keys_are_named_at_once_in_the_order_of_the_file() {
        let file = "sead = 7\n[prepare]\nfold = 3\n[crop]\nmargin = 0.1\nmin-fase = 3\n[fetsch]\nmax = 3\n";
        let error = parse(file, &["crop", "in", "--out", "x"]).expect_err("is wrong");
        let unknown: Vec<&str> = error.lines().filter(|line| line.contains("key")).collect();
        let expected = [
            "  unknown key `sead` (line 1): did you mean `seed`?",
            "  unknown key `fold` in [prepare] (line 3): did you mean `folds`?",
            "  unknown key `min-fase` in [crop] (line 6): did you mean `min-face`?",
            "  unknown key `fetsch` (line 7): did you mean the table [fetch]?",
        ];
        assert_eq!(unknown, expected, "{error}");
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
