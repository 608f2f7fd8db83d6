//! `facepipe crop` on real photos.

use std::path::Path;
use std::time::Duration;

use crate::helpers::{facepipe, failure, json, records, run, shared, snapshot, stdout};

/// The only files that may differ between two equal runs, and the input's fingerprint.
const DIFFERING: [&str; 1] = ["report.json"];

fn crop(photos: &Path, out: &Path, options: &str) -> std::process::Output {
    run(&format!("crop --json {options} --out"), &[out, photos])
}

#[test]
fn every_photo_is_kept_or_listed_with_its_reason() {
    let Some(photos) = shared("data/identity/celeb5_raw") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("crops");
    let report = json(&crop(&photos, &out, ""));
    let kept: std::collections::BTreeSet<_> = records(&out.join("manifest.jsonl"))
        .iter()
        .map(|record| record["source"]["file"].to_string())
        .collect();
    let discarded = records(&out.join("discarded.jsonl"));
    let images = discarded
        .iter()
        .filter(|record| record["kind"] == "image")
        .count();
    assert_eq!(kept.len() + images, 118);
    assert_eq!(report["photos"]["found"], 118);
    assert_eq!(report["photos"]["kept"], kept.len());
    assert!(kept.len() >= 105, "{report}");
    assert!(
        discarded
            .iter()
            .all(|record| record["message"].as_str().is_some())
    );
}

#[test]
fn a_rerun_does_nothing_and_other_settings_are_refused() {
    let Some(photos) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("crops");
    let first = json(&crop(&photos, &out, ""));
    let files = snapshot(&out, &[]);
    assert_eq!(json(&crop(&photos, &out, "")), first);
    assert_eq!(snapshot(&out, &[]), files);
    let error = failure(&crop(&photos, &out, "--margin 0.5"), 1);
    assert!(
        error.contains("margin: 0.2") && error.contains("--force"),
        "{error}"
    );
    assert_eq!(snapshot(&out, &[]), files, "a refused run changes nothing");
    let forced = json(&crop(&photos, &out, "--margin 0.5 --force"));
    let manifest = records(&out.join("manifest.jsonl")).len();
    let crops = snapshot(&out, &[])
        .iter()
        .filter(|(name, _)| name.ends_with(".png"))
        .count();
    assert_eq!(
        (forced["crops"].as_u64(), crops),
        (Some(manifest as u64), manifest)
    );
}

#[test]
fn killed_at_any_moment_and_run_again_the_files_are_the_same() {
    let Some(photos) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let undisturbed = folder.path().join("undisturbed");
    stdout(&crop(&photos, &undisturbed, ""));
    let expected = snapshot(&undisturbed, &DIFFERING);
    for milliseconds in [20, 60, 120, 250, 400] {
        let out = folder.path().join(format!("killed-{milliseconds}"));
        let mut child = facepipe()
            .args(["crop", "--out"])
            .args([&out, &photos])
            .spawn()
            .expect("the program starts");
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().expect("kills");
        child.wait().expect("ends");
        stdout(&crop(&photos, &out, ""));
        assert_eq!(
            snapshot(&out, &DIFFERING),
            expected,
            "killed after {milliseconds} ms"
        );
    }
}

#[test]
fn crops_show_the_face_with_its_margin() {
    let Some(photos) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("crops");
    stdout(&crop(&photos, &out, "--margin 0.25"));
    for record in records(&out.join("manifest.jsonl")) {
        let bytes =
            fs_err::read(out.join(record["file"].as_str().expect("a file"))).expect("reads");
        let image = facepipe::image_io::decode(&bytes).expect("decodes").rgb;
        let side = |rect: &serde_json::Value, low: usize| {
            rect[low + 2].as_i64().expect("a number") - rect[low].as_i64().expect("a number")
        };
        let chip = &record["chip"];
        assert_eq!(i64::from(image.width()), side(chip, 0), "{record}");
        assert_eq!(i64::from(image.height()), side(chip, 1), "{record}");
        assert!(side(chip, 0) >= side(&record["box"], 0), "{record}");
        assert!(
            side(chip, 0) <= side(&record["box"], 0) * 3 / 2 + 2,
            "{record}"
        );
    }
}
