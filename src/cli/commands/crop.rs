//! `facepipe crop`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::image_limits::{LimitOptions, QualityBy};
use crate::cli::options::switch::{RotationOptions, Switch};
use crate::cli::output::result::{Outcome, reason_lines};
use crate::cli::wiring::detectors::{self, DetectorName};
use crate::cli::wiring::networks;
use facepipe_core::artifacts::image_folder::REPORT_FOLDER;
use facepipe_core::artifacts::selection::Selection;
use facepipe_core::artifacts::{given_split, stage};
use facepipe_core::context::{Context, Remake};
use facepipe_core::types::{Alignment, ChipForm, FaceQuality, Size, Stage};
use facepipe_core::words::counted;
use facepipe_crop::{CHIPS_FILE, CropReport, FaceChoice, Settings, Tools};

/// Arguments of `crop`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe crop data/raw --out data/crops\n  \
    facepipe crop photos --out crops --largest-only --margin 0.3\n\n\
    DIR gets a folder for each label, manifest.jsonl (every crop: photo, box, score, the place of the \
    aligned face, its quality), discarded.jsonl (every photo and face left out, with the reason) and \
    report/LABEL/crops.png (the aligned faces from best to worst). The photos are only read.\n\n\
    Crops show the face as the photo does. Training and prediction turn it upright by its landmarks \
    and sample it in the network's size, once, with the same pixels as from the photo.")]
pub(crate) struct CropArgs {
    /// Folder of photos: a folder for each label
    pub(crate) input: PathBuf,
    /// The folder of the crops
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Keep only the largest face of each photo
    #[arg(long)]
    pub(crate) largest_only: bool,
    /// Keep only the main face of each photo: a large one near the middle
    #[arg(long, conflicts_with = "largest_only")]
    pub(crate) main_only: bool,
    #[command(flatten)]
    pub(crate) rotations: RotationOptions,
    #[command(flatten)]
    pub(crate) options: CropOptions,
    /// Also write each face to this folder as an aligned chip: what a network takes, for other programs
    #[arg(long, value_name = "DIR", env = "FACEPIPE_CROP_CHIPS", hide_env = true)]
    pub(crate) chips: Option<PathBuf>,
    /// The network whose input the chips are
    #[arg(
        long,
        value_enum,
        value_name = "NETWORK",
        default_value = "sface",
        requires = "chips"
    )]
    pub(crate) chips_for: ChipNetwork,
    /// A person's changes to the list of photos, of a project.
    #[arg(skip)]
    pub(crate) selection: Selection,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Crop")]
pub(crate) struct CropOptions {
    /// The detector of faces
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) detector: DetectorName,
    /// Don't align faces by their landmarks: networks see them as they are in the photo
    #[arg(long)]
    pub(crate) no_align: bool,
    /// Surroundings kept on each side of a face, as a share of its size
    #[arg(long, value_name = "SHARE", default_value_t = Settings::default().margin, value_parser = margin)]
    pub(crate) margin: f32,
    /// Smallest face in pixels: the side of a square as large as its box; 0: of any size
    #[arg(long, value_name = "PIXELS", default_value_t = Settings::default().min_face)]
    pub(crate) min_face: u32,
    /// Keep a photo without a face as it is
    #[arg(long)]
    pub(crate) keep_no_face: bool,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
}

impl CropOptions {
    /// The stage's settings.
    pub(crate) fn settings(&self, faces: FaceChoice) -> Settings {
        Settings {
            margin: self.margin,
            min_face: self.min_face,
            faces,
            keep_no_face: self.keep_no_face,
            limits: self.limits.limits(),
            ..Settings::default()
        }
    }
}

fn margin(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..=2.0).contains(&share) => Ok(share),
        _ => Err("not a number from 0 to 2".to_owned()),
    }
}

/// Networks by the chips that they take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChipNetwork {
    /// SFace, and others with ArcFace's alignment: 112 pixels
    #[default]
    Sface,
    /// dlib's network: 150 pixels
    Dlib,
    /// ResNets: 224 pixels, aligned as for dlib's
    Resnet,
}

impl ChipNetwork {
    const fn form(self) -> ChipForm {
        let (alignment, side) = match self {
            Self::Sface => (Alignment::ArcFace, 112),
            Self::Dlib => (Alignment::Dlib, 150),
            Self::Resnet => (Alignment::Dlib, 224),
        };
        ChipForm {
            alignment,
            size: Size::new(side, side),
        }
    }
}

/// Settings that differ from those that the crops were made with.
#[cfg(feature = "torch")]
pub(crate) fn changed(
    args: &CropArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Vec<String>, Failure> {
    let (settings, tools) = settings_and_tools(args, globals, context)?;
    Ok(facepipe_crop::changed_settings(
        &args.out, &settings, &tools,
    )?)
}

pub(crate) fn run(
    args: &CropArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let (settings, tools) = settings_and_tools(args, globals, context)?;
    let report = facepipe_crop::run(
        &args.input,
        &args.out,
        &args.selection,
        &settings,
        &tools,
        context,
    )?;
    let mut lines = lines(&report);
    if let Some(chips) = &args.chips {
        let count = facepipe_crop::write_chips(&args.out, chips, args.chips_for.form(), context)?;
        lines.push(format!(
            "{} in `{}`, listed in {CHIPS_FILE}",
            counted(count as u64, "chip"),
            chips.display()
        ));
    }
    Ok(Outcome {
        lines,
        items_failed: report.items_failed,
        report: crate::cli::output::result::to_value(&report)?,
    })
}

/// Whether turned copies are looked at: an update does as the crops of before were made.
fn rotations(args: &CropArgs, context: &Context) -> bool {
    if args.rotations.rotations == Switch::Auto
        && context.remake != Remake::Everything
        && let Ok(Some(stamp)) = stage::read_stamp(&args.out)
        && stamp.is_of(Stage::Crop)
    {
        return stamp.settings.get("rotations") == Some(&true.into());
    }
    // A folder that can't be listed is for the stage to report.
    let photos = || given_split::list(&args.input).map_or(0, |(folder, _)| folder.files.len());
    args.rotations.are_on(photos)
}

fn settings_and_tools(
    args: &CropArgs,
    globals: &Globals,
    context: &Context,
) -> Result<(Settings, Tools), Failure> {
    let options = &args.options;
    let rotations = !options.no_align && rotations(args, context);
    let faces = detectors::face_tools(
        options.detector,
        !options.no_align,
        rotations,
        globals,
        context,
    )?;
    if options.no_align && options.limits.quality_by == QualityBy::Embedding {
        return Err(Failure::Usage {
            message: "--quality-by embedding needs aligned faces, which --no-align does not make"
                .to_owned(),
            hint: "leave one of both out".to_owned(),
        });
    }
    let judge = match options.limits.quality_by {
        QualityBy::Pixels => None,
        QualityBy::Embedding => Some(networks::quality_judge(globals)?),
    };
    let tools = Tools { faces, judge };
    let faces = match (args.largest_only, args.main_only) {
        (true, _) => FaceChoice::Largest,
        (false, true) => FaceChoice::Main,
        (false, false) => FaceChoice::All,
    };
    let settings = Settings {
        rotations,
        ..options.settings(faces)
    };
    Ok((settings, tools))
}

/// The report as lines of text.
pub(crate) fn lines(report: &CropReport) -> Vec<String> {
    let mut lines = vec![format!(
        "{} of {} ({} kept, {} left out) in `{}`",
        counted(report.crops, "crop"),
        counted(report.photos.found, "photo"),
        report.photos.kept,
        report.photos.discarded,
        report.out.display()
    )];
    if report.from_before > 0 {
        lines.push(format!(
            "{} of the photos were known from before",
            report.from_before
        ));
    }
    lines.extend(reason_lines(&report.reasons));
    if let Some(quality) = report.quality.get(FaceQuality::OVERALL) {
        lines.push(format!(
            "quality {:.2} to {:.2}, half of the faces from {:.2} on; look at `{}`",
            quality.min,
            quality.max,
            quality.median,
            report.out.join(REPORT_FOLDER).display()
        ));
    }
    lines
}
