//! Finds the faces of photos and cuts them out.

mod chips;
mod contact_sheet;
mod error;
mod limits;
mod origins;
mod outcomes;
mod photo;
mod report;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use facepipe_core::artifacts::apart::ensure_apart;
use facepipe_core::artifacts::given_split::GivenSides;
use facepipe_core::artifacts::image_folder::{Fingerprint, ImageFolder, LabelledFile};
use facepipe_core::artifacts::selection::Selection;
use facepipe_core::artifacts::stage::{
    self, Begin, DISCARDED_FILE, MANIFEST_FILE, OpenStage, REPORT_FILE, Request,
};
use facepipe_core::artifacts::{atomic, given_split, jsonl};
use facepipe_core::context::{Context, Remake};
use facepipe_core::parallel;
use facepipe_core::ports::FaceEmbedderFactory;
use facepipe_core::types::{CropRecord, Discarded, ItemKind, Reason, Stage};
use facepipe_faces::face_cutter::FaceTools;

use origins::Origins;
use outcomes::{Outcomes, PhotoOutcome};
use photo::Worker;

pub use chips::{CHIPS_FILE, write_chips};
pub use contact_sheet::SHEET_FILE;
pub use error::CropError;
pub use facepipe_faces::face_choice::FaceChoice;
pub use limits::QualityLimits;
pub use report::{CropReport, Distribution};
pub use settings::Settings;
use settings::WrittenSettings;

/// The input of the stage.
#[derive(Debug, Serialize)]
struct Inputs {
    photos: Fingerprint,
    /// Of a person's changes to the list of photos.
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<String>,
}

impl Inputs {
    fn of(folder: &ImageFolder, selection: &Selection) -> io::Result<Self> {
        Ok(Self {
            photos: folder.fingerprint()?,
            selection: selection.digest(),
        })
    }
}

/// What the stamp of crops of these photos has as its input.
///
/// # Errors
/// The I/O error of a photo whose metadata can't be read.
pub fn inputs(folder: &ImageFolder, selection: &Selection) -> io::Result<Value> {
    Ok(serde_json::to_value(Inputs::of(folder, selection)?)?)
}

/// The models that the stage works with.
pub struct Tools {
    /// Find and cut the faces.
    pub faces: FaceTools,
    /// The network by whose embeddings the faces' quality is measured; `None`: it is measured by their pixels. It has
    /// to be SFace's own output, whose length means something.
    pub judge: Option<Box<dyn FaceEmbedderFactory>>,
}

/// Cuts the faces out of all photos below `input` (a folder for each label) into `out`, after a person's changes to the
/// list of photos.
///
/// # Errors
/// [`CropError`]; finished photos stay, and the same call continues there.
pub fn run(
    input: &Path,
    out: &Path,
    selection: &Selection,
    settings: &Settings,
    tools: &Tools,
    context: &Context,
) -> Result<CropReport, CropError> {
    let started = Instant::now();
    if !input.is_dir() {
        return Err(CropError::NoInput(input.to_owned()));
    }
    ensure_apart(input, out)?;
    stage::ensure_finished(input)?;
    // In a folder that is split already, photos of all sides have the labels inside.
    let (mut folder, sides) = given_split::list(input)?;
    selection.apply(&mut folder)?;
    for label in &folder.labels {
        if !folder.files.iter().any(|file| &file.label == label) {
            context
                .progress
                .note(&format!("label `{label}` has no photos"));
        }
    }
    for note in folder.notes() {
        context.progress.note(&note);
    }
    let inputs = Inputs::of(&folder, selection)?;
    let written = WrittenSettings::new(settings, tools);
    let request = Request {
        stage: Stage::Crop,
        settings: &written,
        inputs: &inputs,
        tools: &[],
    };
    ensure_some_photos_of_before(input, &folder, out, context)?;
    let report = match stage::begin(out, &request, context.remake)? {
        Begin::UpToDate(_) => CropReport {
            out: out.to_owned(),
            ..CropReport::read(&out.join(REPORT_FILE))?
        },
        Begin::Work(open) => {
            if let Some(update) = open.update() {
                context.progress.note(&update);
            }
            let origins = Origins::of(input);
            let origin = |file: &LabelledFile| origins.of_photo(file);
            let mut kept = Outcomes::open(&open, &folder, origin, &written)?;
            let from_before = kept.known() as u64;
            let mut outcomes = crop_photos(
                &folder, &origins, &open, &mut kept, settings, tools, context,
            )?;
            outcomes.sort_by(|a, b| a.photo.cmp(&b.photo));
            kept.tidy(&outcomes)?;
            finish(
                open,
                &folder,
                sides.as_ref(),
                outcomes,
                from_before,
                started,
                context,
            )?
        }
    };
    if report.crops == 0 {
        return Err(CropError::NoFaces {
            photos: report.photos.found,
            reason: report.main_reason(),
            out: out.to_owned(),
        });
    }
    Ok(report)
}

/// Settings and tools that differ from those that a folder of crops was made with, one text each.
///
/// # Errors
/// [`CropError::Stage`].
pub fn changed_settings(
    out: &Path,
    settings: &Settings,
    tools: &Tools,
) -> Result<Vec<String>, CropError> {
    let request = Request {
        stage: Stage::Crop,
        settings: &WrittenSettings::new(settings, tools),
        inputs: &(),
        tools: &[],
    };
    Ok(request.changed_settings(out)?)
}

/// An update to a folder with none of the photos of before would remove every crop: most likely it is another folder
/// by mistake. Photos of folders that a person added count for themselves.
fn ensure_some_photos_of_before(
    input: &Path,
    folder: &ImageFolder,
    out: &Path,
    context: &Context,
) -> Result<(), CropError> {
    let files = folder
        .files
        .iter()
        .map(|file| (&*file.relative, &file.path));
    let others = folder
        .passed_over
        .iter()
        .map(|one| (&*one.relative, &one.path));
    let (own, added): (Vec<_>, Vec<_>) = files
        .chain(others)
        .partition(|(_, path)| path.starts_with(input));
    let names = |files: Vec<(&'_ str, _)>| -> BTreeSet<String> {
        files.into_iter().map(|(name, _)| name.to_owned()).collect()
    };
    let (own, added) = (names(own), names(added));
    let mut before = outcomes::photos_of_before(out);
    before.retain(|photo| !added.contains(photo));
    if context.remake == Remake::Everything
        || before.is_empty()
        || before.iter().any(|photo| own.contains(photo))
    {
        return Ok(());
    }
    Err(CropError::OtherPhotos {
        out: out.to_owned(),
        photos: before.len(),
    })
}

/// Processes the photos without an outcome; returns the outcomes of all photos.
fn crop_photos(
    folder: &ImageFolder,
    origins: &Origins,
    open: &OpenStage,
    kept: &mut Outcomes,
    settings: &Settings,
    tools: &Tools,
    context: &Context,
) -> Result<Vec<PhotoOutcome>, CropError> {
    let mut outcomes = kept.take_known();
    let done: BTreeSet<String> = outcomes
        .iter()
        .map(|outcome| outcome.photo.clone())
        .collect();
    let todo: Vec<_> = folder
        .files
        .iter()
        .filter(|file| !done.contains(&file.relative))
        .collect();
    for label in &folder.labels {
        fs_err::create_dir_all(open.path(label))?;
    }
    let cutter = tools.faces.cutter(settings.margin);
    let bar = context
        .progress
        .start(Stage::Crop.name(), Some(folder.files.len() as u64));
    bar.advance(done.len() as u64);
    parallel::for_each(
        &todo,
        context.threads,
        || {
            Ok::<_, CropError>(Worker {
                detector: tools.faces.detectors.create()?,
                judge: tools.judge.as_ref().map(|judge| judge.create()),
            })
        },
        |worker, file| {
            let origin = origins.of_photo(file);
            photo::crop(file, origin, &open.root, settings, worker, cutter)
        },
        |_, outcome| {
            context.interrupt.check()?;
            let outcome = outcome?;
            kept.append(&outcome)?;
            outcomes.push(outcome);
            bar.advance(1);
            Ok(())
        },
    )?;
    Ok(outcomes)
}

/// Writes manifest, discarded list, report and stamp.
fn finish(
    open: OpenStage,
    folder: &ImageFolder,
    sides: Option<&GivenSides>,
    outcomes: Vec<PhotoOutcome>,
    from_before: u64,
    started: Instant,
    context: &Context,
) -> Result<CropReport, CropError> {
    let faces_found = outcomes.iter().map(|outcome| outcome.faces).sum();
    let (crops, mut discarded) = without_equal_crops(outcomes, sides);
    discarded.extend(folder.discarded());
    let kept: BTreeSet<String> = crops.iter().map(|crop| crop.file.clone()).collect();
    contact_sheet::write_all(&open.root, &crops, context)?;
    open.sweep(&kept)?;
    jsonl::write(&open.path(MANIFEST_FILE), &crops)?;
    jsonl::write(&open.path(DISCARDED_FILE), &discarded)?;
    let report = CropReport {
        from_before,
        ..CropReport::new(
            &open.root,
            folder,
            faces_found,
            &crops,
            &discarded,
            started.elapsed(),
        )
    };
    atomic::write_json(&open.path(REPORT_FILE), &report)?;
    open.finish(report.counts())?;
    Ok(report)
}

/// Equal crops of one label share a file by content: one photo keeps it, and the others are listed as its
/// duplicates. That is the first photo; of photos on different sides of a split the one that is farther from
/// training, as `prepare` does it with copies across sides.
fn without_equal_crops(
    outcomes: Vec<PhotoOutcome>,
    sides: Option<&GivenSides>,
) -> (Vec<CropRecord>, Vec<Discarded>) {
    // Train before val before test.
    let side_of = |photo: &str| sides.and_then(|sides| sides.of(photo));
    let mut first_photo: BTreeMap<String, String> = BTreeMap::new();
    for crop in outcomes.iter().flat_map(|outcome| &outcome.crops) {
        let photo = &crop.source.file;
        let first = first_photo
            .entry(crop.file.clone())
            .or_insert_with(|| photo.clone());
        if side_of(photo) > side_of(first) {
            first.clone_from(photo);
        }
    }
    let mut taken = BTreeSet::new();
    let (mut kept, mut discarded) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        let whole_photo = outcome.crops.len() == 1;
        discarded.extend(outcome.discarded);
        for crop in outcome.crops {
            match &first_photo[&crop.file] {
                first if *first == crop.source.file && taken.insert(crop.file.clone()) => {
                    kept.push(crop);
                }
                first => discarded.push(Discarded {
                    reason: if side_of(first) == side_of(&crop.source.file) {
                        Reason::ExactDuplicate
                    } else {
                        Reason::SplitLeak
                    },
                    item: crop.source.file,
                    kind: if whole_photo {
                        ItemKind::Image
                    } else {
                        ItemKind::Face
                    },
                    label: Some(crop.label),
                    message: format!("gives the same crop as `{first}`"),
                    related: vec![first.clone()],
                    distance: None,
                    photo: None,
                    face: crop.face,
                }),
            }
        }
    }
    (kept, discarded)
}
