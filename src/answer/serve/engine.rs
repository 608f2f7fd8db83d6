//! A model with its threads: what a reload replaces.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use axum::body::Bytes;
use crossbeam_channel::{Sender, unbounded};
use tokio::sync::oneshot;

use super::batching::{self, Answers, Inference};
use super::error::ServeError;
use super::metrics::Metrics;
use super::model::Opened;
use super::service::Slot;
use super::settings::Settings;
use super::workers::{self, Job, Parts, Task};
use facepipe_core::types::{ChipSpec, ModelCard};
use facepipe_predict::Naming;

/// A model with its threads. They end when the last handle is dropped.
pub struct Engine {
    parts: Arc<Parts>,
    jobs: Sender<Job>,
    model: Sender<Inference>,
    /// How the model's answers become labels.
    pub(super) naming: Naming,
    /// SHA-256 of its weights.
    pub(super) sha256: String,
    /// Where it runs.
    pub(super) device: String,
    /// Whether its card has the expected answer to the reference picture, and the answer matched.
    was_compared: bool,
}

impl Engine {
    /// Starts the threads, and runs the model and the detectors once.
    ///
    /// # Errors
    /// [`ServeError`], also where the model's answer differs from its card's.
    pub(super) fn start(
        opened: Opened,
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> Result<(Self, Vec<JoinHandle<()>>), ServeError> {
        let is_whole = matches!(opened.card.chip, ChipSpec::Whole);
        let naming = settings.naming.for_model(&opened.card);
        let parts = Arc::new(Parts {
            card: opened.card,
            tools: opened.tools,
            embedding: opened.embedding,
            chips: settings.chips || is_whole,
            pixels: settings.limits.pixels,
            metrics: metrics.clone(),
        });
        let (model, thread, was_compared) = batching::start(
            opened.model,
            settings.batching,
            settings.threads,
            metrics.clone(),
        )?;
        let (jobs, receiver) = unbounded();
        let mut threads = workers::start(&parts, settings.threads, &receiver, &model)?;
        threads.push(thread);
        let engine = Self {
            parts,
            jobs,
            model,
            naming,
            sha256: opened.sha256,
            device: opened.device,
            was_compared,
        };
        Ok((engine, threads))
    }

    /// Faces whose embeddings are nearer than this are one person; without an embedder none are.
    pub(super) fn same_person_distance(&self) -> f32 {
        let embedding = self.parts.embedding.as_ref().ok();
        embedding.map_or(0.0, |embedding| {
            embedding.embedders.model().distances.same_person
        })
    }

    /// The model's card.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.parts.card
    }

    /// Whether its card has the expected answer to the reference picture, and the answer matched.
    #[must_use]
    pub const fn was_compared(&self) -> bool {
        self.was_compared
    }

    /// Whether images are faces already, unless a request says otherwise.
    pub(super) fn chips(&self) -> bool {
        self.parts.chips
    }

    /// The detector's name, or why there is none.
    pub(super) fn detector(&self) -> Result<&str, &str> {
        let tools = self.parts.tools.as_ref();
        tools
            .map(|tools| tools.detectors.name())
            .map_err(String::as_str)
    }

    /// Why there are no embeddings; `None`: there are.
    pub(super) fn no_embeddings(&self) -> Option<&str> {
        let embedding = self.parts.embedding.as_ref().err();
        let tools = self.parts.tools.as_ref().err();
        embedding.or(tools).map(String::as_str)
    }

    /// Sends a photo to a worker.
    pub(super) fn submit(&self, photo: Bytes, slot: Arc<Slot>, task: Task) {
        let since = Instant::now();
        // The workers outlive the engine; if they do not, the reply's receiver reports it.
        let _ = self.jobs.send(Job {
            photo,
            slot,
            since,
            task,
        });
    }

    /// Runs the model on preprocessed images.
    pub(super) fn infer(
        &self,
        images: Vec<Vec<f32>>,
        slot: Arc<Slot>,
    ) -> oneshot::Receiver<Answers> {
        let (reply, answers) = oneshot::channel();
        let since = Instant::now();
        // As above.
        let _ = self.model.send(Inference {
            images,
            slot,
            since,
            reply,
        });
        answers
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("model", &self.parts.card.name)
            .finish_non_exhaustive()
    }
}
