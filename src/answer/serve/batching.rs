//! The one thread that owns the model, and how faces of concurrent requests share a batch.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde::Serialize;
use tokio::sync::oneshot;

use super::error::ServeError;
use super::metrics::Metrics;
use super::model::LabelModel;
use super::service::Slot;
use super::settings::seconds;
use facepipe_imaging::image_io::contain;
use facepipe_nn::{Answer, ModelError, use_threads_here};

/// When the model takes the queued requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Batching {
    /// Most faces in a batch.
    pub faces: NonZeroUsize,
    /// Longest wait for the clients of the last batch, from its end on.
    #[serde(rename = "delay_seconds", serialize_with = "seconds")]
    pub delay: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            faces: NonZeroUsize::new(16).unwrap_or(NonZeroUsize::MIN),
            delay: Duration::from_millis(5),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model failed: {0}")]
pub(super) struct NoAnswer(String);

/// What the model says of each image of a request.
pub(super) type Answers = Result<Vec<Answer>, NoAnswer>;

/// Images of one request.
pub(super) struct Inference {
    /// Each `[3, height, width]`.
    pub(super) images: Vec<Vec<f32>>,
    /// The request's place in the server.
    pub(super) slot: Arc<Slot>,
    /// When it was queued.
    pub(super) since: Instant,
    /// The client's end; closed when the client has gone away.
    pub(super) reply: oneshot::Sender<Answers>,
}

/// Starts the thread. It checks and warms the model up before this returns, and ends when no sender
/// is left.
pub(super) fn start(
    mut model: Box<dyn LabelModel>,
    batching: Batching,
    threads: NonZeroUsize,
    metrics: Arc<Metrics>,
) -> Result<(Sender<Inference>, JoinHandle<()>, bool), ServeError> {
    let (sender, receiver) = unbounded();
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    let work = move || {
        use_threads_here(threads);
        let checked = contain(|| warm_up(model.as_mut()));
        let works = matches!(checked, Ok(Ok(_)));
        if ready.send(checked).is_ok() && works {
            Batcher::new(model, receiver, batching, metrics).run();
        }
    };
    let thread = thread::Builder::new()
        .name("model".to_owned())
        .spawn(work)?;
    let checked = is_ready
        .recv()
        .map_err(|error| ServeError::Thread(error.to_string()))?;
    let was_compared = checked.map_err(ServeError::Thread)??;
    Ok((sender, thread, was_compared))
}

/// A TorchScript file is compiled during its first calls.
const WARM_UPS: usize = 3;

fn warm_up(model: &mut dyn LabelModel) -> Result<bool, ModelError> {
    let mut was_compared = false;
    for _ in 0..WARM_UPS {
        was_compared = model.check()?;
    }
    Ok(was_compared)
}

struct Batcher {
    model: Box<dyn LabelModel>,
    receiver: Receiver<Inference>,
    batching: Batching,
    metrics: Arc<Metrics>,
    /// When the last batch ended.
    last_batch_end: Instant,
    /// Number of requests then: answered or queued.
    last_requests: usize,
}

impl Batcher {
    fn new(
        model: Box<dyn LabelModel>,
        receiver: Receiver<Inference>,
        batching: Batching,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            model,
            receiver,
            batching,
            metrics,
            last_batch_end: Instant::now(),
            last_requests: 0,
        }
    }

    fn run(mut self) {
        while let Ok(first) = self.receiver.recv() {
            let batch = self.gather(first);
            self.answer(batch);
        }
    }

    /// All queued requests, up to the limit of faces.
    ///
    /// A client that was just answered probably sends its next request at once, as a program does
    /// that sends one photo after the other; so it pays to wait for as many requests as there were
    /// then. A single client never waits, nor does the first request after a pause.
    fn gather(&self, first: Inference) -> Vec<Inference> {
        let until = self.last_batch_end + self.batching.delay;
        let mut faces = first.images.len();
        let mut batch = vec![first];
        while faces < self.batching.faces.get() {
            let next = match self.receiver.try_recv() {
                Ok(next) => next,
                Err(_) if batch.len() >= self.last_requests => break,
                Err(_) => match self.receiver.recv_deadline(until) {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            faces += next.images.len();
            batch.push(next);
        }
        batch
    }

    fn answer(&mut self, mut batch: Vec<Inference>) {
        batch.retain(|inference| !inference.reply.is_closed());
        for inference in &batch {
            let waited = inference.since.elapsed();
            self.metrics.model_queue.observe(waited.as_secs_f64());
        }
        let (requests, images): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(
                |Inference {
                     images,
                     reply,
                     slot,
                     ..
                 }| ((images.len(), reply, slot), images),
            )
            .unzip();
        let images: Vec<Vec<f32>> = images.into_iter().flatten().collect();
        let mut found = self.infer(&images).map(Vec::into_iter);
        // Before any reply: a client that sends its next request at once must not be counted twice.
        self.last_requests = requests.len() + self.receiver.len();
        for (count, reply, slot) in requests {
            let of_request = match &mut found {
                Ok(found) => Ok(found.by_ref().take(count).collect()),
                Err(error) => Err(error.clone()),
            };
            // First, so that an answered client finds room for its next request.
            drop(slot);
            // The client may be gone.
            let _ = reply.send(of_request);
        }
        self.last_batch_end = Instant::now();
    }

    fn infer(&mut self, images: &[Vec<f32>]) -> Answers {
        let mut found = Vec::with_capacity(images.len());
        for images in images.chunks(self.batching.faces.get()) {
            let begun = Instant::now();
            // libtorch reports some errors, such as too little memory, as panics.
            let answer = contain(|| self.model.answers(images));
            self.metrics
                .inference
                .observe(begun.elapsed().as_secs_f64());
            self.metrics.batch_size.observe(images.len() as f64);
            let answer = answer.map_err(NoAnswer)?;
            found.extend(answer.map_err(|error| NoAnswer(error.to_string()))?);
        }
        Ok(found)
    }
}
