//! Embedders of which each computes on one thread: for many in parallel, and for numbers that don't
//! depend on the number of threads.

use std::num::NonZeroUsize;

use facepipe_core::ports::{FaceEmbedder, FaceEmbedderFactory};
use facepipe_core::types::EmbedderModel;
use facepipe_nn::use_threads;

/// Makes the embedders of another factory, with one libtorch thread each.
pub struct OneThreadFactory {
    embedders: Box<dyn FaceEmbedderFactory>,
}

impl OneThreadFactory {
    /// Wraps these embedders.
    #[must_use]
    pub fn new(embedders: Box<dyn FaceEmbedderFactory>) -> Self {
        Self { embedders }
    }
}

impl FaceEmbedderFactory for OneThreadFactory {
    fn model(&self) -> &EmbedderModel {
        self.embedders.model()
    }

    fn create(&self) -> Box<dyn FaceEmbedder> {
        use_threads(NonZeroUsize::MIN);
        self.embedders.create()
    }
}
