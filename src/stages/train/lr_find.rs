//! Which learning rate to train with: the loss at rates that grow from step to step.
//!
//! L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tch::Tensor;

use super::epoch::Epoch;
use super::error::TrainError;
use super::frozen::FrozenFeatures;
use super::learner::Learner;
use super::mixup::Mixup;
use super::optimizer::Rates;
use super::order::{Purpose, generator};
use super::progress::Progress;
use super::schedule::Plateau;
use super::{Places, Settings, Training, lr_plot, sampling};
use facepipe_core::artifacts::atomic;
use facepipe_core::context::Context;
use facepipe_core::types::Split;
use facepipe_imaging::data_set;
use facepipe_nn::{Loader, LoaderError, Picture, use_threads};

/// The first rate.
const LOWEST: f64 = 1e-6;
/// The last rate: more has never been right for AdamW.
const HIGHEST: f64 = 1.0;
/// Steps from the first rate to the last: ten for each power of ten.
const STEPS: usize = 61;
/// The share of the smoothed loss that remains in each step.
const SMOOTHING: f64 = 0.8;
/// The loss has diverged when it is this many times the lowest: fast.ai's number.
const ASTRAY: f64 = 4.0;
/// The divisor of the rate of the lowest loss: there the loss is about to grow, and a tenth of it
/// is the usual advice.
const SAFETY: f64 = 10.0;
/// The curve's numbers.
const CURVE_FILE: &str = "lr_find.csv";
/// The curve as a picture.
const PLOT_FILE: &str = "lr_find.png";

/// One step of the search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Point {
    /// The head's rate.
    pub(super) rate: f64,
    /// The loss of the step's batch.
    pub(super) loss: f64,
    /// The mean of the losses up to here; earlier ones count less.
    pub(super) smoothed: f64,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RateReport {
    /// The rate to train with.
    pub suggestion: f64,
    /// Whether only the last layer learned, from features.
    pub trunk_is_frozen: bool,
    /// Steps made.
    pub steps: usize,
    /// The lowest loss, smoothed.
    pub lowest_loss: f64,
    /// Whether the search ended because the loss grew without bound.
    pub diverged: bool,
    /// The numbers: rate, loss, smoothed loss.
    #[serde(serialize_with = "facepipe_core::artifacts::path_text::as_text::serialize")]
    pub curve: PathBuf,
    /// The same as a picture.
    #[serde(serialize_with = "facepipe_core::artifacts::path_text::as_text::serialize")]
    pub plot: PathBuf,
}

/// Trains for a few steps at rates that grow from one to the next, and writes loss over rate into
/// `folder`. No model is made or changed.
///
/// The suggestion is the highest rate of the training: that of all layers, after the epochs
/// in which the trunk is frozen, or only that of the last layer where it always is.
///
/// # Errors
/// [`TrainError`], as of a training.
pub fn find_rate(
    places: &Places<'_>,
    settings: &Settings,
    context: &Context,
    folder: &Path,
) -> Result<RateReport, TrainError> {
    use_threads(context.threads);
    let training = Training::prepare(places, settings, context)?;
    let mut search = Search::default();
    let trunk_is_frozen = settings.trunk_is_frozen(settings.epochs);
    training.search(&mut search, trunk_is_frozen)?;
    let lowest = search.lowest().ok_or(TrainError::NotFinite {
        what: "loss on train",
        value: f64::NAN,
        epoch: 1,
        batch: 1,
        images: Vec::new(),
    })?;
    let suggestion = rounded(lowest.rate / SAFETY);
    fs_err::create_dir_all(folder)?;
    let (curve, plot) = (folder.join(CURVE_FILE), folder.join(PLOT_FILE));
    atomic::write(&curve, search.csv().as_bytes())?;
    let png = lr_plot::chart(&search.points, suggestion).figure().png();
    let png = png.map_err(std::io::Error::other)?;
    atomic::write(&plot, &png)?;
    Ok(RateReport {
        suggestion,
        trunk_is_frozen,
        steps: search.points.len(),
        lowest_loss: lowest.smoothed,
        diverged: search.diverged,
        curve,
        plot,
    })
}

impl<'a> Training<'a> {
    /// The state of a training, without a folder of a model.
    fn prepare(
        places: &'a Places<'a>,
        settings: &'a Settings,
        context: &'a Context,
    ) -> Result<Self, TrainError> {
        let data = data_set::read(places.data)?;
        super::ensure_labels(places.data, &data)?;
        let weights = settings
            .weights
            .file(settings.backbone, places.weights_folder)?;
        let train = data_set::check(&data, Split::Train, context)?;
        let val = data_set::check(&data, Split::Val, context)?;
        for (split, side, needed) in [
            (Split::Train, &train, super::MIN_TRAIN_IMAGES),
            (Split::Val, &val, 1),
        ] {
            super::ensure_images(places.data, split, side.usable.len(), needed)?;
        }
        Ok(Self {
            places,
            settings,
            context,
            inputs: super::Inputs {
                data: data.fingerprint.clone(),
                weights_sha256: None,
            },
            data,
            weights,
            sides: [train, val, data_set::Checked::default()],
        })
    }

    fn search(&self, search: &mut Search, trunk_is_frozen: bool) -> Result<(), TrainError> {
        let settings = self.settings;
        let input = settings.input();
        let loader = Loader {
            input: &input,
            alignment: self.settings.backbone.alignment(),
            threads: self.context.threads,
            device: self.places.device,
        };
        let (network, head_is_trained) = self.first_network()?;
        let mut learner = Learner::new(network, settings);
        let mut frozen = None;
        if settings.freeze_epochs > 0 {
            let images = [self.sides[0].usable.as_slice(), &self.sides[1].usable];
            let network = &learner.network;
            let features = self.frozen_features(network, &loader, images)?;
            if !head_is_trained {
                let labels = self.data.labels.len();
                features.start_head(network, labels, settings.label_smoothing);
                network.project_head(settings.cosine_scale);
            }
            frozen = Some(features);
        }
        let task = self.context.progress.start("rates", Some(STEPS as u64));
        let mut step = |learner: &mut Learner, loss: &Tensor| {
            self.context.interrupt.check()?;
            let rate = search.rate();
            let is_over = search.add(rate, loss.double_value(&[]));
            task.advance(1);
            if is_over {
                return Ok::<bool, TrainError>(true);
            }
            let trunk = rate * settings.trunk_rate;
            learner.add(loss);
            let moved = learner.step(Rates { trunk, head: rate });
            search.diverged = moved.is_err();
            Ok(search.diverged)
        };
        match frozen {
            Some(frozen) if trunk_is_frozen => self.search_with_head(&mut learner, &frozen, step),
            frozen => {
                if let Some(frozen) = frozen {
                    self.train_head_first(&mut learner, &loader, &frozen)?;
                }
                self.search_with_all_layers(&mut learner, &loader, &mut step)
            }
        }
    }

    /// The epochs in which the trunk is frozen.
    fn train_head_first(
        &self,
        learner: &mut Learner,
        loader: &Loader<'_>,
        frozen: &FrozenFeatures,
    ) -> Result<(), TrainError> {
        let (settings, context) = (self.settings, self.context);
        let mut progress = Progress::new(String::new(), Plateau::default());
        for number in 1..=settings.freeze_epochs {
            let epoch = Epoch {
                number,
                settings,
                loader,
                context,
            };
            epoch.train_head(frozen, &self.sides[0].usable, learner, &mut progress)?;
        }
        Ok(())
    }

    fn search_with_head(
        &self,
        learner: &mut Learner,
        frozen: &FrozenFeatures,
        mut step: impl FnMut(&mut Learner, &Tensor) -> Result<bool, TrainError>,
    ) -> Result<(), TrainError> {
        let settings = self.settings;
        learner.network.set_trunk_trainable(false);
        for (number, chosen) in self.batches(1).iter().enumerate() {
            let position = number * settings.batch as usize;
            let (features, labels) = frozen.batch(chosen, position, settings.seed, 1);
            let mixup = Mixup::draw(settings, 1, number, chosen.len());
            let logits = learner.network.classify(&mixup.mix(&features));
            if step(learner, &mixup.loss(&logits, &labels, settings))? {
                break;
            }
        }
        Ok(())
    }

    fn search_with_all_layers(
        &self,
        learner: &mut Learner,
        loader: &Loader<'_>,
        mut step: impl FnMut(&mut Learner, &Tensor) -> Result<bool, TrainError>,
    ) -> Result<(), TrainError> {
        let settings = self.settings;
        learner.network.set_trunk_trainable(true);
        let cut = |position, picture: Picture| {
            let mut random = generator(settings.seed, Purpose::Augmentation, 1, position);
            settings.augmentation.apply(&picture, &mut random)
        };
        let mut number = 0;
        let examples = &self.sides[0].usable;
        let ended = loader.each_picture(examples, &self.batches(1), cut, |batch| {
            let mixup = Mixup::draw(settings, 1, number, batch.size());
            number += 1;
            let images = settings.precision.input(&mixup.mix(&batch.images));
            let features = learner.network.features(&images, true);
            let logits = learner.network.classify(&features);
            match step(learner, &mixup.loss(&logits, &batch.labels, settings)) {
                Ok(false) => Ok(()),
                Ok(true) => Err(End::Over),
                Err(error) => Err(End::Failed(Box::new(error))),
            }
        });
        match ended {
            Err(End::Failed(error)) => Err(*error),
            Ok(()) | Err(End::Over) => Ok(()),
        }
    }

    /// As many batches as there are steps, of as many epochs as that takes.
    fn batches(&self, first_epoch: u32) -> Vec<Vec<usize>> {
        let settings = self.settings;
        let examples = &self.sides[0].usable;
        let labels: Vec<usize> = examples.iter().map(|example| example.label).collect();
        let batch = settings.batch as usize;
        (first_epoch..)
            .flat_map(|epoch| {
                sampling::batches(&labels, settings.balance, batch, settings.seed, epoch)
            })
            .take(STEPS)
            .collect()
    }
}

/// Why the steps ended before the batches did.
enum End {
    Over,
    Failed(Box<TrainError>),
}

impl From<LoaderError> for End {
    fn from(error: LoaderError) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

/// The steps so far.
#[derive(Debug, Default)]
struct Search {
    points: Vec<Point>,
    /// The sum of losses that count less with each step, and of their weights.
    sums: [f64; 2],
    diverged: bool,
}

impl Search {
    /// The rate of the next step.
    fn rate(&self) -> f64 {
        let share = self.points.len() as f64 / (STEPS - 1) as f64;
        LOWEST * (HIGHEST / LOWEST).powf(share)
    }

    /// Records a step; returns whether it was the last.
    fn add(&mut self, rate: f64, loss: f64) -> bool {
        if !loss.is_finite() {
            self.diverged = true;
            return true;
        }
        let [sum, weight] = self.sums;
        self.sums = [sum * SMOOTHING + loss, weight * SMOOTHING + 1.0];
        let smoothed = self.sums[0] / self.sums[1];
        let lowest = self.lowest().map_or(smoothed, |point| point.smoothed);
        self.points.push(Point {
            rate,
            loss,
            smoothed,
        });
        self.diverged = smoothed > ASTRAY * lowest;
        self.diverged || self.points.len() >= STEPS
    }

    /// The step with the lowest smoothed loss; of equal ones the first.
    fn lowest(&self) -> Option<Point> {
        let points = self.points.iter().copied();
        points.min_by(|one, other| one.smoothed.total_cmp(&other.smoothed))
    }

    fn csv(&self) -> String {
        let mut csv = "lr,loss,smoothed_loss\n".to_owned();
        for point in &self.points {
            csv.push_str(&format!(
                "{:.9},{:.6},{:.6}\n",
                point.rate, point.loss, point.smoothed
            ));
        }
        csv
    }
}

/// A number with two significant digits, as a user would type it.
fn rounded(number: f64) -> f64 {
    format!("{number:.1e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_grow_evenly_until_the_loss_diverges() {
        let mut search = Search::default();
        let mut rates = Vec::new();
        loop {
            let rate = search.rate();
            rates.push(rate);
            // Falls to 0.1 at a rate of 0.01 and grows from there.
            let loss = 0.1 + (rate.log10() + 2.0).abs() * if rate > 0.01 { 5.0 } else { 0.5 };
            if search.add(rate, loss) {
                break;
            }
        }
        assert!((rates[10] / rates[0] - 10.0).abs() < 1e-9);
        assert!(search.diverged && rates.len() < STEPS, "{}", rates.len());
        let lowest = search.lowest().expect("there are steps").rate;
        assert!((0.009..0.03).contains(&lowest), "{lowest}");
        assert_eq!(search.csv().lines().count(), 1 + rates.len());
    }

    #[test]
    fn a_loss_that_is_no_number_ends_the_search_and_does_not_count() {
        let mut search = Search::default();
        assert!(!search.add(search.rate(), 2.0));
        assert!(search.add(search.rate(), f64::NAN));
        assert!(search.diverged);
        assert_eq!(search.points.len(), 1);
    }

    #[test]
    fn a_suggestion_has_two_digits() {
        assert_eq!(rounded(0.000_251_188_6), 0.000_25);
    }
}
