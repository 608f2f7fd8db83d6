//! Options that several commands share, and where their values come from.

pub(crate) mod config;
pub(crate) mod globals;
pub(crate) mod image_limits;
pub(crate) mod inputs;
pub(crate) mod named;
#[cfg(feature = "torch")]
pub(crate) mod project_file;
pub(crate) mod short_help;
pub(crate) mod switch;

use std::ffi::OsString;

use clap::Command;

/// The command line with the values of environment, config file and project as its defaults, in this order.
///
/// # Errors
/// A file that can't be read, or that names an option that does not exist.
pub(crate) fn layered(plain: Command, arguments: &[OsString]) -> Result<Command, clap::Error> {
    #[cfg(feature = "torch")]
    let plain = project_file::layered(plain.clone(), arguments)
        .map_err(|message| config::usage(&mut plain.clone(), &message))?;
    config::layered(plain, arguments)
}
