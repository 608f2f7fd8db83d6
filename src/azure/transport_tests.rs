//! The transport and `detect`, on a server of this machine and a clock that does not wait.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::service_error::{NOT_APPROVED, QUOTA_SPENT};
use super::*;
use facepipe_core::context::{Interrupt, Interrupted};
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

const KEY: &str = "0123456789abcdef0123456789abcdef";
pub(super) const QUICK: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    call: Duration::from_millis(300),
};

/// A clock that jumps over waits and remembers them.
#[derive(Clone)]
pub(super) struct JumpingClock {
    state: Arc<Mutex<(Instant, Vec<Duration>)>>,
    pub(super) interrupt: Interrupt,
}

impl JumpingClock {
    pub(super) fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new((Instant::now(), Vec::new()))),
            interrupt: Interrupt::default(),
        }
    }

    pub(super) fn waits(&self) -> Vec<Duration> {
        self.state.lock().expect("no panic").1.clone()
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Instant {
        self.state.lock().expect("no panic").0
    }

    fn time_of_day(&self) -> SystemTime {
        httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("is a date")
    }

    fn wait(&self, pause: Duration) -> Result<(), Interrupted> {
        self.interrupt.check()?;
        let mut state = self.state.lock().expect("no panic");
        state.0 += pause;
        state.1.push(pause);
        Ok(())
    }
}

/// A client of an address, with the tier given.
pub(super) fn client(url: &str, tier: &str, timeouts: Timeouts, clock: &JumpingClock) -> Client {
    let value = |name: &str| match name {
        "FACEPIPE_AZURE_ENDPOINT" => Some(url.to_owned()),
        "FACEPIPE_AZURE_KEY" => Some(KEY.to_owned()),
        TIER_NAME => Some(tier.to_owned()),
        _ => None,
    };
    let credentials =
        Credentials::find(value, Path::new("/nowhere"), Choice::default()).expect("usable");
    Client::new(credentials, timeouts, Box::new(clock.clone())).expect("makes a client")
}

pub(super) fn request(repeat: Repeat) -> Request {
    Request {
        repeat,
        ..operations::PERSON_CREATE
            .on(Collection::LargePersonGroup, &["g"])
            .json(serde_json::json!({}))
    }
}

/// The result of one request: the answer, calls, waits.
pub(super) struct Sent {
    pub(super) result: Result<Answer, AzureError>,
    pub(super) calls: u64,
    pub(super) waits: Vec<Duration>,
}

/// Sends a request to a server that answers by the number of requests so far.
pub(super) fn send(repeat: Repeat, answer: impl Fn(u32) -> Reply + Send + Sync + 'static) -> Sent {
    let server = HttpServer::start(move |received| answer(received.times));
    let clock = JumpingClock::new();
    let client = client(&server.url(""), "s0", QUICK, &clock);
    let result = client.send(&request(repeat));
    Sent {
        result,
        calls: client.calls(),
        waits: clock.waits(),
    }
}

fn refused(status: u16, body: &'static str) -> AzureError {
    let sent = send(Repeat::Always, move |_| Reply::new(status, body));
    let error = sent.result.expect_err("refused");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(KEY), "{shown}");
    error
}

#[test]
fn detect_asks_as_documented_and_reads_the_faces() {
    let seen = Arc::new(Mutex::new(String::new()));
    let server_seen = Arc::clone(&seen);
    let server = HttpServer::start(move |request: &ReceivedRequest| {
        let first = format!("{} {}\n{}", request.method, request.path, request.headers);
        *server_seen.lock().expect("no panic") = first;
        assert_eq!(request.body, b"a picture");
        Reply::new(
            200,
            r#"[{"faceRectangle":{"top":12,"left":30,"width":20,"height":24},
            "faceLandmarks":{"pupilLeft":{"x":35.5,"y":20},"extra":{"x":1,"y":2}},"new":1}]"#,
        )
    });
    let clock = JumpingClock::new();
    let client = client(&server.url("/face/v1.0/"), "f0", QUICK, &clock);
    let options = DetectOptions::default();
    let faces = detect(&client, Body::Image(b"a picture".to_vec()), &options).expect("answers");
    assert_eq!(faces.len(), 1);
    let rect = faces[0].face_rectangle;
    let sides = [rect.left, rect.top, rect.width, rect.height];
    assert_eq!(sides, [30, 12, 20, 24]);
    let landmarks = faces[0].face_landmarks.as_ref().expect("has landmarks");
    assert_eq!(landmarks["pupilLeft"], Point { x: 35.5, y: 20.0 });
    let seen_now = seen.lock().expect("no panic").clone();
    assert!(
        seen_now.starts_with(
            "POST /face/v1.2/detect?returnFaceId=false&returnFaceLandmarks=false&\
             detectionModel=detection_03\n"
        ),
        "{seen_now}"
    );
    for line in [
        format!("ocp-apim-subscription-key: {KEY}\n"),
        "content-type: application/octet-stream\n".to_owned(),
    ] {
        assert!(seen_now.contains(&line), "{seen_now}");
    }
    let options = DetectOptions {
        face_ids: Some(120),
        landmarks: true,
        ..DetectOptions::default()
    };
    detect(&client, Body::Image(b"a picture".to_vec()), &options).expect("answers");
    assert!(seen.lock().expect("no panic").contains(
        "returnFaceId=true&returnFaceLandmarks=true&detectionModel=detection_03&\
         recognitionModel=recognition_04&faceIdTimeToLive=120"
    ));
    assert_eq!(client.calls(), 2);
    assert!(!format!("{client:?}").contains(KEY));
}

#[test]
fn only_temporary_errors_are_retried() {
    for status in [408, 429, 500, 502, 503, 504] {
        let sent = send(Repeat::Always, move |times| {
            Reply::new(if times < 3 { status } else { 200 }, "{}")
        });
        assert!(sent.result.is_ok(), "{status}");
        assert_eq!(sent.calls, 3, "{status}");
    }
    for status in [302, 400, 401, 403, 404, 409, 415, 501] {
        let sent = send(Repeat::Always, move |_| Reply::new(status, ""));
        assert!(sent.result.is_err(), "{status}");
        assert_eq!(sent.calls, 1, "{status}");
    }
}

#[test]
fn creations_are_only_repeated_if_nothing_was_done() {
    let second = |repeat, status| {
        send(repeat, move |times| {
            Reply::new(if times == 1 { status } else { 200 }, "{}")
        })
        .calls
    };
    assert_eq!(second(Repeat::UnlessExecuted, 429), 2);
    for status in [408, 500, 502, 503, 504] {
        assert_eq!(second(Repeat::UnlessExecuted, status), 1, "{status}");
    }
    let slow = |repeat| {
        send(repeat, |times| {
            let delay = if times == 1 { 900 } else { 0 };
            Reply::new(200, "{}").after(Duration::from_millis(delay))
        })
    };
    let sent = slow(Repeat::UnlessExecuted);
    assert!(matches!(sent.result, Err(AzureError::TimedOut { .. })));
    assert_eq!(sent.calls, 1);
    let sent = slow(Repeat::Always);
    assert!(sent.result.is_ok());
    assert_eq!(sent.calls, 2);
}

#[test]
fn errors_of_the_resource_differ_from_others() {
    let key = refused(
        401,
        r#"{"error":{"code":"401","message":"Access denied for 0123456789abcdef0123456789abcdef."}}"#,
    );
    assert!(matches!(key, AzureError::KeyRefused { .. }), "{key}");
    assert!(key.to_string().contains("[secret]"), "{key}");
    let gating = refused(403, NOT_APPROVED);
    assert!(gating.to_string().contains("Identification,Verification"));
    let quota = refused(403, QUOTA_SPENT);
    assert!(matches!(quota, AzureError::QuotaSpent { .. }), "{quota}");
    let firewall = refused(
        403,
        r#"{"error":{"code":"AccessDenied","message":"firewall"}}"#,
    );
    assert!(
        matches!(firewall, AzureError::Forbidden { .. }),
        "{firewall}"
    );
    let wrong = refused(
        404,
        r#"{"error":{"code":"404","message":"Resource not found"}}"#,
    );
    assert!(matches!(wrong, AzureError::WrongAddress { .. }), "{wrong}");
    for error in [key, gating, quota, firewall, wrong] {
        assert!(error.concerns_all_requests(), "{error}");
    }
    let group = refused(
        404,
        r#"{"error":{"code":"PersonGroupNotFound","message":"no"}}"#,
    );
    let image = refused(
        400,
        r#"{"error":{"code":"InvalidImage","message":"Decoding error."}}"#,
    );
    assert!(image.is_about_the_image() && !group.is_about_the_image());
    assert!(!image.concerns_all_requests() && !group.concerns_all_requests());
}

#[test]
fn no_redirect_gets_the_key() {
    let thief = HttpServer::start(|_| Reply::new(200, "{}"));
    let target = format!("Location: {}", thief.url("/face/v1.0/detect"));
    let sent = send(Repeat::Always, move |_| Reply::new(307, "").header(&target));
    let error = sent.result.expect_err("not followed");
    assert!(matches!(error, AzureError::WrongAddress { .. }), "{error}");
    assert!(thief.counts().is_empty());
}

#[test]
fn truncated_answers_and_answers_without_json_are_errors() {
    let sent = send(Repeat::Always, |_| Reply::new(200, "{").declaring(Some(9)));
    assert!(matches!(sent.result, Err(AzureError::Broken { .. })));
    assert_eq!(sent.calls, 4);
    let sent = send(Repeat::Always, |_| Reply::new(200, "<html>sign in</html>"));
    let read = sent.result.expect("succeeds").json::<Vec<FoundFace>>();
    assert!(matches!(read, Err(AzureError::BadAnswer { .. })));
}

#[test]
fn an_unreachable_host_is_retried_and_not_counted() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("finds a port")
        .port();
    let clock = JumpingClock::new();
    let url = format!("http://127.0.0.1:{port}");
    let client = client(&url, "s0", QUICK, &clock);
    let error = client
        .send(&request(Repeat::UnlessExecuted))
        .expect_err("no server there");
    assert!(matches!(error, AzureError::Unreachable { .. }), "{error}");
    assert!(error.concerns_all_requests());
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    assert_eq!((client.calls(), clock.waits().len()), (0, 3));
}
