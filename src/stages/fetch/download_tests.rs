use super::*;
use facepipe_core::types::Reason;
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

#[path = "opt_out_tests.rs"]
mod opt_outs;

fn settings() -> Settings {
    Settings {
        timeouts: Timeouts {
            connect: Duration::from_secs(2),
            read: Duration::from_millis(700),
            total: Duration::from_secs(3),
            refused: Duration::from_millis(100),
        },
        allow_private: true,
        host_rate: None,
        max_bytes: 1000,
        retries: 2,
        contact: Some("me@example.org".to_owned()),
        ..Settings::default()
    }
}

fn get_with(settings: &Settings, url: &str) -> Result<Download, DownloadError> {
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    let request = SourceRequest {
        headers: vec![("accept".to_owned(), "image/x-test".to_owned())],
        ..SourceRequest::new(Url::parse(url).expect("is an address"))
    };
    runtime.block_on(async {
        let downloader = Downloader::new(settings).expect("sets up");
        downloader.get(&request).await
    })
}

fn get(url: &str) -> Result<Download, DownloadError> {
    get_with(&settings(), url)
}

#[test]
fn an_answer_with_an_honest_user_agent() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        let agent = concat!(
            "user-agent: facepipe/",
            env!("CARGO_PKG_VERSION"),
            " (me@example.org)"
        );
        let honest =
            request.headers.contains(agent) && request.headers.contains("accept: image/x-test");
        Reply::new(if honest { 200 } else { 400 }, "body")
    });
    let download = get(&server.url("/a")).expect("answers");
    assert_eq!(download.bytes, b"body");
    assert_eq!(download.status, 200);
    assert_eq!(download.final_url, None);
}

#[test]
fn a_missing_page_is_requested_once() {
    let server = HttpServer::start(|_: &ReceivedRequest| Reply::new(404, "x"));
    let error = get(&server.url("/a")).expect_err("is missing");
    assert!(matches!(error, DownloadError::Status { status: 404, .. }));
    assert!(!error.is_transient());
    assert_eq!(server.counts()["/a"], 1);
}

#[test]
fn a_server_error_that_passes_is_waited_out() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.times {
        1 => Reply::new(500, ""),
        2 => Reply::new(503, ""),
        _ => Reply::new(200, "body"),
    });
    assert_eq!(get(&server.url("/a")).expect("passes").bytes, b"body");
    assert_eq!(server.counts()["/a"], 3);
}

#[test]
fn a_server_error_that_stays_ends_after_the_retries() {
    let server = HttpServer::start(|_: &ReceivedRequest| Reply::new(502, ""));
    let error = get(&server.url("/a")).expect_err("stays");
    assert!(error.is_transient());
    assert_eq!(error.to_string(), "the server answered 502");
    assert_eq!(server.counts()["/a"], 3);
}

#[test]
fn retry_after_is_respected_and_a_long_one_is_left_to_the_next_run() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        match (request.path.as_str(), request.times) {
            ("/a", 1) => Reply::new(429, "").header("retry-after: 2"),
            ("/a", _) => Reply::new(200, "body"),
            _ => Reply::new(429, "").header("Retry-After: 9999"),
        }
    });
    let begun = std::time::Instant::now();
    assert_eq!(get(&server.url("/a")).expect("passes").bytes, b"body");
    assert!(begun.elapsed() >= Duration::from_secs(2));
    let error = get(&server.url("/long")).expect_err("too long");
    assert!(matches!(error, DownloadError::Paused { .. }), "{error}");
    assert!(error.is_transient());
    assert_eq!(server.counts()["/long"], 1);
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.path.as_str() {
        "/a" => Reply::new(301, "").header("location: /b?x=1"),
        "/b?x=1" => Reply::new(307, "").header("location: c"),
        "/c" => Reply::new(200, "body"),
        "/loop" => Reply::new(302, "").header("location: /loop"),
        "/other" => Reply::new(302, "").header("location: ftp://127.0.0.1/x"),
        _ => Reply::new(302, ""),
    });
    let download = get(&server.url("/a")).expect("ends");
    assert_eq!(download.bytes, b"body");
    let end = download.final_url.expect("differs");
    assert_eq!(end.as_str(), server.url("/c"));
    let problem = |path: &str| get(&server.url(path)).expect_err(path).to_string();
    assert_eq!(problem("/loop"), "redirected too often");
    assert_eq!(server.counts()["/loop"], 11);
    assert_eq!(problem("/other"), "redirected to another protocol");
    assert_eq!(problem("/nowhere"), "redirected to nowhere");
}

#[test]
fn a_body_that_breaks_off_is_tried_again() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        match (request.path.as_str(), request.times) {
            ("/once", 2) => Reply::new(200, "whole"),
            _ => Reply::new(200, "par").declaring(Some(9)),
        }
    });
    assert_eq!(get(&server.url("/once")).expect("passes").bytes, b"whole");
    let error = get(&server.url("/always")).expect_err("stays broken");
    assert!(matches!(error, DownloadError::Broken { .. }), "{error}");
    assert_eq!(server.counts()["/always"], 3);
}

#[test]
fn too_large_is_refused_by_its_header_and_while_it_arrives() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.path.as_str() {
        "/declared" => Reply::new(200, "x").declaring(Some(3 << 30)),
        "/secret" => Reply::new(200, vec![0; 5000]).declaring(None),
        _ => Reply::new(200, vec![0; 1000]).declaring(None),
    });
    for path in ["/declared", "/secret"] {
        let error = get(&server.url(path)).expect_err(path);
        assert!(
            matches!(error, DownloadError::TooLarge { limit: 1000 }),
            "{path}: {error}"
        );
        assert_eq!(server.counts()[path], 1);
    }
    assert_eq!(get(&server.url("/fits")).expect("fits").bytes.len(), 1000);
}

#[test]
fn a_silent_server_times_out() {
    let server =
        HttpServer::start(|_: &ReceivedRequest| Reply::new(200, "x").after(Duration::from_secs(3)));
    let settings = Settings {
        retries: 0,
        ..settings()
    };
    let error = get_with(&settings, &server.url("/a")).expect_err("is silent");
    assert!(matches!(error, DownloadError::TimedOut { .. }), "{error}");
}

#[test]
fn a_closed_port_is_an_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("binds")
        .port();
    let settings = Settings {
        retries: 0,
        ..settings()
    };
    let error = get_with(&settings, &format!("http://127.0.0.1:{port}/a")).expect_err("refused");
    assert!(matches!(error, DownloadError::Connect { .. }), "{error}");
    assert!(error.is_transient());
}

#[test]
fn private_addresses_are_refused_as_literals_and_after_dns() {
    let server = HttpServer::start(|_: &ReceivedRequest| Reply::new(200, "secret"));
    let settings = Settings {
        allow_private: false,
        ..settings()
    };
    let literal = server.url("/a");
    let name = literal.replace("127.0.0.1", "localhost");
    for url in [literal, name] {
        let error = get_with(&settings, &url).expect_err(&url);
        assert!(matches!(error, DownloadError::Private(_)), "{url}: {error}");
        assert_eq!(error.reason(), facepipe_core::types::Reason::BadAddress);
    }
    assert_eq!(server.counts().len(), 0, "no request was sent");
}

fn get_image_with(settings: &Settings, url: &str) -> Result<Download, DownloadError> {
    get_images_with(settings, &[url]).remove(0)
}

/// Gets images one after the other, with one downloader.
fn get_images_with(settings: &Settings, urls: &[&str]) -> Vec<Result<Download, DownloadError>> {
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    runtime.block_on(async {
        let downloader = Downloader::new(settings).expect("sets up");
        let mut results = Vec::new();
        for url in urls {
            let url = Url::parse(url).expect("is an address");
            results.push(downloader.get_image(url).await);
        }
        results
    })
}

#[test]
fn redirects_into_a_private_network_are_refused_by_address_and_by_name() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        let port = request.headers.split("host: public.test:").nth(1);
        let port = port
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default();
        match request.path.as_str() {
            "/literal" => {
                Reply::new(302, "").header(&format!("location: http://127.0.0.1:{port}/secret"))
            }
            "/mapped" => Reply::new(302, "").header(&format!(
                "location: http://[::ffff:127.0.0.1]:{port}/secret"
            )),
            "/name" => {
                Reply::new(302, "").header(&format!("location: http://localhost:{port}/secret"))
            }
            "/fine" => Reply::new(200, "body"),
            _ => Reply::new(404, ""),
        }
    });
    let local = Url::parse(&server.url("/")).expect("is an address");
    let port = local.port().expect("has a port");
    let settings = Settings {
        allow_private: false,
        ..settings()
    };
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    runtime.block_on(async {
        // Only this name is let through to the server on this machine.
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let downloader =
            Downloader::with_client(&settings, |client| client.resolve("public.test", address));
        let downloader = downloader.expect("sets up");
        let get = |path: &str| {
            let url = Url::parse(&format!("http://public.test:{port}{path}"));
            downloader.get_image(url.expect("is an address"))
        };
        assert_eq!(get("/fine").await.expect("is let through").bytes, b"body");
        for path in ["/literal", "/mapped", "/name"] {
            let error = get(path).await.expect_err(path);
            assert!(
                matches!(error, DownloadError::Private(_)),
                "{path}: {error}"
            );
        }
    });
    assert!(!server.counts().contains_key("/secret"));
}

#[test]
fn a_host_that_refuses_everything_is_paused_and_others_are_not() {
    let refusing = HttpServer::start(|_: &ReceivedRequest| Reply::new(403, ""));
    let fine = HttpServer::start(|_: &ReceivedRequest| Reply::new(200, "body"));
    let settings = Settings {
        ignore_opt_out: true,
        ..settings()
    };
    let urls: Vec<String> = (0..12)
        .map(|number| refusing.url(&format!("/{number}")))
        .chain([fine.url("/1")])
        .collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let begun = std::time::Instant::now();
    let mut results = get_images_with(&settings, &urls);
    assert!(results.pop().expect("is the fine one").is_ok());
    // Five refusals, then one after each pause of 0.1, 0.2, 0.4 and 0.8 seconds; the next is too long.
    let paused = |result: &Result<Download, DownloadError>| {
        matches!(result, Err(error @ DownloadError::Refusing { .. })
                         if error.is_transient() && error.reason() == Reason::HostPaused)
    };
    assert_eq!(results.iter().filter(|result| paused(result)).count(), 3);
    assert_eq!(refusing.counts().len(), 9);
    assert!(begun.elapsed() >= Duration::from_millis(1500));
}

#[test]
fn a_dripping_answer_times_out_and_is_left_to_the_next_run() {
    let server = HttpServer::start(|_: &ReceivedRequest| {
        Reply::new(200, vec![b'x'; 900]).dripping(Duration::from_millis(100))
    });
    let error = get(&server.url("/a")).expect_err("drips");
    assert!(matches!(error, DownloadError::TooSlow { .. }), "{error}");
    assert!(error.is_transient());
    assert_eq!(server.counts()["/a"], 1);
}

#[test]
fn the_unpacked_size_of_a_bomb_counts() {
    let server = HttpServer::start(|_: &ReceivedRequest| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packed, &vec![0; 5 << 20]).expect("packs");
        let packed = packed.finish().expect("packs");
        Reply::new(200, packed).header("content-encoding: gzip")
    });
    let settings = Settings {
        max_bytes: 100_000,
        ..settings()
    };
    let error = get_with(&settings, &server.url("/a")).expect_err("is a bomb");
    assert!(
        matches!(error, DownloadError::TooLarge { limit: 100_000 }),
        "{error}"
    );
}

#[test]
fn the_servers_headers_about_the_image_are_recorded() {
    let server = HttpServer::start(|_: &ReceivedRequest| {
        Reply::new(203, "body")
            .header("ETag: \"abc\"")
            .header("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT")
    });
    let download = get(&server.url("/a")).expect("answers");
    assert_eq!(download.status, 203);
    assert_eq!(download.etag.as_deref(), Some("\"abc\""));
    let modified = download.last_modified.as_deref();
    assert_eq!(modified, Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}

#[test]
fn connections_that_are_closed_or_reset_are_tried_again() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        let reply = Reply::new(200, "whole body");
        match (request.path.as_str(), request.times) {
            ("/closed", 1) | ("/gone", _) => reply.closing(),
            ("/reset", 1) => reply.resetting(),
            _ => reply,
        }
    });
    for path in ["/closed", "/reset"] {
        assert_eq!(get(&server.url(path)).expect("passes").bytes, b"whole body");
        assert_eq!(server.counts()[path], 2, "{path}");
    }
    let error = get(&server.url("/gone")).expect_err("stays closed");
    assert!(matches!(error, DownloadError::Broken { .. }), "{error}");
    assert_eq!(server.counts()["/gone"], 3);
}
