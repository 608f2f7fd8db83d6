//! One address in, its bytes out: limits, redirects, retries.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::addresses::{Resolver, check_literal};
use super::hosts::Hosts;
use super::retry::{DownloadError, back_off};
use super::{FetchError, Settings};
use crate::back_off::retry_after;
use crate::ports::{SecretPart, SourceRequest};

/// Redirects that are followed for one address; browsers allow 20, and image servers need one or
/// two.
const MOST_REDIRECTS: usize = 10;
/// Most bytes that are reserved before they have arrived.
const RESERVED: u64 = 1 << 20;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// For a connection, TLS included.
    pub(super) connect: Duration,
    /// For the next piece of an answer.
    pub(super) read: Duration,
    /// For one whole answer: servers that drip end here.
    pub(super) total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(30),
            total: Duration::from_secs(120),
        }
    }
}

/// Downloads under all limits; shared by all tasks of a run.
pub(super) struct Downloader {
    client: Client,
    hosts: Hosts,
    connections: Arc<Semaphore>,
    allow_private: bool,
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
    /// One of the run's connections: whoever holds it holds these bytes in memory.
    pub(super) connection: OwnedSemaphorePermit,
}

impl Downloader {
    pub(super) fn new(settings: &Settings, timeouts: Timeouts) -> Result<Self, FetchError> {
        let mut builder = Client::builder()
            .user_agent(user_agent(&settings.contact))
            .redirect(redirect::Policy::none())
            // Through a proxy nobody could tell whether a name leads into a private network.
            .no_proxy()
            .pool_max_idle_per_host(settings.host_connections)
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.total);
        if !settings.allow_private {
            builder = builder.dns_resolver(Resolver);
        }
        Ok(Self {
            client: builder.build().map_err(FetchError::Client)?,
            hosts: Hosts::new(settings.host_connections, settings.host_rate),
            connections: Arc::new(Semaphore::new(settings.connections)),
            allow_private: settings.allow_private,
            retries: settings.retries,
            limit: settings.max_bytes,
        })
    }

    /// Gets an address, again and again where that makes sense.
    pub(super) async fn get(&self, request: &SourceRequest) -> Result<Download, DownloadError> {
        let mut attempt = 0;
        loop {
            let error = match self.try_once(request).await {
                Ok(download) => return Ok(download),
                Err(error) => error,
            };
            let hopeless = matches!(error, DownloadError::Paused { .. });
            if attempt >= self.retries || hopeless || !error.is_transient() {
                return Err(error);
            }
            tokio::time::sleep(back_off(attempt, &request.url)).await;
            attempt += 1;
        }
    }

    async fn try_once(&self, request: &SourceRequest) -> Result<Download, DownloadError> {
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            if !self.allow_private {
                check_literal(&url)?;
            }
            let host = self.hosts.of(&url);
            let _turn = host.enter().await.map_err(|_| DownloadError::Paused {
                host: url.host_str().unwrap_or_default().to_owned(),
            })?;
            let Ok(connection) = self.connections.clone().acquire_owned().await else {
                unreachable!("nobody closes the semaphore")
            };
            let response = self.send(&url, request).await?;
            let status = response.status();
            if let Some(next) = redirect_target(&response, &url)? {
                url = next;
                continue;
            }
            if !status.is_success() {
                let pause = header(&response, RETRY_AFTER)
                    .and_then(|text| retry_after(text, SystemTime::now()));
                let asks = matches!(
                    status,
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                );
                if let Some(pause) = pause.filter(|_| asks) {
                    host.pause(pause);
                }
                return Err(DownloadError::Status {
                    status: status.as_u16(),
                    retry_after: pause,
                });
            }
            return Ok(Download {
                bytes: self.read(response, &url).await?,
                status: status.as_u16(),
                final_url: (url != request.url).then_some(url),
                connection,
            });
        }
        Err(DownloadError::Redirect {
            problem: "too often",
        })
    }

    async fn send(&self, url: &Url, request: &SourceRequest) -> Result<Response, DownloadError> {
        // Where a redirect leads to, nobody gets the key.
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

    async fn read(&self, mut response: Response, url: &Url) -> Result<Vec<u8>, DownloadError> {
        let too_large = DownloadError::TooLarge { limit: self.limit };
        let declared = response.content_length().unwrap_or_default();
        if declared > self.limit {
            return Err(too_large);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(declared.min(RESERVED)).unwrap_or(0));
        let broken = |error| DownloadError::of_client(&error, url);
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if (bytes.len() + piece.len()) as u64 > self.limit {
                return Err(too_large);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// Where an answer sends us on to; `None` where it is no redirect.
fn redirect_target(response: &Response, from: &Url) -> Result<Option<Url>, DownloadError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let problem = |problem| DownloadError::Redirect { problem };
    let target = header(response, LOCATION).ok_or(problem("to nowhere"))?;
    let next = from
        .join(target)
        .map_err(|_| problem("to no valid address"))?;
    match (from.scheme(), next.scheme()) {
        ("https", "http") => Err(problem("from https to http")),
        (_, "http" | "https") => Ok(Some(next)),
        _ => Err(problem("to another protocol")),
    }
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// Who asks, honestly: name, version, and whom to write to.
fn user_agent(contact: &Option<String>) -> String {
    let name = concat!("facepipe/", env!("CARGO_PKG_VERSION"));
    match contact {
        Some(contact) => format!("{name} ({contact})"),
        None => format!("{name} (image fetcher; no contact given)"),
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
