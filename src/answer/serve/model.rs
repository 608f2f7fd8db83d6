//! A model as the server needs it.

use std::error::Error;

use facepipe_core::ports::{FaceEmbedderFactory, LandmarkModel};
use facepipe_core::types::ModelCard;
use facepipe_faces::face_cutter::FaceTools;
use facepipe_nn::{Answer, Classifier, ModelError, input_tensor};

/// Labels chips. One thread owns it; another implementation (a constant, say) is for measuring the
/// server itself.
pub trait LabelModel: Send {
    /// What it says of each image.
    ///
    /// # Shapes
    /// Each image is `[3, height, width]`, preprocessed as the model's card says.
    ///
    /// # Errors
    /// The network fails.
    fn answers(&mut self, images: &[Vec<f32>]) -> Result<Vec<Answer>, ModelError>;

    /// Whether it gives the answer in its card; `false` where the card has none.
    ///
    /// # Errors
    /// The answer differs, or there is none.
    fn check(&mut self) -> Result<bool, ModelError>;
}

impl LabelModel for Classifier {
    fn answers(&mut self, images: &[Vec<f32>]) -> Result<Vec<Answer>, ModelError> {
        let images = input_tensor(images, &self.card().input);
        Self::answers(self, &images)
    }

    fn check(&mut self) -> Result<bool, ModelError> {
        Self::check(self)
    }
}

/// What makes embeddings of faces.
pub struct Embedding {
    /// Finds the points by which faces are aligned.
    pub landmarks: Box<dyn LandmarkModel>,
    /// Makes the embeddings.
    pub embedders: Box<dyn FaceEmbedderFactory>,
}

/// An opened model with all that belongs to it.
pub struct Opened {
    /// The model.
    pub model: Box<dyn LabelModel>,
    /// Its card.
    pub card: ModelCard,
    /// SHA-256 of its weights or file.
    pub sha256: String,
    /// Where it runs.
    pub device: String,
    /// Finds faces; without it, why there is nothing.
    pub tools: Result<FaceTools, String>,
    /// Makes embeddings; without it, why there is nothing.
    pub embedding: Result<Embedding, String>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Opened")
            .field("card", &self.card)
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}

/// Opens the model again, for a reload.
pub type Reopen = Box<dyn Fn() -> Result<Opened, Box<dyn Error + Send + Sync>> + Send + Sync>;
