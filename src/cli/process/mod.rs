//! How the process starts, is interrupted and ends: everything that is done to the process itself, each
//! with the measurement that it is for.

mod exit;
mod heap;
mod openmp;
mod signals;

pub(crate) use exit::exit_with;
pub(crate) use heap::share_one_heap;
pub(crate) use openmp::restart_with_sleeping_threads;
pub(crate) use signals::handle_signals;

/// The requirements of a command on the process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    /// It keeps tables that grow for as long as it runs.
    pub(crate) grows_tables: bool,
    /// It runs networks for long.
    pub(crate) networks_for_long: bool,
    /// It handles signals itself.
    pub(crate) own_signals: bool,
}
