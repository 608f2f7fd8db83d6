//! robots.txt and `X-Robots-Tag`, with a server.

use super::*;

#[test]
fn robots_txt_is_requested_once_and_heeded() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.path.as_str() {
        "/robots.txt" => Reply::new(301, "").header("location: /real-robots"),
        "/real-robots" => Reply::new(200, "User-agent: *\nDisallow: /no\n"),
        "/to-no" => Reply::new(302, "").header("location: /no/1.jpg"),
        _ => Reply::new(200, "body"),
    });
    let urls = ["/yes/1.jpg", "/no/1.jpg", "/to-no", "/yes/2.jpg"].map(|path| server.url(path));
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let results = get_images_with(&settings(), &urls);
    let disallowed = |result: &Result<Download, DownloadError>| {
        matches!(result, Err(error @ DownloadError::Disallowed { .. })
                         if !error.is_transient() && error.reason() == Reason::OptedOut)
    };
    assert_eq!(
        results.iter().map(disallowed).collect::<Vec<_>>(),
        [false, true, true, false]
    );
    assert!(results[3].is_ok());
    assert_eq!(server.counts()["/robots.txt"], 1);
    assert!(!server.counts().contains_key("/no/1.jpg"));
    let ignoring = Settings {
        ignore_opt_out: true,
        ..settings()
    };
    assert!(get_image_with(&ignoring, urls[1]).is_ok());
    assert_eq!(server.counts()["/robots.txt"], 1);
}

#[test]
fn a_robots_txt_that_fails_forbids_all_for_now_and_a_missing_one_nothing() {
    for (status, is_allowed) in [(404, true), (403, true), (500, false), (429, false)] {
        let server =
            HttpServer::start(
                move |request: &ReceivedRequest| match request.path.as_str() {
                    "/robots.txt" => Reply::new(status, "User-agent: *\nDisallow: /"),
                    _ => Reply::new(200, "body"),
                },
            );
        let once = Settings {
            retries: 0,
            ..settings()
        };
        let url = server.url("/a");
        for result in get_images_with(&once, &[&url, &url]) {
            assert_eq!(result.is_ok(), is_allowed, "{status}");
            if let Err(error) = result {
                assert!(
                    matches!(error, DownloadError::RobotsUnknown { .. }),
                    "{error}"
                );
                assert!(error.is_transient() && !error.is_worth_a_retry());
            }
        }
        assert_eq!(server.counts()["/robots.txt"], 1);
        assert!(
            get_with(&once, &url).is_ok(),
            "sources are queried without it"
        );
    }
}

#[test]
fn a_tag_keeps_an_image_out_unless_that_is_ignored() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        let reply = Reply::new(200, "body");
        match request.path.as_str() {
            "/noai" => reply.header("X-Robots-Tag: index, NoAI"),
            "/other" => reply.header("x-robots-tag: otherbot: noai"),
            _ => reply,
        }
    });
    let error = get_image_with(&settings(), &server.url("/noai")).expect_err("opted out");
    assert_eq!(error.reason(), Reason::OptedOut);
    assert!(error.to_string().contains("X-Robots-Tag: noai"), "{error}");
    assert!(!error.is_transient());
    assert!(get_image_with(&settings(), &server.url("/other")).is_ok());
    let ignoring = Settings {
        ignore_opt_out: true,
        ..settings()
    };
    assert!(get_image_with(&ignoring, &server.url("/noai")).is_ok());
}
