//! Tokens of Entra ID: of an application, of the machine that facepipe runs on, or of the user who
//! signed in with `az login`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::blocking::{Client as HttpClient, RequestBuilder};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect;
use serde_json::Value;
use url::Url;

use super::auth::Auth;
use super::azure_cli;
use super::clock::Clock;
use facepipe_core::context::Interrupted;
use facepipe_core::secret::Secret;
use facepipe_net::client;
use facepipe_net::retry::RetryPolicy;

/// Where applications sign in, without the tenant.
pub(super) const AUTHORITY: &str = "https://login.microsoftonline.com";
/// The metadata service of Azure's virtual machines, which only they can reach.
pub(super) const IMDS: &str = "http://169.254.169.254";
/// The scope of the token, as applications give it.
pub(super) const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
/// The same, as the metadata service expects it.
const RESOURCE: &str = "https://cognitiveservices.azure.com";
/// The metadata service's own version.
const IMDS_VERSION: &str = "2018-02-01";
/// Longest time to connect. The metadata service answers at once, or does not exist.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// A token's lifetime if the answer does not state it: Entra ID gives an hour at least.
const USUAL_LIFE: Duration = Duration::from_secs(3600);
/// Longest explanation that is shown, in characters.
const LONGEST_MESSAGE: usize = 300;

/// The identity of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// An application with its secret.
    ClientSecret {
        /// Where it signs in.
        authority: Url,
        /// Its directory.
        tenant: String,
        /// Its id.
        client: String,
        /// Its secret.
        secret: Secret,
    },
    /// The virtual machine.
    ManagedIdentity {
        /// Its metadata service.
        endpoint: Url,
        /// The id of one of several identities.
        client: Option<String>,
    },
    /// The user who signed in with `az login`.
    AzureCli,
}

/// Why there is no token. No secret is shown.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The service that was queried gave none.
    #[error("no token from {from}: {problem}")]
    Refused {
        /// The way to sign in.
        auth: Auth,
        /// The service.
        from: &'static str,
        /// Its message.
        problem: String,
    },
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// A token, and when it is to be replaced.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) secret: Secret,
    pub(super) expires: Instant,
}

impl SignIn {
    /// The name of the service that gives the token.
    fn from(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "Entra ID",
            Self::ManagedIdentity { .. } => "the machine's metadata service",
            Self::AzureCli => "the Azure CLI",
        }
    }

    /// The way to sign in.
    const fn auth(&self) -> Auth {
        match self {
            Self::ClientSecret { .. } => Auth::ClientSecret,
            Self::ManagedIdentity { .. } => Auth::ManagedIdentity,
            Self::AzureCli => Auth::AzureCli,
        }
    }

    pub(super) fn refused(&self, problem: &str) -> SignInError {
        let text = problem.split_whitespace().collect::<Vec<_>>().join(" ");
        SignInError::Refused {
            auth: self.auth(),
            from: self.from(),
            problem: text.chars().take(LONGEST_MESSAGE).collect(),
        }
    }

    /// Requests a token.
    pub(super) fn token(&self, clock: &dyn Clock) -> Result<Token, SignInError> {
        let requested = clock.now();
        let answer = match self {
            Self::AzureCli => azure_cli::ask(self, clock)?,
            _ => self.ask_over_http(clock)?,
        };
        let unreadable = || self.refused("its answer holds no token");
        let answer: Value = serde_json::from_str(&answer).map_err(|_| unreadable())?;
        let token = ["access_token", "accessToken"]
            .iter()
            .find_map(|name| answer[*name].as_str())
            .filter(|token| !token.is_empty());
        let secret = Secret::new(token.ok_or_else(unreadable)?);
        let life = seconds(&answer["expires_in"]).map(Duration::from_secs);
        // The Azure CLI only gives the end, in seconds since 1970, and the token may end soon.
        let end = seconds(&answer["expires_on"]).map(|end| UNIX_EPOCH + Duration::from_secs(end));
        let left = |end: SystemTime| end.duration_since(clock.time_of_day()).unwrap_or_default();
        let life = life.or_else(|| end.map(left)).unwrap_or(USUAL_LIFE);
        Ok(Token {
            secret,
            expires: requested + life,
        })
    }

    fn ask_over_http(&self, clock: &dyn Clock) -> Result<String, SignInError> {
        let is_local =
            !matches!(self, Self::ClientSecret { authority, .. } if authority.scheme() == "https");
        let mut builder = client::blocking()
            // A redirect's target would get the secret.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER);
        if is_local {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| self.refused(&error.to_string()))?;
        let mut attempt = 0;
        loop {
            let problem = match self.request(&http)?.send() {
                Ok(response) => {
                    let status = response.status();
                    let body = response.text().unwrap_or_default();
                    if status.is_success() {
                        return Ok(body);
                    }
                    let problem = self.explanation(status.as_u16(), &body);
                    // The metadata service answers 404 and 410 while it starts.
                    if !matches!(status.as_u16(), 404 | 410 | 429 | 500..=599) {
                        return Err(self.refused(&problem));
                    }
                    problem
                }
                Err(error)
                    if error.is_connect() && matches!(self, Self::ManagedIdentity { .. }) =>
                {
                    return Err(self.refused("it can't be reached"));
                }
                Err(error) if error.is_timeout() => "it took too long".to_owned(),
                Err(error) if error.is_connect() => "it can't be reached".to_owned(),
                Err(_) => "the connection broke".to_owned(),
            };
            if attempt >= RetryPolicy::SERVICE.retries {
                return Err(self.refused(&problem));
            }
            clock.wait(RetryPolicy::SERVICE.pause(attempt, self.from()))?;
            attempt += 1;
        }
    }

    fn request(&self, http: &HttpClient) -> Result<RequestBuilder, SignInError> {
        let path = |base: &Url, parts: &[&str]| {
            let mut url = base.clone();
            url.path_segments_mut()
                .map_err(|()| self.refused("its address can't be used"))?
                .pop_if_empty()
                .extend(parts);
            Ok::<_, SignInError>(url)
        };
        match self {
            Self::ClientSecret {
                authority,
                tenant,
                client,
                secret,
            } => {
                let url = path(authority, &[tenant, "oauth2", "v2.0", "token"])?;
                let form = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("grant_type", "client_credentials")
                    .append_pair("client_id", client)
                    .append_pair("client_secret", secret.expose())
                    .append_pair("scope", SCOPE)
                    .finish();
                Ok(http
                    .post(url)
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form))
            }
            Self::ManagedIdentity { endpoint, client } => {
                let mut url = path(endpoint, &["metadata", "identity", "oauth2", "token"])?;
                url.query_pairs_mut()
                    .append_pair("api-version", IMDS_VERSION)
                    .append_pair("resource", RESOURCE);
                if let Some(client) = client {
                    url.query_pairs_mut().append_pair("client_id", client);
                }
                Ok(http.get(url).header("Metadata", "true"))
            }
            Self::AzureCli => Err(self.refused("it has no HTTP interface")),
        }
    }

    /// The message of an error of Entra ID or the metadata service, without the secret.
    fn explanation(&self, status: u16, body: &str) -> String {
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        let text = ["error_description", "error", "message"]
            .iter()
            .find_map(|name| value[*name].as_str());
        let text = text.unwrap_or("no explanation");
        // The lines after the first hold ids of the request.
        let first = text.lines().next().unwrap_or_default();
        let shown = match self {
            Self::ClientSecret { secret, .. } => secret.removed_from(first),
            _ => first.to_owned(),
        };
        format!("{status}: {shown}")
    }
}

/// A number of seconds, which Entra ID writes as a number and the metadata service as text.
fn seconds(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
