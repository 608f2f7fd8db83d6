//! Trains a network on a data set and writes a model's folder.

mod alike_labels;
mod augment;
mod checkpoint;
mod ema;
mod epoch;
mod error;
mod feature_cache;
mod features;
mod finish;
mod fit;
mod frozen;
mod learner;
mod lr_find;
mod lr_plot;
mod memory;
mod mixup;
mod optimizer;
mod order;
mod progress;
mod sampling;
mod scaler;
mod schedule;
mod settings;
mod sheet;
mod strangers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use tch::Device;

use checkpoint::Checkpoints;
use facepipe_core::artifacts::apart::ensure_apart;
use facepipe_core::artifacts::model_folder::{CHECKPOINTS_FOLDER, LABELS_FILE};
use facepipe_core::artifacts::stage::{self, Begin, Begun, DISCARDED_FILE, OpenStage, Request};
use facepipe_core::artifacts::{atomic, digest, jsonl};
use facepipe_core::context::{Context, Remake};
use facepipe_core::types::{Discarded, Split, Stage};
use facepipe_core::words::counted_as;
use facepipe_imaging::data_set::{self, Checked, DataFolder};
use facepipe_nn::use_threads;

pub use augment::{Augmentation, Preset};
pub use error::TrainError;
pub use finish::Report;
pub use lr_find::{RateReport, find_rate};
pub use progress::Best;
pub use schedule::Schedule;
pub use settings::Settings;

/// Least usable images for training: a batch's statistics need two.
const MIN_TRAIN_IMAGES: usize = 2;

/// Paths and device of a training.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    /// The data set.
    pub data: &'a Path,
    /// The model's folder.
    pub out: &'a Path,
    /// The folder of the backbones' own weights.
    pub weights_folder: &'a Path,
    /// Where the network runs.
    pub device: Device,
    /// Whether there must be an interrupted training to resume.
    pub resume: bool,
    /// The longest time within an epoch after which the training is kept, so that little is lost when
    /// the process is killed.
    pub keep_every: Duration,
}

impl Places<'_> {
    /// The default of `keep_every`.
    pub const KEEP_EVERY: Duration = Duration::from_secs(10 * 60);
}

/// The name of the first weights among the inputs.
const WEIGHTS_INPUT: &str = "weights_sha256";

/// The input of a training.
#[derive(Debug, Serialize)]
struct Inputs {
    data: facepipe_core::artifacts::image_folder::Fingerprint,
    weights_sha256: Option<String>,
}

/// The state that the steps of a training share.
struct Training<'a> {
    places: &'a Places<'a>,
    settings: &'a Settings,
    context: &'a Context,
    data: DataFolder,
    weights: Option<PathBuf>,
    inputs: Inputs,
    sides: [Checked; 3],
}

/// How many training images a data set has.
///
/// # Errors
/// [`TrainError::Data`].
pub fn train_images(data: &Path) -> Result<usize, TrainError> {
    Ok(data_set::read(data)?.side(Split::Train).len())
}

/// Settings and first weights that differ from those that a model was trained with, one text each.
///
/// # Errors
/// [`TrainError`].
pub fn changed_settings(
    model: &Path,
    settings: &Settings,
    weights_folder: &Path,
) -> Result<Vec<String>, TrainError> {
    let weights = settings.weights.file(settings.backbone, weights_folder)?;
    let sha256 = weights.as_deref().map(digest::sha256_of_file).transpose()?;
    let request = Request {
        stage: Stage::Train,
        settings,
        inputs: &BTreeMap::from([(WEIGHTS_INPUT, sha256)]),
        tools: &[WEIGHTS_INPUT],
    };
    Ok(request.changed_settings(model)?)
}

/// Trains a model, or resumes an interrupted training.
///
/// # Errors
/// [`TrainError`]; the last checkpoint is kept and a second call continues from there.
pub fn run(
    places: &Places<'_>,
    settings: &Settings,
    context: &Context,
) -> Result<Report, TrainError> {
    let started = Instant::now();
    use_threads(context.threads);
    let data = data_set::read(places.data)?;
    ensure_apart(places.data, places.out)?;
    ensure_labels(places.data, &data)?;
    for (split, needed) in [(Split::Train, MIN_TRAIN_IMAGES), (Split::Val, 1)] {
        ensure_images(places.data, split, data.side(split).len(), needed)?;
    }
    let weights = settings
        .weights
        .file(settings.backbone, places.weights_folder)?;
    let inputs = Inputs {
        data: data.fingerprint.clone(),
        weights_sha256: weights.as_deref().map(digest::sha256_of_file).transpose()?,
    };
    if places.resume && !Checkpoints::new(places.out).exist()? {
        return Err(TrainError::NothingToResume(places.out.to_owned()));
    }
    let mut remake = context.remake;
    if places.resume {
        ensure_same_labels(places.out, &data.labels)?;
        remake = Remake::Nothing;
    }
    let request = Request {
        stage: Stage::Train,
        settings,
        inputs: &inputs,
        tools: &[WEIGHTS_INPUT],
    };
    if settings.epochs_follow_data {
        let changes = request.changed_settings(places.out)?;
        let is_epochs = |change: &String| change.starts_with("epochs: ");
        if changes.iter().all(is_epochs) {
            remake = remake.max(Remake::OtherSettings);
        }
    }
    let folder = match stage::begin(places.out, &request, remake)? {
        Begin::UpToDate(_) => return finish::report_of_before(places.out),
        Begin::Work(folder) => folder,
    };
    if let Some(update) = folder.update() {
        context.progress.note(&update);
    }
    for unfinished in [places.out, &places.out.join(CHECKPOINTS_FOLDER)] {
        atomic::remove_unfinished(unfinished)?;
    }
    let training = Training {
        sides: check_all(places, &data, &folder, context)?,
        places,
        settings,
        context,
        data,
        weights,
        inputs,
    };
    if folder.begun != Begun::Continued {
        Checkpoints::new(places.out).forget()?;
    }
    let fitted = training.fit_in_memory(&folder)?;
    training.finish(folder, &fitted, started)
}

/// Decodes every image once; records those that can't be used.
fn check_all(
    places: &Places<'_>,
    data: &DataFolder,
    folder: &OpenStage,
    context: &Context,
) -> Result<[Checked; 3], TrainError> {
    let [train, val, test] = Split::ALL.map(|split| data_set::check(data, split, context));
    let sides = [train?, val?, test?];
    let discarded: Vec<&Discarded> = sides.iter().flat_map(|side| &side.discarded).collect();
    jsonl::write(&folder.path(DISCARDED_FILE), &discarded)?;
    if !discarded.is_empty() {
        context.progress.note(&format!(
            "{} left out, for want of a usable image: see `{}`",
            counted_as(discarded.len(), "file is", "files are"),
            folder.path(DISCARDED_FILE).display()
        ));
    }
    ensure_images(
        places.data,
        Split::Train,
        sides[0].usable.len(),
        MIN_TRAIN_IMAGES,
    )?;
    ensure_images(places.data, Split::Val, sides[1].usable.len(), 1)?;
    for (side, what) in [
        (&sides[0], "train: it will not be recognised"),
        (
            &sides[1],
            "val: what it gains or loses does not count for the best epoch",
        ),
    ] {
        for (index, label) in data.labels.iter().enumerate() {
            if !side.usable.iter().any(|example| example.label == index) {
                let text = format!("label `{label}` has no images for {what}");
                context.progress.note(&text);
            }
        }
    }
    Ok(sides)
}

fn ensure_labels(data: &Path, found: &DataFolder) -> Result<(), TrainError> {
    if found.labels.len() >= 2 {
        return Ok(());
    }
    Err(TrainError::TooFewLabels {
        data: data.to_owned(),
        labels: found.labels.clone(),
    })
}

/// A training is resumed only with the labels that it was begun with; says which these are not.
fn ensure_same_labels(model: &Path, labels: &[String]) -> Result<(), TrainError> {
    let path = model.join(LABELS_FILE);
    if stage::read_stamp(model)?.is_none() || !fs_err::exists(&path)? {
        return Ok(());
    }
    let bytes = fs_err::read(&path)?;
    let before: Vec<String> = serde_json::from_slice(&bytes).map_err(std::io::Error::from)?;
    let lacking = |from: &[String], of: &[String], text: &str| {
        let names = of.iter().filter(|label| !from.contains(label));
        let names: Vec<String> = names.map(|label| format!("`{label}`")).collect();
        (!names.is_empty()).then(|| format!("{} {text}", names.join(", ")))
    };
    let changes: Vec<String> = [
        lacking(labels, &before, "gone"),
        lacking(&before, labels, "new"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if changes.is_empty() {
        return Ok(());
    }
    Err(TrainError::OtherLabels {
        model: model.to_owned(),
        changes,
    })
}

fn ensure_images(
    data: &Path,
    split: Split,
    images: usize,
    needed: usize,
) -> Result<(), TrainError> {
    if images >= needed {
        return Ok(());
    }
    Err(TrainError::TooFewImages {
        data: data.to_owned(),
        split,
        images,
        needed,
    })
}

fn remove_folder(path: &Path) -> std::io::Result<()> {
    match fs_err::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
