//! The training itself: epoch by epoch until it is finished, from the last checkpoint.

use std::time::{Duration, Instant};

use super::checkpoint::{BestWeights, Checkpoints, run_key};
use super::epoch::Epoch;
use super::error::TrainError;
use super::feature_cache::FeatureCache;
use super::frozen::FrozenFeatures;
use super::learner::Learner;
use super::progress::{EpochMetrics, Progress};
use super::schedule::Plateau;
use super::{Training, remove_folder, sheet};
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::model_folder::{
    CHECKPOINTS_FOLDER, CONFIG_FILE, EXPORT_FOLDER, LABELS_FILE, REPORT_FOLDER,
};
use facepipe_core::artifacts::stage::{OpenStage, made_by};
use facepipe_core::words::{counted, counted_as};
use facepipe_imaging::data_set::Example;
use facepipe_nn::{HeadWeights, Loader, Network, device_name, load_weights, read_tensors};

/// The longest time of epochs on a frozen trunk that a killed process loses.
const KEEP_HEAD_EVERY: Duration = Duration::from_secs(10);

/// A finished training.
pub(super) struct Fitted {
    /// All its epochs.
    pub(super) progress: Progress,
    /// The features of a trunk that was frozen until the end.
    pub(super) frozen: Option<FrozenFeatures>,
}

impl Training<'_> {
    /// Trains until the training is finished.
    pub(super) fn fit(&self, folder: &OpenStage) -> Result<Fitted, TrainError> {
        let (places, settings, context) = (self.places, self.settings, self.context);
        let input = settings.input();
        let loader = Loader {
            input: &input,
            alignment: settings.backbone.alignment(),
            threads: context.threads,
            device: places.device,
        };
        context.progress.note(&self.first_line());
        let (network, head_is_trained) = self.first_network()?;
        let mut learner = Learner::new(network, settings);
        let checkpoints = Checkpoints::new(&folder.root);
        let mut progress = self.start_or_resume(&checkpoints, &mut learner)?;
        let [train, val, _] = &self.sides;
        let mut frozen = None;
        if settings.trunk_is_frozen(progress.epoch + 1) && !progress.finished {
            let images = [train.usable.as_slice(), &val.usable];
            let network = &learner.network;
            let features = self.frozen_features(network, &loader, images)?;
            if progress.epoch == 0 && !head_is_trained {
                let labels = self.data.labels.len();
                features.start_head(network, labels, settings.label_smoothing);
                network.project_head(settings.cosine_scale);
            }
            frozen = Some(features);
        }
        let mut kept = Instant::now();
        let mut best = None;
        while !progress.finished {
            let epoch = Epoch {
                number: progress.epoch + 1,
                settings,
                loader: &loader,
                context,
            };
            if !settings.trunk_is_frozen(epoch.number) {
                frozen = None;
            }
            if epoch.number == settings.freeze_epochs + 1 && progress.within.is_none() {
                progress.steps = 0;
                progress.plateau = Plateau::default();
            }
            let ((train, learning_rate), val) = match &frozen {
                Some(frozen) => (
                    epoch.train_head(frozen, &train.usable, &mut learner, &mut progress)?,
                    epoch.validate_head(frozen, &learner.network)?,
                ),
                None => {
                    let keep = |learner: &Learner, progress: &Progress| {
                        let interrupted = context.interrupt.check();
                        if interrupted.is_err() || is_due(&mut kept, places.keep_every) {
                            checkpoints.save(learner, progress, None)?;
                        }
                        Ok(interrupted?)
                    };
                    let train = epoch.train(&train.usable, &mut learner, &mut progress, keep)?;
                    let val = epoch.validate(&val.usable, learner.judged());
                    if let Err(TrainError::Interrupted(_)) = val {
                        checkpoints.save(&learner, &progress, None)?;
                    }
                    (train, val?)
                }
            };
            let metrics = EpochMetrics {
                epoch: epoch.number,
                frozen: settings.trunk_is_frozen(epoch.number),
                learning_rate,
                train,
                val,
            };
            context.progress.note(&note(&metrics, settings.epochs));
            if progress.after_epoch(metrics, settings) {
                best = Some(BestWeights::of(learner.judged()));
            }
            // Epochs of the head alone take less time than their checkpoints: those of a moment ago are soon done again.
            let is_frozen = settings.trunk_is_frozen(epoch.number + 1);
            if progress.finished || !is_frozen || is_due(&mut kept, KEEP_HEAD_EVERY) {
                checkpoints.save(&learner, &progress, best.take().as_ref())?;
                kept = Instant::now();
            }
        }
        checkpoints.tidy()?;
        Ok(Fitted { progress, frozen })
    }

    /// The features of the images of train and val on a trunk that does not move.
    pub(super) fn frozen_features(
        &self,
        network: &Network,
        loader: &Loader<'_>,
        images: [&[Example]; 2],
    ) -> Result<FrozenFeatures, TrainError> {
        let settings = self.settings;
        let weights = &self.inputs.weights_sha256;
        // All that they depend on, beside the images.
        let made_with = format!(
            "{} {} {weights:?} {:?} {:?} seed {}",
            made_by(),
            network.backbone(),
            settings.input(),
            self.places.device,
            // Without weights the trunk is drawn from the seed.
            if weights.is_none() { settings.seed } else { 0 }
        );
        let mut cache = FeatureCache::open(self.places.data, made_with);
        let features =
            FrozenFeatures::compute(network, loader, settings, images, &mut cache, self.context)?;
        cache.write();
        Ok(features)
    }

    /// The tools and the data of the training.
    fn first_line(&self) -> String {
        let settings = self.settings;
        let device = self.places.device;
        let [train, val, _] = &self.sides;
        let images = train.usable.len();
        let batches = super::order::batch_count(images, settings.batch as usize);
        format!(
            "training on {} in {} ({}), {}: {} for train, {} for val, {} an epoch",
            device_name(device),
            settings.precision,
            settings.precision.reason(device),
            counted(self.context.threads.get(), "thread"),
            counted(images, "image"),
            val.usable.len(),
            counted(
                batches.div_ceil(settings.accumulate.max(1) as usize),
                "step"
            ),
        )
    }

    /// The network as it is before the first step, and whether its head comes from the weights too.
    pub(super) fn first_network(&self) -> Result<(Network, bool), TrainError> {
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
                    format!(
                        "all but its last layer, which is for {} and not {classes}",
                        counted(other, "label")
                    )
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
        learner: &mut Learner,
    ) -> Result<Progress, TrainError> {
        let run = run_key(self.settings, &self.inputs)?;
        if let Some(found) = checkpoints.restore(learner, self.settings, &run)? {
            let (progress, note) = (found.progress, &self.context.progress);
            if let Some(damage) = found.damage {
                note.note(&format!("{damage}; the one before it is used"));
            }
            let within = progress.within.map(|within| within.batches);
            let within = within.map(|batches| {
                format!(
                    " and {} of the next",
                    counted_as(batches, "batch", "batches")
                )
            });
            let within = within.unwrap_or_default();
            note.note(&format!("going on after epoch {}{within}", progress.epoch));
            return Ok(progress);
        }
        if self.places.resume {
            return Err(TrainError::NothingToResume(self.places.out.to_owned()));
        }
        let out = self.places.out;
        // Files made from an earlier training of this name belong to another network.
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

/// Whether this much time has passed; starts counting again then.
fn is_due(last: &mut Instant, every: Duration) -> bool {
    let due = last.elapsed() >= every;
    if due {
        *last = Instant::now();
    }
    due
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
