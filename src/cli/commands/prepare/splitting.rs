//! Options of `prepare` and `run` about which side each image goes to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use strum::VariantArray as _;

use crate::cli::failure::Failure;
use crate::cli::options::named::named;
use facepipe_core::artifacts::given_split;
use facepipe_core::words::counted;
use facepipe_prepare::{GivenSplit, Settings, SideSize, SplitBy, SplitReport};

/// How far the shares' sum may be from 1.
const SHARE_TOLERANCE: f64 = 1e-6;
/// A larger number can't have been meant as percent.
const MOST_PERCENT: u32 = 100;

/// Which side each image goes to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Split")]
pub(crate) struct SplitOptions {
    /// How much of each label to learn from: a share, with a point or percent sign (0.7, 70%), or a
    /// number of images of each label, without (20)
    #[arg(long, value_name = "SHARE|N", default_value_t = Settings::default().train, value_parser = side_size)]
    pub(crate) train: SideSize,
    /// How much stops the training and picks the best epoch
    #[arg(long, value_name = "SHARE|N", default_value_t = Settings::default().val, value_parser = side_size)]
    pub(crate) val: SideSize,
    /// How much the reported figures come from
    #[arg(long, value_name = "SHARE|N", default_value_t = Settings::default().test, value_parser = side_size)]
    pub(crate) test: SideSize,
    /// Leave out labels that can't have N images on each side
    #[arg(long, value_name = "N", default_value_t = Settings::default().min_per_side)]
    pub(crate) min_per_side: usize,
    /// What decides which images go to test
    #[arg(long, value_parser = named(SplitBy::VARIANTS), default_value_t = Settings::default().split_by)]
    pub(crate) split_by: SplitBy,
    /// Images of this data set (its folder, manifest.jsonl or sides.jsonl), their duplicates and their
    /// photos' other faces stay on the sides that they have there
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) keep_split: Option<PathBuf>,
    /// How to treat the sides of a folder that has train, val and test already
    #[arg(long, value_parser = named(GivenSplit::VARIANTS), default_value_t = Settings::default().given_split)]
    pub(crate) given_split: GivenSplit,
    /// Divide the images outside test into K parts for cross-validation, in folds.csv
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) folds: Option<u32>,
    /// Write WebDataset tar files of N images as well: shards/train-000000.tar and so on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) shards: Option<u64>,
}

/// The options that would split otherwise, where the user may want that.
pub(super) fn lines(report: &SplitReport, options: &SplitOptions) -> Vec<String> {
    let mut lines = Vec::new();
    if !report.shrunk_labels.is_empty() {
        let perhaps = options.numbers().filter_map(|(option, images)| {
            let percent = as_percent(option, images)?;
            let images = counted(images, "image");
            Some(format!(
                "  `{option}` takes {images} of each label; did you mean {percent}?"
            ))
        });
        lines.extend(perhaps);
    }
    if report.given {
        lines.push("  `--given-split ignore` splits the folder again".to_owned());
    }
    if !report.short_labels.is_empty() {
        let line = "  `--min-per-side 1` leaves out labels that have no images on some side";
        lines.push(line.to_owned());
    }
    lines
}

/// The option with its number as percent, where that can have been meant.
fn as_percent(option: &str, images: u32) -> Option<String> {
    (1..=MOST_PERCENT)
        .contains(&images)
        .then(|| format!("`{option} {images}%`"))
}

fn side_size(text: &str) -> Result<SideSize, String> {
    text.parse()
}

impl SplitOptions {
    /// Writes the options into the stage's settings.
    pub(crate) fn apply_to(&self, settings: &mut Settings) -> Result<(), Failure> {
        self.check()?;
        settings.train = self.train;
        settings.val = self.val;
        settings.test = self.test;
        settings.min_per_side = self.min_per_side;
        settings.split_by = self.split_by;
        settings.keep_split = self.keep_split.clone();
        settings.given_split = self.given_split;
        settings.folds = self.folds;
        settings.shards = self.shards;
        Ok(())
    }

    /// The options with numbers of images.
    fn numbers(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let sizes = [
            ("--train", self.train),
            ("--val", self.val),
            ("--test", self.test),
        ];
        let with_number = |(option, size): (_, SideSize)| Some((option, size.images()?));
        sizes.into_iter().filter_map(with_number)
    }

    /// Refuses a number of images that no label has beside a share for another side: it is a number of percent that
    /// lacks its sign. Numbers for all sides are limits.
    pub(super) fn ensure_numbers_are_meant(&self, input: &Path) -> Result<(), Failure> {
        let shares = [self.train, self.val, self.test].map(SideSize::share);
        if self.numbers().next().is_none() || shares.iter().flatten().sum::<f64>() == 0.0 {
            return Ok(());
        }
        // A folder that can't be listed is for the stage to report; one with sides keeps them.
        let Ok((folder, None)) = given_split::list(input) else {
            return Ok(());
        };
        let mut counts = BTreeMap::<&str, u32>::new();
        for file in &folder.files {
            *counts.entry(&file.label).or_default() += 1;
        }
        let Some((label, most)) = counts.into_iter().max_by_key(|(_, count)| *count) else {
            return Ok(());
        };
        for (option, images) in self.numbers().filter(|(_, images)| *images > most) {
            let Some(percent) = as_percent(option, images) else {
                continue;
            };
            return Err(Failure::Usage {
                message: format!(
                    "`{option} {images}` takes {} of each label, and no label has as many: the largest, `{label}`, \
                     has {most}",
                    counted(images, "image")
                ),
                hint: format!(
                    "did you mean {percent}? All three have to add up to 100% then; without the sign it is a number of \
                     images"
                ),
            });
        }
        Ok(())
    }

    /// Whether shares and numbers are consistent.
    fn check(&self) -> Result<(), Failure> {
        let sizes = [self.train, self.val, self.test];
        let refused = |message: String, hint: &str| {
            Err(Failure::Usage {
                message,
                hint: hint.to_owned(),
            })
        };
        let numbers: u32 = sizes.iter().filter_map(|size| size.images()).sum();
        let shares: f64 = sizes.iter().filter_map(|size| size.share()).sum();
        if sizes.iter().all(|size| size.share().is_some()) && (shares - 1.0).abs() > SHARE_TOLERANCE
        {
            return refused(
                format!("--train, --val and --test add up to {shares:.4}, not to 1"),
                "give all three, such as `--train 0.8 --val 0.1 --test 0.1`, or a number of images of \
                 each label for some, such as `--test 20`",
            );
        }
        if shares == 0.0 && numbers == 1 {
            return refused(
                "--train, --val and --test take one image of each label".to_owned(),
                "a whole number is a number of images: write `1.0` or `100%` for all of them",
            );
        }
        if shares == 0.0 && numbers == 0 {
            return refused(
                "--train, --val and --test take nothing".to_owned(),
                "leave them out for 70, 15 and 15 % of each label",
            );
        }
        Ok(())
    }
}
