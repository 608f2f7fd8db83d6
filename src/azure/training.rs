//! Training of groups and lists: begun by one call, watched by others.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::collection::Collection;
use super::error::AzureError;
use super::operations;
use super::transport::Client;

/// Pause before a training's state is first queried: small groups are trained by then.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Each pause is this much longer than the previous one: every query is billed.
const GROWTH: f64 = 1.5;
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A training that runs longer than this is no longer watched. The service's documentation says
/// that a million persons may take half an hour.
const LONGEST_TRAINING: Duration = Duration::from_secs(45 * 60);

/// The state of a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Training {
    /// Its status.
    pub status: TrainingStatus,
    /// When the group or list was made.
    #[serde(default)]
    pub created_date_time: Option<String>,
    /// When something last happened to it.
    #[serde(default)]
    pub last_action_date_time: Option<String>,
    /// When it was last trained.
    #[serde(default)]
    pub last_successful_training_date_time: Option<String>,
    /// Why it failed.
    #[serde(default)]
    pub message: Option<String>,
}

impl Training {
    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let message = || self.message.clone();
        (self.status == TrainingStatus::Failed)
            .then(|| message().unwrap_or_else(|| "no explanation".to_owned()))
    }
}

/// The status of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TrainingStatus {
    /// It is queued.
    NotStarted,
    /// It is running.
    Running,
    /// It has succeeded.
    Succeeded,
    /// It has failed; the previous training is still used.
    Failed,
}

/// Begins a training; if one is running it waits for its end first, for that one may have begun
/// before the latest faces were added.
///
/// # Errors
/// [`AzureError`].
pub fn begin(client: &Client, collection: Collection, id: &str) -> Result<(), AzureError> {
    let request = operations::TRAIN.on(collection, &[id]);
    let is_running = |error: &AzureError| {
        let code = error.code();
        code.is_some_and(|code| code.ends_with("TrainingNotFinished"))
    };
    match client.send(&request) {
        Ok(_) => Ok(()),
        Err(error) if is_running(&error) => {
            wait(client, collection, id)?;
            client.send(&request).map(|_| ())
        }
        Err(error) => Err(error),
    }
}

/// Its state; `None` before the first training.
///
/// # Errors
/// [`AzureError`].
pub fn status(
    client: &Client,
    collection: Collection,
    id: &str,
) -> Result<Option<Training>, AzureError> {
    match client.send(&operations::STATUS.on(collection, &[id])) {
        Ok(answer) => Ok(Some(answer.json()?)),
        Err(error)
            if error
                .code()
                .is_some_and(|code| code.ends_with("NotTrained")) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Waits until a training has succeeded or failed.
///
/// # Errors
/// [`AzureError`], [`AzureError::StillTraining`] after three quarters of an hour.
pub fn wait(client: &Client, collection: Collection, id: &str) -> Result<Training, AzureError> {
    let clock = client.clock();
    let end = clock.now() + LONGEST_TRAINING;
    let mut pause = FIRST_PAUSE;
    while clock.now() < end {
        clock.wait(pause)?;
        pause = pause.mul_f64(GROWTH).min(LONGEST_PAUSE);
        if let Some(training) = status(client, collection, id)?
            && matches!(
                training.status,
                TrainingStatus::Succeeded | TrainingStatus::Failed
            )
        {
            return Ok(training);
        }
    }
    Err(AzureError::StillTraining {
        verb: collection.verb(),
        id: id.to_owned(),
    })
}
