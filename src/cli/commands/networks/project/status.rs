//! What is in a project, what is stale, and the next command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::listing::Listing;
use crate::cli::failure::Failure;
use crate::cli::options::model_path::{self, CROPS, DATA_SET};
use crate::cli::options::shell::quoted_path;
use crate::cli::output::result::{Outcome, to_value};
use facepipe_core::artifacts::model_folder::{BEST_FILE, CARD_FILE, EXPORT_FOLDER, REPORT_FOLDER};
use facepipe_core::artifacts::path_text::text_of_path;
use facepipe_core::artifacts::stage::{self, MANIFEST_FILE, Stamp};
use facepipe_core::artifacts::{digest, given_split, jsonl};
use facepipe_core::context::Context;
use facepipe_core::types::{SplitRecord, Stage};
use facepipe_core::words::counted;
use facepipe_imaging::data_set;

/// The state of one of a project's folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As the input is now.
    UpToDate,
    /// Made of another input.
    Stale,
    /// Its stage was interrupted, or is running.
    Unfinished,
    Missing,
}

impl State {
    const fn in_words(self) -> &'static str {
        match self {
            Self::UpToDate => "up to date",
            Self::Stale => "stale: what it was made of has changed",
            Self::Unfinished => "unfinished",
            Self::Missing => "not made yet",
        }
    }
}

/// A person's photos and images.
#[derive(Debug, Default, Serialize)]
struct Person {
    /// Photos that are there now.
    photos: u64,
    /// Images in the data set.
    images: u64,
}

#[derive(Debug, Serialize)]
struct Status {
    project: String,
    photos: String,
    people: BTreeMap<String, Person>,
    dropped: u64,
    /// Photos that are dropped and are not there any more, by their earlier paths.
    dropped_gone: Vec<String>,
    /// Added folders that can't be read any more.
    gone: Vec<String>,
    changes: u64,
    folders: Vec<(&'static str, State)>,
    next: String,
}

pub(super) fn run(project: &Path, context: &Context) -> Result<Outcome, Failure> {
    let listing = Listing::read(project)?;
    let folders = states(project, &listing, context)?;
    let name = quoted_path(project);
    let is_done = folders.iter().all(|(_, state)| *state == State::UpToDate);
    let status = Status {
        project: text_of_path(project),
        photos: text_of_path(&listing.photos),
        people: people(project, &listing)?,
        dropped: listing.selection.dropped().len() as u64,
        dropped_gone: dropped_gone(&listing),
        gone: listing.gone.clone(),
        changes: listing.selection.changes().len() as u64,
        next: if is_done {
            format!("facepipe predict {name} PHOTO")
        } else {
            format!("facepipe run {name}")
        },
        folders,
    };
    Ok(Outcome {
        lines: lines(&status),
        items_failed: 0,
        report: to_value(&status)?,
    })
}

fn lines(status: &Status) -> Vec<String> {
    let widest = status.people.keys().map(|name| name.chars().count()).max();
    let width = widest.unwrap_or(0).max("person".len());
    let mut lines = vec![format!(
        "{:<width$}  {:>6}  {:>6}",
        "person", "photos", "images"
    )];
    for (name, person) in &status.people {
        lines.push(format!(
            "{name:<width$}  {:>6}  {:>6}",
            person.photos, person.images
        ));
    }
    lines.push(format!("photos in `{}`", status.photos));
    if status.dropped > 0 {
        lines.push(format!("{} dropped", counted(status.dropped, "photo")));
    }
    if let Some(first) = status.dropped_gone.first() {
        lines.push(format!(
            "{} of these not there any more, such as `{first}`: where it has another path, it is not dropped",
            status.dropped_gone.len()
        ));
    }
    lines.extend(status.gone.iter().cloned());
    if status.changes > 0 {
        let changes = counted(status.changes, "change");
        lines.push(format!(
            "{changes} by `facepipe project`; `undo` takes the last one back"
        ));
    }
    for (folder, state) in &status.folders {
        lines.push(format!("{folder:<8}  {}", state.in_words()));
    }
    lines.push(format!("next: {}", status.next));
    lines
}

/// Dropped photos that are not in the folder under their paths.
fn dropped_gone(listing: &Listing) -> Vec<String> {
    let there: BTreeSet<&str> = listing
        .folder
        .passed_over
        .iter()
        .map(|one| one.relative.as_str())
        .collect();
    let dropped = listing.selection.dropped().into_iter();
    dropped
        .filter(|photo| !there.contains(photo))
        .map(str::to_owned)
        .collect()
}

fn people(project: &Path, listing: &Listing) -> Result<BTreeMap<String, Person>, Failure> {
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    for label in &listing.folder.labels {
        people.entry(label.clone()).or_default();
    }
    for file in &listing.folder.files {
        people.entry(file.label.clone()).or_default().photos += 1;
    }
    let manifest = project.join(DATA_SET).join(MANIFEST_FILE);
    if manifest.is_file() {
        for image in jsonl::read::<SplitRecord>(&manifest)? {
            // Who left or has another name is still in a data set that is stale.
            people.entry(image.label).or_default().images += 1;
        }
    }
    Ok(people)
}

/// The states of the project's folders, in the order of the stages: what is made of something stale is stale.
fn states(
    project: &Path,
    listing: &Listing,
    context: &Context,
) -> Result<Vec<(&'static str, State)>, Failure> {
    let crops = project.join(CROPS);
    let data = project.join(DATA_SET);
    let model = model_path::resolved(project, context)?;
    let input = |stamp: &Stamp, name: &str| stamp.inputs.get(name).cloned();
    let of_photos = facepipe_crop::inputs(&listing.folder, &listing.selection)?;
    let mut states = vec![(
        "crops",
        state(&crops, Stage::Crop, |stamp| Ok(stamp.inputs == of_photos))?,
    )];
    states.push((
        "data set",
        state(&data, Stage::Prepare, |stamp| {
            let (folder, _) = given_split::list(&crops).map_err(std::io::Error::other)?;
            let images = Value::String(folder.fingerprint()?.digest);
            let manifest = Value::String(digest::sha256_of_file(&crops.join(MANIFEST_FILE))?);
            Ok(
                input(stamp, "images") == Some(images)
                    && input(stamp, "manifest") == Some(manifest),
            )
        })?,
    ));
    if !model.join(CARD_FILE).exists() {
        let missing = ["model", "report", "exports"].map(|name| (name, State::Missing));
        return Ok(chained(states.into_iter().chain(missing)));
    }
    let of_data = || -> std::io::Result<Value> {
        let data = data_set::read(&data).map_err(std::io::Error::other)?;
        Ok(serde_json::to_value(data.fingerprint)?)
    };
    states.push((
        "model",
        state(&model, Stage::Train, |stamp| {
            Ok(input(stamp, "data") == Some(of_data()?))
        })?,
    ));
    states.push((
        "report",
        state(&model.join(REPORT_FOLDER), Stage::Evaluate, |stamp| {
            let weights = Value::String(digest::sha256_of_file(&model.join(BEST_FILE))?);
            Ok(input(stamp, "weights_sha256") == Some(weights))
        })?,
    ));
    let export = model.join(EXPORT_FOLDER);
    states.push((
        "exports",
        state(&export, Stage::Export, |_| {
            facepipe_export::is_current(&model, &export).map_err(std::io::Error::other)
        })?,
    ));
    Ok(chained(states.into_iter()))
}

fn chained(states: impl Iterator<Item = (&'static str, State)>) -> Vec<(&'static str, State)> {
    let mut is_stale = false;
    let mut chained = Vec::new();
    for (name, state) in states {
        let state = match state {
            State::UpToDate if is_stale => State::Stale,
            state => state,
        };
        is_stale |= state != State::UpToDate;
        chained.push((name, state));
    }
    chained
}

fn state(
    folder: &Path,
    stage: Stage,
    is_current: impl Fn(&Stamp) -> std::io::Result<bool>,
) -> Result<State, Failure> {
    Ok(match stage::read_stamp(folder)? {
        Some(stamp) if !stamp.is_of(stage) => State::Missing,
        None => State::Missing,
        Some(stamp) if !stamp.complete => State::Unfinished,
        // What can't be read any more is not what it was.
        Some(stamp) if is_current(&stamp).unwrap_or(false) => State::UpToDate,
        Some(_) => State::Stale,
    })
}
