//! The options that a project remembers: `project.toml` in its folder.
//!
//! `run` writes them at its start, and reads them as defaults of the options that are not given: `run --out DIR` alone
//! repeats what it did. It has the form of a `--config` file with a table `[run]`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use toml::{Table, Value};

use super::config;
use super::config_file::ConfigFile;
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::selection::{Change, Selection};
use facepipe_core::artifacts::stage::made_by;

/// The file's name.
pub(crate) const PROJECT_FILE: &str = "project.toml";
/// The folder of a project where none is named.
pub(crate) const DEFAULT_PROJECT: &str = "project";
/// The command that makes projects, and the table of its options.
const RUN: &str = "run";
/// Options that say where photos come from: one that is given takes the place of all that are remembered.
const SOURCES: [&str; 8] = [
    "from", "query", "wikidata", "label", "queries", "source", "urls", "folder",
];
/// The project itself, the argument that stands for it or for photos, and what is done once.
const NOT_REMEMBERED: [&str; 4] = ["out", "photos", "restore", "retry_failed"];
/// Below a project, the folder of photos that `run` downloads.
pub(crate) const DOWNLOADED: &str = "data/raw";
/// The changes to the list of photos.
const CHANGE: &str = "change";
/// Which program wrote the file.
const MADE_BY: &str = "made_by";
/// The one option of all commands that decides results.
const SEED: &str = "seed";

/// The head of the file, for people.
const HEAD: &str = "# The options of this project: `facepipe run --out` with its folder repeats them.\n\
    # Options on the command line go first, and are written here.\n";

/// What a project remembers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProjectFile(Table);

impl ProjectFile {
    /// Reads that of a folder; `None` where there is none.
    ///
    /// # Errors
    /// It can't be read, or is no TOML.
    pub(crate) fn read(project: &Path) -> io::Result<Option<Self>> {
        let path = project.join(PROJECT_FILE);
        let text = match fs_err::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        text.parse().map(Self).map(Some).map_err(|error| {
            let text = format!("`{}` is not valid TOML: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }

    /// Whether this version of the program wrote it.
    pub(crate) fn is_of_this_version(&self) -> bool {
        self.0.get(MADE_BY).and_then(Value::as_str) == Some(&made_by())
    }

    /// Options that differ from those that are given now, in words.
    pub(crate) fn changes(&self, given: &Table) -> Vec<String> {
        let options = |table: &Table| {
            let run = table.get(RUN).and_then(Value::as_table).cloned();
            let mut options = run.unwrap_or_default();
            options.extend(table.get(SEED).map(|seed| (SEED.to_owned(), seed.clone())));
            options
        };
        let (before, now) = (options(&self.0), options(given));
        let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
        names.sort();
        names.dedup();
        let text = |table: &Table, name: &str| match table.get(name) {
            None => "default".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        names
            .into_iter()
            .filter(|name| before.get(*name) != now.get(*name))
            .map(|name| format!("--{name}: {} → {}", text(&before, name), text(&now, name)))
            .collect()
    }

    /// Whether photos came from elsewhere.
    pub(crate) fn has_other_folder(&self, given: &Table) -> bool {
        let from = |table: &Table| table.get(RUN)?.get("from").cloned();
        from(&self.0) != from(given)
    }

    /// The folder of the project's photos.
    pub(crate) fn photos(&self, project: &Path) -> PathBuf {
        let run = self.0.get(RUN).and_then(Value::as_table);
        let from = run.and_then(|run| run.get("from")?.as_str());
        from.map_or_else(|| project.join(DOWNLOADED), PathBuf::from)
    }

    /// The changes that were made to the list of photos.
    ///
    /// # Errors
    /// They are not understood.
    pub(crate) fn selection(&self) -> io::Result<Selection> {
        let changes = self.0.get(CHANGE).cloned();
        let changes = changes.map_or(Ok(Vec::new()), Value::try_into::<Vec<Change>>);
        changes.map(Selection::new).map_err(|error| {
            let text = format!("cannot understand a [[{CHANGE}]] of {PROJECT_FILE}: {error}");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }

    /// The same with other changes to the list of photos.
    ///
    /// # Errors
    /// They can't be written as TOML.
    pub(crate) fn with_changes(mut self, changes: &[Change]) -> io::Result<Self> {
        if changes.is_empty() {
            self.0.remove(CHANGE);
        } else {
            let changes = Value::try_from(changes).map_err(io::Error::other)?;
            self.0.insert(CHANGE.to_owned(), changes);
        }
        Ok(self)
    }

    /// The same with the options of a run.
    pub(crate) fn with_options(before: Option<Self>, given: &Table) -> Self {
        let mut table = before.map_or_else(Table::new, |before| before.0);
        table.remove(SEED);
        table.extend(given.clone());
        table.insert(MADE_BY.to_owned(), Value::String(made_by()));
        Self(table)
    }

    /// Writes the file to a project's folder.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub(crate) fn write(&self, project: &Path) -> io::Result<()> {
        let text = toml::to_string(&self.0).map_err(io::Error::other)?;
        atomic::write(
            &project.join(PROJECT_FILE),
            format!("{HEAD}\n{text}").as_bytes(),
        )
    }
}

/// The command line with what the project remembers, which `run` is called for, as its defaults; and its file.
///
/// # Errors
/// The project's file can't be read, or names an option that does not exist.
pub(crate) fn layered(
    command: Command,
    arguments: &[OsString],
) -> Result<(Command, Option<ConfigFile>), String> {
    let Some(matches) = matches_of_run(&command, arguments) else {
        return Ok((command, None));
    };
    let project = project_of(&matches);
    let path = project.join(PROJECT_FILE);
    if !path.is_file() {
        return Ok((command, None));
    }
    let mut file = ConfigFile::read(&path)?;
    file.table
        .retain(|name, _| ![MADE_BY, CHANGE].contains(&name));
    let has_photos = matches
        .get_one::<PathBuf>("photos")
        .is_some_and(|photos| *photos != project);
    let has_source = SOURCES.into_iter().any(|name| is_given(&matches, name)) || has_photos;
    if let Some(run) = file.table.get_mut(RUN).and_then(Value::as_table_mut) {
        run.retain(|name, _| !(has_source && SOURCES.contains(&name)));
    }
    Ok((config::apply(command, &file)?, Some(file)))
}

/// What the arguments say of `run`, as far as they can be understood before the real parse.
fn matches_of_run(command: &Command, arguments: &[OsString]) -> Option<ArgMatches> {
    let command = command.clone().ignore_errors(true);
    let mut matches = command.try_get_matches_from(arguments).ok()?;
    let (name, matches) = matches.remove_subcommand()?;
    (name == RUN).then_some(matches)
}

/// The folder of the project that `run` is called for.
fn project_of(matches: &ArgMatches) -> PathBuf {
    let path = |name| matches.try_get_one::<PathBuf>(name).ok().flatten().cloned();
    let is_project = |path: &PathBuf| path.join(PROJECT_FILE).is_file();
    path("out")
        .or_else(|| path("photos").filter(is_project))
        .unwrap_or_else(|| PathBuf::from(DEFAULT_PROJECT))
}

/// Whether an option does not have its default.
fn is_given(matches: &ArgMatches, name: &str) -> bool {
    matches!(
        matches.value_source(name),
        Some(ValueSource::CommandLine | ValueSource::EnvVariable)
    )
}

/// The options of `run` that are not the program's defaults, from wherever they come, in the form of the file.
pub(crate) fn given(plain: &Command, matches: &ArgMatches) -> Table {
    let mut table = Table::new();
    let Some((RUN, of_run)) = matches.subcommand() else {
        return table;
    };
    let root = plain.get_arguments().filter(|arg| arg.get_id() == SEED);
    for (name, value) in root.filter_map(|arg| given_value(arg, matches)) {
        table.insert(name, value);
    }
    let run = plain.find_subcommand(RUN);
    let options = run.into_iter().flat_map(Command::get_arguments);
    let options = options.filter(|arg| !NOT_REMEMBERED.contains(&arg.get_id().as_str()));
    let mut run: Table = options.filter_map(|arg| given_value(arg, of_run)).collect();
    let photos = of_run.get_one::<PathBuf>("photos");
    if let Some(photos) = photos.filter(|photos| !photos.join(PROJECT_FILE).is_file()) {
        run.insert(
            "from".to_owned(),
            Value::String(absolute(photos.as_os_str())),
        );
    }
    table.insert(RUN.to_owned(), Value::Table(run));
    table
}

/// Adds the model's name to the options of a run.
pub(crate) fn remember_name(given: &mut Table, name: String) {
    let run = given
        .entry(RUN)
        .or_insert_with(|| Value::Table(Table::new()));
    if let Some(run) = run.as_table_mut() {
        run.insert("name".to_owned(), Value::String(name));
    }
}

fn given_value(arg: &Arg, matches: &ArgMatches) -> Option<(String, Value)> {
    let name = arg.get_long()?.to_owned();
    let values: Vec<&OsStr> = matches.get_raw(arg.get_id().as_str())?.collect();
    let default: Vec<&OsStr> = arg
        .get_default_values()
        .iter()
        .map(|one| one.as_os_str())
        .collect();
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
    if is_switch {
        return matches
            .get_flag(arg.get_id().as_str())
            .then_some((name, Value::Boolean(true)));
    }
    if values == default {
        return None;
    }
    let is_path = matches!(
        arg.get_value_hint(),
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
    );
    let text = |value: &OsStr| {
        if is_path || Path::new(value).is_file() {
            absolute(value)
        } else {
            value.to_string_lossy().into_owned()
        }
    };
    let many = matches!(arg.get_action(), ArgAction::Append);
    let mut values = values.into_iter().map(text).map(typed);
    let value = if many {
        Value::Array(values.collect())
    } else {
        values.next()?
    };
    Some((name, value))
}

/// A whole number as one, anything else as text.
fn typed(text: String) -> Value {
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => Value::Integer(number),
        _ => Value::String(text),
    }
}

/// Not every folder of the next call is that of this one.
fn absolute(path: &OsStr) -> String {
    let path = Path::new(path);
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole.to_string_lossy().into_owned()
}
