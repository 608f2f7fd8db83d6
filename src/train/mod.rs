//! Trains a network on a data set and leaves a model's folder.

mod augment;
mod checkpoint;
mod epoch;
mod error;
mod finish;
mod frozen;
mod lr_find;
mod lr_plot;
mod mixup;
mod optimizer;
mod order;
mod sampling;
mod schedule;
mod settings;
mod sheet;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use tch::Device;

use crate::artifacts::model_folder::{
    CHECKPOINTS_FOLDER, CONFIG_FILE, EXPORT_FOLDER, LABELS_FILE, LAST_FILE, REPORT_FOLDER,
};
use crate::artifacts::stage::{self, Begin, DISCARDED_FILE, OpenStage};
use crate::artifacts::{atomic, digest, jsonl};
use crate::context::Context;
use crate::data_set::{self, Checked, DataFolder};
use crate::nn::{
    HeadWeights, Loader, Network, device_name, load_weights, read_tensors, use_threads,
};
use crate::types::{Discarded, Split};
use checkpoint::{Checkpoints, EpochMetrics, Progress, run_key};
use epoch::Epoch;
use frozen::FrozenFeatures;
use optimizer::AdamW;
use schedule::Plateau;

pub use augment::Augmentation;
pub use checkpoint::Best;
pub use error::TrainError;
pub use finish::Report;
pub use lr_find::{RateReport, find_rate};
pub use schedule::Schedule;
pub use settings::{DataSize, Settings};

/// The stage's name in stamps.
const STAGE: &str = "train";
/// Least usable images for training: a batch's statistics need two.
const MIN_TRAIN_IMAGES: usize = 2;

/// Where a training reads and writes.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    /// The data set.
    pub data: &'a Path,
    /// The model's folder.
    pub out: &'a Path,
    /// Where the backbones' own weights lie.
    pub weights_folder: &'a Path,
    /// Where the network runs.
    pub device: Device,
    /// Whether there must be an interrupted training to go on with.
    pub resume: bool,
}

/// What a training is made from.
#[derive(Debug, Serialize)]
struct Inputs {
    data: crate::artifacts::image_folder::Fingerprint,
    weights_sha256: Option<String>,
}

/// What the steps of a training share.
struct Training<'a> {
    places: &'a Places<'a>,
    settings: &'a Settings,
    context: &'a Context,
    data: DataFolder,
    weights: Option<PathBuf>,
    inputs: Inputs,
    sides: [Checked; 3],
}

/// How large a data set is.
///
/// # Errors
/// [`TrainError::Data`].
pub fn data_size(data: &Path) -> Result<DataSize, TrainError> {
    let data = data_set::read(data)?;
    Ok(DataSize {
        images: data.side(Split::Train).len(),
        labels: data.labels.len(),
    })
}

/// Trains a model, or goes on with an interrupted training.
///
/// # Errors
/// [`TrainError`]; what was reached is kept and a second call goes on from there.
pub fn run(
    places: &Places<'_>,
    settings: &Settings,
    context: &Context,
) -> Result<Report, TrainError> {
    let started = Instant::now();
    use_threads(context.threads);
    let data = data_set::read(places.data)?;
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
    if places.resume && !fs_err::exists(places.out.join(LAST_FILE))? {
        return Err(TrainError::NothingToResume(places.out.to_owned()));
    }
    let folder = match stage::begin(places.out, STAGE, settings, &inputs, context.force)? {
        Begin::UpToDate(_) => return finish::report_of_before(places.out),
        Begin::Work(folder) => folder,
    };
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
    let progress = training.fit(&folder)?;
    training.finish(folder, &progress, started)
}

impl Training<'_> {
    /// The training itself: epoch by epoch until it is finished, from wherever it was left.
    fn fit(&self, folder: &OpenStage) -> Result<Progress, TrainError> {
        let (places, settings, context) = (self.places, self.settings, self.context);
        let input = settings.input();
        let loader = Loader {
            input: &input,
            threads: context.threads,
            device: places.device,
        };
        let (network, head_is_trained) = self.first_network()?;
        let mut optimizer = AdamW::new(&network, settings.weight_decay);
        let checkpoints = Checkpoints::new(&folder.root);
        let mut progress = self.start_or_resume(&checkpoints, &network, &mut optimizer)?;
        let [train, val, _] = &self.sides;
        let mut frozen = None;
        if settings.trunk_is_frozen(progress.epoch + 1) && !progress.finished {
            let images = [train.usable.as_slice(), &val.usable];
            let features = FrozenFeatures::compute(&network, &loader, settings, images, context)?;
            if progress.epoch == 0 && !head_is_trained {
                let labels = self.data.labels.len();
                features.start_head(&network, labels, settings.label_smoothing);
                network.project_head(settings.cosine_scale);
            }
            frozen = Some(features);
        }
        while !progress.finished {
            let epoch = Epoch {
                number: progress.epoch + 1,
                settings,
                network: &network,
                loader: &loader,
                context,
            };
            if !settings.trunk_is_frozen(epoch.number) {
                frozen = None;
            }
            if epoch.number == settings.freeze_epochs + 1 {
                progress.steps = 0;
                progress.plateau = Plateau::default();
            }
            let (plateau, steps) = (&progress.plateau, &mut progress.steps);
            let ((train, learning_rate), val) = match &frozen {
                Some(frozen) => (
                    epoch.train_head(frozen, &mut optimizer, plateau, steps)?,
                    epoch.validate_head(frozen)?,
                ),
                None => (
                    epoch.train(&train.usable, &mut optimizer, plateau, steps)?,
                    epoch.validate(&val.usable)?,
                ),
            };
            let metrics = EpochMetrics {
                epoch: epoch.number,
                frozen: settings.trunk_is_frozen(epoch.number),
                learning_rate,
                train,
                val,
            };
            context.progress.note(&note(&metrics, settings.epochs));
            let is_best = progress.after_epoch(metrics, settings);
            checkpoints.save(&network, &optimizer, &progress, is_best)?;
        }
        Ok(progress)
    }

    /// The network as it is before the first step, and whether its head comes from the weights too.
    fn first_network(&self) -> Result<(Network, bool), TrainError> {
        let settings = self.settings;
        tch::manual_seed(settings.seed as i64);
        let classes = self.data.labels.len();
        let device = self.places.device;
        let network = Network::with_head(settings.backbone, settings.head, classes, device);
        let mut head_is_trained = false;
        if let Some(path) = &self.weights {
            let head = load_weights(&network, read_tensors(path)?, path)?;
            head_is_trained = head == HeadWeights::Taken;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = match head {
                HeadWeights::Taken => "all layers".to_owned(),
                HeadWeights::Fresh {
                    classes_in_file: Some(other),
                } => {
                    format!("all but its last layer, which is for {other} labels and not {classes}")
                }
                HeadWeights::Fresh {
                    classes_in_file: None,
                } => "all but a last layer, which it does not have".to_owned(),
            };
            self.context
                .progress
                .note(&format!("weights from `{name}`: {text}"));
        }
        network.project_head(settings.cosine_scale);
        Ok((network, head_is_trained))
    }

    fn start_or_resume(
        &self,
        checkpoints: &Checkpoints,
        network: &Network,
        optimizer: &mut AdamW,
    ) -> Result<Progress, TrainError> {
        let run = run_key(self.settings, &self.inputs)?;
        if self.context.force {
            checkpoints.forget()?;
        }
        if let Some(progress) = checkpoints.restore(network, optimizer, &run)? {
            self.context
                .progress
                .note(&format!("going on after epoch {}", progress.epoch));
            return Ok(progress);
        }
        if self.places.resume {
            return Err(TrainError::NothingToResume(self.places.out.to_owned()));
        }
        let out = self.places.out;
        // What was made from an earlier training of this name is of another network.
        for folder in [CHECKPOINTS_FOLDER, REPORT_FOLDER, EXPORT_FOLDER] {
            remove_folder(&out.join(folder))?;
        }
        fs_err::create_dir_all(out.join(CHECKPOINTS_FOLDER))?;
        atomic::write_json(&out.join(LABELS_FILE), &self.data.labels)?;
        let mut config = toml::to_string(self.settings)?;
        config.insert_str(
            0,
            &format!("device = \"{}\"\n", device_name(self.places.device)),
        );
        atomic::write(&out.join(CONFIG_FILE), config.as_bytes())?;
        sheet::write(out, self.settings, &self.sides[0].usable)?;
        Ok(Progress::new(run, Plateau::default()))
    }
}

fn note(metrics: &EpochMetrics, epochs: u32) -> String {
    format!(
        "epoch {}/{epochs}{}: train loss {:.4} accuracy {:.1} %, val loss {:.4} accuracy {:.1} %",
        metrics.epoch,
        if metrics.frozen {
            " (trunk frozen)"
        } else {
            ""
        },
        metrics.train.loss,
        metrics.train.accuracy * 100.0,
        metrics.val.loss,
        metrics.val.accuracy * 100.0
    )
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
            "{} images can't be read and are left out: see `{}`",
            discarded.len(),
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
