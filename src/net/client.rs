//! The only place that makes HTTP clients: user agent and TLS.

use std::time::Duration;

/// Name and version, sent to every server.
pub const USER_AGENT: &str = concat!("facepipe/", env!("CARGO_PKG_VERSION"));

/// Longest time to make a connection, by default.
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

/// The variable of the environment that names a proxy, which clients use unless they are set up without; an
/// empty one names none.
#[must_use]
pub fn proxy_variable() -> Option<&'static str> {
    let names = [
        "https_proxy",
        "HTTPS_PROXY",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    names.into_iter().find(is_set)
}

/// Chooses the cryptography of TLS for the whole process: ring, which compiles in a tenth of the time
/// that aws-lc takes. A server needs it as well; a second call changes nothing.
pub fn use_tls() {
    // An error means that a provider is installed already: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
