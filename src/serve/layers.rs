//! What happens to every request: an id, a line in the log, figures, the key.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::metrics::{Failure, Kind, Route};
use super::problem::{Code, Problem};
use super::service::Service;

/// The header of a request's id: taken over from the request, or made.
pub(super) const ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Ids of others that are longer are not taken over.
const MOST_ID_LETTERS: usize = 64;
/// Stands for all addresses that no route has.
const NO_ROUTE: &str = "other";

/// Gives a request an id, writes it into the log and counts it.
pub(super) async fn observe(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = id_of(request.headers());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let bytes = request.headers().get(header::CONTENT_LENGTH).cloned();
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    let code = response.extensions().get::<Code>().map(|code| code.0);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(ID_HEADER, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let seconds = begun.elapsed().as_secs_f64();
    tracing::info!(
        id,
        method = method.as_str(),
        route,
        status,
        code,
        milliseconds = (seconds * 1e5).round() / 100.0,
        bytes = bytes.as_ref().and_then(|bytes| bytes.to_str().ok()),
        "request"
    );
    let metrics = &service.metrics;
    if let Some(code) = code {
        let code = code.to_owned();
        metrics.failures.get_or_create(&Failure { code }).inc();
    }
    let of_route = Route {
        route: route.clone(),
    };
    metrics.latency.get_or_create(&of_route).observe(seconds);
    let status = u32::from(status);
    metrics
        .requests
        .get_or_create(&Kind { route, status })
        .inc();
    response
}

/// The request's own id where it is a short one of harmless letters, else a new one.
fn id_of(headers: &HeaderMap) -> String {
    let harmless = |id: &&str| {
        let is_harmless = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
        !id.is_empty() && id.len() <= MOST_ID_LETTERS && id.bytes().all(is_harmless)
    };
    let given = headers.get(ID_HEADER).and_then(|id| id.to_str().ok());
    match given.filter(harmless) {
        Some(id) => id.to_owned(),
        // Hash tables of the standard library have random keys.
        None => format!("{:016x}", RandomState::new().hash_one(0)),
    }
}

/// Lets a request pass that has the key.
pub(super) async fn need_key(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let key = service.settings.key.as_ref();
    if key.is_none_or(|key| key.is_in(request.headers())) {
        next.run(request).await
    } else {
        Problem::no_key().into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_over_where_they_are_harmless() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(text.as_bytes()).expect("a header");
            headers.insert(ID_HEADER, value);
            id_of(&headers)
        };
        assert_eq!(id("photo-7_a.b"), "photo-7_a.b");
        let long = "x".repeat(MOST_ID_LETTERS + 1);
        for other in ["", "two words", "a=b", "\u{e9}", &long] {
            let made = id(other);
            assert!(made.len() == 16 && made != other, "{other}: {made}");
        }
        assert_ne!(id_of(&HeaderMap::new()), id_of(&HeaderMap::new()));
    }
}
