//! TorchScript: the network as libtorch's own program, with labels and card in the archive.

use std::path::{Path, PathBuf};

use tch::{CModule, Tensor};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{ExportError, Format, embedded};
use crate::artifacts::model_folder::{CARD_FILE, LABELS_FILE};
use crate::artifacts::stage::OpenStage;
use crate::nn::{EXTRA_FOLDER, Network};
use crate::types::ModelCard;

/// Files of a TorchScript archive begin at multiples of this, in bytes: so libtorch writes them,
/// to map tensors into memory.
const ALIGNMENT: u16 = 64;
/// The class of the module in the archive.
const MODULE: &str = "FaceClassifier";
/// Its method.
const METHOD: &str = "forward";
/// Where a file is made before it is checked. libtorch names the archive's folder after the file,
/// so it has its right name from the start.
/// What a killed export leaves of it the next one removes, by the name's end.
const UNCHECKED_FOLDER: &str = "unchecked.tmp-facepipe";

/// Writes the file to a place of its own, and gives that.
pub(super) fn write(
    folder: &OpenStage,
    network: &Network,
    card: &ModelCard,
    images: &Tensor,
) -> Result<PathBuf, ExportError> {
    let unchecked = folder.path(UNCHECKED_FOLDER);
    fs_err::create_dir(&unchecked)?;
    let path = unchecked.join(Format::Torchscript.file());
    // Two images, so that nothing in the trace can hold for a batch of one alone.
    let two = Tensor::from_slice(&[0, images.size()[0] - 1]);
    let example = [images.index_select(0, &two)];
    let mut forward = |inputs: &[Tensor]| vec![network.forward(&inputs[0])];
    let script =
        tch::no_grad(|| CModule::create_by_tracing(MODULE, METHOD, &example, &mut forward))?;
    script.save(&path)?;
    add_extra_files(&path, card)?;
    fs_err::File::open(&path)?.sync_all()?;
    Ok(path)
}

/// Adds labels and card where PyTorch's `torch.jit.load(…, _extra_files=…)` finds them. What
/// libtorch wrote stays as it is.
fn add_extra_files(path: &Path, card: &ModelCard) -> Result<(), ExportError> {
    let cannot = |source| ExportError::Archive {
        path: path.to_owned(),
        source,
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let file = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)?;
    let mut archive = ZipWriter::new_append(file).map_err(cannot)?;
    let labels = serde_json::to_vec(&card.labels).map_err(std::io::Error::from)?;
    let card = serde_json::to_vec_pretty(&embedded(card)).map_err(std::io::Error::from)?;
    for (name, bytes) in [(LABELS_FILE, labels), (CARD_FILE, card)] {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .with_alignment(ALIGNMENT);
        archive
            .start_file(format!("{stem}/{EXTRA_FOLDER}/{name}"), options)
            .map_err(cannot)?;
        std::io::Write::write_all(&mut archive, &bytes)?;
    }
    archive.finish().map_err(cannot)?;
    Ok(())
}

/// Opens a file as any user of it would.
pub(super) fn open(path: &Path) -> Result<CModule, ExportError> {
    let mut script = CModule::load(path)?;
    script.f_set_eval()?;
    Ok(script)
}

/// Moves a checked file to its place.
pub(super) fn accept(unchecked: &Path, path: &Path) -> Result<(), ExportError> {
    fs_err::rename(unchecked, path)?;
    if let Some(folder) = unchecked.parent() {
        fs_err::remove_dir(folder)?;
    }
    if let Some(folder) = path.parent() {
        fs_err::File::open(folder)?.sync_all()?;
    }
    Ok(())
}
