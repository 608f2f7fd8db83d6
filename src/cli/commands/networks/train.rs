//! `facepipe train`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use strum::VariantArray as _;
use tch::Device;

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::named::named;
use crate::cli::output::result::{Outcome, to_value};
use crate::cli::wiring;
use facepipe_core::context::Context;
use facepipe_core::types::Head;
use facepipe_core::words::{counted, percent};
use facepipe_nn::{Backbone, PrecisionChoice, WeightsChoice};
use facepipe_train::{Augmentation, Places, Preset, Schedule, Settings};

/// A hundred years, for which durations have room.
const MOST_MINUTES: f64 = 100.0 * 365.25 * 24.0 * 60.0;

/// Arguments of `train`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe train data/final --out models/friends\n  \
    facepipe train data/final --out models/friends --backbone resnet50 --epochs 30 --seed 7\n  \
    facepipe train data/final --out models/friends --lr find")]
pub(crate) struct TrainArgs {
    /// The data set that `prepare` made, or folders train, val and test with a folder a label
    pub(crate) data: PathBuf,
    /// The model's folder, such as models/NAME
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Resume an interrupted training, and fail where there is none (running the same command
    /// again resumes it as well)
    #[arg(long, conflicts_with = "force")]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) options: TrainOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Train")]
pub(crate) struct TrainOptions {
    /// The network
    #[arg(long, value_parser = named(Backbone::VARIANTS), default_value_t = Settings::BACKBONE)]
    pub(crate) backbone: Backbone,
    /// Its first weights: those of faces (dlib-resnet29, sface) or of ImageNet (the others), random ones, or a
    /// .safetensors, .pth or TorchScript file
    #[arg(long, value_name = "default|none|FILE", default_value = "default")]
    pub(crate) weights: WeightsChoice,
    /// Most epochs [default: 10, or those of --freeze-epochs where there are less than 500 images to
    /// learn from; from weights of ImageNet 20, from random ones 40]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) epochs: Option<u32>,
    /// Epochs in which only the last layer learns; each goes ten times over the images, whose features
    /// are computed once [default: 3, from random weights 0]
    #[arg(help_heading = "Train: the last layer", long, value_name = "N")]
    pub(crate) freeze_epochs: Option<u32>,
    /// Images a step [default: 32]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) batch: Option<u32>,
    /// Highest learning rate of the last layer once all layers learn; the others have a tenth of it, from
    /// random weights the same; `find` tries out which is right, draws the curve and trains no model
    /// [default: 0.0001, from weights of ImageNet or random ones 0.001]
    #[arg(long, value_name = "X|find", value_parser = learning_rate)]
    pub(crate) lr: Option<LearningRate>,
    /// Side of the network's input [default: 150 for dlib-resnet29, 112 for sface, 224 for the others]
    #[arg(help_heading = "Train: images", long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=1024))]
    pub(crate) input_size: Option<u32>,
    /// The learning rate schedule [default: cosine]
    #[arg(help_heading = "Train: steps", long, value_parser = named(Schedule::VARIANTS))]
    pub(crate) schedule: Option<Schedule>,
    /// Epochs without a lower loss on val after which the training ends; 0: never [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) patience: Option<u32>,
    /// How strongly weights are drawn to zero [default: 0.05]
    #[arg(help_heading = "Train: steps", long, value_name = "X", value_parser = not_negative)]
    pub(crate) weight_decay: Option<f64>,
    /// How training images are changed [default: light]
    #[arg(help_heading = "Train: images", long, value_parser = named(Preset::VARIANTS))]
    pub(crate) augmentation: Option<Preset>,
    /// Mix images and their labels in pairs; the larger the more evenly, 0.2 is usual; 0: don't
    /// [default: 0]
    #[arg(help_heading = "Train: images", long, value_name = "ALPHA", value_parser = up_to::<2>)]
    pub(crate) mixup: Option<f64>,
    /// Show images of rare labels more often: 0 each image once, 1 each label equally often, or between
    /// [default: 1 for dlib-resnet29 and sface, 0 for the others]
    #[arg(help_heading = "Train: images", long, value_name = "POWER", value_parser = up_to::<1>)]
    pub(crate) balance: Option<f64>,
    /// How the last layer separates labels [default: cosine for sface with its weights, else linear]
    #[arg(help_heading = "Train: the last layer", long, value_parser = named(Head::VARIANTS))]
    pub(crate) head: Option<Head>,
    /// Factor of a cosine head's cosines [default: 32]
    #[arg(help_heading = "Train: the last layer", long, value_name = "X", value_parser = positive)]
    pub(crate) cosine_scale: Option<f64>,
    /// By how much the right label's cosine must be ahead while a cosine head learns [default: 0.1]
    #[arg(help_heading = "Train: the last layer", long, value_name = "X", value_parser = up_to::<1>)]
    pub(crate) cosine_margin: Option<f64>,
    /// Views of each image that the last layer learns from while the others are frozen: as it is,
    /// mirrored, then changed by chance [default: 2; 1 for sface]
    #[arg(help_heading = "Train: the last layer", long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) frozen_views: Option<u32>,
    /// Highest learning rate of the last layer while the others are frozen [default: 0.01]
    #[arg(help_heading = "Train: the last layer", long, value_name = "X", value_parser = positive)]
    pub(crate) frozen_lr: Option<f64>,
    /// The numbers that the network calculates with while all layers learn; weights always have 32 bits
    #[arg(help_heading = "Train: steps", long, value_parser = named(PrecisionChoice::VARIANTS), default_value_t)]
    pub(crate) precision: PrecisionChoice,
    /// Batches whose mean gradient makes one step: as `--batch` times N, in the memory of one batch
    /// [default: 1]
    #[arg(help_heading = "Train: steps", long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) accumulate: Option<u32>,
    /// Largest norm of a step's gradients; larger ones are scaled down to it, which helps where the loss
    /// jumps [default: off]
    #[arg(help_heading = "Train: steps", long, value_name = "NORM|off", value_parser = number_or_off)]
    pub(crate) clip: Option<NumberOrOff>,
    /// Judge and keep the mean of the weights over many steps, with this decay a step (0.99 to 0.9999),
    /// which is steadier where the loss on val jumps [default: off]
    #[arg(help_heading = "Train: steps", long, value_name = "DECAY|off", value_parser = decay_or_off)]
    pub(crate) ema: Option<NumberOrOff>,
    /// Minutes within an epoch after which the training is kept, so that a killed one loses no more
    #[arg(long, value_name = "MINUTES", default_value_t = Places::KEEP_EVERY.as_secs_f64() / 60.0, value_parser = positive)]
    pub(crate) keep_every: f64,
}

/// The value of `--lr`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LearningRate {
    /// Find one.
    Find,
    /// A given one.
    Given(f64),
}

/// A number, or nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NumberOrOff(Option<f64>);

impl TrainOptions {
    /// The settings, with defaults where no option is given: those for the data set's number of training
    /// images, if it is known already.
    ///
    /// # Errors
    /// A [`Failure`] when the network can't take in images of the requested size, or the device does not
    /// calculate in the requested precision.
    pub(crate) fn settings(
        &self,
        seed: u64,
        device: Device,
        train_images: Option<usize>,
    ) -> Result<Settings, Failure> {
        let mut defaults = Settings::defaults(self.backbone, self.weights.clone(), seed);
        if let Some(images) = train_images {
            defaults = defaults.for_data(images);
        }
        let epochs = self.epochs.unwrap_or(defaults.epochs);
        let sides = self.backbone.input_sides();
        if self.input_size.is_some_and(|side| !sides.contains(&side)) {
            let (smallest, largest) = (sides.start(), sides.end());
            let (only, hint) = if smallest == largest {
                ("", "leave `--input-size` out")
            } else {
                ("at least ", "give a larger `--input-size`")
            };
            return Err(Failure::Usage {
                message: format!(
                    "`{}` takes images of {only}{smallest} pixels",
                    self.backbone
                ),
                hint: format!("{hint}, or another `--backbone`"),
            });
        }
        Ok(Settings {
            input_size: self.input_size.unwrap_or(defaults.input_size),
            epochs,
            epochs_follow_data: self.epochs.is_none(),
            // More than all can't be frozen, and the rate must come down by the last of them.
            freeze_epochs: self
                .freeze_epochs
                .unwrap_or(defaults.freeze_epochs)
                .min(epochs),
            batch: self.batch.unwrap_or(defaults.batch),
            learning_rate: match self.lr {
                Some(LearningRate::Given(rate)) => rate,
                Some(LearningRate::Find) | None => defaults.learning_rate,
            },
            schedule: self.schedule.unwrap_or(defaults.schedule),
            patience: self.patience.unwrap_or(defaults.patience),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            augmentation: self
                .augmentation
                .map_or(defaults.augmentation, Augmentation::from),
            mixup: self.mixup.unwrap_or(defaults.mixup),
            balance: self.balance.unwrap_or(defaults.balance),
            head: self.head.unwrap_or(defaults.head),
            cosine_scale: self.cosine_scale.unwrap_or(defaults.cosine_scale),
            cosine_margin: self.cosine_margin.unwrap_or(defaults.cosine_margin),
            frozen_views: self.frozen_views.unwrap_or(defaults.frozen_views),
            frozen_rate: self.frozen_lr.unwrap_or(defaults.frozen_rate),
            precision: self.precision.on(device)?,
            accumulate: self.accumulate.unwrap_or(defaults.accumulate),
            clip: self.clip.map_or(defaults.clip, |clip| clip.0),
            ema: self.ema.map_or(defaults.ema, |ema| ema.0),
            ..defaults
        })
    }
}

/// Settings that differ from those that the model was trained with.
pub(crate) fn changed(
    args: &TrainArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Vec<String>, Failure> {
    let device = facepipe_nn::device(globals.device)?;
    // Before there is a data set there is no model of it either.
    let images = facepipe_train::train_images(&args.data).ok();
    let settings = args.options.settings(context.seed, device, images)?;
    let weights = wiring::weights_folder(globals)?;
    Ok(facepipe_train::changed_settings(
        &args.out, &settings, &weights,
    )?)
}

pub(crate) fn run(
    args: &TrainArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let device = facepipe_nn::device(globals.device)?;
    let places = Places {
        data: &args.data,
        out: &args.out,
        weights_folder: &wiring::weights_folder(globals)?,
        device,
        resume: args.resume,
        keep_every: Duration::from_secs_f64(args.options.keep_every.min(MOST_MINUTES) * 60.0),
    };
    let images = facepipe_train::train_images(&args.data)?;
    let settings = args.options.settings(context.seed, device, Some(images))?;
    if args.options.lr == Some(LearningRate::Find) {
        return find_rate(&places, &settings, context);
    }
    let report = facepipe_train::run(&places, &settings, context)?;
    let best = &report.best;
    let lines = vec![
        format!(
            "{} for {}: best of {} is {}, with loss {:.4} and accuracy {} on val",
            report.backbone,
            counted(report.labels.len(), "label"),
            counted(report.epochs, "epoch"),
            best.epoch,
            best.val_loss,
            percent(best.val_accuracy)
        ),
        format!("model in `{}`", args.out.display()),
    ];
    Ok(Outcome {
        report: to_value(&report)?,
        lines,
        items_failed: report.unreadable,
    })
}

/// `--lr find`: beside the model's folder, which the search leaves as it is.
fn find_rate(
    places: &Places<'_>,
    settings: &Settings,
    context: &Context,
) -> Result<Outcome, Failure> {
    let mut name = places.out.file_name().unwrap_or_default().to_owned();
    name.push(RATE_FOLDER_ENDING);
    let folder = places.out.with_file_name(name);
    let report = facepipe_train::find_rate(places, settings, context, &folder)?;
    let option = if report.trunk_is_frozen {
        "--frozen-lr"
    } else {
        "--lr"
    };
    let lines = vec![
        format!(
            "{}{}: the lowest loss is {:.4}; look at `{}`",
            counted(report.steps, "step"),
            if report.diverged {
                ", until the loss grew without end"
            } else {
                ""
            },
            report.lowest_loss,
            report.plot.display()
        ),
        format!("suggested: {option} {}", report.suggestion),
    ];
    Ok(Outcome {
        report: to_value(&report)?,
        lines,
        items_failed: 0,
    })
}

/// The suffix of the folder for `--lr find`.
const RATE_FOLDER_ENDING: &str = "_lr_find";

fn learning_rate(text: &str) -> Result<LearningRate, String> {
    if text == "find" {
        return Ok(LearningRate::Find);
    }
    positive(text)
        .map(LearningRate::Given)
        .map_err(|message| format!("{message}, nor `find`"))
}

fn up_to<const MOST: u32>(text: &str) -> Result<f64, String> {
    match not_negative(text) {
        Ok(number) if number <= f64::from(MOST) => Ok(number),
        _ => Err(format!("not a number from 0 to {MOST}")),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("not a number above 0".to_owned()),
    }
}

fn number_or_off(text: &str) -> Result<NumberOrOff, String> {
    match text {
        "off" => Ok(NumberOrOff(None)),
        _ => positive(text)
            .map(|number| NumberOrOff(Some(number)))
            .map_err(|_| "neither `off` nor a number above 0".to_owned()),
    }
}

fn decay_or_off(text: &str) -> Result<NumberOrOff, String> {
    match number_or_off(text) {
        Ok(number) if number.0.is_none_or(|decay| decay < 1.0) => Ok(number),
        _ => Err("neither `off` nor a number between 0 and 1".to_owned()),
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number >= 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("not a number of at least 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults depend on network and weights, so the help has them in words.
    #[test]
    fn the_help_names_the_defaults_of_the_settings() {
        let of = |backbone, weights| Settings::defaults(backbone, weights, 0);
        let face = of(Backbone::DlibResnet29, WeightsChoice::Default);
        let sface = of(Backbone::Sface, WeightsChoice::Default);
        let other = of(Backbone::Resnet18, WeightsChoice::Default);
        let random = of(Backbone::Resnet18, WeightsChoice::None);
        let preset = [Preset::None, Preset::Light, Preset::Strong]
            .into_iter()
            .find(|preset| Augmentation::from(*preset) == face.augmentation)
            .expect("the default has a name");
        let off =
            |number: Option<f64>| number.map_or("off".to_owned(), |number| number.to_string());
        let wanted: [(&str, &[String]); 17] = [
            (
                "epochs",
                &[
                    face.epochs.to_string(),
                    other.epochs.to_string(),
                    random.epochs.to_string(),
                ],
            ),
            (
                "freeze_epochs",
                &[
                    face.freeze_epochs.to_string(),
                    random.freeze_epochs.to_string(),
                ],
            ),
            ("batch", &[face.batch.to_string()]),
            (
                "lr",
                &[
                    face.learning_rate.to_string(),
                    other.learning_rate.to_string(),
                ],
            ),
            (
                "input_size",
                &[
                    face.input_size.to_string(),
                    sface.input_size.to_string(),
                    other.input_size.to_string(),
                ],
            ),
            ("schedule", &[face.schedule.to_string()]),
            ("patience", &[face.patience.to_string()]),
            ("weight_decay", &[face.weight_decay.to_string()]),
            ("augmentation", &[preset.to_string()]),
            ("mixup", &[face.mixup.to_string()]),
            (
                "balance",
                &[face.balance.to_string(), other.balance.to_string()],
            ),
            ("head", &[sface.head.to_string(), face.head.to_string()]),
            ("cosine_scale", &[face.cosine_scale.to_string()]),
            ("cosine_margin", &[face.cosine_margin.to_string()]),
            (
                "frozen_views",
                &[
                    face.frozen_views.to_string(),
                    sface.frozen_views.to_string(),
                ],
            ),
            ("frozen_lr", &[face.frozen_rate.to_string()]),
            ("clip", &[off(face.clip), off(face.ema)]),
        ];
        let command = TrainOptions::augment_args(clap::Command::new("train"));
        for (name, values) in wanted {
            let argument = command
                .get_arguments()
                .find(|argument| argument.get_id() == name);
            let help = argument.expect(name).get_help().expect(name).to_string();
            let (_, default) = help.split_once("[default: ").expect(name);
            let words: Vec<&str> = default.split([' ', ',', ';', ']']).collect();
            for value in values {
                assert!(
                    words.contains(&value.as_str()),
                    "--{name}: {help} names no {value}"
                );
            }
        }
    }
}
