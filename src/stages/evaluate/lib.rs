//! Evaluates a model on a side of a data set: figures with intervals, curves, how far its
//! probabilities can be trusted, its behaviour with strangers, and a page that shows all of it.

mod answers;
mod csv_list;
mod curve;
mod error;
mod gallery;
mod groups;
mod interval;
mod known_found;
mod metrics;
mod one_vs_rest;
mod open_set;
mod output;
mod page;
mod pairs;
mod photo_faces;
mod plot;
mod report;
mod separation;
mod training;
mod verification;

use std::io;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;
use tch::Device;

use answers::SideAnswers;
use facepipe_core::artifacts::apart::ensure_apart;
use facepipe_core::artifacts::image_folder::{Fingerprint, ImageFolder, LabelledFile};
use facepipe_core::artifacts::model_folder::{self, BEST_FILE};
use facepipe_core::artifacts::stage::{self, Begin, Request, Stamp};
use facepipe_core::artifacts::{atomic, digest};
use facepipe_core::context::{Context, Remake};
use facepipe_core::types::{Split, Stage};
use facepipe_faces::face_cutter::FaceTools;
use facepipe_imaging::data_set::{self, Checked, DataFolder};
use facepipe_nn::{Classifier, use_threads};
use groups::GroupList;
use open_set::Impostors;
use pairs::Pair;
use photo_faces::{Photo, PhotoFaces, Wanted};
use verification::Compared;

pub use curve::AcceptRate;
pub use error::EvaluateError;
pub use groups::{
    ComparisonBound, ENOUGH_PEOPLE, ErrorRate, GroupFigures, Groups, RecognitionBound,
};
pub use known_found::KnownFound;
pub use metrics::{ClassMetrics, Metrics};
pub use one_vs_rest::{ClassAreas, MeanCurves, OneVsRest};
pub use open_set::OpenSet;
pub use report::{CalibrationFigures, ENOUGH_TO_CALIBRATE, Report};
pub use separation::{FALSE_ACCEPT_RATES, ScoreKind, Separation};
pub use verification::{Accuracy, Verification};

/// A threshold with as many digits as distinguish it from 1: calibrated probabilities are often just below.
#[must_use]
pub fn threshold_text(threshold: f64) -> String {
    /// Digits behind the point.
    const DIGITS: (usize, usize) = (4, 10);
    let below_one = 1.0 - threshold;
    let digits = if below_one > 0.0 {
        1.0 - below_one.log10().floor()
    } else {
        4.0
    };
    let digits = (digits as usize).clamp(DIGITS.0, DIGITS.1);
    format!("{threshold:.digits$}")
}

pub use facepipe_core::words::percent as rate_text;

/// Images that the network sees at once.
const BATCH: usize = 32;

/// The input of an evaluation.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    /// The model's folder.
    pub model: &'a Path,
    /// The data set.
    pub data: &'a Path,
    /// Its side.
    pub split: Split,
    /// The report's folder.
    pub out: &'a Path,
    /// Where the network runs.
    pub device: Device,
    /// A folder of photos of strangers.
    pub impostors: Option<&'a Path>,
    /// The share of strangers that may be taken for a known person: it decides the model's threshold.
    pub false_accept_rate: f64,
    /// A list of pairs of photos.
    pub pairs: Option<PairList<'a>>,
    /// A CSV file that says to which group of people each person belongs.
    pub groups: Option<&'a Path>,
    /// Whether an earlier report that is the same but for strangers, pairs or groups, which are not given now, is kept.
    pub keep_more: bool,
    /// The detector for these photos, where the model's images were cut out of photos.
    pub tools: Option<&'a FaceTools>,
}

impl Task<'_> {
    /// The default of `false_accept_rate`.
    pub const FALSE_ACCEPT_RATE: f64 = 0.01;
}

/// A list of pairs of photos.
#[derive(Debug, Clone, Copy)]
pub struct PairList<'a> {
    /// The CSV file.
    pub list: &'a Path,
    /// The folder that its paths start from.
    pub root: &'a Path,
}

#[derive(Debug, Serialize)]
struct Settings {
    split: Split,
    #[serde(skip_serializing_if = "Option::is_none")]
    false_accept_rate: Option<f64>,
    seed: u64,
}

#[derive(Debug, Serialize)]
struct Inputs {
    data: Fingerprint,
    weights_sha256: String,
    temperature: f64,
    impostors: Option<Fingerprint>,
    pairs: Option<Fingerprint>,
    pairs_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups_sha256: Option<String>,
}

/// Photos beside the data set.
#[derive(Debug, Default)]
struct Others {
    impostors: Option<open_set::Listed>,
    pairs: Option<Vec<Pair>>,
    groups: Option<GroupList>,
}

/// All results, for the files of the report.
struct Findings<'a> {
    task: &'a Task<'a>,
    classifier: &'a Classifier,
    data: &'a DataFolder,
    checked: &'a Checked,
    answers: &'a SideAnswers,
    predictions: Vec<answers::Prediction>,
    impostors: Option<Impostors>,
    compared: Option<Vec<Compared>>,
    group_list: Option<GroupList>,
    discarded: Vec<facepipe_core::types::Discarded>,
    photo_faces: PhotoFaces<'a>,
}

/// Evaluates a model.
///
/// A report that was made before with other settings or of other photos is made again: nothing in it
/// is lost that can't be computed again.
///
/// # Errors
/// [`EvaluateError`].
pub fn run(task: &Task<'_>, context: &Context) -> Result<Report, EvaluateError> {
    let started = Instant::now();
    use_threads(context.threads);
    let classifier = Classifier::open(task.model, task.device)?;
    let card = classifier.card();
    let data = data_set::read(task.data)?;
    let labels = answers::label_numbers(task, &data, card)?;
    let others = others(task, card)?;
    for input in [Some(task.data), task.impostors].into_iter().flatten() {
        ensure_apart(input, task.out)?;
    }
    let settings = Settings {
        split: task.split,
        false_accept_rate: task
            .impostors
            .or(task.groups)
            .map(|_| task.false_accept_rate),
        seed: context.seed,
    };
    let inputs = Inputs {
        data: data.fingerprint.clone(),
        weights_sha256: digest::sha256_of_file(&task.model.join(BEST_FILE))?,
        temperature: card.temperature,
        impostors: fingerprint(others.impostors.iter().flat_map(|listed| &listed.photos))?,
        pairs: fingerprint(
            others
                .pairs
                .iter()
                .flatten()
                .flat_map(|pair| [&pair.a, &pair.b]),
        )?,
        pairs_sha256: match task.pairs {
            Some(pairs) => Some(digest::sha256_of_file(pairs.list)?),
            None => None,
        },
        groups_sha256: task.groups.map(digest::sha256_of_file).transpose()?,
    };
    let folder = match begin(task, &settings, &inputs, context)? {
        Begin::UpToDate(_) => return report::of_before(task.out),
        Begin::Work(folder) => folder,
    };
    for unfinished in [task.out, task.model] {
        atomic::remove_unfinished(unfinished)?;
    }
    let checked = data_set::check(&data, task.split, context)?;
    if checked.usable.is_empty() {
        return Err(EvaluateError::NoImages {
            data: task.data.to_owned(),
            split: task.split,
        });
    }
    // Each network's alignment is cut from the same crops.
    if data.chip.aligned_as(card.chip.alignment()) != card.chip {
        context.progress.note(
            "the images of this data set were cut out of photos in another way than those that \
             the model was trained on",
        );
    }
    let answers = answers::ask(&classifier, &checked, &labels, task, context)?;
    let findings = look_at_others(
        task,
        &classifier,
        &data,
        &checked,
        &answers,
        others,
        context,
    )?;
    let mut report = findings.report(context)?;
    report.seconds = started.elapsed().as_secs_f64();
    findings.write(&folder, &report, context)?;
    note_in_card(task, &checked, &report, context)?;
    folder.finish(report.counts())?;
    Ok(report)
}

/// Opens the report's folder; one that was made differently is made again.
fn begin(
    task: &Task<'_>,
    settings: &Settings,
    inputs: &Inputs,
    context: &Context,
) -> Result<Begin, EvaluateError> {
    if task.keep_more
        && context.remake != Remake::Everything
        && let Some(stamp) = stage::read_stamp(task.out)?
        && tells_more(&stamp, settings, inputs)?
    {
        return Ok(Begin::UpToDate(stamp));
    }
    let request = Request {
        stage: Stage::Evaluate,
        settings,
        inputs,
        tools: &[],
    };
    let changes = request.changed_settings(task.out)?;
    if !changes.is_empty() {
        let changes = changes.join("; ");
        context
            .progress
            .note(&format!("the report is made again: {changes}"));
    }
    let remake = context.remake.max(Remake::OtherSettings);
    let begin = stage::begin(task.out, &request, remake)?;
    if let Begin::Work(folder) = &begin
        && let Some(update) = folder.update()
    {
        context.progress.note(&update);
    }
    Ok(begin)
}

/// Whether an earlier report is complete, and the same but for strangers, pairs or groups beside.
fn tells_more(stamp: &Stamp, settings: &Settings, inputs: &Inputs) -> io::Result<bool> {
    let without = |mut value: Value, beside: &[&str]| {
        if let Value::Object(fields) = &mut value {
            fields.retain(|name, _| !beside.contains(&name.as_str()));
        }
        value
    };
    let same = |of_before: &Value, now: Value, beside: &[&str]| {
        without(of_before.clone(), beside) == without(now, beside)
    };
    if inputs.impostors.is_some() || inputs.pairs.is_some() || inputs.groups_sha256.is_some() {
        return Ok(false);
    }
    let settings = serde_json::to_value(settings)?;
    let inputs = serde_json::to_value(inputs)?;
    Ok(stamp.is_of(Stage::Evaluate)
        && stamp.complete
        && same(&stamp.settings, settings, &["false_accept_rate"])
        && same(
            &stamp.inputs,
            inputs,
            &["impostors", "pairs", "pairs_sha256", "groups_sha256"],
        ))
}

/// Lists strangers, pairs and groups.
fn others(
    task: &Task<'_>,
    card: &facepipe_core::types::ModelCard,
) -> Result<Others, EvaluateError> {
    let impostors = task.impostors.map(|folder| open_set::list(folder, card));
    let pairs = task.pairs.map(|pairs| pairs::read(pairs.list, pairs.root));
    Ok(Others {
        impostors: impostors.transpose()?,
        pairs: pairs.transpose()?,
        groups: task.groups.map(groups::read).transpose()?,
    })
}

/// A digest of the state of some photos; `None` without any.
fn fingerprint<'a>(
    photos: impl Iterator<Item = &'a Photo>,
) -> Result<Option<Fingerprint>, EvaluateError> {
    let files: Vec<_> = photos
        .map(|photo| LabelledFile {
            label: String::new(),
            relative: photo.name.clone(),
            path: photo.path.clone(),
        })
        .collect();
    if files.is_empty() {
        return Ok(None);
    }
    let folder = ImageFolder {
        files,
        ..ImageFolder::default()
    };
    Ok(Some(folder.fingerprint()?))
}

/// Runs the model on strangers and pairs.
fn look_at_others<'a>(
    task: &'a Task<'a>,
    classifier: &'a Classifier,
    data: &'a DataFolder,
    checked: &'a Checked,
    answers: &'a SideAnswers,
    others: Others,
    context: &Context,
) -> Result<Findings<'a>, EvaluateError> {
    let temperature = classifier.card().temperature;
    // Whole images of a data set need no detector, and neither does a report without other photos.
    let photo_faces = if others.impostors.is_some() || others.pairs.is_some() {
        PhotoFaces::new(classifier, task.tools)?
    } else {
        PhotoFaces::of_whole_images(classifier)
    };
    let mut discarded = checked.discarded.clone();
    let mut impostors = None;
    if let (Some(strangers), Some(folder)) = (others.impostors, task.impostors) {
        let found = {
            let wanted = Wanted::answers(others.groups.is_some());
            open_set::ask(
                &photo_faces,
                strangers,
                folder,
                wanted,
                temperature,
                context,
            )?
        };
        discarded.extend(found.discarded.iter().cloned());
        impostors = Some(found);
    }
    let mut compared = None;
    if let Some(pairs) = &others.pairs {
        let (found, lost) = verification::compare(&photo_faces, pairs, context)?;
        discarded.extend(lost);
        compared = Some(found);
    }
    Ok(Findings {
        predictions: answers.predictions(temperature),
        task,
        classifier,
        data,
        checked,
        answers,
        impostors,
        compared,
        group_list: others.groups,
        discarded,
        photo_faces,
    })
}

/// Puts the figures into the model's card, if they are of the card's data set, and the
/// threshold for strangers.
fn note_in_card(
    task: &Task<'_>,
    checked: &Checked,
    report: &Report,
    context: &Context,
) -> Result<(), EvaluateError> {
    let mut card = model_folder::read_card(task.model)?;
    let before = card.clone();
    let side = task.split.to_string();
    if card.data.digests.get(&side) == Some(&checked.digest) {
        card.metrics.insert(side, report.summary());
    } else {
        context.progress.note(&format!(
            "these are not the {side} images of the model's own data set: its card keeps its figures"
        ));
    }
    if let Some(open_set) = &report.open_set {
        card.unknown = Some(open_set.card());
    }
    if card != before {
        model_folder::write_card(task.model, &card)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_just_below_one_are_distinguished_from_it() {
        assert_eq!(threshold_text(0.5), "0.5000");
        assert_eq!(threshold_text(0.999_987_65), "0.999988");
        assert_eq!(threshold_text(1.0), "1.0000");
        assert_eq!(threshold_text(-0.25), "-0.2500");
        for (rate, text) in [
            (0.1, "10 %"),
            (0.01, "1 %"),
            (1e-5, "0.001 %"),
            (1e-7, "0.00001 %"),
            (0.015, "1.5 %"),
        ] {
            assert_eq!(rate_text(rate), text);
        }
    }
}
