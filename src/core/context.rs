//! What every stage gets beside its own settings: progress, interruption, threads, seed.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ports::Progress;

/// The user pressed Ctrl-C (or the process got SIGTERM).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// A flag that a signal handler raises and every loop checks.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Raises the flag; returns whether it was already raised.
    pub fn raise(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// `Err(Interrupted)` once the flag is raised.
    ///
    /// # Errors
    /// [`Interrupted`] after [`Interrupt::raise`].
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.0.load(Ordering::SeqCst) {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }
}

/// Shared by all stages of one process.
#[derive(Clone)]
pub struct Context {
    /// Where progress is reported.
    pub progress: Arc<dyn Progress>,
    /// Checked between items.
    pub interrupt: Interrupt,
    /// Worker threads for decoding, detecting, hashing; libtorch gets as many.
    pub threads: NonZeroUsize,
    /// The one seed that all randomness comes from.
    pub seed: u64,
    /// Start from scratch where the output was made with other settings or from other input.
    pub force: bool,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Context")
            .field("threads", &self.threads)
            .field("seed", &self.seed)
            .field("force", &self.force)
            .finish_non_exhaustive()
    }
}
