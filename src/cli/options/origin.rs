//! Where a wrong value comes from, when it is not on the command line.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};

use super::config::tables_of;
use super::config_file::ConfigFile;

/// Adds to an error about an option's value that a variable or a file set it.
pub(crate) fn explain(
    error: &mut clap::Error,
    command: &Command,
    files: &[ConfigFile],
    arguments: &[OsString],
) {
    let origins: Vec<StyledStr> = named_options(error)
        .into_iter()
        .filter(|option| !is_given(option, arguments))
        .filter_map(|option| origin(&option, command, files, arguments))
        .map(StyledStr::from)
        .collect();
    if !origins.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(origins));
    }
}

/// The options that an error is about, without dashes.
fn named_options(error: &clap::Error) -> Vec<String> {
    let named = [ContextKind::InvalidArg, ContextKind::PriorArg];
    let values = named.into_iter().filter_map(|kind| error.get(kind));
    let texts = values.flat_map(|value| match value {
        ContextValue::String(text) => std::slice::from_ref(text),
        ContextValue::Strings(texts) => texts.as_slice(),
        _ => &[],
    });
    // As in `--min-face <PIXELS>` and `--rotations[=<on|off|auto>]`.
    let long = |text: &String| {
        let name = text.strip_prefix("--")?;
        name.split([' ', '[', '=']).next().map(str::to_owned)
    };
    texts.filter_map(long).collect()
}

fn is_given(option: &str, arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| {
        let text = argument.to_string_lossy();
        let name = text.strip_prefix("--").unwrap_or_default();
        name.split('=').next() == Some(option)
    })
}

fn origin(
    option: &str,
    command: &Command,
    files: &[ConfigFile],
    arguments: &[OsString],
) -> Option<String> {
    let verbs = verbs(command, arguments);
    let of_command = |command: &&Command| -> Option<Arg> {
        let mut all = command.get_arguments();
        all.find(|arg| arg.get_long() == Some(option)).cloned()
    };
    let arg = verbs.iter().rev().find_map(of_command)?;
    if let Some(variable) = arg.get_env()
        && std::env::var_os(variable).is_some()
    {
        let variable = variable.to_string_lossy();
        return Some(format!(
            "`--{option}` is set by the environment variable {variable}"
        ));
    }
    let tables = verbs.get(1).map(|verb| tables_of(verb.get_name()));
    let tables = tables.unwrap_or_default();
    let (file, (table, key)) = files
        .iter()
        .find_map(|file| Some((file, file.setting(option, &tables)?)))?;
    let line = file.line(table, key);
    let table = table.map(|table| format!(" in [{table}]"));
    let line = line.map(|line| format!(", line {line}"));
    Some(format!(
        "`--{option}` is set by `{key}`{} of `{}`{}",
        table.unwrap_or_default(),
        file.path.display(),
        line.unwrap_or_default()
    ))
}

/// The program and the commands in it that the arguments name, from the outside in.
fn verbs<'command>(command: &'command Command, arguments: &[OsString]) -> Vec<&'command Command> {
    let mut verbs = vec![command];
    let mut inner = command;
    for word in arguments.iter().skip(1) {
        if let Some(found) = inner.find_subcommand(word) {
            verbs.push(found);
            inner = found;
        }
    }
    verbs
}
