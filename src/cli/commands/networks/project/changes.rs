//! Changes to a project: each is written to its file, and can be taken back.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Verb;
use super::listing::{Listing, ProjectError};
use crate::cli::commands::networks::run::{LOCK_FILE, is_project};
use crate::cli::failure::Failure;
use crate::cli::options::shell::quoted_path;
use crate::cli::output::result::{Outcome, to_value};
use facepipe_core::artifacts::labels::label_of_folder;
use facepipe_core::artifacts::path_text::text_of_path;
use facepipe_core::artifacts::selection::Change;
use facepipe_core::artifacts::{stage, walk};
use facepipe_core::words::counted;

/// Makes a change.
pub(super) fn run(project: &Path, verb: &Verb) -> Result<Outcome, Failure> {
    if !is_project(project) {
        return Err(ProjectError::NoProject(project.to_owned()).into());
    }
    // Before it is read: of two changes at once neither is lost.
    let _lock = stage::lock(project, LOCK_FILE)?;
    let listing = Listing::read(project)?;
    let mut changes = listing.selection.changes().to_vec();
    let (change, done) = match verb {
        Verb::Undo => {
            let undone = changes.pop().ok_or(ProjectError::NothingToUndo)?;
            let done = format!("taken back: {}", in_words(&undone));
            (undone, done)
        }
        verb => {
            let change = change(&listing, verb)?;
            changes.push(change.clone());
            let done = in_words(&change);
            (change, done)
        }
    };
    listing.file.with_changes(&changes)?.write(project)?;
    let next = format!("facepipe run {}", quoted_path(project));
    let mut lines = vec![done];
    if let Change::Remove { .. } | Change::Drop { .. } = change
        && !matches!(verb, Verb::Undo)
    {
        lines.push("your photos are untouched; `facepipe project undo` takes it back".to_owned());
    }
    lines.push(format!("next: {next}"));
    Ok(Outcome {
        lines,
        items_failed: 0,
        report: json!({
            "project": text_of_path(project),
            "change": to_value(&change)?,
            "undone": matches!(verb, Verb::Undo),
            "next": next,
        }),
    })
}

fn change(listing: &Listing, verb: &Verb) -> Result<Change, ProjectError> {
    Ok(match verb {
        Verb::Add { name, folder } => {
            let label = new_name(name)?;
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
            ensure_photos(listing, &label, &folder)?;
            Change::Add {
                label,
                folder: text_of_path(&folder),
            }
        }
        Verb::Rename { old, new } => {
            listing.ensure_person(old)?;
            let to = new_name(new)?;
            if listing.folder.labels.contains(&to) {
                return Err(ProjectError::Taken(to));
            }
            Change::Rename {
                from: old.clone(),
                to,
            }
        }
        Verb::Merge { from, into } => {
            listing.ensure_person(from)?;
            listing.ensure_person(into)?;
            if from == into {
                return Err(ProjectError::Itself(into.clone()));
            }
            Change::Rename {
                from: from.clone(),
                to: into.clone(),
            }
        }
        Verb::Remove { name } => {
            listing.ensure_person(name)?;
            Change::Remove {
                label: name.clone(),
            }
        }
        Verb::Drop { photos } => Change::Drop {
            photos: found(listing, photos, false)?,
        },
        Verb::Restore { photos } => Change::Restore {
            photos: found(listing, photos, true)?,
        },
        Verb::Status | Verb::Undo => return Err(ProjectError::NothingToUndo),
    })
}

/// The photos that a person means, of which all or none is dropped.
fn found(listing: &Listing, names: &[String], dropped: bool) -> Result<Vec<String>, ProjectError> {
    let now = listing.selection.dropped();
    let mut photos: Vec<String> = Vec::new();
    for name in names {
        let photo = listing.photo(name)?;
        match (now.contains(photo.as_str()), dropped) {
            (true, false) => return Err(ProjectError::IsDropped(photo)),
            (false, true) => return Err(ProjectError::NotDropped(photo)),
            _ => {}
        }
        if !photos.contains(&photo) {
            photos.push(photo);
        }
    }
    Ok(photos)
}

/// A name that a person may have.
fn new_name(name: &str) -> Result<String, ProjectError> {
    let label = label_of_folder(name);
    let is_plain = !label.is_empty()
        && label != facepipe_predict::UNKNOWN
        && !label.starts_with('.')
        && !label.contains(['/', '\\', '\0'])
        && !facepipe_core::artifacts::image_folder::RESERVED_NAMES.contains(&label.as_str());
    is_plain
        .then_some(label)
        .ok_or_else(|| ProjectError::NoName(name.to_owned()))
}

/// Checks that a folder has files, and is not one of the label's already.
fn ensure_photos(listing: &Listing, label: &str, folder: &Path) -> Result<(), ProjectError> {
    if !folder.is_dir() {
        return Err(ProjectError::NoFolder(folder.to_owned()));
    }
    let walked = walk::walk(folder, folder);
    if walked.map_or(true, |walked| walked.files.is_empty()) {
        return Err(ProjectError::NoPhotos(folder.to_owned()));
    }
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = whole(folder);
    let of_label = listing
        .folder
        .files
        .iter()
        .filter(|file| file.label == label);
    let mut folders: Vec<PathBuf> = of_label.map(|file| whole(&file.path)).collect();
    folders.dedup();
    if folders.iter().any(|path| path.starts_with(&here)) {
        return Err(ProjectError::Added {
            label: label.to_owned(),
            folder: folder.to_owned(),
        });
    }
    Ok(())
}

fn in_words(change: &Change) -> String {
    match change {
        Change::Add { label, folder } => format!("the photos of `{folder}` are `{label}`'s"),
        Change::Rename { from, to } => format!("`{from}` is `{to}`"),
        Change::Remove { label } => format!("`{label}` is left out, with all photos"),
        Change::Drop { photos } => {
            format!(
                "{} left out: {}",
                counted(photos.len() as u64, "photo"),
                photos.join(", ")
            )
        }
        Change::Restore { photos } => format!(
            "{} taken in again: {}",
            counted(photos.len() as u64, "photo"),
            photos.join(", ")
        ),
    }
}
