//! Requests with retries, below the quota, with no secret in any error.

use std::fmt;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client as HttpClient, RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode, redirect};
use serde::de::DeserializeOwned;

use super::authorizer::Authorizer;
use super::clock::Clock;
use super::credentials::{Credentials, TIER_NAME};
use super::endpoint::ApiVersion;
use super::error::AzureError;
use super::pause::asked_pause;
use super::quota::TokenBucket;
use super::request::{Body, Repeat, Request};
use super::service_error::ServiceError;
use facepipe_core::errors::root_cause;
use facepipe_core::ports::{Progress, SilentProgress};
use facepipe_core::secret::Secret;
use facepipe_net::client;
use facepipe_net::retry::RetryPolicy;

/// The header in which errors without a body name their code.
const ERROR_CODE_HEADER: &str = "x-ms-error-code";
/// Retries and pauses. Where the service requests a longer pause than the longest, the request
/// fails at once: an earlier retry would be useless.
pub(super) const POLICY: RetryPolicy = RetryPolicy::SERVICE;
/// Further tries while another operation on a group or list is running (a training, say), and after
/// too many requests: with their pauses they last about a minute, the free tier's window. The pause
/// that the service requests then may be too short: it was observed to request one second, and to
/// refuse again after five.
pub(super) const RETRIES_WHILE_BUSY: u32 = 6;
/// From this length on a pause is reported, so that the program does not seem to hang.
const LONG_PAUSE: Duration = Duration::from_secs(5);
/// Largest answer that is read, in bytes: 100 faces with all landmarks and attributes take less than
/// 500 kB, a page of 1000 persons with their data less than 20 MB.
const LARGEST_ANSWER: u64 = 32 << 20;

/// Timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect.
    pub connect: Duration,
    /// Of a whole call: 6 MB take 48 s at 1 Mbit/s.
    pub call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            call: Duration::from_secs(90),
        }
    }
}

/// A successful answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// Headers, such as `Operation-Location`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    host: String,
}

impl Answer {
    /// The body as the operation's result.
    ///
    /// # Errors
    /// [`AzureError::BadAnswer`] when it has another form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, AzureError> {
        serde_json::from_slice(&self.body).map_err(|error| AzureError::BadAnswer {
            host: self.host.clone(),
            problem: error.to_string(),
        })
    }
}

/// A client of the service; all threads share one.
pub struct Client {
    http: HttpClient,
    credentials: Credentials,
    authorizer: Authorizer,
    version: Option<ApiVersion>,
    bucket: TokenBucket,
    clock: Box<dyn Clock>,
    calls: AtomicU64,
    progress: Arc<dyn Progress>,
    has_noted_quota: Once,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("credentials", &self.credentials)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that has sent nothing yet.
    ///
    /// # Errors
    /// [`AzureError::Client`] when the machine can't do HTTPS, [`AzureError::Credentials`] for a key
    /// that is not valid in a header.
    pub fn new(
        credentials: Credentials,
        timeouts: Timeouts,
        clock: Box<dyn Clock>,
    ) -> Result<Self, AzureError> {
        let mut builder = client::blocking()
            // A redirect's target would get the key.
            .redirect(redirect::Policy::none())
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.call);
        builder = if credentials.endpoint.is_plain_http() {
            // Only this machine is called without TLS: no proxy shall see the key.
            builder.no_proxy()
        } else {
            builder.https_only(true)
        };
        Ok(Self {
            http: builder
                .build()
                .map_err(|error| AzureError::Client(root_cause(&error)))?,
            bucket: TokenBucket::new(credentials.tier),
            authorizer: Authorizer::new(&credentials)?,
            credentials,
            version: None,
            clock,
            calls: AtomicU64::new(0),
            progress: Arc::new(SilentProgress),
            has_noted_quota: Once::new(),
        })
    }

    /// Calls every operation in this version, rather than each in its default one.
    #[must_use]
    pub fn with_version(mut self, version: Option<ApiVersion>) -> Self {
        self.version = version;
        self
    }

    /// Reports long waits, and their reason, to `progress`.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The credentials.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The part of an answer that is read.
    pub(super) fn understood<T>(&self, read: serde_json::Result<T>) -> Result<T, AzureError> {
        read.map_err(|error| AzureError::BadAnswer {
            host: self.credentials.endpoint.host(),
            problem: error.to_string(),
        })
    }

    /// Requests that reached the host so far, retries included: an upper bound of what is billed.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Sends a request, with retries where they make sense.
    ///
    /// # Errors
    /// [`AzureError`]: the last one.
    pub fn send(&self, request: &Request) -> Result<Answer, AzureError> {
        let version = self.version.unwrap_or(request.version);
        if version < request.since {
            return Err(AzureError::NotInVersion {
                operation: request.name,
                chosen: version.as_str(),
                since: request.since.as_str(),
            });
        }
        let (mut attempt, mut has_new_token, mut may_be_done) = (0, false, false);
        loop {
            let token = self.authorizer.secret(self.clock.as_ref())?;
            let report = |pause| self.note_quota(pause);
            self.bucket.take(self.clock.as_ref(), report)?;
            let error = match self.try_once(request, version, &token) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if matches!(error, AzureError::TokenRefused { .. }) && !has_new_token {
                // It may have been revoked before its end.
                self.authorizer.forget();
                has_new_token = true;
                continue;
            }
            if may_be_done && request.method == Method::DELETE && error.is_missing() {
                // An earlier try has deleted it, and its answer was lost.
                return Ok(self.deleted());
            }
            may_be_done |= error.leaves_outcome_unknown();
            let may_repeat = request.repeat == Repeat::Always || error.is_before_execution();
            let is_refused = matches!(error, AzureError::TooManyRequests { .. });
            let is_busy = matches!(&error, AzureError::Service(error) if error.is_busy());
            let retries = if is_busy || is_refused {
                RETRIES_WHILE_BUSY
            } else {
                POLICY.retries
            };
            if attempt >= retries || !may_repeat || !error.is_transient() {
                return Err(error);
            }
            let what = (request.path.as_str(), self.calls());
            let usual = POLICY.pause(attempt, what);
            let pause = match error.asked_pause() {
                Some(requested) if is_refused && attempt > 0 => requested.max(usual),
                requested => requested.unwrap_or(usual),
            };
            if pause > POLICY.longest {
                return Err(error);
            }
            if pause >= LONG_PAUSE {
                let seconds = pause.as_secs();
                let line = format!("retrying in {seconds} s: {error}");
                self.progress.note(&line);
            }
            if is_refused {
                // The other threads' requests would be refused as well.
                self.bucket.pause(self.clock.now(), pause);
            } else {
                self.clock.wait(pause)?;
            }
            attempt += 1;
        }
    }

    /// Reports once that calls wait for the quota.
    fn note_quota(&self, pause: Duration) {
        if pause < LONG_PAUSE {
            return;
        }
        self.has_noted_quota.call_once(|| {
            let tier = self.credentials.tier;
            let (calls, window) = tier.quota();
            self.progress.note(&format!(
                "waiting up to {} s at a time from here on: tier {} has {calls} calls in {} s \
                 ({TIER_NAME} says which one the resource has)",
                pause.as_secs() + 1,
                tier.as_str(),
                window.as_secs(),
            ));
        });
    }

    /// The answer to a repeated delete whose first answer was lost.
    fn deleted(&self) -> Answer {
        Answer {
            status: StatusCode::NO_CONTENT.as_u16(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            host: self.credentials.endpoint.host(),
        }
    }

    fn try_once(
        &self,
        request: &Request,
        version: ApiVersion,
        secret: &Secret,
    ) -> Result<Answer, AzureError> {
        let host = self.credentials.endpoint.host();
        let mut url = self.credentials.endpoint.url(version, &request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let builder = self.http.request(request.method.clone(), url);
        let builder = with_body(self.authorizer.authorized(builder, secret)?, &request.body)?;
        let sent = builder.send();
        if !sent.as_ref().is_err_and(reqwest::Error::is_connect) {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        let response = sent.map_err(|error| of_http(&error, &host))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response, &host)?;
        if status.is_success() {
            let status = status.as_u16();
            return Ok(Answer {
                status,
                headers,
                body,
                host,
            });
        }
        // A server may repeat what it received.
        let body = secret.removed_from(&String::from_utf8_lossy(&body));
        let code = headers.get(ERROR_CODE_HEADER);
        let code = code.and_then(|code| code.to_str().ok());
        let mut error = ServiceError::read(status.as_u16(), code, &body);
        error.retry_after = asked_pause(&headers, &error.message, self.clock.time_of_day());
        Err(self.authorizer.named(AzureError::of_service(error, &host)))
    }
}

/// The request with its body.
fn with_body(builder: RequestBuilder, body: &Body) -> Result<RequestBuilder, AzureError> {
    Ok(match body {
        Body::Empty => builder,
        Body::Json(text) => builder
            .header(CONTENT_TYPE, "application/json")
            .body(text.clone()),
        Body::Image(bytes) => builder
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(bytes.clone()),
        Body::Form(texts, (name, bytes)) => {
            let file = Part::bytes(bytes.clone())
                .file_name("photo.jpg")
                .mime_str("image/jpeg")
                .map_err(|error| AzureError::Client(error.to_string()))?;
            let form = texts.iter().fold(Form::new(), |form, (name, text)| {
                form.text(*name, text.clone())
            });
            builder.multipart(form.part(*name, file))
        }
    })
}

fn read(response: Response, host: &str) -> Result<Vec<u8>, AzureError> {
    let mut body = Vec::new();
    let mut limited = response.take(LARGEST_ANSWER + 1);
    if let Err(error) = limited.read_to_end(&mut body) {
        let host = host.to_owned();
        let of_http = error.get_ref().and_then(|error| error.downcast_ref());
        return Err(if of_http.is_some_and(reqwest::Error::is_timeout) {
            AzureError::TimedOut { host }
        } else {
            let cause = root_cause(&error);
            AzureError::Broken { host, cause }
        });
    }
    if body.len() as u64 > LARGEST_ANSWER {
        return Err(AzureError::BadAnswer {
            host: host.to_owned(),
            problem: format!("it has more than {LARGEST_ANSWER} bytes"),
        });
    }
    Ok(body)
}

/// Sorts an error of the HTTP client.
fn of_http(error: &reqwest::Error, host: &str) -> AzureError {
    let host = host.to_owned();
    if error.is_connect() {
        let cause = root_cause(error);
        AzureError::Unreachable { host, cause }
    } else if error.is_timeout() {
        AzureError::TimedOut { host }
    } else {
        let cause = root_cause(error);
        AzureError::Broken { host, cause }
    }
}
