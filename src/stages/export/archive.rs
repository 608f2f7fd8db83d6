//! The archive that `torch.save` and `torch.jit.save` write: a zip file without compression, one
//! folder, tensors' numbers on addresses that can be mapped into memory.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tch::{Device, Tensor};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::pickle::storage_class;
use super::{Content, ExportError};
use facepipe_core::artifacts::model_folder::{CARD_FILE, LABELS_FILE};
use facepipe_nn::EXTRA_FOLDER;
use facepipe_nn::tensor_file::TensorFileError;

/// Files of an archive begin at multiples of this, in bytes: so PyTorch writes them.
const ALIGNMENT: u16 = 64;
/// The archive's one folder.
const FOLDER: &str = "model";

/// A tensor as it goes into an archive.
#[derive(Debug)]
pub(super) struct Stored {
    /// Its name in the network.
    pub(super) name: String,
    /// Row by row, on the CPU.
    pub(super) tensor: Tensor,
    /// The name of its numbers in the archive.
    pub(super) key: String,
    /// PyTorch's class of its numbers.
    pub(super) class: &'static str,
}

/// Tensors made ready for the archive at `path`.
pub(super) fn stored(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, Tensor)>,
) -> Result<Vec<Stored>, ExportError> {
    let ready = |(number, (name, tensor)): (usize, (String, Tensor))| {
        let Some(class) = storage_class(tensor.kind()) else {
            return Err(ExportError::Tensors(TensorFileError::Kind {
                path: path.to_owned(),
                name,
                kind: format!("{:?}", tensor.kind()),
            }));
        };
        Ok(Stored {
            name,
            tensor: tensor.detach().to_device(Device::Cpu).contiguous(),
            key: number.to_string(),
            class,
        })
    };
    tensors.into_iter().enumerate().map(ready).collect()
}

/// An archive under way.
pub(super) struct Archive {
    path: PathBuf,
    zip: ZipWriter<BufWriter<fs_err::File>>,
}

impl Archive {
    pub(super) fn create(path: &Path) -> Result<Self, ExportError> {
        let file = fs_err::File::create(path)?;
        Ok(Self {
            path: path.to_owned(),
            zip: ZipWriter::new(BufWriter::new(file)),
        })
    }

    /// Adds a file.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .with_alignment(ALIGNMENT);
        let start = self.zip.start_file(format!("{FOLDER}/{name}"), options);
        start.map_err(|source| error(&self.path, source))?;
        Ok(self.zip.write_all(bytes)?)
    }

    /// Adds the values of tensors.
    pub(super) fn add_tensors(&mut self, tensors: &[Stored]) -> Result<(), ExportError> {
        for stored in tensors {
            self.add(&format!("data/{}", stored.key), &bytes(&stored.tensor))?;
        }
        Ok(())
    }

    /// Adds labels and card where `torch.jit.load(…, _extra_files=…)` finds them.
    pub(super) fn add_card(&mut self, content: &Content<'_>) -> Result<(), ExportError> {
        for (file, text) in [
            (LABELS_FILE, content.labels_json()?),
            (CARD_FILE, content.card_json()?),
        ] {
            self.add(&format!("{EXTRA_FOLDER}/{file}"), text.as_bytes())?;
        }
        Ok(())
    }

    /// Completes the file; it is on the disk then.
    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        // PyTorch reads it where the machines' byte orders differ.
        self.add("byteorder", b"little")?;
        let finished = self.zip.finish();
        let mut file = finished.map_err(|source| error(&self.path, source))?;
        file.flush()?;
        Ok(file.get_ref().sync_all()?)
    }
}

fn error(path: &Path, source: ZipError) -> ExportError {
    match source {
        ZipError::Io(source) => source.into(),
        source => ExportError::Archive {
            path: path.to_owned(),
            source,
        },
    }
}

/// A tensor's numbers, least byte first.
pub(super) fn bytes(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}
