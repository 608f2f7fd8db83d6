//! Whether the server is alive, and whether it is ready for requests.

use axum::extract::State;
use axum::http::StatusCode;

use super::Shared;

/// It is alive.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// It accepts requests; no longer after the signal to stop. The model was run before it began to
/// listen.
pub(super) async fn ready(State(service): Shared) -> (StatusCode, &'static str) {
    if service.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "ending\n")
    }
}
