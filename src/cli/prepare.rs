//! `facepipe prepare`

use std::path::PathBuf;

use clap::Args;

use super::args::Globals;
use super::failure::Failure;
use super::output::{Outcome, reason_lines, to_value};
use crate::context::Context;
use crate::prepare::{self, PrepareReport, Settings};
use crate::types::Split;

/// How far the shares' sum may be from 1.
const SHARE_TOLERANCE: f64 = 1e-6;

/// Arguments of `prepare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe prepare data/crops --out data/final\n  \
    facepipe prepare crops --out final --train 0.8 --val 0.1 --test 0.1 --seed 7\n\n\
    Of images that are the same picture the largest is kept; a picture or photo that stands under \
    two labels is left out of both; crops of one photo stay on one side. DIR is a plain image \
    folder (train, val, test, then labels) with manifest.jsonl, discarded.jsonl and dataset.json.")]
pub(super) struct PrepareArgs {
    /// Folder of crops or photos: a folder for each label
    pub(super) input: PathBuf,
    /// Where the data set goes
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) options: PrepareOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Prepare")]
pub(super) struct PrepareOptions {
    /// Share of each label's images to learn from
    #[arg(long, value_name = "SHARE", default_value_t = 0.7, value_parser = share)]
    pub(super) train: f64,
    /// Share that stops the training and picks the best epoch
    #[arg(long, value_name = "SHARE", default_value_t = 0.15, value_parser = share)]
    pub(super) val: f64,
    /// Share that the reported figures come from
    #[arg(long, value_name = "SHARE", default_value_t = 0.15, value_parser = share)]
    pub(super) test: f64,
    /// Bits of 256 in which the perceptual hashes of two images may differ for them to be one, or
    /// `off`
    #[arg(long, value_name = "N|off", default_value = "20", value_parser = phash_distance)]
    pub(super) phash_distance: PhashDistance,
    /// Leave out labels with fewer images
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) min_per_class: usize,
}

/// A distance of perceptual hashes; `None` compares exactly only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PhashDistance(Option<u32>);

impl PrepareOptions {
    /// The stage's settings.
    pub(super) fn settings(&self, seed: u64) -> Result<Settings, Failure> {
        let sum = self.train + self.val + self.test;
        if (sum - 1.0).abs() > SHARE_TOLERANCE {
            return Err(Failure::Usage {
                message: format!("--train, --val and --test add up to {sum}, not to 1"),
                hint: "give all three, such as `--train 0.8 --val 0.1 --test 0.1`".to_owned(),
            });
        }
        Ok(Settings {
            train: self.train,
            val: self.val,
            test: self.test,
            phash_distance: self.phash_distance.0,
            min_per_class: self.min_per_class,
            seed,
        })
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("not a number from 0 to 1".to_owned()),
    }
}

fn phash_distance(text: &str) -> Result<PhashDistance, String> {
    if text == "off" {
        return Ok(PhashDistance(None));
    }
    match text.parse() {
        Ok(bits) if bits < 128 => Ok(PhashDistance(Some(bits))),
        _ => Err(
            "neither `off` nor a number below 128, which is the distance of unrelated images"
                .to_owned(),
        ),
    }
}

pub(super) fn run(
    args: &PrepareArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let settings = args.options.settings(globals.seed)?;
    let report = prepare::run(&args.input, &args.out, &settings, context)?;
    Ok(Outcome {
        lines: lines(&report),
        items_failed: report.items_failed,
        report: to_value(&report)?,
    })
}

/// The report for a person.
pub(super) fn lines(report: &PrepareReport) -> Vec<String> {
    let count = |side: Split| {
        let images: u64 = report
            .splits
            .get(side.folder())
            .map_or(0, |side| side.values().sum());
        format!("{images} {side}")
    };
    let mut lines = vec![format!(
        "{} of {} images kept ({}) in `{}`",
        report.images.kept,
        report.images.found,
        Split::ALL.map(count).join(", "),
        report.out.display()
    )];
    lines.extend(reason_lines(&report.reasons));
    lines
}
