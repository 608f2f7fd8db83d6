//! Where endpoint and key come from: the environment, or a file beside the photos.

use std::path::Path;

use super::auth::Auth;
use super::credentials_error::CredentialsError;
use super::endpoint::{Endpoint, safe_url};
use super::quota::Tier;
use super::sign_in::{AUTHORITY, IMDS, SignIn};
use facepipe_core::secret::Secret;
use facepipe_net::credentials::Places;

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
/// Name of the way to sign in.
pub const AUTH_NAME: &str = "FACEPIPE_AZURE_AUTH";
/// Names of an application's credentials, as the SDKs have them.
pub(super) const TENANT_NAME: &str = "AZURE_TENANT_ID";
pub(super) const CLIENT_NAME: &str = "AZURE_CLIENT_ID";
pub(super) const CLIENT_SECRET_NAME: &str = "AZURE_CLIENT_SECRET";
/// Names of other addresses of Entra ID (national clouds) and of the metadata service, likewise.
const AUTHORITY_NAME: &str = "AZURE_AUTHORITY_HOST";
const IMDS_NAME: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

/// The way that requests are authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// By the resource's key.
    Key(Secret),
    /// By a token of Entra ID.
    Entra(SignIn),
}

/// Endpoint and credentials of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The resource's address.
    pub endpoint: Endpoint,
    /// The key or token.
    pub identity: Identity,
    /// The way to sign in.
    pub auth: Auth,
    /// The pricing tier, which limits the calls.
    pub tier: Tier,
    /// Where the endpoint was found.
    pub endpoint_source: String,
    /// Where the key, or what replaces it, was found.
    pub source: String,
}

/// The command line's choices, which take precedence over environment and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choice {
    /// The way to sign in.
    pub auth: Option<Auth>,
    /// The pricing tier.
    pub tier: Option<Tier>,
}

impl Credentials {
    /// Looks for endpoint, key and tier in the environment, then in `v.env` and `.env` of `folder`.
    ///
    /// Where no way to sign in is chosen, by `choice` or by [`AUTH_NAME`], the key is used, and
    /// without a key the secret of an application.
    ///
    /// # Errors
    /// [`CredentialsError`], which shows no value.
    pub fn find(
        environment: impl Fn(&str) -> Option<String>,
        folder: &Path,
        choice: Choice,
    ) -> Result<Self, CredentialsError> {
        let places = Places::read(environment, folder)?;
        let auth = match (choice.auth, places.find(&[AUTH_NAME])) {
            (Some(auth), _) => Some(auth),
            (None, None) => None,
            (None, Some((text, source))) => {
                let variable = source.to_string();
                let wrong = |_| CredentialsError::Auth { variable };
                Some(text.parse().map_err(wrong)?)
            }
        };
        let tier = tier(&places, choice.tier)?;
        let endpoint = places.find(&ENDPOINT_NAMES);
        let auth = auth.unwrap_or_else(|| {
            let is_there = |name| places.find(&[name]).is_some();
            let has_application = is_there(CLIENT_SECRET_NAME) && is_there(CLIENT_NAME);
            if places.find(&KEY_NAMES).is_none() && has_application {
                Auth::ClientSecret
            } else {
                Auth::Key
            }
        });
        let mut needed = Needed {
            places: &places,
            missing: Vec::new(),
        };
        if endpoint.is_none() {
            needed.missing.push(ENDPOINT_NAMES[0].to_owned());
        }
        let (identity, source) = needed.identity(auth)?;
        let Some((endpoint, endpoint_source)) = endpoint.filter(|_| needed.missing.is_empty())
        else {
            let names = needed.missing;
            return Err(CredentialsError::Missing { names });
        };
        let endpoint_source = endpoint_source.to_string();
        Ok(Self {
            endpoint: Endpoint::parse(&endpoint, &endpoint_source)?,
            endpoint_source,
            identity,
            auth,
            tier,
            source,
        })
    }
}

impl Tier {
    /// The tier that is chosen, or set where [`Credentials::find`] searches, with or without
    /// credentials.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn find(
        environment: impl Fn(&str) -> Option<String>,
        folder: &Path,
        chosen: Option<Self>,
    ) -> Result<Self, CredentialsError> {
        tier(&Places::read(environment, folder)?, chosen)
    }
}

fn tier<E: Fn(&str) -> Option<String>>(
    places: &Places<E>,
    chosen: Option<Tier>,
) -> Result<Tier, CredentialsError> {
    match (chosen, places.find(&[TIER_NAME])) {
        (Some(tier), _) => Ok(tier),
        (None, None) => Ok(Tier::default()),
        (None, Some((text, source))) => {
            let variable = source.to_string();
            text.parse()
                .map_err(|_| CredentialsError::Tier { variable })
        }
    }
}

/// Collects the names of what is missing, so that one error names all.
struct Needed<'a, E> {
    places: &'a Places<E>,
    missing: Vec<String>,
}

impl<E: Fn(&str) -> Option<String>> Needed<'_, E> {
    fn value(&mut self, names: &[&'static str]) -> (String, String) {
        match self.places.find(names) {
            Some((value, source)) => (value, source.to_string()),
            None => {
                self.missing.extend(names.first().map(ToString::to_string));
                <(String, String)>::default()
            }
        }
    }

    fn identity(&mut self, auth: Auth) -> Result<(Identity, String), CredentialsError> {
        match auth {
            Auth::Key => {
                let (key, source) = self.value(&KEY_NAMES);
                let key = Secret::new(key);
                if key.header().is_none() {
                    return Err(CredentialsError::Key { variable: source });
                }
                Ok((Identity::Key(key), source))
            }
            Auth::ClientSecret => {
                let (tenant, _) = self.value(&[TENANT_NAME]);
                let (client, _) = self.value(&[CLIENT_NAME]);
                let (secret, source) = self.value(&[CLIENT_SECRET_NAME]);
                let sign_in = SignIn::ClientSecret {
                    authority: self.address(AUTHORITY_NAME, AUTHORITY)?,
                    tenant,
                    client,
                    secret: Secret::new(secret),
                };
                Ok((Identity::Entra(sign_in), source))
            }
            Auth::ManagedIdentity => {
                let client = self.places.find(&[CLIENT_NAME]).map(|(value, _)| value);
                let sign_in = SignIn::ManagedIdentity {
                    endpoint: self.address(IMDS_NAME, IMDS)?,
                    client,
                };
                Ok((
                    Identity::Entra(sign_in),
                    "the machine's identity".to_owned(),
                ))
            }
            Auth::AzureCli => Ok((Identity::Entra(SignIn::AzureCli), "`az login`".to_owned())),
        }
    }

    /// An address that may be set, or the default.
    fn address(&self, name: &'static str, usual: &str) -> Result<url::Url, CredentialsError> {
        let wrong = |variable: String, problem| CredentialsError::Endpoint { variable, problem };
        match self.places.find(&[name]) {
            Some((text, source)) => {
                safe_url(&text).map_err(|problem| wrong(source.to_string(), problem))
            }
            None => url::Url::parse(usual).map_err(|_| wrong(name.to_owned(), "is not an address")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef";

    fn key(text: &str) -> Identity {
        Identity::Key(Secret::new(text))
    }

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
        Credentials::find(value, folder(files).path(), Choice::default())
    }

    #[test]
    fn all_names_are_known_and_the_own_ones_take_precedence() {
        for (endpoint, name) in ENDPOINT_NAMES.into_iter().zip(KEY_NAMES) {
            let found = find(&[(endpoint, "a.example.org"), (name, KEY)], &[]).expect("is there");
            assert_eq!(found.endpoint.host(), "a.example.org");
            assert_eq!(found.identity, key(KEY));
            assert_eq!(found.source, name);
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
        assert_eq!((found.identity, found.tier), (key(KEY), Tier::S0));
    }

    #[test]
    fn the_environment_precedes_v_env_and_that_precedes_env() {
        let v_env = (
            "v.env",
            "\u{feff}# mine\r\nexport FACEPIPE_AZURE_KEY = \"from-v\" # key\r\n",
        );
        let env = (
            ".env",
            "odd line\nAZURE_FACE_API_ENDPOINT='b.example.org'\nFACEPIPE_AZURE_KEY=from-env\n",
        );
        let found = find(&[], &[v_env, env]).expect("is there");
        assert_eq!(found.identity, key("from-v"));
        assert_eq!(found.endpoint.host(), "b.example.org");
        assert!(found.source.contains("v.env"));
        assert!(
            found.endpoint_source.contains("`"),
            "{}",
            found.endpoint_source
        );
        assert!(
            found.endpoint_source.contains(".env"),
            "{}",
            found.endpoint_source
        );
        let found = find(&[("AZURE_FACE_KEY", KEY)], &[v_env, env]).expect("is there");
        assert_eq!(found.identity, key(KEY));
        let found = find(&[("AZURE_FACE_KEY", " ")], &[env]).expect("is there");
        assert_eq!(found.identity, key("from-env"), "empty is not there");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = find(&[], &[]).expect_err("nothing there");
        for name in ["FACEPIPE_AZURE_ENDPOINT", "FACEPIPE_AZURE_KEY"] {
            assert!(error.to_string().contains(name), "{error}");
        }
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
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("0123"), "{shown}");
            assert!(shown.contains("AZURE_FACE_"), "{shown}");
        }
        let found = find(&[endpoint, ("AZURE_FACE_KEY", KEY)], &[]).expect("is there");
        assert!(!format!("{found:?}").contains(KEY));
    }

    #[test]
    fn an_application_is_used_where_there_is_no_key_or_it_is_chosen() {
        let all = [
            ("AZURE_FACE_ENDPOINT", "a.example.org"),
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_SECRET", "0123secret"),
        ];
        let found = find(&all, &[]).expect("is there");
        assert_eq!(found.auth, Auth::ClientSecret);
        assert_eq!(found.source, "AZURE_CLIENT_SECRET");
        assert!(!format!("{found:?}").contains("0123secret"), "{found:?}");
        let with_key = ("v.env", "AZURE_FACE_KEY=k");
        let found = find(&all, &[with_key]).expect("is there");
        assert_eq!(found.auth, Auth::Key);
        let chosen = (
            "v.env",
            "AZURE_FACE_KEY=k\nFACEPIPE_AZURE_AUTH=client-secret",
        );
        let found = find(&all, &[chosen]).expect("is there");
        assert_eq!(found.auth, Auth::ClientSecret);
        let error = find(&all[..1], &[(".env", "FACEPIPE_AZURE_AUTH=client-secret")]);
        let error = error.expect_err("no secret").to_string();
        for name in ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"] {
            assert!(error.contains(name), "{error}");
        }
        let error = find(&all, &[(".env", "FACEPIPE_AZURE_AUTH=magic")]).expect_err("no way");
        assert!(matches!(error, CredentialsError::Auth { .. }), "{error}");
    }

    #[test]
    fn other_addresses_of_entra_id_must_be_safe() {
        let cli = ("FACEPIPE_AZURE_AUTH", "managed-identity");
        let endpoint = ("AZURE_FACE_ENDPOINT", "a.example.org");
        let name = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        assert!(find(&[cli, endpoint], &[]).is_ok());
        assert!(find(&[cli, endpoint, (name, "http://127.0.0.1:1")], &[]).is_ok());
        let error = find(&[cli, endpoint, (name, "http://evil.example.org")], &[]);
        assert!(error.expect_err("plain HTTP").to_string().contains(name));
    }
}
