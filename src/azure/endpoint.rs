//! The address of the Azure resource.

use url::{Host, Url};

use super::credentials_error::CredentialsError;

/// Version of the interface. The groups of v1.0 are those of v1.2.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum ApiVersion {
    /// The one that all SDKs support.
    #[default]
    #[strum(serialize = "v1.0")]
    V1_0,
    /// With liveness sessions.
    #[strum(serialize = "v1.2")]
    V1_2,
}

impl ApiVersion {
    /// Its name in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The resource's address, without `/face/<version>` and without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
}

impl Endpoint {
    /// Reads an endpoint as users write it: with or without `https://`, a slash at the end, or
    /// `/face/v1.0` (and anything behind it).
    ///
    /// # Errors
    /// [`CredentialsError`], which names `variable` and never the text: it may be a key that was
    /// put in the wrong place.
    pub fn parse(text: &str, variable: &str) -> Result<Self, CredentialsError> {
        let problem = |problem| CredentialsError::Endpoint {
            variable: variable.to_owned(),
            problem,
        };
        let mut base = safe_url(text).map_err(problem)?;
        base.set_fragment(None);
        let parts: Vec<&str> = base
            .path()
            .split('/')
            .take_while(|part| !part.eq_ignore_ascii_case("face"))
            .filter(|part| !part.is_empty())
            .collect();
        let path = parts.join("/");
        base.set_path(&path);
        Ok(Self { base })
    }

    /// The host, with its port where that is not the usual one.
    #[must_use]
    pub fn host(&self) -> String {
        let name = self.base.host_str().unwrap_or_default();
        match self.base.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        }
    }

    /// Whether requests stay on this machine.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// The address of an operation, whose `path` below the version begins without a slash.
    pub(super) fn url(&self, version: ApiVersion, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/face/{}/{path}", version.as_str()));
        url
    }
}

/// Reads an address that secrets may be sent to; `https://` may be left out.
///
/// # Errors
/// What is wrong with it, without the text.
pub(super) fn safe_url(text: &str) -> Result<Url, &'static str> {
    let text = text.trim();
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&with_scheme).map_err(|_| "is not an address")?;
    let (is_loopback, is_plausible) = match url.host() {
        Some(Host::Domain(name)) => (name == "localhost", name.contains('.')),
        Some(Host::Ipv4(address)) => (address.is_loopback(), true),
        Some(Host::Ipv6(address)) => (address.is_loopback(), true),
        None => (false, false),
    };
    if !is_loopback && !is_plausible {
        return Err("names no host; are key and endpoint swapped?");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("holds more than a host and a path");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        "http" => Err("begins with `http://`, over which keys can be read"),
        _ => Err("does not begin with `https://`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<String, String> {
        Endpoint::parse(text, "FACEPIPE_AZURE_ENDPOINT")
            .map(|endpoint| endpoint.url(ApiVersion::V1_0, "detect").to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_way_of_writing_it_leads_to_one_address() {
        let expected = "https://faces.cognitiveservices.azure.com/face/v1.0/detect";
        for text in [
            "https://faces.cognitiveservices.azure.com",
            "https://faces.cognitiveservices.azure.com/",
            " https://faces.cognitiveservices.azure.com// ",
            "faces.cognitiveservices.azure.com",
            "faces.cognitiveservices.azure.com:443/",
            "https://faces.cognitiveservices.azure.com/face",
            "https://faces.cognitiveservices.azure.com/face/v1.0",
            "https://faces.cognitiveservices.azure.com/face/v1.0/",
            "HTTPS://Faces.CognitiveServices.Azure.com/Face/v1.2/detect",
        ] {
            assert_eq!(url(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(
            url("gateway.example.org/azure/").as_deref(),
            Ok("https://gateway.example.org/azure/face/v1.0/detect")
        );
    }

    #[test]
    fn http_is_only_for_this_machine() {
        assert_eq!(
            url("http://127.0.0.1:8080").as_deref(),
            Ok("http://127.0.0.1:8080/face/v1.0/detect")
        );
        assert!(url("http://[::1]:8080/").is_ok());
        assert!(url("http://localhost:8080/").is_ok());
        for text in ["http://faces.example.org", "http://10.0.0.1", "ftp://a.org"] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_invalid_endpoint_is_refused_without_being_shown() {
        for text in [
            "0123456789abcdef0123456789abcdef",
            "<tu-recurso>",
            "https://",
            "https://user:pass@faces.example.org",
            "https://faces.example.org/?key=0123",
            "",
        ] {
            let error = url(text).expect_err(text);
            assert!(error.contains("FACEPIPE_AZURE_ENDPOINT"), "{error}");
            assert!(
                !error.contains("0123") && !error.contains("pass"),
                "{error}"
            );
        }
    }
}
