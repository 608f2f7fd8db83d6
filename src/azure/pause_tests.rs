//! Pauses between tries, and below the quota, on a clock that does not wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::transport::POLICY;
use super::transport_tests::{JumpingClock, QUICK, client, request, send};
use super::*;
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

/// Remembers the notes for the user.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl facepipe_core::ports::Progress for Notes {
    fn start(&self, task: &str, total: Option<u64>) -> Box<dyn facepipe_core::ports::TaskProgress> {
        facepipe_core::ports::SilentProgress.start(task, total)
    }

    fn note(&self, line: &str) {
        self.0.lock().expect("no panic").push(line.to_owned());
    }
}

#[test]
fn a_pause_is_waited_for_in_every_form() {
    let date = "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT";
    let message = r#"{"error":{"statusCode":429,"message":"Please retry after 26 seconds."}}"#;
    for (header, body, seconds) in [
        ("retry-after-ms: 1500", "", 1.5),
        ("x-ms-retry-after-ms: 2500", "", 2.5),
        ("Retry-After: 7", message, 7.0),
        (date, "", 30.0),
        ("x-other: 1", message, 26.0),
    ] {
        let sent = send(Repeat::UnlessExecuted, move |times| match times {
            1 => Reply::new(429, body).header(header),
            _ => Reply::new(200, "{}"),
        });
        assert_eq!(sent.result.expect("answers").body, b"{}", "{header}");
        let waited: f64 = sent.waits.iter().map(Duration::as_secs_f64).sum();
        assert!((waited - seconds).abs() < 1e-6, "{header}: {waited}");
        assert_eq!(sent.calls, 2, "{header}");
    }
}

#[test]
fn pauses_double_unless_the_service_gives_one() {
    let sent = send(Repeat::Always, |_| Reply::new(503, ""));
    let error = sent.result.expect_err("never answers");
    assert_eq!(
        error.to_string(),
        "the service answered 503: no explanation"
    );
    assert!(!error.concerns_all_requests());
    assert_eq!(sent.calls, u64::from(POLICY.retries) + 1);
    assert_eq!(sent.waits.len(), 3);
    for (attempt, pause) in (0..).zip(sent.waits) {
        let nominal = POLICY.first * (1 << attempt);
        assert!(pause >= nominal / 2 && pause <= nominal, "{pause:?}");
    }
}

#[test]
fn too_long_a_pause_ends_the_request() {
    let sent = send(Repeat::Always, |_| {
        Reply::new(429, "").header("Retry-After: 3600")
    });
    let error = sent.result.expect_err("refused");
    assert!(matches!(error, AzureError::TooManyRequests { .. }));
    assert!(error.concerns_all_requests());
    assert_eq!(error.asked_pause(), Some(Duration::from_secs(3600)));
    assert_eq!((sent.calls, sent.waits), (1, Vec::new()));
    assert!(POLICY.longest < Duration::from_secs(3600));
}

#[test]
fn calls_stay_below_the_quota() {
    let server = HttpServer::start(|_| Reply::new(200, "{}"));
    let clock = JumpingClock::new();
    let client = client(&server.url(""), "f0", QUICK, &clock);
    for _ in 0..41 {
        client.send(&request(Repeat::Always)).expect("answers");
    }
    let waited: Duration = clock.waits().iter().sum();
    assert!(waited > Duration::from_secs(120), "{waited:?}");
    assert!(waited < Duration::from_secs(130), "{waited:?}");
}

#[test]
fn a_storm_of_429_is_outlasted_for_a_minute_though_each_asks_for_a_second() {
    let body = r#"{"error":{"code":"429","message":"Please retry after 1 second."}}"#;
    let sent = send(Repeat::UnlessExecuted, move |times| {
        Reply::new(if times <= 6 { 429 } else { 200 }, body)
    });
    assert!(sent.result.is_ok(), "{:?}", sent.result);
    let waited: Duration = sent.waits.iter().sum();
    assert!(waited > Duration::from_secs(25), "{waited:?}");
    assert!(
        sent.waits
            .iter()
            .all(|pause| *pause >= Duration::from_secs(1))
    );
    let sent = send(Repeat::Always, move |_| Reply::new(429, body));
    assert_eq!(sent.calls, 7, "not endlessly");
}

#[test]
fn long_waits_are_reported_once_with_their_reason() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.times {
        2 => Reply::new(429, "").header("Retry-After: 26"),
        _ => Reply::new(200, "{}"),
    });
    let (clock, notes) = (JumpingClock::new(), Arc::new(Notes::default()));
    let client = client(&server.url(""), "f0", QUICK, &clock).with_progress(notes.clone());
    let noted = || notes.0.lock().expect("no panic").clone();
    client.send(&request(Repeat::Always)).expect("answers");
    assert_eq!(noted(), Vec::<String>::new(), "nothing is waited for");
    client.send(&request(Repeat::Always)).expect("answers");
    assert_eq!(noted().len(), 1, "{:?}", noted());
    assert!(noted()[0].contains("retrying in 26 s"), "{:?}", noted());
    for _ in 0..50 {
        client.send(&request(Repeat::Always)).expect("answers");
    }
    assert_eq!(noted().len(), 2, "{:?}", noted());
    assert!(
        noted()[1].contains("tier f0 has 20 calls in 60 s"),
        "{:?}",
        noted()
    );
}

#[test]
fn an_interruption_ends_the_waiting() {
    let server = HttpServer::start(|_| Reply::new(429, "").header("Retry-After: 20"));
    let clock = JumpingClock::new();
    clock.interrupt.raise();
    let client = client(&server.url(""), "s0", QUICK, &clock);
    let error = client.send(&request(Repeat::Always)).expect_err("stopped");
    assert!(matches!(error, AzureError::Interrupted(_)), "{error}");
    assert_eq!(client.calls(), 1);
}
