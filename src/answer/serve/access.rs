//! Which requests are authorized.

use std::fmt;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The header for a key, as an alternative to `Authorization: Bearer`.
pub(super) const KEY_HEADER: &str = "x-api-key";

/// The key that requests must send. Only its digest is kept, and nothing shows it.
#[derive(Clone)]
pub struct ApiKey([u8; 32]);

impl ApiKey {
    /// Requests have to send this key.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Whether a request has the key, compared in constant time.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| bearer(value.as_bytes()));
        let of_header = headers.get(KEY_HEADER).map(|value| value.as_bytes());
        let is_it = |given: &[u8]| bool::from(Sha256::digest(given).ct_eq(&self.0));
        bearer.is_some_and(is_it) || of_header.is_some_and(is_it)
    }
}

/// The token after `Bearer`, whose case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| key.trim_ascii())
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn allowed(name: &'static str, value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        ApiKey::new("open sesame").is_in(&headers)
    }

    #[test]
    fn both_headers_are_understood() {
        assert!(allowed("authorization", "Bearer open sesame"));
        assert!(allowed("authorization", "bearer  open sesame "));
        assert!(allowed("x-api-key", "open sesame"));
        for (name, value) in [
            ("authorization", "open sesame"),
            ("authorization", "Basic open sesame"),
            ("authorization", "Bearer"),
            ("authorization", "Bearer open sesam"),
            ("x-api-key", "Open sesame"),
            ("x-api-key", ""),
            ("cookie", "open sesame"),
        ] {
            assert!(!allowed(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn the_key_is_never_shown() {
        assert_eq!(format!("{:?}", ApiKey::new("open sesame")), "[secret]");
    }
}
