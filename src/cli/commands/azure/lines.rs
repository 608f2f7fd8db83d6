//! Results of images, one after the other.

use std::io::{self, StdoutLock};

use serde::Serialize;

use super::session::Session;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::output::result::{Outcome, to_value};
use facepipe_core::types::Size;

/// The result of one image; with `--json` an entry of the answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Line<Face> {
    Found {
        path: String,
        #[serde(flatten)]
        size: Option<Size>,
        faces: Vec<Face>,
    },
    Failed {
        path: String,
        error: String,
    },
}

/// The faces of an image of that size.
pub(super) type Found<Face> = (Option<Size>, Vec<Face>);

/// Processes each image and, without `--json`, prints its line at once: a paid result is not lost with a
/// later image. An inner error of `look` concerns only its image, an outer one ends the command.
pub(super) fn of_each<Image, Face: Serialize>(
    operation: &str,
    images: impl IntoIterator<Item = (String, Image)>,
    session: &Session<'_>,
    globals: &Globals,
    mut look: impl FnMut(&str, Image) -> Result<Result<Found<Face>, String>, Failure>,
    print: impl Fn(&mut StdoutLock<'_>, &Line<Face>) -> io::Result<()>,
) -> Result<Outcome, Failure> {
    let (mut lines, mut items_failed) = (Vec::new(), 0);
    for (path, image) in images {
        session.context.interrupt.check()?;
        let line = match look(&path, image)? {
            Ok((size, faces)) => Line::Found { path, size, faces },
            Err(error) => {
                items_failed += 1;
                Line::Failed { path, error }
            }
        };
        if !globals.json {
            print(&mut io::stdout().lock(), &line).map_err(Failure::of_output)?;
        }
        lines.push(line);
    }
    let outcome = session.outcome(operation, &to_value(&lines)?, Vec::new())?;
    Ok(Outcome {
        items_failed,
        ..outcome
    })
}
