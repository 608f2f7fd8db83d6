//! What `facepipe azure` does with images that the service can't use, and with pixels.

use crate::azure_helpers::Azure;
use crate::azure_server::{AzureServer, OnPhoto};
use crate::helpers::{failure, write_png};

#[test]
fn images_that_the_service_can_not_use_are_told_or_mended() {
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
    assert_eq!(calls, 1 + 3, "what can be seen here costs no call");
    // A picture of 80 MB of noise, and one whose file has some hundred bytes, are sent as others.
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
    let path = &log.last().expect("was asked").path;
    assert!(path.contains("targetFace=40%2C50%2C80%2C100"), "{path}");
}
