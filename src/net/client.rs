//! The one way to an HTTP client: who asks, and what TLS is done with.

use std::time::Duration;

/// Name and version, as every server sees them.
pub const USER_AGENT: &str = concat!("facepipe/", env!("CARGO_PKG_VERSION"));

/// How long a connection may take to be made, where nobody chose otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Settings of an asynchronous client that every request of facepipe shares.
pub fn builder() -> reqwest::ClientBuilder {
    use_tls();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
}

/// The same for a client that blocks its thread.
pub fn blocking() -> reqwest::blocking::ClientBuilder {
    use_tls();
    reqwest::blocking::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
}

/// Chooses the cryptography of TLS for the whole process: ring, which compiles in a tenth of the time
/// that aws-lc takes. A server needs it as well; a second call changes nothing.
pub fn use_tls() {
    // An error says that another part of the process has chosen before: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
