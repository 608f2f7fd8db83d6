//! Connections: how they are accepted, encrypted and closed.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;

use super::error::ServeError;
use super::routes::router;
use super::service::Service;

/// Longest time for a request's head to arrive, and for a connection to stay silent (HTTP/2: to
/// leave a ping unanswered): hyper's own default.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Files of a certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate in PEM, with those that signed it.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// [`ServeError::Tls`].
    pub async fn open(&self) -> Result<RustlsConfig, ServeError> {
        facepipe_net::client::use_tls();
        let config = RustlsConfig::from_pem_file(&self.certificate, &self.key).await;
        config.map_err(|source| self.error(source))
    }

    /// Reads both files again, for later connections.
    ///
    /// # Errors
    /// [`ServeError::Tls`]; the previous ones stay in use.
    pub async fn reload(&self, config: &RustlsConfig) -> Result<(), ServeError> {
        let reloaded = config
            .reload_from_pem_file(&self.certificate, &self.key)
            .await;
        reloaded.map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> ServeError {
        ServeError::Tls {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        }
    }
}

/// Binds an address, so that no other program can.
///
/// # Errors
/// [`ServeError::Bind`].
pub fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|source| ServeError::Bind { address, source })
}

/// Answers requests until `stop` is ready; then no new ones are accepted, and those in progress are
/// answered within the time that the settings allow.
///
/// # Errors
/// [`ServeError::Io`].
pub async fn listen(
    service: Arc<Service>,
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let is_local = listener.local_addr()?.ip().is_loopback();
    let routes = router(&service, is_local).into_make_service();
    let handle = Handle::new();
    let (to_end, drain) = (handle.clone(), service.settings.limits.drain);
    let ending = tokio::spawn(async move {
        stop.await;
        service.begin_to_drain();
        tracing::info!("no new requests are accepted; those in progress are answered");
        to_end.graceful_shutdown(Some(drain));
    });
    let mut server = axum_server::from_tcp(listener)?.handle(handle);
    end_silent_connections(&mut server);
    let served = match tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls).acceptor(NoDelayAcceptor::new());
            server.acceptor(acceptor).serve(routes).await
        }
        None => server.acceptor(NoDelayAcceptor::new()).serve(routes).await,
    };
    ending.abort();
    // Its handle to the service is dropped when it has ended.
    let _ = ending.await;
    Ok(served?)
}

fn end_silent_connections<A: axum_server::Address>(server: &mut Server<A>) {
    let http = server.http_builder();
    let mut one = http.http1();
    one.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let mut two = http.http2();
    two.timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIME)
        .keep_alive_timeout(HEAD_TIME);
}
