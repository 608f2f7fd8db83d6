//! Writes a model's network in the formats of other programs, and checks each file by opening it
//! again.

mod check;
mod error;
mod torchscript;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::Device;

use crate::artifacts::model_folder::{self, BEST_FILE};
use crate::artifacts::stage::{self, Begin, OpenStage, REPORT_FILE};
use crate::artifacts::{atomic, digest};
use crate::context::Context;
use crate::nn::{Network, load_weights, open_network, tensor_file, use_threads};
use crate::types::{ExportCard, ModelCard};
use check::Samples;

pub use check::MAX_DIFFERENCE;
pub use error::ExportError;

/// The stage's name in stamps.
const STAGE: &str = "export";
/// Inputs and the trained network's probabilities of them, for checks by other programs.
const CHECK_FILE: &str = "check.safetensors";

/// Formats of exported files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A program for libtorch and PyTorch, with labels and card inside.
    Torchscript,
    /// The tensors by torchvision's names, with the card inside.
    Safetensors,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Torchscript, Self::Safetensors];

    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torchscript => "torchscript",
            Self::Safetensors => "safetensors",
        }
    }

    /// The file in the model's `export` folder.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Torchscript => "model.pt",
            Self::Safetensors => "model.safetensors",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!("`{text}` is not one of {names}")
            })
    }
}

/// What is exported.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    /// The model's folder.
    pub model: &'a Path,
    /// Which files are wanted; those of earlier exports stay wanted.
    pub formats: &'a [Format],
    /// Where they go.
    pub out: &'a Path,
}

#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    formats: Vec<Format>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Inputs {
    weights_sha256: String,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The folder, as it was given.
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
/// [`ExportError`], also when a file does not give what the network gives.
pub fn run(task: &Task<'_>, context: &Context) -> Result<Report, ExportError> {
    let started = Instant::now();
    use_threads(context.threads);
    let card = model_folder::read_card(task.model)?;
    let inputs = Inputs {
        weights_sha256: digest::sha256_of_file(&task.model.join(BEST_FILE))?,
    };
    let (settings, force) = settings(task, &inputs, context.force)?;
    let folder = match stage::begin(task.out, STAGE, &settings, &inputs, force)? {
        Begin::UpToDate(_) => return report_of_before(task.out),
        Begin::Work(folder) => folder,
    };
    for unfinished in [task.out, task.model] {
        atomic::remove_unfinished(unfinished)?;
    }
    let network = open_network(task.model, &card, Device::Cpu)?;
    let samples = Samples::read(task.model, &network)?;
    let bar = context
        .progress
        .start(STAGE, Some(settings.formats.len() as u64));
    let mut files = BTreeMap::new();
    for format in settings.formats {
        context.interrupt.check()?;
        files.insert(format, export(format, &folder, &network, &card, &samples)?);
        bar.advance(1);
    }
    tensor_file::write(&folder.path(CHECK_FILE), &samples.tensors(), None)?;
    note_in_card(task.model, card, &files)?;
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

/// Another format joins those of an earlier export of the same network: that is no reason to ask
/// for `--force`.
fn settings(
    task: &Task<'_>,
    inputs: &Inputs,
    force: bool,
) -> Result<(Settings, bool), ExportError> {
    let mut formats = task.formats.to_vec();
    let mut force = force;
    if let Some(stamp) = stage::read_stamp(task.out)? {
        let of_before = serde_json::from_value::<Settings>(stamp.settings);
        let now = serde_json::to_value(inputs).map_err(std::io::Error::from)?;
        if let (Ok(of_before), true) = (of_before, stamp.inputs == now) {
            let is_new = |format: &Format| !of_before.formats.contains(format);
            force |= stamp.stage == STAGE && task.formats.iter().any(is_new);
            formats.extend(of_before.formats);
        }
    }
    formats.sort();
    formats.dedup();
    Ok((Settings { formats }, force))
}

fn export(
    format: Format,
    folder: &OpenStage,
    network: &Network,
    card: &ModelCard,
    samples: &Samples,
) -> Result<ExportCard, ExportError> {
    let path = folder.path(format.file());
    let max_difference = match format {
        Format::Torchscript => {
            let unchecked = torchscript::write(folder, network, card, &samples.images)?;
            let script = torchscript::open(&unchecked)?;
            let difference = samples.compare(format, |images| Ok(script.forward_ts(&[images])?))?;
            torchscript::accept(&unchecked, &path)?;
            difference
        }
        Format::Safetensors => {
            let text = serde_json::to_string(&embedded(card)).map_err(std::io::Error::from)?;
            tensor_file::write(&path, &network.state().tensors(), Some(text))?;
            let again = Network::new(network.backbone(), card.labels.len(), Device::Cpu);
            load_weights(&again, tensor_file::read(&path)?.tensors, &path)?;
            again.freeze();
            samples.compare(format, |images| Ok(again.forward(images)))?
        }
    };
    Ok(ExportCard {
        file: format.file().to_owned(),
        bytes: fs_err::metadata(&path)?.len(),
        sha256: digest::sha256_of_file(&path)?,
        max_difference,
    })
}

/// The card as it stands in an exported file, which can't hold its own digest.
fn embedded(card: &ModelCard) -> ModelCard {
    ModelCard {
        exports: BTreeMap::new(),
        ..card.clone()
    }
}

fn note_in_card(
    model: &Path,
    mut card: ModelCard,
    files: &BTreeMap<Format, ExportCard>,
) -> Result<(), ExportError> {
    let named = files
        .iter()
        .map(|(format, file)| (format.name().to_owned(), file.clone()));
    card.exports = named.collect();
    Ok(model_folder::write_card(model, &card)?)
}

fn report_of_before(out: &Path) -> Result<Report, ExportError> {
    let bytes = fs_err::read(out.join(REPORT_FILE))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(std::io::Error::from)?;
    Ok(Report {
        export: out.to_owned(),
        ..report
    })
}
