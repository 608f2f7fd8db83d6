//! `facepipe azure whoami`

use serde::Serialize;

use super::session::Session;
use crate::cli::failure::Failure;
use crate::cli::output::result::{Outcome, to_value};
use facepipe_azure::{AzureError, Collection, operations};

/// The credentials in use.
#[derive(Debug, Serialize)]
struct Report {
    /// The host of the resource.
    endpoint: String,
    /// Where the endpoint was found.
    endpoint_source: String,
    /// How the program signs in.
    auth: &'static str,
    /// Where the key, or its substitute, was found.
    source: String,
    /// The tier whose quota is respected.
    tier: &'static str,
    /// Whether the resource has the approval for recognising faces; missing where the service did
    /// not say.
    recognition: Option<bool>,
    transactions: u64,
}

/// Asks for one entry of the shortest list: it needs the key and a Face resource.
pub(super) fn run(session: &Session<'_>) -> Result<Outcome, Failure> {
    let credentials = session.client.credentials();
    let request = operations::LIST
        .on(Collection::LargePersonGroup, &[])
        .query("top", 1);
    // A page in front of the service may answer as well: the answer must be a list.
    let listed = session.client.send(&request);
    let listed = listed.and_then(|answer| answer.json::<Vec<serde_json::Value>>());
    let (recognition, words) = match listed {
        Ok(_) => (None, "the service answers".to_owned()),
        // Only a real Face resource with a valid key gets this answer.
        Err(AzureError::NotApproved { features, .. }) => (
            Some(false),
            format!(
                "the service answers, but Microsoft has not approved this resource for {features}: \
                 `facepipe azure detect --no-face-ids` works (https://aka.ms/facerecognition)"
            ),
        ),
        Err(error) => return Err(error.into()),
    };
    let report = Report {
        endpoint: credentials.endpoint.host(),
        endpoint_source: credentials.endpoint_source.clone(),
        auth: credentials.auth.as_str(),
        source: credentials.source.clone(),
        tier: credentials.tier.as_str(),
        recognition,
        transactions: session.client.calls(),
    };
    let (calls, window) = credentials.tier.quota();
    let lines = vec![
        format!(
            "endpoint: {} from {}",
            report.endpoint, report.endpoint_source
        ),
        format!("signed in with: {} from {}", report.auth, report.source),
        format!(
            "tier: {} (at most {calls} calls in {} s)",
            report.tier,
            window.as_secs()
        ),
        words,
    ];
    Ok(Outcome {
        report: to_value(&report)?,
        lines,
        items_failed: 0,
    })
}
