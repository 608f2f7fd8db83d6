//! How the process starts, is interrupted and ends: everything that is done to the process itself, each
//! with the measurement that it is for.

mod end;
mod heap;
mod signals;
mod waiting;

pub(crate) use end::with as end_with;
pub(crate) use heap::share_one_heap;
pub(crate) use signals::handle_signals;
pub(crate) use waiting::start_again_with_sleeping_threads;

/// What a command needs of the process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    /// It keeps tables that grow for as long as it runs.
    pub(crate) grows_tables: bool,
    /// It runs networks for long.
    pub(crate) networks_for_long: bool,
    /// It handles signals itself.
    pub(crate) own_signals: bool,
}
