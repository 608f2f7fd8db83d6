//! Small parts of requests: query parameters, and the format of the answer.

use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use serde::Deserialize;

use super::problem::Problem;

/// The query parameters of a route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// Whether to detect faces; `None`: as the server was started.
    pub(super) detect: Option<bool>,
}

impl Options {
    /// The query parameters of an address.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let options = Query::try_from_uri(uri);
        let Query(options) =
            options.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        Ok(options)
    }
}

/// Whether a page is wanted rather than JSON: the one with the higher quality, of equals the first.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    let quality = |wanted: &str| {
        let kinds = accept.unwrap_or_default().split(',').enumerate();
        let of_kind = |(place, kind): (usize, &str)| {
            let mut parts = kind.split(';').map(str::trim);
            if parts.next() != Some(wanted) {
                return None;
            }
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            Some((quality.unwrap_or(1.0), std::cmp::Reverse(place)))
        };
        kinds.filter_map(of_kind).next()
    };
    match (quality("text/html"), quality("application/json")) {
        (Some(page), Some(json)) => page > json,
        (page, _) => page.is_some_and(|(quality, _)| quality > 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn browsers_get_a_page_and_programs_get_json() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/json", false),
            ("*/*", false),
            ("application/json, text/html", false),
            ("text/html, application/json", true),
            ("application/json;q=0.5, text/html", true),
            ("text/html;q=0.1, application/json", false),
            ("text/html;q=0", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_page(&headers), expected, "{accept}");
        }
        assert!(!wants_page(&HeaderMap::new()));
    }

    #[test]
    fn options_are_understood_or_refused() {
        let of = |text: &str| Options::of(&text.parse().expect("an address"));
        assert_eq!(of("/predict"), Ok(Options::default()));
        let detect = Some(false);
        assert_eq!(of("/predict?detect=false"), Ok(Options { detect }));
        for wrong in ["/predict?detect=perhaps", "/predict?detekt=false"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
