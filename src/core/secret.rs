//! Values that must never be shown.

use std::fmt;

use reqwest::header::HeaderValue;

/// The placeholder of a secret.
const HIDDEN: &str = "[secret]";

/// A key or token: `Debug` shows nothing of it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// `Bearer` and the token, as a header's value; `None` where it holds characters that no header may
    /// have.
    #[must_use]
    pub fn bearer(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A header's value, marked so that nothing prints it; `None` where it holds characters that no
    /// header may have.
    #[must_use]
    pub fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A server's text with the secret removed, should it repeat it.
    #[must_use]
    pub fn removed_from(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        text.replace(&self.0, HIDDEN)
    }

    /// The secret itself, only for the request that it is sent with.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_never_shown() {
        let secret = Secret::new("0123456789abcdef");
        let header = secret.header().expect("may stand in a header");
        assert_eq!(header.as_bytes(), b"0123456789abcdef");
        for shown in [format!("{secret:?}"), format!("{header:?}")] {
            assert!(!shown.contains("0123"), "{shown}");
        }
        assert_eq!(
            secret.removed_from("no key 0123456789abcdef here"),
            "no key [secret] here"
        );
        assert!(Secret::new("two\nlines").header().is_none());
    }
}
