//! Threads that decode photos and find their faces, each with a detector of its own.

use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use axum::body::Bytes;
use crossbeam_channel::{Receiver, Sender};
use image::RgbImage;
use tokio::sync::oneshot;

use super::batching::{Answers, Inference};
use super::error::ServeError;
use super::metrics::Metrics;
use super::model::Embedding;
use super::page::Picture;
use super::service::Slot;
use facepipe_core::ports::{DetectorError, FaceDetector, FaceEmbedder};
use facepipe_core::types::{ChipSpec, DetectedFace, ModelCard, Size};
use facepipe_faces::embed::{EmbedError, EmbeddedFace, embed_detected};
use facepipe_faces::face_cutter::FaceTools;
use facepipe_faces::face_finder::{FaceFinder, ModelFaces};
use facepipe_imaging::image_io::{self, DecodeError, contain};
use facepipe_nn::{reference_picture, use_threads_here};

/// Sides of the picture that each detector runs on before the first photo.
const WARM_UP_SIZE: Size = Size::new(160, 120);
/// Why no faces are detected where a request wants that.
const NO_CUTTING: &str = "the model was trained on whole images, so its card does not say how faces are cut \
     out of photos: leave `detect=true` out";

/// What all workers share.
pub(super) struct Parts {
    pub(super) card: ModelCard,
    pub(super) tools: Result<FaceTools, String>,
    pub(super) embedding: Result<Embedding, String>,
    /// Images are faces already, unless a request says otherwise.
    pub(super) chips: bool,
    /// Largest image, in pixels.
    pub(super) pixels: u64,
    pub(super) metrics: Arc<Metrics>,
}

/// Why a photo has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PhotoError {
    /// It is not an image.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It has more pixels than the server takes.
    #[error("{size} pixels are over the limit of {limit} in all")]
    TooManyPixels { size: Size, limit: u64 },
    /// The detector or the embedder fails on it.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The request needs files that are missing.
    #[error("{0}")]
    NotHere(String),
    /// The code that processed it panicked.
    #[error("the server crashed on this photo: {0}")]
    Panicked(String),
}

/// A photo with what its request wants.
pub(super) struct Job {
    pub(super) photo: Bytes,
    pub(super) slot: Arc<Slot>,
    /// When it was queued.
    pub(super) since: Instant,
    pub(super) task: Task,
}

/// What a request wants of a photo.
pub(super) enum Task {
    /// The persons in it.
    Names {
        /// The whole image is a face.
        whole: bool,
        /// A picture for a page is wanted as well.
        keep: bool,
        reply: Reply<Named>,
    },
    /// The boxes of its faces.
    Faces(Reply<Found<DetectedFace>>),
    /// The embeddings of its faces.
    Embeddings(Reply<Found<EmbeddedFace>>),
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, PhotoError>>;

/// Faces of a photo.
pub(super) struct Found<Face> {
    pub(super) size: Size,
    pub(super) faces: Vec<Face>,
}

/// Faces of a photo that were sent to the model.
pub(super) struct Named {
    pub(super) found: Found<DetectedFace>,
    /// The receiver of the model's answers; `None`: there is no face.
    pub(super) answers: Option<oneshot::Receiver<Answers>>,
    pub(super) picture: Option<Picture>,
}

/// Starts the threads. Each has its detector and has used it before this returns; they end when no
/// sender is left.
pub(super) fn start(
    parts: &Arc<Parts>,
    threads: NonZeroUsize,
    jobs: &Receiver<Job>,
    model: &Sender<Inference>,
) -> Result<Vec<JoinHandle<()>>, ServeError> {
    let (ready, are_ready) = mpsc::channel();
    let mut handles = Vec::new();
    for number in 0..threads.get() {
        let (parts, ready) = (parts.clone(), ready.clone());
        let (jobs, model) = (jobs.clone(), model.clone());
        let work = move || {
            use_threads_here(NonZeroUsize::MIN);
            let worker = contain(|| Worker::new(&parts, &model));
            let worker = worker.map_err(ServeError::Thread).flatten();
            match worker {
                Ok(mut worker) => {
                    let _ = ready.send(Ok(()));
                    drop(ready);
                    jobs.iter().for_each(|job| worker.work_on(job));
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        };
        let thread = thread::Builder::new().name(format!("photos-{number}"));
        handles.push(thread.spawn(work)?);
    }
    drop(ready);
    are_ready.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(handles)
}

struct Worker<'parts> {
    parts: &'parts Parts,
    model: &'parts Sender<Inference>,
    /// Finds faces as the model's card says; `None`: the model was trained on whole images, or there is no
    /// detector.
    finder: Option<FaceFinder<'parts>>,
    whole: FaceFinder<'parts>,
    detector: Option<Box<dyn FaceDetector>>,
    embedder: Option<Box<dyn FaceEmbedder>>,
}

impl<'parts> Worker<'parts> {
    fn new(parts: &'parts Parts, model: &'parts Sender<Inference>) -> Result<Self, ServeError> {
        let tools = parts.tools.as_ref().ok();
        let faces = match ModelFaces::new(&parts.card, tools) {
            Ok(faces) => faces.are_found().then_some(faces),
            Err(_) if parts.chips => None,
            Err(error) => return Err(error.into()),
        };
        let whole = ModelFaces::of_whole_images(&parts.card).finder()?;
        let mut worker = Self {
            finder: faces.map(|faces| faces.finder()).transpose()?,
            whole,
            detector: None,
            embedder: None,
            parts,
            model,
        };
        worker.warm_up()?;
        Ok(worker)
    }

    fn warm_up(&mut self) -> Result<(), DetectorError> {
        let picture = reference_picture(WARM_UP_SIZE);
        if let Some(finder) = &mut self.finder {
            finder.faces(&picture)?;
        }
        Ok(())
    }

    fn work_on(&mut self, job: Job) {
        let waited = job.since.elapsed().as_secs_f64();
        self.parts.metrics.photo_queue.observe(waited);
        let Job {
            photo, slot, task, ..
        } = job;
        match task {
            Task::Names { whole, keep, reply } => self.reply(reply, |worker| {
                let photo = worker.decode(photo)?;
                worker.name(photo, whole, keep, slot)
            }),
            Task::Faces(reply) => self.reply(reply, |worker| {
                let _until_the_end = slot;
                let photo = worker.decode(photo)?;
                let faces = worker.detect(&photo)?;
                let size = Size::of(&photo);
                Ok(Found { size, faces })
            }),
            Task::Embeddings(reply) => self.reply(reply, |worker| {
                let _until_the_end = slot;
                let photo = worker.decode(photo)?;
                let faces = worker.embed(&photo)?;
                let size = Size::of(&photo);
                Ok(Found { size, faces })
            }),
        }
    }

    /// Replies, unless the client has gone away.
    fn reply<T>(&mut self, reply: Reply<T>, work: impl FnOnce(&mut Self) -> Result<T, PhotoError>) {
        if reply.is_closed() {
            return;
        }
        let answer = contain(|| work(self));
        let answer = answer.map_err(PhotoError::Panicked).flatten();
        // The client may be gone by now.
        let _ = reply.send(answer);
    }

    /// The bytes are freed as soon as there are pixels.
    fn decode(&self, bytes: Bytes) -> Result<RgbImage, PhotoError> {
        let begun = Instant::now();
        let size = image_io::size_of(&bytes)?;
        let limit = self.parts.pixels;
        if size.area() > limit {
            return Err(PhotoError::TooManyPixels { size, limit });
        }
        let decoded = image_io::decode(&bytes);
        self.parts
            .metrics
            .decode
            .observe(begun.elapsed().as_secs_f64());
        Ok(decoded?.rgb)
    }

    fn name(
        &mut self,
        photo: RgbImage,
        whole: bool,
        keep: bool,
        slot: Arc<Slot>,
    ) -> Result<Named, PhotoError> {
        let begun = Instant::now();
        let finder = match &mut self.finder {
            _ if whole => &mut self.whole,
            Some(finder) => finder,
            None => {
                let reason = self
                    .parts
                    .tools
                    .as_ref()
                    .err()
                    .filter(|_| !matches!(self.parts.card.chip, ChipSpec::Whole));
                let reason = reason.map_or(NO_CUTTING, String::as_str);
                return Err(PhotoError::NotHere(reason.to_owned()));
            }
        };
        let faces = finder.faces(&photo).map_err(EmbedError::from)?;
        let numbers = faces.iter().map(|face| finder.numbers(&photo, face));
        let images: Vec<Vec<f32>> = numbers.collect();
        self.parts
            .metrics
            .detect
            .observe(begun.elapsed().as_secs_f64());
        let size = Size::of(&photo);
        let answers = (!images.is_empty()).then(|| {
            let (reply, answers) = oneshot::channel();
            let since = Instant::now();
            let inference = Inference {
                images,
                slot,
                since,
                reply,
            };
            // The model's thread outlives its senders; if it does not, `reply` reports it.
            let _ = self.model.send(inference);
            answers
        });
        Ok(Named {
            found: Found { size, faces },
            answers,
            picture: keep.then(|| Picture::of(photo)),
        })
    }

    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, PhotoError> {
        let detector = self.detector()?;
        let begun = Instant::now();
        let faces = detector.detect(photo).map_err(EmbedError::from)?;
        self.parts
            .metrics
            .detect
            .observe(begun.elapsed().as_secs_f64());
        Ok(faces)
    }

    fn embed(&mut self, photo: &RgbImage) -> Result<Vec<EmbeddedFace>, PhotoError> {
        let parts = self.parts;
        let tools = parts.embedding.as_ref();
        let tools = tools.map_err(|reason| PhotoError::NotHere(reason.clone()))?;
        let faces = self.detect(photo)?;
        let embedder = self.embedder.take();
        let mut embedder = embedder.unwrap_or_else(|| tools.embedders.create());
        let begun = Instant::now();
        let embedded = embed_detected(photo, faces, tools.landmarks.as_ref(), embedder.as_mut());
        let duration = begun.elapsed();
        self.embedder = Some(embedder);
        let embedded = embedded.map_err(EmbedError::from)?;
        parts.metrics.embedding.observe(duration.as_secs_f64());
        Ok(embedded)
    }

    /// The detector for requests without the model: made when it is first needed.
    fn detector(&mut self) -> Result<&mut dyn FaceDetector, PhotoError> {
        let tools = self.parts.tools.as_ref();
        let tools = tools.map_err(|reason| PhotoError::NotHere(reason.clone()))?;
        let made = match self.detector.take() {
            Some(detector) => detector,
            None => tools.detectors.create().map_err(EmbedError::from)?,
        };
        Ok(self.detector.insert(made).as_mut())
    }
}
