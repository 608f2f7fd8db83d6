//! Where endpoint and key come from: the environment, or a file beside the photos.

use std::path::Path;

use super::endpoint::Endpoint;
use super::error::CredentialsError;
use super::quota::Tier;
use crate::credentials::{Places, Source};
use crate::secret::Secret;

/// Names of the endpoint: facepipe's own, that of the SDKs' samples, and the shorter one that many
/// projects use.
pub const ENDPOINT_NAMES: [&str; 3] = [
    "FACEPIPE_AZURE_ENDPOINT",
    "AZURE_FACE_API_ENDPOINT",
    "AZURE_FACE_ENDPOINT",
];
/// Names of the key, likewise.
pub const KEY_NAMES: [&str; 3] = [
    "FACEPIPE_AZURE_KEY",
    "AZURE_FACE_API_ACCOUNT_KEY",
    "AZURE_FACE_KEY",
];
/// Name of the pricing tier: `f0` or `s0`.
pub const TIER_NAME: &str = "FACEPIPE_AZURE_TIER";
/// What the service is asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Who asks.
    pub key: Secret,
    /// How often it may be asked.
    pub tier: Tier,
    /// Where the key was found.
    pub key_source: Source,
}

impl Credentials {
    /// Looks for endpoint, key and tier in the environment, then in `v.env` and `.env` of `folder`.
    ///
    /// # Errors
    /// [`CredentialsError`], which shows no value.
    pub fn find(
        environment: impl Fn(&str) -> Option<String>,
        folder: &Path,
    ) -> Result<Self, CredentialsError> {
        let places = Places::read(environment, folder)?;
        let (endpoint, key) = (places.find(&ENDPOINT_NAMES), places.find(&KEY_NAMES));
        let ((endpoint, endpoint_source), (key, key_source)) = match (endpoint, key) {
            (Some(endpoint), Some(key)) => (endpoint, key),
            (endpoint, key) => {
                let missing = |found: bool, name: &str| (!found).then(|| name.to_owned());
                return Err(CredentialsError::Missing {
                    names: [
                        missing(endpoint.is_some(), ENDPOINT_NAMES[0]),
                        missing(key.is_some(), KEY_NAMES[0]),
                    ]
                    .into_iter()
                    .flatten()
                    .collect(),
                });
            }
        };
        let key = Secret::new(key);
        if key.header().is_none() {
            return Err(CredentialsError::Key {
                variable: key_source.to_string(),
            });
        }
        let tier = match places.find(&[TIER_NAME]) {
            None => Tier::default(),
            Some((text, source)) => text.parse().map_err(|()| CredentialsError::Tier {
                variable: source.to_string(),
            })?,
        };
        Ok(Self {
            endpoint: Endpoint::parse(&endpoint, &endpoint_source.to_string())?,
            key,
            tier,
            key_source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Hint;

    const KEY: &str = "0123456789abcdef";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, text) in files {
            fs_err::write(folder.path().join(name), text).expect("writes");
        }
        folder
    }

    fn find(
        environment: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Result<Credentials, CredentialsError> {
        let value = |name: &str| {
            let (_, value) = environment.iter().find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        };
        Credentials::find(value, folder(files).path())
    }

    #[test]
    fn all_names_are_known_and_the_own_ones_go_first() {
        for (endpoint, key) in ENDPOINT_NAMES.into_iter().zip(KEY_NAMES) {
            let found = find(&[(endpoint, "a.example.org"), (key, KEY)], &[]).expect("is there");
            assert_eq!(found.endpoint.host(), "a.example.org");
            assert_eq!(found.key, Secret::new(KEY));
            assert_eq!(found.key_source, Source::Environment(key));
            assert_eq!(found.tier, Tier::F0);
        }
        let found = find(
            &[
                ("AZURE_FACE_KEY", "other"),
                ("FACEPIPE_AZURE_KEY", KEY),
                ("AZURE_FACE_ENDPOINT", "a.example.org"),
                ("FACEPIPE_AZURE_TIER", "S0"),
            ],
            &[],
        );
        let found = found.expect("is there");
        assert_eq!((found.key, found.tier), (Secret::new(KEY), Tier::S0));
    }

    #[test]
    fn the_environment_goes_before_v_env_and_that_before_env() {
        let v_env = (
            "v.env",
            "\u{feff}# mine\r\nexport FACEPIPE_AZURE_KEY = \"from-v\" # key\r\n",
        );
        let env = (
            ".env",
            "odd line\nAZURE_FACE_API_ENDPOINT='b.example.org'\nFACEPIPE_AZURE_KEY=from-env\n",
        );
        let found = find(&[], &[v_env, env]).expect("is there");
        assert_eq!(found.key, Secret::new("from-v"));
        assert_eq!(found.endpoint.host(), "b.example.org");
        assert!(found.key_source.to_string().contains("v.env"));
        let found = find(&[("AZURE_FACE_KEY", KEY)], &[v_env, env]).expect("is there");
        assert_eq!(found.key, Secret::new(KEY));
        let found = find(&[("AZURE_FACE_KEY", " ")], &[env]).expect("is there");
        assert_eq!(found.key, Secret::new("from-env"), "empty is not there");
    }

    #[test]
    fn what_is_missing_is_named_with_the_next_step() {
        let error = find(&[], &[]).expect_err("nothing there");
        for name in ["FACEPIPE_AZURE_ENDPOINT", "FACEPIPE_AZURE_KEY"] {
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(error.hint().is_some_and(|hint| hint.contains("v.env")));
        let error = find(&[("AZURE_FACE_ENDPOINT", "a.example.org")], &[]).expect_err("no key");
        assert!(!error.to_string().contains("ENDPOINT"), "{error}");
    }

    #[test]
    fn no_error_shows_a_value() {
        let endpoint = ("AZURE_FACE_ENDPOINT", "a.example.org");
        for environment in [
            [endpoint, ("AZURE_FACE_KEY", "0123\u{7f}456")],
            [("AZURE_FACE_ENDPOINT", KEY), ("AZURE_FACE_KEY", "a.b")],
        ] {
            let error = find(&environment, &[]).expect_err("not usable");
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert!(!shown.contains("0123"), "{shown}");
            assert!(shown.contains("AZURE_FACE_"), "{shown}");
        }
        let found = find(&[endpoint, ("AZURE_FACE_KEY", KEY)], &[]).expect("is there");
        assert!(!format!("{found:?}").contains(KEY));
    }
}
