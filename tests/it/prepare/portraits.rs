//! From photos to a data set, with the portraits that every clone has.

use std::path::{Path, PathBuf};

use facepipe_imaging::image_io;
use facepipe_models::dlib::LANDMARKS_FILE;
use image::imageops;

use crate::helpers::{json, portraits, records, run, weights, write_png};

/// Each portrait in its own folder: the original, mirrored, and at three quarters of its size.
fn photos(root: &Path) -> PathBuf {
    for name in ["eileen_collins", "grace_hopper"] {
        let file = portraits().join(name).with_extension("jpg");
        let bytes = image_io::read_bytes(&file).expect("reads");
        let portrait = image_io::decode(&bytes).expect("decodes").rgb;
        let (width, height) = portrait.dimensions();
        let folder = root.join(name);
        write_png(&folder.join("portrait.png"), &portrait);
        let mirrored = imageops::flip_horizontal(&portrait);
        write_png(&folder.join("mirrored.png"), &mirrored);
        let small = imageops::thumbnail(&portrait, width * 3 / 4, height * 3 / 4);
        write_png(&folder.join("small.png"), &small);
    }
    root.to_owned()
}

#[test]
fn portraits_become_aligned_crops_and_a_data_set_without_their_duplicates() {
    let landmarks = weights(LANDMARKS_FILE);
    let (Some(_), Some(_)) = (landmarks, weights("seeta_fd_frontal_v1.0.bin")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let photos = photos(&folder.path().join("photos"));
    let (crops, data) = (folder.path().join("crops"), folder.path().join("data"));
    let cropped = json(&run(
        "crop --json --detector seeta --out",
        &[&crops, &photos],
    ));
    assert_eq!(cropped["photos"]["found"], 6, "{cropped}");
    assert_eq!(cropped["photos"]["kept"], 6, "{cropped}");
    for crop in records(&crops.join("manifest.jsonl")) {
        assert!(!crop["place"].is_null(), "{crop} has the face's landmarks");
    }

    let prepared = json(&run(
        "prepare --json --embeddings off --out",
        &[&data, &crops],
    ));
    assert_eq!(prepared["images"]["found"], 6, "{prepared}");
    // The smaller copies are duplicates; mirrored ones are not searched unless requested.
    assert_eq!(prepared["images"]["kept"], 4, "{prepared}");
    assert_eq!(
        prepared["reasons"],
        serde_json::json!({"near_duplicate": 2})
    );
    for line in records(&data.join("discarded.jsonl")) {
        let other = line["related"][0].as_str().expect("an image");
        let label = line["label"].as_str().expect("a label");
        assert!(other.starts_with(label), "{line}");
        // People are told of their own files.
        let photo = line["photo"].as_str().expect("a photo");
        assert!(photo.ends_with("/small.png"), "{line}");
        assert_eq!(line["face"], 0, "{line}");
        let message = line["message"].as_str().expect("a text");
        assert!(
            message.contains(&format!("`{label}/portrait.png`")),
            "{line}"
        );
    }
    for image in records(&data.join("manifest.jsonl")) {
        assert_eq!(image["face"], 0, "{image}");
    }
    let page = fs_err::read_to_string(data.join("report.html")).expect("reads");
    for photo in ["portrait", "mirrored", "small"] {
        let name = format!("<span class=\"file\">grace_hopper/{photo}.png</span>");
        assert!(page.contains(&name), "{photo}");
    }
    let proof = fs_err::read(data.join("proof.json")).expect("reads");
    let proof: serde_json::Value = serde_json::from_slice(&proof).expect("JSON");
    let image = &proof["nearest"][0]["pairs"][0]["a"];
    assert_eq!(image["name"], image["photo"], "{image}");
    assert!(
        image["photo"]
            .as_str()
            .is_some_and(|name| name.ends_with(".png")),
        "{image}"
    );
}
