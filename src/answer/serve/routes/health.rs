//! Whether the server lives, and whether it wants requests.

use axum::extract::State;
use axum::http::StatusCode;

use super::Shared;

/// It lives.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// It answers; not any more once it was told to end. The model was asked before it began to listen.
pub(super) async fn ready(State(service): Shared) -> (StatusCode, &'static str) {
    if service.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "ending\n")
    }
}
