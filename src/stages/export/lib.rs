//! Writes a model's network in the formats of other programs, and checks each file by opening it
//! again.

mod archive;
mod check;
mod content;
mod error;
mod files;
mod format;
mod modules;
mod onnx;
mod pickle;
mod pth;
mod torchscript;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::Device;

use check::Samples;
use content::{Content, embedded};
use facepipe_core::artifacts::model_folder::{self, BEST_FILE};
use facepipe_core::artifacts::stage::{self, Begin, OpenStage, REPORT_FILE, Request};
use facepipe_core::artifacts::{atomic, digest};
use facepipe_core::context::{Context, Remake};
use facepipe_core::types::{ExportCard, ModelCard, Stage};
use facepipe_nn::{open_label_means, open_network, tensor_file, use_threads};
use files::Writer;

pub use check::MAX_DIFFERENCE;
pub use error::ExportError;
pub use format::Format;

/// Inputs and the trained network's probabilities of them, for checks by other programs.
const CHECK_FILE: &str = "check.safetensors";
/// Where files are made before they are checked; leftovers of a killed export are removed
/// by the next one, by the name's ending.
const UNCHECKED_FOLDER: &str = "unchecked.tmp-facepipe";

/// The input of an export.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    /// The model's folder.
    pub model: &'a Path,
    /// The requested formats; those of earlier exports are kept up to date.
    pub formats: &'a [Format],
    /// The output folder.
    pub out: &'a Path,
}

#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    formats: Vec<Format>,
}

#[derive(Debug, Serialize)]
struct Inputs {
    weights_sha256: String,
    /// Of the card as it is in the files.
    card_sha256: String,
}

impl Inputs {
    fn of(model: &Path, card: &ModelCard) -> std::io::Result<Self> {
        let text = serde_json::to_vec(&embedded(card))?;
        Ok(Self {
            weights_sha256: digest::sha256_of_file(&model.join(BEST_FILE))?,
            card_sha256: digest::sha256_hex(&text),
        })
    }
}

/// Whether exported files are those of a model as it is: of its weights, and with its card.
///
/// # Errors
/// [`ExportError`].
pub fn is_current(model: &Path, export: &Path) -> Result<bool, ExportError> {
    let card = model_folder::read_card(model)?;
    let inputs = serde_json::to_value(Inputs::of(model, &card)?).map_err(std::io::Error::from)?;
    let stamp = stage::read_stamp(export)?;
    Ok(stamp.is_some_and(|stamp| {
        stamp.is_of(Stage::Export) && stamp.complete && stamp.inputs == inputs
    }))
}

/// The result of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The folder, as it was given.
    #[serde(with = "facepipe_core::artifacts::path_text::as_text")]
    pub export: PathBuf,
    /// The files, by format.
    pub files: BTreeMap<Format, ExportCard>,
    /// Time that it took, in seconds.
    pub seconds: f64,
}

/// Exports a model. The network runs on the CPU, so that the files do not depend on the machine's
/// other devices.
///
/// # Errors
/// [`ExportError`], also when a file does not give the network's answers.
pub fn run(task: &Task<'_>, context: &Context) -> Result<Report, ExportError> {
    let started = Instant::now();
    use_threads(context.threads);
    let card = model_folder::read_card(task.model)?;
    let inputs = Inputs::of(task.model, &card)?;
    let settings = settings(task)?;
    let request = Request {
        stage: Stage::Export,
        settings: &settings,
        inputs: &inputs,
        tools: &[],
    };
    // Files of a model that has changed are made again, and other formats join them.
    let remake = context.remake.max(Remake::OtherSettings);
    let folder = match stage::begin(task.out, &request, remake)? {
        Begin::UpToDate(_) => return report_of_before(task.out),
        Begin::Work(folder) => folder,
    };
    atomic::remove_unfinished(task.out)?;
    // A model that can't be written to can be exported elsewhere all the same.
    let _ = atomic::remove_unfinished(task.model);
    let network = open_network(task.model, &card, Device::Cpu)?;
    let means = open_label_means(task.model, &card, &network)?;
    let samples = Samples::read(task.model, &network, means.as_ref(), &card)?;
    let writer = Writer {
        network: &network,
        means: means.as_ref(),
        card: &card,
        samples: &samples,
        threads: context.threads,
    };
    let unchecked = folder.path(UNCHECKED_FOLDER);
    let made = make_all(&writer, &settings.formats, &unchecked, context);
    let files = match made.and_then(|files| accept_all(files, &folder, &unchecked)) {
        Ok(files) => files,
        Err(error) => {
            // The first error is the one to report; on a full disk this makes room.
            let _ = fs_err::remove_dir_all(&unchecked);
            return Err(error);
        }
    };
    note_in_card(task.model, card, &files, context)?;
    let report = Report {
        export: task.out.to_owned(),
        files,
        seconds: started.elapsed().as_secs_f64(),
    };
    atomic::write_json(&folder.path(REPORT_FILE), &report)?;
    let count = report.files.len() as u64;
    folder.finish(BTreeMap::from([("files".to_owned(), count)]))?;
    Ok(report)
}

/// Makes and checks all files beside those of an earlier export, which stay until all are good.
fn make_all(
    writer: &Writer<'_>,
    formats: &[Format],
    unchecked: &Path,
    context: &Context,
) -> Result<BTreeMap<Format, ExportCard>, ExportError> {
    fs_err::create_dir(unchecked)?;
    let bar = context
        .progress
        .start(Stage::Export.name(), Some(formats.len() as u64));
    let mut files = BTreeMap::new();
    for format in formats {
        context.interrupt.check()?;
        let card = writer.make(*format, &unchecked.join(format.file()))?;
        files.insert(*format, card);
        bar.advance(1);
    }
    let check = unchecked.join(CHECK_FILE);
    tensor_file::write(&check, &writer.samples.tensors(), None)?;
    Ok(files)
}

/// Moves checked files to their places.
fn accept_all(
    files: BTreeMap<Format, ExportCard>,
    folder: &OpenStage,
    unchecked: &Path,
) -> Result<BTreeMap<Format, ExportCard>, ExportError> {
    let names = files.values().map(|card| &*card.file);
    for name in names.chain([CHECK_FILE]) {
        fs_err::rename(unchecked.join(name), folder.path(name))?;
    }
    fs_err::remove_dir(unchecked)?;
    fs_err::File::open(&folder.root)?.sync_all()?;
    Ok(files)
}

/// The formats that are asked for, and those of an earlier export: its files are kept in step with the model.
fn settings(task: &Task<'_>) -> Result<Settings, ExportError> {
    let mut formats = task.formats.to_vec();
    if let Some(stamp) = stage::read_stamp(task.out)?
        && stamp.is_of(Stage::Export)
        && let Ok(of_before) = serde_json::from_value::<Settings>(stamp.settings)
    {
        formats.extend(of_before.formats);
    }
    formats.sort();
    formats.dedup();
    Ok(Settings { formats })
}

fn note_in_card(
    model: &Path,
    mut card: ModelCard,
    files: &BTreeMap<Format, ExportCard>,
    context: &Context,
) -> Result<(), ExportError> {
    let named = files
        .iter()
        .map(|(format, file)| (format.name().to_owned(), file.clone()));
    card.exports = named.collect();
    match model_folder::write_card(model, &card) {
        Err(error) if is_closed(&error) => {
            let name = model.display();
            let text = format!(
                "`{name}` can't be written to: the model's card does not name the exported files"
            );
            context.progress.note(&text);
            Ok(())
        }
        written => Ok(written?),
    }
}

fn is_closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

fn report_of_before(out: &Path) -> Result<Report, ExportError> {
    let bytes = fs_err::read(out.join(REPORT_FILE))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(std::io::Error::from)?;
    Ok(Report {
        export: out.to_owned(),
        ..report
    })
}

#[cfg(test)]
mod tests;
