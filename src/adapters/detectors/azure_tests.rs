use std::path::Path;
use std::sync::Mutex;

use super::*;
use facepipe_azure::{Choice, Credentials, SystemClock, Timeouts};
use facepipe_core::context::Interrupt;
use facepipe_core::ports::TaskProgress;
use facepipe_imaging::image_io;
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

/// One face, for a picture of 640x480.
const FACE: &str = r#"[
    {"faceRectangle":{"left":40,"top":60,"width":80,"height":100}},
    {"faceRectangle":{"left":320,"top":-12,"width":400,"height":240},"faceLandmarks":{
        "pupilLeft":{"x":400,"y":80},"pupilRight":{"x":500,"y":82},"noseTip":{"x":450,"y":120},
        "mouthLeft":{"x":410,"y":160},"mouthRight":{"x":490,"y":161.5},"noseRootLeft":{"x":0,"y":0}}}
]"#;

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn start(&self, _task: &str, _total: Option<u64>) -> Box<dyn TaskProgress> {
        Box::new(facepipe_core::ports::SilentProgress)
    }

    fn note(&self, line: &str) {
        self.0.lock().expect("no panic").push(line.to_owned());
    }
}

fn factory(server: &HttpServer, notes: &Arc<Notes>) -> AzureFactory {
    let url = server.url("");
    let value = |name: &str| match name {
        "FACEPIPE_AZURE_ENDPOINT" => Some(url.clone()),
        "FACEPIPE_AZURE_KEY" => Some("0123456789abcdef".to_owned()),
        _ => None,
    };
    let credentials =
        Credentials::find(value, Path::new("/nowhere"), Choice::default()).expect("usable");
    let clock = Box::new(SystemClock::new(Interrupt::default()));
    let client = Client::new(credentials, Timeouts::default(), clock).expect("makes a client");
    AzureFactory::new(client, Arc::clone(notes) as Arc<dyn Progress>)
}

#[test]
fn boxes_and_landmarks_are_in_the_photos_pixels() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        assert!(request.path.contains("returnFaceLandmarks=true"));
        let picture = image_io::decode(&request.body).expect("a picture");
        assert_eq!(picture.format, image::ImageFormat::Jpeg);
        assert_eq!(Size::of(&picture.rgb), Size::new(640, 480));
        Reply::new(200, FACE)
    });
    let notes = Arc::new(Notes::default());
    let factory = factory(&server, &notes);
    let mut detector = factory.create().expect("is made");
    let photo = RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, 9]));
    let faces = detector.detect(&photo).expect("answers");
    let rects: Vec<[u32; 4]> = faces.iter().map(|face| face.rect.into()).collect();
    assert_eq!(rects, [[32, 0, 64, 23], [4, 6, 12, 16]], "largest first");
    assert!(faces.iter().all(|face| face.score == SCORE));
    let five = [
        [40.0, 8.0],
        [50.0, 8.2],
        [45.0, 12.0],
        [41.0, 16.0],
        [49.0, 16.15],
    ];
    let found = faces[0].landmarks.expect("has landmarks").points();
    for (point, expected) in found.into_iter().zip(five) {
        let distance = (point[0] - expected[0]).hypot(point[1] - expected[1]);
        assert!(distance < 1e-3, "{found:?}");
    }
    assert_eq!(faces[1].landmarks, None);
}

#[test]
fn photos_that_are_too_small_are_not_sent() {
    let server = HttpServer::start(|_| Reply::new(500, ""));
    let notes = Arc::new(Notes::default());
    let mut detector = factory(&server, &notes).create().expect("is made");
    assert_eq!(
        detector.detect(&RgbImage::new(64, 35)).expect("no error"),
        []
    );
    assert!(server.counts().is_empty());
}

#[test]
fn destination_and_number_of_calls_are_reported_once() {
    let server = HttpServer::start(|_| Reply::new(200, "[]"));
    let notes = Arc::new(Notes::default());
    let factory = factory(&server, &notes);
    for _ in 0..2 {
        let mut detector = factory.create().expect("is made");
        assert_eq!(
            detector.detect(&RgbImage::new(64, 48)).expect("answers"),
            []
        );
    }
    drop(factory);
    let notes = notes.0.lock().expect("no panic").clone();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].contains("127.0.0.1") && notes[0].contains("are sent"),
        "{notes:?}"
    );
    assert_eq!(notes[1], "calls of Azure Face: 2");
}

#[test]
fn single_photos_may_fail_but_not_several_in_a_row() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.times {
        1 | 4 | 5 => Reply::new(400, r#"{"error":{"code":"BadArgument","message":"no"}}"#),
        3 => Reply::new(
            400,
            r#"{"error":{"code":"InvalidImage","message":"Decoding error."}}"#,
        ),
        _ => Reply::new(if request.times == 2 { 200 } else { 409 }, "[]"),
    });
    let notes = Arc::new(Notes::default());
    let mut detector = factory(&server, &notes).create().expect("is made");
    let mut outcomes = Vec::new();
    for _ in 0..6 {
        let found = detector.detect(&RgbImage::new(64, 48));
        outcomes.push(found.map_err(|error| (error.concerns_all_photos(), error.to_string())));
    }
    let bad = || Err((false, "the service answered 400 BadArgument: no".to_owned()));
    let image = "the service answered 400 InvalidImage: Decoding error".to_owned();
    let last = "the service failed 3 times in a row".to_owned();
    assert_eq!(
        outcomes,
        [
            bad(),
            Ok(Vec::new()),
            Err((false, image)),
            bad(),
            bad(),
            Err((true, last))
        ]
    );
}
