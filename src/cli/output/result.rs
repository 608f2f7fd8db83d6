//! The results of commands on stdout.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use facepipe_core::types::Size;

/// The result of a command.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The stage's report, for `--json`.
    pub(crate) report: serde_json::Value,
    /// The same as lines of text.
    pub(crate) lines: Vec<String>,
    /// Items left out because something went wrong with them.
    pub(crate) items_failed: u64,
}

impl Outcome {
    /// An outcome whose results are already on stdout.
    pub(crate) fn printed(items_failed: u64) -> Self {
        Self {
            items_failed,
            ..Self::default()
        }
    }
}

/// A line of `detect` and `embed`: the result of one photo.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum PhotoLine<Face> {
    Found {
        path: String,
        #[serde(flatten)]
        size: Size,
        faces: Vec<Face>,
    },
    Failed {
        path: String,
        error: String,
    },
}

/// Prints a result in the requested form.
pub(crate) fn print(outcome: &Outcome, globals: &Globals) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    if globals.json {
        if !outcome.report.is_null() {
            write_json_line(&mut stdout, &outcome.report).map_err(Failure::of_output)?;
        }
        return Ok(());
    }
    for line in &outcome.lines {
        writeln!(stdout, "{line}").map_err(Failure::of_output)?;
    }
    stdout.flush().map_err(Failure::of_output)
}

/// Writes one JSON value and a newline.
pub(crate) fn write_json_line(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, value)?;
    to.write_all(b"\n")?;
    to.flush()
}

/// A report as a JSON value.
pub(crate) fn to_value(report: &impl Serialize) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(report).map_err(|error| io::Error::from(error).into())
}

/// Items left out, a line a reason.
pub(crate) fn reason_lines(
    reasons: &std::collections::BTreeMap<String, u64>,
) -> impl Iterator<Item = String> {
    reasons
        .iter()
        .map(|(reason, count)| format!("  left out: {count:>5}  {reason}"))
}
