//! `facepipe prepare`

pub(crate) mod identities;
mod splitting;

use std::path::{Path, PathBuf};

use clap::Args;
use strum::VariantArray as _;

use self::identities::IdentityOptions;
use crate::cli::commands::prepare::splitting::SplitOptions;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::named::named;
use crate::cli::options::switch::Switch;
use crate::cli::output::explanation;
use crate::cli::output::result::{self, Outcome, reason_lines, to_value};
use facepipe_core::artifacts::given_split::SHARDS_FOLDER;
use facepipe_core::context::Context;
use facepipe_core::types::Split;
use facepipe_core::words::counted;
use facepipe_faces::embed_images::ImageEmbedder;
use facepipe_prepare::{
    Conflicts, LeakedSet, LinkMode, PrepareError, PrepareReport, Settings, Step,
};

/// Pairs of images that leak which are named on the terminal; the page shows them.
const TOLD_LEAKS: usize = 20;

/// Arguments of `prepare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe prepare data/crops --out data/final\n  \
    facepipe prepare crops --out final --train 0.8 --val 0.1 --test 0.1 --seed 7\n  \
    facepipe prepare crops --out final --test 20 --split-by source --folds 5\n  \
    facepipe prepare crops --out final --clean-identities --restore ada/0a1b2c3d4e5f6789.png\n  \
    facepipe prepare crops --explain ada/1.png ada/2.png\n  \
    facepipe prepare data/final --check\n\n\
    Of images that are the same picture the best face is kept or, where that is not known, the largest \
    picture; a picture or photo under two labels is left out of both; crops of one photo stay \
    on one side. DIR is a plain image folder (train, val, test, then labels) with manifest.jsonl, \
    discarded.jsonl and dataset.json; report.html shows counts, reasons, duplicates, conflicts and how near \
    the sides come to each other, which proof.json has in figures. Computed features of each image are kept in \
    cache/: with more images and --force only those are computed. It can be removed at any time.\n\n\
    Pictures whose hashes are near are compared in detail: versions of one photo are duplicates, and different \
    shots of one series stay on one side. With --embeddings one photo is found by its face, too, in other \
    crops and surroundings.\n\n\
    Shares (0.7, 70%) divide a label; a number (20) takes this many images of each label first, half of \
    them at most. When DIR is made again from more images, those that it had keep their sides, unless \
    --seed, the shares or --split-by change. splits.csv lists all images with their sides.\n\n\
    With --clean-identities the faces of each label are compared. The person on most of its photos is \
    whom it is about; other faces are left out (reasons stranger and nearer_to_other_label), and stay \
    where they are in the input. identities.jsonl has every face with its distance, and \
    report/LABEL/identities.png shows them. A label without such a person is kept whole.\n\n\
    --check compares the sides of an existing split (train, val and test, then labels), of any \
    origin, and writes proof.json and proof.html to it, or to --out. The exit code is 1 where a picture or a \
    photo is on two sides. With --embeddings the distances of faces are reported, too.")]
pub(crate) struct PrepareArgs {
    /// Folder of crops or photos: a folder for each label
    pub(crate) input: PathBuf,
    /// The folder of the data set
    #[arg(long, value_name = "DIR", required_unless_present_any = ["explain", "check"])]
    pub(crate) out: Option<PathBuf>,
    /// Say why two images are one picture, belong together, or don't; nothing is written
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub(crate) explain: Option<Vec<PathBuf>>,
    /// Look for leaks in a folder that has train, val and test already; exit code 1 if there is one
    #[arg(long, conflicts_with = "explain")]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) options: PrepareOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Prepare")]
pub(crate) struct PrepareOptions {
    /// Bits of 256 in which the perceptual hashes of two images may differ for them to be compared in
    /// detail, or `off`: only equal pixels count
    #[arg(long, value_name = "N|off", default_value_t, value_parser = phash_distance)]
    pub(crate) phash_distance: PhashDistance,
    /// Take turned and mirrored pictures for the same, too (`auto`: no); with `run`, also look for faces in
    /// turned copies of photos without an upright one (`auto`: of up to 100 photos)
    #[arg(
        long,
        value_enum,
        value_name = "on|off|auto",
        num_args = 0..=1,
        require_equals = true,
        default_value = "auto",
        default_missing_value = "on",
        hide_possible_values = true
    )]
    pub(crate) rotations: Switch,
    /// Keep duplicates; all on one side
    #[arg(long)]
    pub(crate) keep_duplicates: bool,
    /// How to treat a picture or photo under two labels
    #[arg(long, value_parser = named(Conflicts::VARIANTS), default_value_t = Settings::default().conflicts)]
    pub(crate) conflicts: Conflicts,
    /// How images come into the data set
    #[arg(long, value_parser = named(LinkMode::VARIANTS), default_value_t = Settings::default().link)]
    pub(crate) link: LinkMode,
    /// Leave out labels with fewer images
    #[arg(long, value_name = "N", default_value_t = Settings::default().min_per_class)]
    pub(crate) min_per_class: usize,
    /// Nearest pairs of each two sides that the report shows
    #[arg(long, value_name = "N", default_value_t = Settings::default().nearest_pairs)]
    pub(crate) nearest: usize,
    #[command(flatten)]
    pub(crate) split: SplitOptions,
    #[command(flatten)]
    pub(crate) identities: IdentityOptions,
}

/// A distance of perceptual hashes; `None` compares exactly only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PhashDistance(Option<u32>);

impl Default for PhashDistance {
    fn default() -> Self {
        Self(Settings::default().phash_distance)
    }
}

impl std::fmt::Display for PhashDistance {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(bits) => write!(formatter, "{bits}"),
            None => formatter.write_str("off"),
        }
    }
}

impl PrepareOptions {
    /// The stage's settings.
    pub(crate) fn settings(&self, seed: u64) -> Result<Settings, Failure> {
        let mut settings = Settings {
            phash_distance: self.phash_distance.0,
            rotations: self.rotations == Switch::On,
            keep_duplicates: self.keep_duplicates,
            conflicts: self.conflicts,
            link: self.link,
            min_per_class: self.min_per_class,
            // Whether the network is present is known later.
            embeddings: false,
            clean_identities: self.identities.is_on(),
            nearest_pairs: self.nearest,
            seed,
            ..Settings::default()
        };
        self.split.apply_to(&mut settings)?;
        Ok(settings)
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

/// Settings that differ from those that the data set was made with.
#[cfg(feature = "torch")]
pub(crate) fn changed(
    args: &PrepareArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Vec<String>, Failure> {
    let Some(out) = args.out.as_deref() else {
        return Ok(Vec::new());
    };
    let mut settings = args.options.settings(globals.seed)?;
    let identities = &args.options.identities;
    let embedder = identities.image_embedder(&args.input, globals, context)?;
    settings.embeddings = embedder.is_some();
    Ok(facepipe_prepare::changed_settings(
        out,
        &settings,
        embedder.as_ref(),
    )?)
}

pub(crate) fn run(
    args: &PrepareArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let mut settings = args.options.settings(globals.seed)?;
    let identities = &args.options.identities;
    if args.explain.is_none() && !args.check {
        args.options.split.ensure_numbers_are_meant(&args.input)?;
    }
    let embedder = identities.image_embedder(&args.input, globals, context)?;
    settings.embeddings = embedder.is_some();
    if let Some([a, b]) = args.explain.as_deref() {
        let out = args.out.as_deref();
        let explanation = facepipe_prepare::explain(
            &args.input,
            out,
            [a, b],
            &settings,
            embedder.as_ref(),
            context,
        )?;
        return Ok(Outcome {
            lines: explanation::lines(&explanation),
            items_failed: 0,
            report: to_value(&explanation)?,
        });
    }
    if args.check {
        return check(args, &settings, embedder.as_ref(), globals, context);
    }
    // Without --explain and --check it is required.
    let out = args.out.as_deref().unwrap_or(Path::new("."));
    identities.remember_restored(&args.input, out)?;
    let report = facepipe_prepare::run(&args.input, out, &settings, embedder.as_ref(), context)?;
    Ok(Outcome {
        lines: lines(&report, &args.options.split),
        items_failed: report.items_failed,
        report: to_value(&report)?,
    })
}

/// Compares the sides of an existing split.
fn check(
    args: &PrepareArgs,
    settings: &Settings,
    embedder: Option<&ImageEmbedder>,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let out = args.out.as_deref().unwrap_or(&args.input);
    let check = facepipe_prepare::check(&args.input, out, settings, embedder, context)?;
    let proof = &check.proof;
    let mut lines = proof.verdict.clone();
    let links = proof.leaks.iter().flat_map(|leak| {
        let link = |step| leak_line(leak, step);
        leak.links.iter().map(link)
    });
    lines.extend(links.take(TOLD_LEAKS));
    lines.extend(
        proof
            .unreadable
            .iter()
            .map(|file| format!("  cannot be read: {file}")),
    );
    lines.push(format!("look at `{}`", check.page.display()));
    let outcome = Outcome {
        lines,
        items_failed: proof.unreadable.len() as u64,
        report: to_value(&check)?,
    };
    if proof.leak_free {
        return Ok(outcome);
    }
    result::print(&outcome, globals)?;
    Err(PrepareError::Leaks(proof.leaks.len()).into())
}

/// Two images that leak: where they have other names than their files, the sides are told beside.
fn leak_line(leak: &LeakedSet, step: &Step) -> String {
    let named = |file: &str, name: &str| {
        let image = leak.images.iter().find(|image| image.file == file);
        match image {
            Some(image) if name != file => format!("`{name}` in {}", image.split),
            _ => format!("`{file}`"),
        }
    };
    format!(
        "  leak: {} and {}: {}",
        named(&step.from, &step.from_name),
        named(&step.to, &step.to_name),
        step.why
    )
}

/// The report as lines of text.
fn lines(report: &PrepareReport, split: &SplitOptions) -> Vec<String> {
    let count = |side: Split| {
        let images: u64 = report
            .splits
            .get(side.folder())
            .map_or(0, |side| side.values().sum());
        format!("{images} {side}")
    };
    let mut lines = vec![format!(
        "{} of {} kept ({}) in `{}`",
        report.images.kept,
        counted(report.images.found, "image"),
        Split::ALL.map(count).join(", "),
        report.out.display()
    )];
    lines.extend(reason_lines(&report.reasons));
    lines.extend(splitting::lines(&report.split, split));
    lines.extend(shards_line(report));
    lines.extend(report.verdict.first().cloned());
    lines.extend(identities::lines(report));
    lines.push(format!(
        "look at `{}`",
        report.out.join(facepipe_prepare::PAGE_FILE).display()
    ));
    lines
}

fn shards_line(report: &PrepareReport) -> Option<String> {
    let count: u64 = report.shards.values().sum();
    let folder = report.out.join(SHARDS_FOLDER);
    (count > 0).then(|| format!("{} in `{}`", counted(count, "tar file"), folder.display()))
}
