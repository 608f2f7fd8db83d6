//! One address in, its bytes out: limits, redirects, retries, opt-outs.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use percent_encoding::{CONTROLS, percent_encode};
use reqwest::header::{ACCEPT, ETAG, HeaderMap, HeaderName, LAST_MODIFIED, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, StatusCode, redirect};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use url::Url;

use super::addresses::{Resolver, check_literal};
use super::download_error::DownloadError;
use super::hosts::{Closed, Host, Hosts, RobotsAnswer};
use super::opt_out::{AGENT, opt_out};
use super::robots::{self, Robots};
use super::settings::{Settings, Timeouts};
use crate::FetchError;
use facepipe_core::ports::{SecretPart, SourceRequest};
use facepipe_net::client;
use facepipe_net::retry::{RetryPolicy, retry_after};

/// Redirects that are followed for one address; browsers allow 20, and image servers need one or
/// two.
const MOST_REDIRECTS: usize = 10;
/// Most bytes that are reserved before they have arrived.
const RESERVED: u64 = 1 << 20;
/// The `Accept` of requests for images: formats that can be decoded first.
const IMAGES: &str = "image/jpeg,image/png,image/webp,image/gif,image/*;q=0.5,*/*;q=0.1";
/// For how long a robots.txt that can't be read is not requested again.
const ROBOTS_PAUSE: Duration = Duration::from_secs(60);

/// Downloads under all limits; shared by all tasks of a run.
pub(super) struct Downloader {
    client: Client,
    hosts: Hosts,
    connections: Arc<Semaphore>,
    timeouts: Timeouts,
    allow_private: bool,
    ignore_opt_out: bool,
    retries: u32,
    limit: u64,
}

/// A successful answer.
#[derive(Debug)]
pub(super) struct Download {
    pub(super) bytes: Vec<u8>,
    pub(super) status: u16,
    /// The address after redirects, where it differs.
    pub(super) final_url: Option<Url>,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// One of the run's connections: held for as long as these bytes are in memory.
    pub(super) connection: OwnedSemaphorePermit,
}

/// The kind of request, which decides which rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A source's request, to an interface made for programs.
    Page,
    /// An image: its owner may not want it in data sets.
    Image,
    /// A robots.txt.
    Robots,
}

impl Downloader {
    pub(super) fn new(settings: &Settings) -> Result<Self, FetchError> {
        Self::with_client(settings, |builder| builder)
    }

    /// As [`Downloader::new`], with further settings of the client.
    fn with_client(
        settings: &Settings,
        further: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, FetchError> {
        let mut builder = client::builder()
            .user_agent(user_agent(&settings.contact))
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(settings.host_connections)
            .connect_timeout(settings.timeouts.connect)
            .read_timeout(settings.timeouts.read);
        if !settings.proxy {
            // Through a proxy it can't be checked whether a name leads into a private network.
            builder = builder.no_proxy();
        }
        if !settings.allow_private {
            builder = builder.dns_resolver(Resolver);
        }
        let client = further(builder).build().map_err(FetchError::Client)?;
        Ok(Self {
            client,
            hosts: Hosts::new(
                settings.host_connections,
                settings.host_rate,
                settings.timeouts.refused,
            ),
            connections: Arc::new(Semaphore::new(settings.connections)),
            timeouts: settings.timeouts,
            allow_private: settings.allow_private,
            ignore_opt_out: settings.ignore_opt_out,
            retries: settings.retries,
            limit: settings.max_bytes,
        })
    }

    /// Gets the answer to a source's request, with retries where they make sense.
    pub(super) async fn get(&self, request: &SourceRequest) -> Result<Download, DownloadError> {
        self.get_for(request, Purpose::Page).await
    }

    /// Gets an image, unless its owner opted out.
    pub(super) async fn get_image(&self, url: Url) -> Result<Download, DownloadError> {
        let request = SourceRequest {
            headers: vec![(ACCEPT.to_string(), IMAGES.to_owned())],
            ..SourceRequest::new(url)
        };
        self.get_for(&request, Purpose::Image).await
    }

    async fn get_for(
        &self,
        request: &SourceRequest,
        purpose: Purpose,
    ) -> Result<Download, DownloadError> {
        let mut attempt = 0;
        loop {
            let error = match self.try_once(request, purpose).await {
                Ok(download) => return Ok(download),
                Err(error) => error,
            };
            if attempt >= self.retries || !error.is_worth_a_retry() {
                return Err(error);
            }
            tokio::time::sleep(RetryPolicy::DOWNLOAD.pause(attempt, request.url.as_str())).await;
            attempt += 1;
        }
    }

    async fn try_once(
        &self,
        request: &SourceRequest,
        purpose: Purpose,
    ) -> Result<Download, DownloadError> {
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            if !self.allow_private {
                check_literal(&url)?;
            }
            let host = self.hosts.of(&url);
            if purpose == Purpose::Image && !self.ignore_opt_out {
                self.ask_robots(&host, &url).await?;
            }
            let _turn = host.enter().await.map_err(|why| closed(why, &url))?;
            let Ok(connection) = self.connections.clone().acquire_owned().await else {
                unreachable!("the semaphore is never closed")
            };
            let limit = self.timeouts.total;
            let answer = self.ask(&host, &url, request, purpose);
            let too_slow = || DownloadError::TooSlow {
                host: name_of(&url),
                limit,
            };
            match timeout(limit, answer).await.map_err(|_| too_slow())?? {
                Answer::Redirect(next) => url = next,
                Answer::Body {
                    bytes,
                    status,
                    headers,
                } => {
                    let text = |name| header(&headers, name).map(str::to_owned);
                    return Ok(Download {
                        bytes,
                        status: status.as_u16(),
                        etag: text(ETAG),
                        last_modified: text(LAST_MODIFIED),
                        final_url: (url != request.url).then_some(url),
                        connection,
                    });
                }
            }
        }
        Err(DownloadError::Redirect {
            problem: "too often",
        })
    }

    /// Sends one request and reads its answer.
    async fn ask(
        &self,
        host: &Host,
        url: &Url,
        request: &SourceRequest,
        purpose: Purpose,
    ) -> Result<Answer, DownloadError> {
        let sent = Instant::now();
        let response = self.send(url, request).await;
        if matches!(response, Err(DownloadError::Tls { .. })) {
            host.refused(sent);
        }
        let response = response?;
        if let Some(next) = redirect_target(&response, url)? {
            return Ok(Answer::Redirect(next));
        }
        let status = response.status();
        if !status.is_success() {
            let pause = header(response.headers(), RETRY_AFTER)
                .and_then(|text| retry_after(text, SystemTime::now()));
            match (status, pause) {
                (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(pause)) => {
                    host.pause(pause);
                }
                (StatusCode::TOO_MANY_REQUESTS, None) => host.is_busy(sent),
                (StatusCode::FORBIDDEN, _) if purpose != Purpose::Robots => host.refused(sent),
                _ if status.is_server_error() => {}
                _ => host.answered(),
            }
            return Err(DownloadError::Status {
                status: status.as_u16(),
                retry_after: pause,
            });
        }
        host.answered();
        if purpose == Purpose::Image
            && !self.ignore_opt_out
            && let Some(directive) = opt_out(response.headers())
        {
            return Err(DownloadError::OptedOut { directive });
        }
        let headers = response.headers().clone();
        let bytes = self.read(response, host, url, purpose).await?;
        Ok(Answer::Body {
            bytes,
            status,
            headers,
        })
    }

    async fn send(&self, url: &Url, request: &SourceRequest) -> Result<Response, DownloadError> {
        // The target of a redirect never gets the key.
        let secret = request.secret.as_ref().filter(|_| *url == request.url);
        let mut builder = match secret {
            Some(SecretPart::Parameter(name, secret)) => {
                let mut with_key = url.clone();
                let mut parameters = with_key.query_pairs_mut();
                parameters.append_pair(name, secret.expose());
                drop(parameters);
                self.client.get(with_key)
            }
            Some(SecretPart::Bearer(secret)) => {
                self.client.get(url.clone()).bearer_auth(secret.expose())
            }
            None => self.client.get(url.clone()),
        };
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        builder
            .send()
            .await
            .map_err(|error| DownloadError::of_client(&error, url))
    }

    async fn read(
        &self,
        mut response: Response,
        host: &Host,
        url: &Url,
        purpose: Purpose,
    ) -> Result<Vec<u8>, DownloadError> {
        let is_robots = purpose == Purpose::Robots;
        let limit = if is_robots {
            robots::MOST_BYTES as u64
        } else {
            self.limit
        };
        let declared = response.content_length().unwrap_or_default();
        if declared > limit && !is_robots {
            return Err(DownloadError::TooLarge { limit });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(declared.min(RESERVED)).unwrap_or(0));
        let broken = |error| DownloadError::of_client(&error, url);
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > limit {
                if is_robots {
                    break;
                }
                return Err(DownloadError::TooLarge { limit });
            }
            host.received(piece.len()).await;
        }
        Ok(bytes)
    }

    /// Whether the host's robots.txt lets this program fetch an address. The file is requested once; one
    /// that is missing forbids nothing, and one that can't be read everything (RFC 9309, section 2.3.1).
    async fn ask_robots(&self, host: &Host, url: &Url) -> Result<(), DownloadError> {
        let mut known = host.robots.lock().await;
        let rules = match &*known {
            Some(RobotsAnswer::Rules(rules)) => rules.clone(),
            Some(RobotsAnswer::Unknown(error, until)) if Instant::now() < *until => {
                return Err(error.clone());
            }
            _ => match self.robots(url).await {
                Ok(rules) => {
                    let rules = Arc::new(rules);
                    *known = Some(RobotsAnswer::Rules(rules.clone()));
                    rules
                }
                Err(error) => {
                    let until = Instant::now() + ROBOTS_PAUSE;
                    *known = Some(RobotsAnswer::Unknown(error.clone(), until));
                    return Err(error);
                }
            },
        };
        drop(known);
        if rules.allows(url) {
            Ok(())
        } else {
            Err(DownloadError::Disallowed { host: name_of(url) })
        }
    }

    async fn robots(&self, url: &Url) -> Result<Robots, DownloadError> {
        let Ok(address) = url.join("/robots.txt") else {
            return Ok(Robots::default());
        };
        let request = SourceRequest::new(address);
        // Boxed, for the request of an image asks for robots.txt, which is a request.
        match Box::pin(self.get_for(&request, Purpose::Robots)).await {
            Ok(download) => Ok(Robots::parse(&download.bytes, AGENT)),
            Err(DownloadError::Redirect { .. }) => Ok(Robots::default()),
            Err(DownloadError::Status { status, .. })
                if (400..500).contains(&status) && status != 429 =>
            {
                Ok(Robots::default())
            }
            // Images would not be found there either: that error says more.
            Err(
                error @ (DownloadError::Private(_)
                | DownloadError::Tls { .. }
                | DownloadError::Paused { .. }
                | DownloadError::Refusing { .. }),
            ) => Err(error),
            Err(error) => Err(DownloadError::RobotsUnknown {
                host: name_of(url),
                cause: error.to_string(),
            }),
        }
    }
}

/// The outcome of one request.
enum Answer {
    Redirect(Url),
    Body {
        bytes: Vec<u8>,
        status: StatusCode,
        headers: HeaderMap,
    },
}

fn closed(why: Closed, url: &Url) -> DownloadError {
    let host = name_of(url);
    match why {
        Closed::PausedTooLong => DownloadError::Paused { host },
        Closed::Refusing => DownloadError::Refusing { host },
    }
}

fn name_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// The target of a redirect; `None` where it is no redirect.
fn redirect_target(response: &Response, from: &Url) -> Result<Option<Url>, DownloadError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let problem = |problem| DownloadError::Redirect { problem };
    let target = response
        .headers()
        .get(LOCATION)
        .ok_or(problem("to nowhere"))?;
    let next = from
        .join(&text_of_address(target.as_bytes()))
        .map_err(|_| problem("to no valid address"))?;
    match (from.scheme(), next.scheme()) {
        ("https", "http") => Err(problem("from https to http")),
        (_, "http" | "https") => Ok(Some(next)),
        _ => Err(problem("to another protocol")),
    }
}

/// The text of an address in a header: of UTF-8, as servers send it against RFC 9110, or with other bytes
/// percent-encoded.
fn text_of_address(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(percent_encode(bytes, CONTROLS).to_string()),
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// An honest user agent: name, version, and a contact.
fn user_agent(contact: &Option<String>) -> String {
    let name = client::USER_AGENT;
    match contact {
        Some(contact) => format!("{name} ({contact})"),
        None => format!("{name} (image fetcher; no contact given)"),
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "tls_tests.rs"]
mod tls_tests;
