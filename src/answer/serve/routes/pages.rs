//! Pages for people, and the description for programs.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse};
use maud::Markup;
use serde_json::Value;

use super::Shared;
use crate::page;

/// A page with a policy that lets it load only its own content.
pub(super) fn with_policy(page: Markup) -> impl IntoResponse {
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_SECURITY_POLICY, page::policy()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Html(page.into_string()))
}

/// Where people drop a photo.
pub(super) async fn photo(State(service): Shared) -> impl IntoResponse {
    let engine = service.engine();
    with_policy(page::photo(engine.card(), service.settings.key.is_some()))
}

/// The description of all routes, for people.
pub(super) async fn docs() -> impl IntoResponse {
    with_policy(page::docs(&page::openapi()))
}

/// The same for programs.
pub(super) async fn openapi() -> Json<Value> {
    Json(page::openapi())
}
