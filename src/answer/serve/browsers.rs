//! Which pages in a browser may send requests.
//!
//! A browser lets the page of any site send requests to a server on the user's own machine. Two
//! rules keep strangers' pages out. A page that sends requests to its own site's name, which its
//! owner has meanwhile pointed at this machine (DNS rebinding), would count as a page of this
//! server: so host names have to be known. A page that sends a form to this server never sees the
//! answer, but makes it work: so only pages of this server and of the listed origins may send.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::ServeError;
use super::problem::Problem;

/// The header in which a browser says whether a request comes from a page of the same origin (W3C Fetch
/// Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// An origin whose pages may send requests: scheme, host and port, as browsers send them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// Reads an origin, such as `https://photos.example.org`.
    ///
    /// # Errors
    /// [`ServeError::Origin`].
    pub fn new(text: &str) -> Result<Self, ServeError> {
        let is_origin =
            url::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text);
        let value = HeaderValue::from_str(text).ok().filter(|_| is_origin);
        let value = value.ok_or_else(|| ServeError::Origin(text.to_owned()))?;
        Ok(Self(value))
    }

    /// As a header's value.
    pub(super) const fn header(&self) -> &HeaderValue {
        &self.0
    }

    /// As text.
    pub(super) fn as_str(&self) -> &str {
        // It was made from text.
        self.0.to_str().unwrap_or_default()
    }
}

/// Which requests from browsers are allowed.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    /// Known host names, beside addresses and `localhost`; `None`: any name is allowed.
    pub(super) hosts: Option<Vec<String>>,
    /// Origins whose pages may send requests.
    pub(super) origins: Vec<Origin>,
}

/// Lets a request pass unless a page of an unknown site made it.
pub(super) async fn keep_out(
    State(gate): State<Arc<Gate>>,
    request: Request,
    next: Next,
) -> Response {
    match gate.problem(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

impl Gate {
    fn problem(&self, request: &Request) -> Option<Problem> {
        let headers = request.headers();
        // HTTP/2 has the host in the address.
        let host = match request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => text(headers, &header::HOST),
        };
        if let (Some(known), Some(host)) = (&self.hosts, host)
            && !is_known(host, known)
        {
            return Some(Problem::unknown_host(host));
        }
        self.is_foreign(request.method(), headers, host.unwrap_or_default())
            .then(Problem::foreign_page)
    }

    /// Whether a page of another origin sends a request that does more than read; answers it can't
    /// read anyway.
    fn is_foreign(&self, method: &Method, headers: &HeaderMap, host: &str) -> bool {
        let origin = headers.get(header::ORIGIN);
        if method.is_safe()
            || self
                .origins
                .iter()
                .any(|known| origin == Some(known.header()))
        {
            return false;
        }
        match text(headers, &FETCH_SITE) {
            Some(site) => !matches!(site, "same-origin" | "none"),
            // Older browsers, and pages without encryption. Other programs send neither header.
            None => origin.is_some_and(|origin| {
                let of_page = origin.to_str().ok().and_then(|text| text.split_once("://"));
                of_page.is_none_or(|(_, of_page)| !of_page.eq_ignore_ascii_case(host))
            }),
        }
    }
}

fn text<'all>(headers: &'all HeaderMap, name: &HeaderName) -> Option<&'all str> {
    // A value that is not text is not a known name.
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or_default())
}

/// Whether a host, with or without a port, is known or is this machine whatever a name server answers.
fn is_known(host: &str, known: &[String]) -> bool {
    let Ok(host) = host.parse::<Authority>() else {
        return false;
    };
    let name = host.host().trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || known
            .iter()
            .filter_map(|known| known.parse::<Authority>().ok())
            .any(|known| known.host().eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_known_and_other_names_are_not() {
        let known = ["photos.example.org", "Other.example:443"].map(str::to_owned);
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "192.168.1.7:80",
            "localhost",
            "LocalHost:8080",
            "app.localhost.",
            "photos.example.org:8080",
            "Photos.Example.Org",
            "other.example",
        ] {
            assert!(is_known(host, &known), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "photos.example.org.evil.example",
            "a b",
            "evil.example:80:80",
        ] {
            assert!(!is_known(host, &known), "{host}");
        }
    }

    #[test]
    fn only_own_pages_and_named_ones_may_send() {
        let gate = Gate {
            hosts: None,
            origins: vec![Origin::new("https://photos.example.org").expect("an origin")],
        };
        let may = |method: Method, head: &[(&str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in head {
                let name: HeaderName = name.parse().expect("a name");
                headers.insert(name, HeaderValue::from_static(value));
            }
            !gate.is_foreign(&method, &headers, "127.0.0.1:8080")
        };
        for head in [
            &[][..],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://127.0.0.1:8080")],
            &[("origin", "https://photos.example.org")],
            &[
                ("origin", "https://photos.example.org"),
                ("sec-fetch-site", "cross-site"),
            ],
            // A proxy before the server has another name.
            &[
                ("origin", "https://proxy.example"),
                ("sec-fetch-site", "same-origin"),
            ],
        ] {
            assert!(may(Method::POST, head), "{head:?}");
        }
        for head in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "http://127.0.0.1:9090")],
            &[("origin", "http://evil.example")],
            &[("origin", "null")],
            &[
                ("origin", "http://127.0.0.1:8080"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            assert!(!may(Method::POST, head), "{head:?}");
            assert!(may(Method::GET, head), "{head:?}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for text in ["https://photos.example.org", "http://127.0.0.1:3000"] {
            assert_eq!(Origin::new(text).expect("an origin").as_str(), text);
        }
        for wrong in [
            "*",
            "",
            "photos.example.org",
            "https://photos.example.org/",
            "null",
        ] {
            assert!(
                matches!(Origin::new(wrong), Err(ServeError::Origin(_))),
                "{wrong}"
            );
        }
    }
}
