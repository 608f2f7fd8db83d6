//! TLS and HTTP/2, against a server with a certificate that was made for the test.

use std::sync::atomic::{AtomicU32, Ordering};

use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use facepipe_core::types::Reason;

/// The content of every image.
const BODY: &[u8] = b"an image";

/// A server that speaks only HTTP/2; it ends with its runtime.
struct TlsServer {
    port: u16,
    certificate: reqwest::Certificate,
    connections: Arc<AtomicU32>,
    requests: Arc<AtomicU32>,
}

impl TlsServer {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("makes");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("has versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .expect("fit together");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let server = Self {
            port: listener.local_addr().expect("is bound").port(),
            certificate: reqwest::Certificate::from_der(made.cert.der()).expect("is one"),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests) = (server.connections.clone(), server.requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, requests) = (acceptor.clone(), requests.clone());
                // A client that does not trust the server closes the connection.
                tokio::spawn(async move { serve(acceptor, stream, &requests).await.ok() });
            }
        });
        server
    }

    fn url(&self, path: &str) -> Url {
        let text = format!("https://localhost:{}{path}", self.port);
        Url::parse(&text).expect("is an address")
    }

    fn trusting(&self) -> Downloader {
        let certificate = self.certificate.clone();
        Downloader::with_client(&settings(), |client| client.tls_certs_merge([certificate]))
            .expect("sets up")
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    requests: &AtomicU32,
) -> Result<(), Box<dyn std::error::Error>> {
    let stream = acceptor.accept(stream).await?;
    let handshake = h2::server::Builder::new().handshake::<_, &'static [u8]>(stream);
    let mut connection = handshake.await?;
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        requests.fetch_add(1, Ordering::SeqCst);
        let response = http::Response::builder();
        let response = match request.uri().path() {
            "/robots.txt" => response.status(404),
            "/down" => response
                .status(302)
                .header("location", "http://localhost:1/a.jpg"),
            _ => response.status(200),
        };
        let mut body = respond.send_response(response.body(())?, false)?;
        body.send_data(BODY, true)?;
    }
    Ok(())
}

fn settings() -> Settings {
    Settings {
        allow_private: true,
        host_rate: None,
        retries: 0,
        ..Settings::default()
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    runtime.block_on(work)
}

#[test]
fn a_server_with_an_unknown_certificate_is_not_trusted() {
    block_on(async {
        let server = TlsServer::start().await;
        let downloader = Downloader::new(&settings()).expect("sets up");
        let error = downloader
            .get_image(server.url("/1"))
            .await
            .expect_err("is refused");
        assert!(matches!(error, DownloadError::Tls { .. }), "{error}");
        assert!(!error.is_transient());
        assert_eq!(error.reason(), Reason::DownloadFailed);
        assert_eq!(server.requests.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn many_images_come_over_one_connection_by_http_2() {
    block_on(async {
        let server = TlsServer::start().await;
        let downloader = Arc::new(server.trusting());
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20 {
            let (downloader, url) = (downloader.clone(), server.url(&format!("/{number}")));
            tasks.spawn(async move { downloader.get_image(url).await.map(|got| got.bytes) });
        }
        for result in tasks.join_all().await {
            assert_eq!(result.expect("comes"), BODY);
        }
        assert_eq!(
            server.requests.load(Ordering::SeqCst),
            21,
            "with robots.txt"
        );
        assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn https_never_leads_to_http() {
    block_on(async {
        let server = TlsServer::start().await;
        let error = server.trusting().get_image(server.url("/down")).await;
        let error = error.expect_err("is refused");
        assert_eq!(error.to_string(), "redirected from https to http");
    });
}
