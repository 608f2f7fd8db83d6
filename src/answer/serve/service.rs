//! State that all requests share: the current engine, the limits, the metrics.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::engine::Engine;
use super::error::ServeError;
use super::metrics::{Metrics, Reload};
use super::model::{Opened, Reopen};
use super::problem::Problem;
use super::settings::Settings;
use facepipe_core::errors::with_causes;

/// Bodies are counted in parts of this size, in bytes.
const BODY_PART: usize = 1024;

/// State that all requests share.
pub struct Service {
    engine: RwLock<Arc<Engine>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    reopen: Reopen,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
    pub(super) settings: Settings,
    pub(super) metrics: Arc<Metrics>,
    pub(super) started: Instant,
    slots: Arc<Semaphore>,
    body_memory: Arc<Semaphore>,
    is_draining: AtomicBool,
}

/// Memory reserved for a body, released when the last handle is dropped.
pub(super) type Room = Arc<OwnedSemaphorePermit>;

/// A photo's place in the queue, from its whole body to its answer. It also holds the body's
/// memory: a cancelled request leaves its photo in the queue.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    _room: Room,
    metrics: Arc<Metrics>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.metrics.queue_length.dec();
    }
}

impl Service {
    /// Starts a model's threads; `reopen` opens it again for a reload.
    ///
    /// # Errors
    /// [`ServeError`]: the model does not answer, or its answer differs from its card's.
    pub fn start(opened: Opened, reopen: Reopen, settings: Settings) -> Result<Self, ServeError> {
        let metrics = Arc::new(Metrics::new());
        let (engine, threads) = Engine::start(opened, &settings, &metrics)?;
        let limits = settings.limits;
        Ok(Self {
            engine: RwLock::new(Arc::new(engine)),
            threads: Mutex::new(threads),
            reopen,
            reloading: tokio::sync::Mutex::default(),
            metrics,
            started: Instant::now(),
            slots: Arc::new(Semaphore::new(limits.queue.min(Semaphore::MAX_PERMITS))),
            body_memory: Arc::new(Semaphore::new(limits.body_memory() / BODY_PART)),
            is_draining: AtomicBool::new(false),
            settings,
        })
    }

    /// The current engine. A handle keeps it in use, whatever is reloaded.
    #[must_use]
    pub fn engine(&self) -> Arc<Engine> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine.clone()
    }

    /// Opens the model again and uses it from then on; if it can't be used, the previous one stays.
    /// Requests in progress are answered by the previous one.
    pub async fn reload(self: &Arc<Self>) {
        let _one_at_a_time = self.reloading.lock().await;
        let service = self.clone();
        let reloaded = tokio::task::spawn_blocking(move || service.replace_engine()).await;
        let reloaded = reloaded.unwrap_or_else(|panic| Err(panic.into()));
        let result = if reloaded.is_ok() { "ok" } else { "failed" };
        let label = Reload {
            result: result.to_owned(),
        };
        self.metrics.reloads.get_or_create(&label).inc();
        match reloaded {
            Ok(()) => tracing::info!(model = self.engine().card().name, "reloaded the model"),
            Err(error) => tracing::error!(
                error = with_causes(error.as_ref()),
                "the model can't be reloaded; the previous one stays in use"
            ),
        }
    }

    fn replace_engine(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let opened = (self.reopen)()?;
        let (engine, new_threads) = Engine::start(opened, &self.settings, &self.metrics)?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.extend(new_threads);
        drop(threads);
        let mut current = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(engine);
        Ok(())
    }

    /// Slots for a request of `photos` photos, whose body has this room.
    ///
    /// # Errors
    /// 429 where all are taken.
    pub(super) fn slots(&self, photos: u32, room: &Room) -> Result<Vec<Arc<Slot>>, Problem> {
        let slots = self.slots.clone().try_acquire_many_owned(photos);
        let mut all = slots.map_err(|_| Problem::full())?;
        let mut made = Vec::new();
        while let Some(permit) = all.split(1) {
            self.metrics.queue_length.inc();
            made.push(Arc::new(Slot {
                _permit: permit,
                _room: room.clone(),
                metrics: self.metrics.clone(),
            }));
        }
        Ok(made)
    }

    /// A slot for a request of one photo.
    ///
    /// # Errors
    /// As [`slots`](Self::slots).
    pub(super) fn slot(&self, room: &Room) -> Result<Arc<Slot>, Problem> {
        let slots = self.slots(1, room)?;
        slots.into_iter().next().ok_or_else(Problem::full)
    }

    /// Room for a body of at most `bytes`.
    ///
    /// # Errors
    /// 429 where too many bodies are being received.
    pub(super) fn room(&self, bytes: usize) -> Result<Room, Problem> {
        let parts = bytes.div_ceil(BODY_PART).try_into().unwrap_or(u32::MAX);
        let room = self.body_memory.clone().try_acquire_many_owned(parts);
        room.map(Arc::new).map_err(|_| Problem::full())
    }

    /// The result of some work, if it takes no longer than the limit.
    ///
    /// # Errors
    /// 503 after the limit.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let limit = self.settings.limits.time;
        let done = timeout(limit, work).await;
        done.map_err(|_| Problem::too_late(limit))
    }

    /// Marks the server as draining.
    pub(super) fn begin_to_drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// Whether new requests are accepted.
    pub(super) fn is_ready(&self) -> bool {
        !self.is_draining.load(Ordering::SeqCst)
    }

    /// Stops the threads, and waits until they have finished their work.
    ///
    /// # Errors
    /// A request still holds the service.
    pub fn end(self: Arc<Self>) -> Result<(), io::Error> {
        let Some(service) = Arc::into_inner(self) else {
            let message = "requests or a reload were cut off";
            return Err(io::Error::other(message));
        };
        drop(service.engine);
        let threads = service.threads.into_inner();
        for thread in threads.unwrap_or_else(PoisonError::into_inner) {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
        Ok(())
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Service")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
