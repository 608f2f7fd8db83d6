//! The only place that names concrete adapters: names on the command line become implementations.

pub(crate) mod detectors;
pub(crate) mod embedders;
#[cfg(feature = "torch")]
pub(crate) mod networks;
#[cfg(not(feature = "torch"))]
#[path = "without_networks.rs"]
pub(crate) mod networks;
pub(crate) mod sources;

use std::path::{Path, PathBuf};

use crate::cli::options::globals::Globals;
use facepipe_azure::{AzureError, Choice, Client, Credentials, SystemClock, Timeouts};
use facepipe_core::context::Context;
use facepipe_models::files::{self, Folders, NoHomeFolder};

/// The Azure resource of the environment, or of a file in the working folder.
pub(crate) fn azure_client(choice: Choice, context: &Context) -> Result<Client, AzureError> {
    let environment = |name: &str| std::env::var(name).ok();
    let credentials = Credentials::find(environment, Path::new("."), choice)?;
    let clock = Box::new(SystemClock::new(context.interrupt.clone()));
    let client = Client::new(credentials, Timeouts::default(), clock)?;
    Ok(client.with_progress(context.progress.clone()))
}

/// The folder of downloaded model files: `--weights-dir`, else [`files::weights_folder`] chooses.
pub(crate) fn weights_folder(globals: &Globals) -> Result<PathBuf, NoHomeFolder> {
    files::weights_folder(globals.weights_dir.as_deref(), Path::new(""))
}

/// The folders of everything that `facepipe models pull` fetches.
pub(crate) fn model_folders(
    globals: &Globals,
    data: Option<&Path>,
) -> Result<Folders, NoHomeFolder> {
    Ok(Folders {
        weights: weights_folder(globals)?,
        data: data.unwrap_or(Path::new("data")).to_owned(),
    })
}
