use super::super::http_server::{Asked, HttpServer, Reply};
use super::*;

fn settings() -> Settings {
    Settings {
        allow_private: true,
        host_rate: None,
        max_bytes: 1000,
        retries: 2,
        contact: Some("me@example.org".to_owned()),
        ..Settings::default()
    }
}

fn get_with(settings: &Settings, url: &str) -> Result<Download, DownloadError> {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        read: Duration::from_millis(700),
        total: Duration::from_secs(5),
    };
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    let request = SourceRequest {
        headers: vec![("accept".to_owned(), "image/x-test".to_owned())],
        ..SourceRequest::new(Url::parse(url).expect("is an address"))
    };
    runtime.block_on(async {
        let downloader = Downloader::new(settings, timeouts).expect("sets up");
        downloader.get(&request).await
    })
}

fn get(url: &str) -> Result<Download, DownloadError> {
    get_with(&settings(), url)
}

#[test]
fn an_answer_with_an_honest_user_agent() {
    let server = HttpServer::start(|asked: &Asked| {
        let agent = concat!(
            "user-agent: facepipe/",
            env!("CARGO_PKG_VERSION"),
            " (me@example.org)"
        );
        let honest =
            asked.headers.contains(agent) && asked.headers.contains("accept: image/x-test");
        Reply::new(if honest { 200 } else { 400 }, "body")
    });
    let download = get(&server.url("/a")).expect("answers");
    assert_eq!(download.bytes, b"body");
    assert_eq!(download.status, 200);
    assert_eq!(download.final_url, None);
}

#[test]
fn a_missing_page_is_asked_for_once() {
    let server = HttpServer::start(|_: &Asked| Reply::new(404, "x"));
    let error = get(&server.url("/a")).expect_err("is missing");
    assert!(matches!(error, DownloadError::Status { status: 404, .. }));
    assert!(!error.is_transient());
    assert_eq!(server.counts()["/a"], 1);
}

#[test]
fn a_server_error_that_passes_is_waited_out() {
    let server = HttpServer::start(|asked: &Asked| match asked.times {
        1 => Reply::new(500, ""),
        2 => Reply::new(503, ""),
        _ => Reply::new(200, "body"),
    });
    assert_eq!(get(&server.url("/a")).expect("passes").bytes, b"body");
    assert_eq!(server.counts()["/a"], 3);
}

#[test]
fn a_server_error_that_stays_ends_after_the_retries() {
    let server = HttpServer::start(|_: &Asked| Reply::new(502, ""));
    let error = get(&server.url("/a")).expect_err("stays");
    assert!(error.is_transient());
    assert_eq!(error.to_string(), "the server answered 502");
    assert_eq!(server.counts()["/a"], 3);
}

#[test]
fn retry_after_is_waited_for_and_a_long_one_is_left_to_the_next_run() {
    let server = HttpServer::start(|asked: &Asked| match (asked.path.as_str(), asked.times) {
        ("/a", 1) => Reply::new(429, "").header("retry-after: 2"),
        ("/a", _) => Reply::new(200, "body"),
        _ => Reply::new(429, "").header("Retry-After: 9999"),
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
    let server = HttpServer::start(|asked: &Asked| match asked.path.as_str() {
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
    let server = HttpServer::start(|asked: &Asked| match (asked.path.as_str(), asked.times) {
        ("/once", 2) => Reply::new(200, "whole"),
        _ => Reply::new(200, "par").declaring(Some(9)),
    });
    assert_eq!(get(&server.url("/once")).expect("passes").bytes, b"whole");
    let error = get(&server.url("/always")).expect_err("stays broken");
    assert!(matches!(error, DownloadError::Broken { .. }), "{error}");
    assert_eq!(server.counts()["/always"], 3);
}

#[test]
fn too_large_is_refused_by_its_header_and_while_it_arrives() {
    let server = HttpServer::start(|asked: &Asked| match asked.path.as_str() {
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
    let server = HttpServer::start(|_: &Asked| Reply::new(200, "x").after(Duration::from_secs(3)));
    let settings = Settings {
        retries: 0,
        ..settings()
    };
    let error = get_with(&settings, &server.url("/a")).expect_err("is silent");
    assert!(matches!(error, DownloadError::TimedOut { .. }), "{error}");
}

#[test]
fn nobody_listens() {
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
    let server = HttpServer::start(|_: &Asked| Reply::new(200, "secret"));
    let settings = Settings {
        allow_private: false,
        ..settings()
    };
    let literal = server.url("/a");
    let name = literal.replace("127.0.0.1", "localhost");
    for url in [literal, name] {
        let error = get_with(&settings, &url).expect_err(&url);
        assert!(matches!(error, DownloadError::Private(_)), "{url}: {error}");
        assert_eq!(error.reason(), crate::types::Reason::BadAddress);
    }
    assert_eq!(server.counts().len(), 0, "nobody was asked");
}
