//! `--detector azure`, against a server of this machine that answers as the service does.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use facepipe_imaging::image_io;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, Rgb, RgbImage};
use serde_json::{Value, json};
use url::Url;

use crate::azure::helpers::without_azure;
use crate::helpers::{failure, json, picture, records, shared, snapshot, stdout, write, write_png};
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// One face of 384x256 pixels, with no landmarks.
const ONE_FACE: &str = r#"[{"faceRectangle":{"left":192,"top":128,"width":384,"height":256}}]"#;

/// `crop`, up to the folders that it writes and reads.
const CROP: [&str; 6] = [
    "crop",
    "--json",
    "--no-align",
    "--detector",
    "azure",
    "--out",
];

/// The program with a server as its Azure resource, and nothing else of Azure.
pub(crate) fn with_azure(server: &HttpServer) -> Command {
    let mut command = without_azure();
    command.env("FACEPIPE_AZURE_ENDPOINT", server.url("/"));
    command.env("FACEPIPE_AZURE_KEY", KEY);
    command
}

/// A command's output; nothing of it may show the key.
pub(crate) fn done(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    for stream in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains(KEY), "{output:?}");
    }
    output
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder of two labels with one photo each.
pub(crate) fn photos(root: &Path) {
    for (number, file) in [(1, "ada/1.png"), (2, "grace/2.png")] {
        let large = image::imageops::resize(
            &picture(number),
            800,
            600,
            image::imageops::FilterType::Nearest,
        );
        write_png(&root.join(file), &large);
    }
}

/// A JPEG file whose camera was held upright: its first row is the picture's right edge.
fn turned(stored: &RgbImage) -> Vec<u8> {
    const TURN_RIGHT: u8 = 6;
    // TIFF, little-endian, one directory at 8 with one entry: orientation, a short, once.
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([TURN_RIGHT, 0, 0, 0, 0, 0, 0, 0]);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.set_exif_metadata(exif).expect("takes it");
    encoder
        .write_image(
            stored.as_raw(),
            stored.width(),
            stored.height(),
            image::ExtendedColorType::Rgb8,
        )
        .expect("encodes");
    bytes
}

#[test]
fn detect_sends_the_upright_photo_as_jpeg_and_scales_the_boxes_back() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        let sent = image_io::decode(&request.body).expect("a picture");
        assert_eq!(sent.format, image::ImageFormat::Jpeg);
        assert_eq!(sent.rgb.dimensions(), (1920, 1280));
        let Rgb([red, green, _]) = *sent.rgb.get_pixel(1800, 100);
        assert!(red > 200 && green < 60, "the mark is at the top right");
        Reply::new(200, ONE_FACE)
    });
    let folder = tempfile::tempdir().expect("temporary folder");
    let photo = folder.path().join("turned.jpg");
    let stored = RgbImage::from_fn(1600, 2400, |x, y| {
        let is_marked = x < 400 && y < 400;
        Rgb(if is_marked { [250, 0, 0] } else { [90, 90, 90] })
    });
    write(&photo, &turned(&stored));
    let output = done(
        with_azure(&server)
            .args(["detect", "--detector", "azure"])
            .arg(&photo),
    );
    let line: Value = serde_json::from_str(&stdout(&output)).expect("one line");
    assert_eq!(
        (&line["width"], &line["height"]),
        (&json!(2400), &json!(1600))
    );
    let faces = json!([{"box": [240, 160, 720, 480], "score": 1.0, "main": true}]);
    assert_eq!(line["faces"], faces, "{line}");
    let notes = error_of(&output);
    assert_eq!(
        notes.matches("photos are sent to `127.0.0.1").count(),
        1,
        "{notes}"
    );
    assert!(notes.contains("calls of Azure Face: 1"), "{notes}");
}

#[test]
fn the_request_is_the_one_of_the_published_document() {
    let Some(file) = shared("azure/spec/face-v1.0.json") else {
        return;
    };
    let spec: Value = serde_json::from_slice(&fs_err::read(file).expect("reads")).expect("is JSON");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let server = HttpServer::start(move |request: &ReceivedRequest| {
        let request = (
            request.method.clone(),
            request.path.clone(),
            request.headers.clone(),
        );
        seen.lock().expect("no panic").push(request);
        Reply::new(200, "[]")
    });
    let folder = tempfile::tempdir().expect("temporary folder");
    let photo = folder.path().join("photo.png");
    write_png(&photo, &picture(1));
    stdout(&done(
        with_azure(&server)
            .args(["detect", "--detector", "azure"])
            .arg(&photo),
    ));
    let requests = requests.lock().expect("no panic");
    let [(method, path, headers)] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert_eq!(method, "POST");
    let operation = &spec["x-ms-paths"]["/detect?overload=stream"]["post"];
    let consumed = operation["consumes"][0].as_str().expect("a media type");
    assert!(
        headers.contains(&format!("content-type: {consumed}\n")),
        "{headers}"
    );
    let key_header = spec["securityDefinitions"]["apim_key"]["name"].as_str();
    let key_header = key_header.expect("a name").to_lowercase();
    assert!(
        headers.contains(&format!("{key_header}: {KEY}\n")),
        "{headers}"
    );
    let url = Url::parse(&server.url(path)).expect("an address");
    assert_eq!(url.path(), "/face/v1.0/detect");
    let mut count = 0;
    for (name, value) in url.query_pairs() {
        let parameter = &spec["parameters"][name.as_ref()];
        assert_eq!(parameter["in"], "query", "{name}");
        let reference = json!({"$ref": format!("#/parameters/{name}")});
        let of_operation = operation["parameters"].as_array().expect("a list");
        assert!(of_operation.contains(&reference), "{name}");
        match parameter["enum"].as_array() {
            Some(known) => assert!(known.contains(&json!(value)), "{name}={value}"),
            None => {
                assert_eq!(parameter["type"], "boolean", "{name}");
                assert!(value.parse::<bool>().is_ok(), "{name}={value}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 3, "{url}");
    assert!(
        path.contains("returnFaceId=false"),
        "the default needs an approval"
    );
}

#[test]
fn crop_cuts_the_faces_out_and_records_what_failed() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        let sent = image_io::decode(&request.body).expect("a picture").rgb;
        if sent.get_pixel(400, 300).0[1] < 10 {
            return Reply::new(
                400,
                r#"{"error":{"code":"InvalidImage","message":"Decoding error."}}"#,
            );
        }
        match request.times {
            1 => Reply::new(429, "").header("retry-after-ms: 30"),
            2 => Reply::new(500, "").header("x-ms-retry-after-ms: 20"),
            _ => Reply::new(200, ONE_FACE),
        }
    });
    let folder = tempfile::tempdir().expect("temporary folder");
    let (raw, out) = (folder.path().join("raw"), folder.path().join("crops"));
    photos(&raw);
    write_png(&raw.join("grace/black.png"), &RgbImage::new(800, 600));
    let crop = || {
        let mut command = with_azure(&server);
        done(command.args(CROP).args([&out, &raw]))
    };
    let first = crop();
    let report = json(&first);
    assert_eq!(
        report["photos"],
        json!({"found": 3, "kept": 2, "discarded": 1})
    );
    for crop in records(&out.join("manifest.jsonl")) {
        assert_eq!(crop["box"], json!([192, 128, 576, 384]), "{crop}");
        assert_eq!(crop["score"], 1.0, "{crop}");
    }
    let discarded = records(&out.join("discarded.jsonl"));
    assert_eq!(discarded.len(), 1, "{discarded:?}");
    assert_eq!(discarded[0]["item"], "grace/black.png");
    assert_eq!(discarded[0]["reason"], "detector_failed");
    let message = discarded[0]["message"].as_str().expect("a text");
    assert!(message.contains("InvalidImage"), "{message}");
    for (name, bytes) in snapshot(&out, &[]) {
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "{name}");
    }
    let calls = server.counts().values().sum::<u32>();
    assert_eq!(calls, 5);
    let again = crop();
    assert_eq!(json(&again), report);
    assert_eq!(
        server.counts().values().sum::<u32>(),
        calls,
        "nothing is sent again"
    );
    assert!(!error_of(&again).contains("are sent"), "{again:?}");
}

#[test]
fn errors_of_all_photos_end_the_run_and_a_rerun_continues() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (raw, out) = (folder.path().join("raw"), folder.path().join("crops"));
    photos(&raw);
    let quota = r#"{"error":{"statusCode":403,"message":"Out of call volume quota."}}"#;
    for (status, body, expected) in [
        (
            401,
            r#"{"error":{"code":"401","message":"Access denied."}}"#,
            "refuses the key",
        ),
        (403, quota, "quota of this Azure resource is used up"),
        (
            404,
            r#"{"error":{"code":"404","message":"Resource not found"}}"#,
            "no Face service",
        ),
    ] {
        let server = HttpServer::start(move |_| Reply::new(status, body));
        let mut command = with_azure(&server);
        command.args(["crop", "--no-align", "--detector", "azure", "--out"]);
        let error = failure(&done(command.args([&out, &raw])), 1);
        assert!(
            error.contains(expected) && error.contains("hint: "),
            "{error}"
        );
        let stamp = fs_err::read(out.join("stage.json")).expect("reads");
        let stamp: Value = serde_json::from_slice(&stamp).expect("is JSON");
        assert_eq!(stamp["complete"], false, "{stamp}");
        let mut command = with_azure(&server);
        command.args(["detect", "--detector", "azure"]);
        let output = done(command.arg(&raw));
        let error = failure(&output, 1);
        assert!(error.contains(expected), "{error}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
    let server = HttpServer::start(|_| Reply::new(200, ONE_FACE));
    let mut command = with_azure(&server);
    let report = json(&done(command.args(CROP).args([&out, &raw])));
    assert_eq!(
        report["photos"],
        json!({"found": 2, "kept": 2, "discarded": 0})
    );
}

#[test]
fn a_missing_approval_is_explained_with_the_remaining_options() {
    let body = r#"{"error":{"code":"InvalidRequest","message":"Invalid request has been sent.","innererror":{"code":"UnsupportedFeature","message":"Feature is not supported, missing approval for one or more of the following features: Identification,Verification. Please apply for access at https://aka.ms/facerecognition"}}}"#;
    let server = HttpServer::start(move |_| Reply::new(403, body));
    let folder = tempfile::tempdir().expect("temporary folder");
    let photo = folder.path().join("photo.png");
    write_png(&photo, &picture(1));
    let output = done(
        with_azure(&server)
            .args(["detect", "--detector", "azure"])
            .arg(&photo),
    );
    let error = failure(&output, 1);
    for expected in [
        "not approved for Identification,Verification",
        "What works without",
    ] {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn without_endpoint_or_key_the_error_names_the_variables() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let photo = folder.path().join("photo.png");
    write_png(&photo, &picture(1));
    let mut command = without_azure();
    command.args(["detect", "--detector", "azure"]).arg(&photo);
    let error = failure(&done(command.current_dir(folder.path())), 1);
    for expected in [
        "FACEPIPE_AZURE_ENDPOINT and FACEPIPE_AZURE_KEY are not set",
        "`v.env`",
    ] {
        assert!(error.contains(expected), "{error}");
    }
    command.env("AZURE_FACE_KEY", KEY);
    let error = failure(&done(&mut command), 1);
    assert!(
        error.contains("FACEPIPE_AZURE_ENDPOINT is not set"),
        "{error}"
    );
    // Swapped: the key must not be shown as if it were the endpoint.
    command.env("AZURE_FACE_ENDPOINT", KEY);
    let error = failure(&done(&mut command), 1);
    assert!(error.contains("are key and endpoint swapped?"), "{error}");
}

#[test]
fn endpoint_and_key_may_be_in_files_of_the_working_folder() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        assert!(
            request
                .headers
                .contains("ocp-apim-subscription-key: from-file\n")
        );
        Reply::new(200, "[]")
    });
    let folder = tempfile::tempdir().expect("temporary folder");
    let photo = folder.path().join("photo.png");
    write_png(&photo, &picture(1));
    let endpoint = format!("AZURE_FACE_API_ENDPOINT='{}'\n", server.url("/face/v1.0"));
    write(&folder.path().join(".env"), endpoint.as_bytes());
    let key = b"export FACEPIPE_AZURE_KEY=from-file # mine\nFACEPIPE_AZURE_TIER=s0\n";
    write(&folder.path().join("v.env"), key);
    let mut command = without_azure();
    command.args(["detect", "--detector", "azure"]).arg(&photo);
    let output = done(command.current_dir(folder.path()));
    assert!(stdout(&output).contains("\"faces\":[]"), "{output:?}");
    assert!(error_of(&output).contains("10 calls in 1 s"), "{output:?}");
}
