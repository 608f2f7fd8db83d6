//! What is served, and the server's metrics.

use std::num::NonZeroUsize;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Shared;
use crate::batching::Batching;
use crate::browsers::Origin;
use crate::metrics::CONTENT_TYPE;
use crate::settings::Limits;
use facepipe_core::artifacts::stage::made_by;
use facepipe_core::types::ModelCard;

#[derive(Serialize)]
struct Info<'a> {
    /// The program and its version.
    server: String,
    /// How long it has been running, in seconds.
    seconds: u64,
    model: &'a ModelCard,
    sha256: &'a str,
    /// Whether the model's answer to the reference picture matched its card's.
    compared_with_card: bool,
    device: &'a str,
    detector: Option<&'a str>,
    /// Why there is no detector.
    no_detector: Option<&'a str>,
    /// Why there are no embeddings.
    no_embeddings: Option<&'a str>,
    settings: SettingsInfo<'a>,
}

#[derive(Serialize)]
struct SettingsInfo<'a> {
    limits: Limits,
    batching: Batching,
    threads: NonZeroUsize,
    chips: bool,
    unknown_below: Option<f64>,
    unknown_below_similarity: Option<f64>,
    top: Option<usize>,
    needs_key: bool,
    cors: Vec<&'a str>,
    hosts: &'a [String],
}

/// The model's card, its digest, and the server's settings.
pub(super) async fn info(State(service): Shared) -> Response {
    let engine = service.engine();
    let settings = &service.settings;
    let unknown = engine.naming.unknown.unwrap_or_default();
    let info = Info {
        server: made_by(),
        seconds: service.started.elapsed().as_secs(),
        model: engine.card(),
        sha256: &engine.sha256,
        compared_with_card: engine.was_compared(),
        device: &engine.device,
        detector: engine.detector().ok(),
        no_detector: engine.detector().err(),
        no_embeddings: engine.no_embeddings(),
        settings: SettingsInfo {
            limits: settings.limits,
            batching: settings.batching,
            threads: settings.threads,
            chips: engine.chips(),
            unknown_below: unknown.probability,
            unknown_below_similarity: unknown.similarity,
            top: engine.naming.top,
            needs_key: settings.key.is_some(),
            cors: settings.cors.iter().map(Origin::as_str).collect(),
            hosts: &settings.hosts,
        },
    };
    Json(info).into_response()
}

/// Metrics in Prometheus' text format.
pub(super) async fn metrics(State(service): Shared) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, CONTENT_TYPE)],
        service.metrics.text(),
    )
}
