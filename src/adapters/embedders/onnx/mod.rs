//! Embeddings by any network in an ONNX file, which a TOML file beside it describes.

mod description;
mod network;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use rten::ThreadPool;

use super::model_file::model_file;
use super::only_chips;
use facepipe_core::ports::{EmbedderError, FaceEmbedder, FaceEmbedderFactory};
use facepipe_core::types::{ChipForm, EmbedderModel, Embedding};
use facepipe_models::onnx::OnnxError;

pub use description::{Channels, Description};
use network::Network;

/// Why an ONNX file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OnnxEmbedderError {
    /// The system's error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A folder or a pipe.
    #[error("`{}` is not a file", .0.display())]
    NoFile(PathBuf),
    /// It is no ONNX file, or contradicts itself.
    #[error(transparent)]
    Read(#[from] OnnxError),
    /// Nothing says what the network takes.
    #[error("`{}` needs a description beside it: there is no `{}`", .onnx.display(), .path.display())]
    NoDescription {
        /// The ONNX file.
        onnx: PathBuf,
        /// Where the description was expected.
        path: PathBuf,
    },
    /// The description can't be understood.
    #[error("`{}`: {problem}", .path.display())]
    Description {
        /// The description.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The engine can't run the network.
    #[error("`{}` can't be run: {problem}", .path.display())]
    Engine {
        /// The ONNX file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The network takes or gives something else than its description says.
    #[error("`{}`: {problem}", .path.display())]
    NotAsDescribed {
        /// The ONNX file.
        path: PathBuf,
        /// What is different.
        problem: String,
    },
}

/// Makes the embedders of an ONNX file; all share its weights. They run on the processor.
pub struct OnnxFactory {
    network: Arc<Network>,
    model: EmbedderModel,
}

impl OnnxFactory {
    /// Reads an ONNX file and its description, and tries the network on three chips.
    ///
    /// # Errors
    /// [`OnnxEmbedderError`].
    pub fn open(path: &Path) -> Result<Self, OnnxEmbedderError> {
        if !fs_err::metadata(path)?.is_file() {
            return Err(OnnxEmbedderError::NoFile(path.to_owned()));
        }
        let bytes = fs_err::read(path)?;
        let description = Description::read_beside(path)?;
        let files = vec![
            model_file(path)?,
            model_file(&Description::path_beside(path))?,
        ];
        let distances = description.distances();
        let (network, length) = Network::open(bytes, path, description)?;
        Ok(Self {
            network: Arc::new(network),
            model: EmbedderModel {
                name: files[0].file.clone(),
                files,
                length,
                distances,
            },
        })
    }

    /// Whether embeddings have to be brought to length 1.
    #[must_use]
    pub fn normalises(&self) -> bool {
        self.network.description().normalise
    }
}

impl FaceEmbedderFactory for OnnxFactory {
    fn model(&self) -> &EmbedderModel {
        &self.model
    }

    fn create(&self) -> Box<dyn FaceEmbedder> {
        // As many as libtorch would get, which computes the other networks on this thread.
        let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1);
        Box::new(OnnxEmbedder {
            form: self.network.description().form(),
            network: self.network.clone(),
            threads: Arc::new(ThreadPool::with_num_threads(threads)),
        })
    }
}

/// One thread's embedder.
struct OnnxEmbedder {
    form: ChipForm,
    network: Arc<Network>,
    threads: Arc<ThreadPool>,
}

impl FaceEmbedder for OnnxEmbedder {
    fn forms(&self) -> &[ChipForm] {
        std::slice::from_ref(&self.form)
    }

    fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
        let chips = only_chips(faces, self.form.size)?;
        let mut embeddings = Vec::with_capacity(chips.len());
        for batch in chips.chunks(self.network.batch()) {
            let found = self.network.embeddings(batch, &self.threads);
            embeddings.extend(found.map_err(EmbedderError::Network)?);
        }
        Ok(embeddings)
    }
}
