//! How `facepipe azure` handles images that the service can't use, and pixel coordinates.

use std::sync::Mutex;

use crate::azure::helpers::{Azure, stderr_of};
use crate::helpers::{failure, json, stdout, write_png};
use facepipe_test_support::azure_server::{AzureServer, Fate, OnPhoto, State};

#[test]
fn images_that_the_service_can_not_use_are_refused_or_converted() {
    let azure = Azure::new(AzureServer::start());
    azure.answer(&["face-list", "create", "l"]);
    let add = |name: &str| azure.run(&["face-list", "face", "add", "l", name]);
    let none = azure.photo(
        "none.png",
        OnPhoto {
            person: 1,
            faces: 0,
            number: 1,
        },
    );
    let error = failure(&add(&none), 1);
    assert!(
        error.contains("No face detected") && error.contains("36 pixels"),
        "{error}"
    );
    let several = azure.photo(
        "several.png",
        OnPhoto {
            person: 1,
            faces: 2,
            number: 1,
        },
    );
    let error = failure(&add(&several), 1);
    assert!(
        error.contains("--target-face LEFT,TOP,WIDTH,HEIGHT"),
        "{error}"
    );
    write_png(&azure.path("tiny.png"), &image::RgbImage::new(64, 20));
    let error = failure(&add("tiny.png"), 1);
    assert!(error.contains("shorter than the 36 pixels"), "{error}");
    crate::helpers::write(&azure.path("text.jpg"), b"no picture");
    let error = failure(&add("text.jpg"), 1);
    assert!(error.contains("not an image of a known format"), "{error}");
    let error = failure(&add("https://example.org/nowhere.jpg"), 1);
    assert!(
        error.contains("InvalidURL") && error.contains("must be public"),
        "{error}"
    );
    let calls = azure.server.log().len();
    assert_eq!(calls, 1 + 3, "errors that are found locally cost no call");
    // A picture of 80 MB of noise, and one whose file has some hundred bytes, are converted.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as u8
    };
    let large = image::RgbImage::from_fn(3600, 2700, |_, _| {
        image::Rgb([40 + noise() % 8, 40 + noise() % 8, 40 + noise() % 8])
    });
    write_png(&azure.path("large.png"), &large);
    assert!(add("large.png").status.success());
    let small = OnPhoto::of(2, 2).drawn();
    let small = image::imageops::resize(&small, 48, 40, image::imageops::FilterType::Nearest);
    write_png(&azure.path("small.png"), &small);
    assert!(add("small.png").status.success());
    for request in &azure.server.log()[calls..] {
        let bytes = request.body.len();
        assert!(
            (1024..=6_000_000).contains(&bytes),
            "{bytes} bytes were sent"
        );
    }
}

#[test]
fn targets_and_boxes_are_in_pixels_of_the_photo() {
    let azure = Azure::new(AzureServer::start());
    azure.answer(&["face-list", "create", "l"]);
    let photo = azure.photo(
        "both.png",
        OnPhoto {
            person: 1,
            faces: 2,
            number: 1,
        },
    );
    // 96x72 is sent as 640x480: 0.15 pixels of the photo for one that is sent.
    let found = azure.answer(&["detect", &photo]);
    assert_eq!(
        found[0]["faces"][0]["box"],
        serde_json::json!([0.0, 7.0, 14.0, 20.0]),
        "{found}"
    );
    azure.answer(&[
        "face-list",
        "face",
        "add",
        "l",
        &photo,
        "--target-face",
        "6,7.5,12,15",
    ]);
    let log = azure.server.log();
    let path = &log.last().expect("was called").path;
    assert!(path.contains("targetFace=40%2C50%2C80%2C100"), "{path}");
    // The target that `detect` shows leads to exactly the rectangle that the service found.
    let target = found[0]["faces"][1]["target_face"].as_str();
    let target = target.expect("a text");
    assert_eq!(target, "6,6.75,12,12", "{found}");
    let add = ["face-list", "face", "add", "l", &photo, "--target-face"];
    azure.answer(&[&add[..], &[target]].concat());
    let log = azure.server.log();
    let path = &log.last().expect("was called").path;
    assert!(path.contains("targetFace=40%2C45%2C80%2C80"), "{path}");
}

#[test]
fn detect_takes_folders_and_addresses_and_continues_after_unreadable_files() {
    let azure = Azure::new(AzureServer::start());
    crate::azure::helpers::persons(&azure.path("people"), 2, 1);
    crate::helpers::write(&azure.path("people/notes.txt"), b"no picture");
    let address = "https://example.org/ada.jpg";
    let output = azure.run(&["detect", address, "people", "--json"]);
    let report = json(&output);
    let images = report["answer"].as_array().expect("a list");
    let paths: Vec<_> = images.iter().map(|image| &image["path"]).collect();
    let expected = [
        "people/notes.txt",
        "people/person_1/1.png",
        "people/person_2/1.png",
        address,
    ];
    assert_eq!(paths, expected, "{report}");
    assert!(images[0]["error"].is_string(), "{report}");
    for image in &images[1..] {
        assert_eq!(image["faces"].as_array().map(Vec::len), Some(1), "{report}");
    }
    assert_eq!(report["transactions"], 3, "{report}");
    let error = failure(&azure.run(&["detect", "nothing.jpg"]), 2);
    assert!(error.contains("no file or folder `nothing.jpg`"), "{error}");
}

#[test]
fn a_photo_that_fails_does_not_lose_the_others_names() {
    let latest = Mutex::new(0);
    let server = AzureServer::with(State::default(), move |request, _| {
        let mut latest = latest.lock().expect("no panic");
        if request.path.contains("/detect") {
            *latest = OnPhoto::read(&request.body).map_or(0, |photo| photo.number);
        }
        match *latest {
            6 if request.path.ends_with("/identify") => {
                Some(Fate::Instead(502, "retry-after-ms: 5", ""))
            }
            7 => Some(Fate::Instead(500, "retry-after-ms: 5", "")),
            8 => Some(Fate::Instead(401, "", "")),
            _ => None,
        }
    });
    let azure = Azure::new(server);
    crate::azure::helpers::persons(&azure.path("people"), 1, 1);
    json(&azure.run(&["enroll", "people", "--group", "g", "--json"]));
    let photo = |name: &str, number| azure.photo(name, OnPhoto::of(1, number));
    let (first, last) = (photo("a.png", 2), photo("e.png", 3));
    let (undetected, unnamed, ending) = (photo("b.png", 7), photo("c.png", 6), photo("d.png", 8));
    let all = [&first, &undetected, &unnamed, &last];
    let output = azure.run(&[&["identify", "--group", "g"], &all.map(String::as_str)[..]].concat());
    let words = stdout(&output);
    assert!(words.starts_with("a.png: 1 face\n  person_1 "), "{words}");
    assert!(
        words.contains("\nb.png: the service answered 500"),
        "{words}"
    );
    assert!(
        words.contains("\nc.png: the service answered 502"),
        "{words}"
    );
    assert!(words.contains("\ne.png: 1 face\n  person_1 "), "{words}");
    // An error that ends the run keeps the results, already paid for, from before.
    let output = azure.run(&["identify", &first, &ending, &last, "--group", "g"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr_of(&output).contains("refuses the key"), "{output:?}");
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(words.starts_with("a.png: 1 face\n  person_1 "), "{words}");
    assert!(!words.contains("e.png"), "{words}");
}
