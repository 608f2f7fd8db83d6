//! `facepipe train`

use std::path::PathBuf;

use clap::Args;

use super::args::Globals;
use super::failure::Failure;
use super::output::{Outcome, to_value};
use super::wiring;
use crate::context::Context;
use crate::nn::{Backbone, DEFAULT_BACKBONE, WeightsChoice, parse_device};
use crate::train::{self, Places, Schedule, Settings};

/// Arguments of `train`.
#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// The data set that `prepare` made, or folders train, val and test with a folder a label
    pub(super) data: PathBuf,
    /// The model's folder, such as models/NAME
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Go on with an interrupted training, and fail where there is none (running the same command
    /// again goes on as well)
    #[arg(long, conflicts_with = "force")]
    pub(super) resume: bool,
    #[command(flatten)]
    pub(super) options: TrainOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Train")]
pub(super) struct TrainOptions {
    /// The network
    #[arg(long, value_name = "dlib-resnet29|resnet18|resnet34|resnet50", default_value_t = DEFAULT_BACKBONE)]
    pub(super) backbone: Backbone,
    /// Its first weights: those of faces (dlib-resnet29) or of ImageNet (the others), random ones, or a
    /// .safetensors, .pth or TorchScript file
    #[arg(long, value_name = "default|none|FILE", default_value = "default")]
    pub(super) weights: WeightsChoice,
    /// Most epochs [default: 10, from weights of ImageNet 20, from random ones 40]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) epochs: Option<u32>,
    /// Epochs in which only the last layer learns; each goes ten times over the images, whose features
    /// are computed once [default: 3, from random weights 0]
    #[arg(long, value_name = "N")]
    pub(super) freeze_epochs: Option<u32>,
    /// Images a step [default: 32]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub(super) batch: Option<u32>,
    /// Highest learning rate of the last layer once all layers learn; the others have a tenth of it, from
    /// random weights the same [default: 0.0001, from weights of ImageNet or random ones 0.001]
    #[arg(long, value_name = "X", value_parser = positive)]
    pub(super) lr: Option<f64>,
    /// Side of the network's input [default: 150 for dlib-resnet29, 224 for the others]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=1024))]
    pub(super) input_size: Option<u32>,
    /// How the learning rate goes on [default: cosine]
    #[arg(long, value_name = "plateau|cosine")]
    pub(super) schedule: Option<Schedule>,
    /// Epochs without a lower loss on val after which the training ends; 0: never [default: 10]
    #[arg(long, value_name = "N")]
    pub(super) patience: Option<u32>,
    /// How strongly weights are drawn to zero [default: 0.05]
    #[arg(long, value_name = "X", value_parser = not_negative)]
    pub(super) weight_decay: Option<f64>,
}

impl TrainOptions {
    /// The settings, with defaults where nothing was said.
    ///
    /// # Errors
    /// A [`Failure::Usage`] when the network can't take in images of the size asked for.
    pub(super) fn settings(&self, seed: u64) -> Result<Settings, Failure> {
        let defaults = Settings::defaults(self.backbone, self.weights.clone(), seed);
        let (side, smallest) = (self.input_size, self.backbone.min_input_side());
        if side.is_some_and(|side| side < smallest) {
            return Err(Failure::Usage {
                message: format!(
                    "`{}` takes images of at least {smallest} pixels",
                    self.backbone
                ),
                hint: "give a larger `--input-size`, or another `--backbone`".to_owned(),
            });
        }
        Ok(Settings {
            input_size: self.input_size.unwrap_or(defaults.input_size),
            epochs: self.epochs.unwrap_or(defaults.epochs),
            freeze_epochs: self.freeze_epochs.unwrap_or(defaults.freeze_epochs),
            batch: self.batch.unwrap_or(defaults.batch),
            learning_rate: self.lr.unwrap_or(defaults.learning_rate),
            schedule: self.schedule.unwrap_or(defaults.schedule),
            patience: self.patience.unwrap_or(defaults.patience),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            ..defaults
        })
    }
}

pub(super) fn run(
    args: &TrainArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let places = Places {
        data: &args.data,
        out: &args.out,
        weights_folder: &wiring::weights_folder(globals),
        device: parse_device(&globals.device)?,
        resume: args.resume,
    };
    let settings = args.options.settings(context.seed)?;
    let report = train::run(&places, &settings, context)?;
    let best = &report.best;
    let lines = vec![
        format!(
            "{} for {} labels: best of {} epochs is {}, with loss {:.4} and accuracy {:.1} % on val",
            report.backbone,
            report.labels.len(),
            report.epochs,
            best.epoch,
            best.val_loss,
            best.val_accuracy * 100.0
        ),
        format!("model in `{}`", args.out.display()),
    ];
    Ok(Outcome {
        report: to_value(&report)?,
        lines,
        items_failed: report.unreadable,
    })
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("not a number above 0".to_owned()),
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number >= 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("not a number of at least 0".to_owned()),
    }
}
