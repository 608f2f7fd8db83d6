//! Options of every command.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use facepipe_core::types::DeviceChoice;

use clap::{ArgAction, Args};

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Print the result as one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say less: errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Draw no progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Read options from a TOML file: global ones at its top, a command's in its own [table]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The seed of everything random
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Where networks run; `auto`: on the first GPU that libtorch can use, else on the processor
    #[arg(
        long,
        global = true,
        value_name = "auto|cpu|cuda[:N]",
        default_value_t = DeviceChoice::default()
    )]
    pub(crate) device: DeviceChoice,
    /// Worker threads [default: all processors]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Make the output again, all of it, also where it was made with other settings
    #[arg(long, global = true)]
    pub(crate) force: bool,
    /// Exit with 3 when items were left out because of errors
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// Folder of fetched model files [default: models/weights if it is there, else facepipe/weights in the
    /// user's data folder, such as ~/.local/share]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) weights_dir: Option<PathBuf>,
}

impl Globals {
    /// The number of worker threads.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        self.threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN)
    }
}
