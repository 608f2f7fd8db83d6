//! One command's conversation with the service.

use serde::Serialize;
use serde_json::Value;

use super::table;
use crate::cli::failure::Failure;
use crate::cli::hints::Advice;
use crate::cli::output::result::{Outcome, to_value};
use facepipe_azure::operations::{self, Operation};
use facepipe_azure::{Answer, AzureError, Client, Repeat, Request};
use facepipe_core::context::Context;

/// The client, the output form and the progress of one command.
pub(super) struct Session<'a> {
    pub(super) client: Client,
    pub(super) context: &'a Context,
}

/// The object that every operation prints with `--json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    operation: &'a str,
    transactions: u64,
    answer: &'a Value,
}

/// The answer to an operation that makes something was lost.
#[derive(Debug, thiserror::Error)]
#[error("it is unknown whether `{operation}` was done: {source}")]
struct OutcomeUnknown {
    operation: &'static str,
    source: AzureError,
}

impl Advice for OutcomeUnknown {
    fn next_step(&self) -> Option<String> {
        let look = match self.operation {
            "person create" => "`facepipe azure person list --group ID`",
            "person face add" => "`facepipe azure person get ID --group ID`",
            "face add" => "`face-list get ID`, or `large-face-list face list ID`",
            _ => return Some("run it again: an unused session ends by itself".to_owned()),
        };
        Some(format!(
            "check before you run it again, or it may exist twice: {look}"
        ))
    }
}

/// Operations that an option of another operation's command runs, with that option.
const BY_OPTION: [(&Operation, &str); 4] = [
    (&operations::DETECT_SESSION_IMAGE, "detect --session-image"),
    (
        &operations::LIVENESS_VERIFY_CREATE,
        "liveness create --verify",
    ),
    (&operations::LIVENESS_VERIFY_GET, "liveness get --verify"),
    (
        &operations::LIVENESS_VERIFY_DELETE,
        "liveness delete --verify",
    ),
];

/// An operation of a name as its command is written.
fn as_written(name: &str) -> &str {
    let found = BY_OPTION.iter().find(|(known, _)| known.name == name);
    found.map_or(name, |(_, command)| command)
}

impl Session<'_> {
    /// Sends a request.
    pub(super) fn send(&self, request: &Request) -> Result<Answer, Failure> {
        self.client.send(request).map_err(|source| {
            if request.repeat == Repeat::UnlessExecuted && source.leaves_outcome_unknown() {
                let operation = as_written(request.name);
                OutcomeUnknown { operation, source }.into()
            } else {
                source.into()
            }
        })
    }

    /// Sends a request; the output is the answer, or `done` where there is none.
    pub(super) fn call(&self, request: &Request, done: &str) -> Result<Outcome, Failure> {
        let answer = self.send(request)?;
        let value = if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()?
        };
        let lines = match &value {
            Value::Null => vec![done.to_owned()],
            value => table::lines(value),
        };
        self.outcome(request.name, &value, lines)
    }

    /// The output of a command: the answer, and the same as lines of text.
    pub(super) fn outcome(
        &self,
        operation: &str,
        answer: &Value,
        lines: Vec<String>,
    ) -> Result<Outcome, Failure> {
        let report = Report {
            operation: as_written(operation),
            transactions: self.client.calls(),
            answer,
        };
        Ok(Outcome {
            report: to_value(&report)?,
            lines,
            items_failed: 0,
        })
    }
}
