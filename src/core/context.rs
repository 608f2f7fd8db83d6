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

/// What a stage may make again of a folder that it made before.
///
/// Other data of the same settings is an update. Other settings are another result: they need to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Remake {
    /// Nothing: the folder has to have been made with the same settings, of the same data.
    Nothing,
    /// What other data changes.
    #[default]
    OtherData,
    /// What other data or other settings change.
    OtherSettings,
    /// Everything, whether or not anything changed.
    Everything,
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
    /// What is made again of outputs that are there.
    pub remake: Remake,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Context")
            .field("threads", &self.threads)
            .field("seed", &self.seed)
            .field("remake", &self.remake)
            .finish_non_exhaustive()
    }
}
