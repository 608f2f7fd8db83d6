//! What is done for every request: an id, a line in the log, metrics, the key.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::metrics::{Failure, Kind, Route};
use super::problem::{Code, Problem};
use super::service::Service;

/// The header of a request's id: taken from the request, or made.
pub(super) const ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids from clients are replaced.
const MOST_ID_LETTERS: usize = 64;
/// The route label of all addresses that have no route.
const NO_ROUTE: &str = "other";

/// The code of a request whose client disconnected before the answer.
const CANCELLED: &str = "cancelled";

/// A request on its way to its line in the log.
struct Observed {
    service: Arc<Service>,
    begun: Instant,
    id: String,
    route: String,
    method: Method,
    bytes: Option<HeaderValue>,
    is_recorded: bool,
}

/// Gives a request an id, writes it into the log and counts it.
pub(super) async fn observe(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let mut observed = Observed {
        service,
        begun: Instant::now(),
        id: id_of(request.headers()),
        route: route.map_or(NO_ROUTE, MatchedPath::as_str).to_owned(),
        method: request.method().clone(),
        bytes: request.headers().get(header::CONTENT_LENGTH).cloned(),
        is_recorded: false,
    };
    let mut response = next.run(request).await;
    let code = response.extensions().get::<Code>().map(|code| code.0);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&observed.id) {
        headers.insert(ID_HEADER, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    observed.is_answered(response.status().as_u16(), code);
    response
}

impl Observed {
    fn is_answered(&mut self, status: u16, code: Option<&str>) {
        let seconds = self.record(Some(status), code);
        let (metrics, route) = (&self.service.metrics, self.route.clone());
        let of_route = Route {
            route: route.clone(),
        };
        metrics.latency.get_or_create(&of_route).observe(seconds);
        let status = u32::from(status);
        metrics
            .requests
            .get_or_create(&Kind { route, status })
            .inc();
    }

    /// Writes the line, and counts the failure. Returns how long it took, in seconds.
    fn record(&mut self, status: Option<u16>, code: Option<&str>) -> f64 {
        self.is_recorded = true;
        let seconds = self.begun.elapsed().as_secs_f64();
        tracing::info!(
            id = self.id,
            method = self.method.as_str(),
            route = self.route,
            status,
            code,
            milliseconds = (seconds * 1e5).round() / 100.0,
            bytes = self.bytes.as_ref().and_then(|bytes| bytes.to_str().ok()),
            "request"
        );
        if let Some(code) = code {
            let code = code.to_owned();
            let failures = &self.service.metrics.failures;
            failures.get_or_create(&Failure { code }).inc();
        }
        seconds
    }
}

impl Drop for Observed {
    /// A client that disconnects before the answer cancels the handler.
    fn drop(&mut self) {
        if !self.is_recorded {
            self.record(None, Some(CANCELLED));
        }
    }
}

/// The request's own id if it is short and of harmless letters, else a new one.
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

/// Lets a request with the key pass.
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
