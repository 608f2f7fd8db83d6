//! Options that several commands share, and where their values come from.

pub(crate) mod config;
pub(crate) mod config_file;
pub(crate) mod globals;
pub(crate) mod image_limits;
pub(crate) mod inputs;
#[cfg(feature = "torch")]
pub(crate) mod model_path;
pub(crate) mod named;
pub(crate) mod nearest;
pub(crate) mod origin;
#[cfg(feature = "torch")]
pub(crate) mod project_file;
#[cfg(feature = "torch")]
pub(crate) mod shell;
pub(crate) mod short_help;
pub(crate) mod switch;

use std::ffi::OsString;

use clap::Command;

use config::Layered;

/// The command line with the values of environment, config file and project as its defaults, in this order.
///
/// # Errors
/// A file that can't be read, or that names an option that does not exist.
pub(crate) fn layered(plain: Command, arguments: &[OsString]) -> Result<Layered, clap::Error> {
    #[cfg(feature = "torch")]
    let (plain, project) = project_file::layered(plain.clone(), arguments)
        .map_err(|message| config::usage(&mut plain.clone(), &message))?;
    let layered = config::layered(plain, arguments)?;
    #[cfg(feature = "torch")]
    let layered = Layered {
        files: layered.files.into_iter().chain(project).collect(),
        ..layered
    };
    Ok(layered)
}
