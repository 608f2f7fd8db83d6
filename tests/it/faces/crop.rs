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
        .filter(|(name, _)| name.ends_with(".png") && !name.starts_with("report/"))
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
        let image = facepipe_imaging::image_io::decode(&bytes)
            .expect("decodes")
            .rgb;
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

#[test]
fn every_label_has_a_contact_sheet_that_later_stages_skip() {
    let Some(photos) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (out, data) = (folder.path().join("crops"), folder.path().join("final"));
    let report = json(&crop(&photos, &out, ""));
    for (label, count) in report["labels"].as_object().expect("labels") {
        let bytes = fs_err::read(out.join("report").join(label).join("crops.png"));
        let sheet = facepipe_imaging::image_io::decode(&bytes.expect("a sheet")).expect("decodes");
        // Ten crops of 112 pixels in a row, with name and figures below.
        let rows = count.as_u64().expect("a number").div_ceil(10);
        let height = u64::from(sheet.rgb.height());
        assert!(
            (rows * 160..rows * 180 + 50).contains(&height),
            "{label}: {height}"
        );
    }
    let prepared = json(&run("prepare --json --out", &[&data, &out]));
    assert_eq!(prepared["images"]["found"], report["crops"]);
    let in_training = prepared["splits"]["train"].as_object().expect("labels");
    let labels = report["labels"].as_object().expect("labels");
    assert!(in_training.keys().eq(labels.keys()), "{prepared}");
}

#[test]
fn a_label_named_like_reports_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let photos = folder.path().join("photos");
    for label in ["ada", "report"] {
        let file = photos.join(label).join("1.png");
        crate::helpers::write_png(&file, &crate::helpers::picture(1));
    }
    let error = failure(&crop(&photos, &folder.path().join("crops"), ""), 1);
    assert!(
        error.contains("photos/report` can't be a label") && error.contains("another name"),
        "{error}"
    );
}

#[test]
fn faces_beyond_a_limit_of_quality_are_left_out_with_their_figures() {
    let Some(photos) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = |name: &str| folder.path().join(name);
    let all = json(&crop(&photos, &out("all"), ""));
    let quality = |record: &serde_json::Value, measure: &str| {
        let value = record["quality"][measure].as_f64();
        value.expect("every face is measured")
    };
    let faces = records(&out("all").join("manifest.jsonl"));
    let median = all["quality"]["overall"]["median"]
        .as_f64()
        .expect("the report has a median");
    let good: Vec<_> = faces
        .iter()
        .filter(|face| quality(face, "overall") >= median && quality(face, "brightness") <= 0.5)
        .map(|face| face["file"].clone())
        .collect();
    assert!(!good.is_empty() && good.len() < faces.len());
    let limits = format!("--min-quality {median} --brightness 0..0.5");
    let best = json(&crop(&photos, &out("best"), &limits));
    let kept: Vec<_> = records(&out("best").join("manifest.jsonl"))
        .iter()
        .map(|face| face["file"].clone())
        .collect();
    assert_eq!(kept, good);
    assert!(best["quality"]["overall"]["min"].as_f64() >= Some(median));
    assert!(best["quality"]["brightness"]["max"].as_f64() <= Some(0.5));
    let left_out: Vec<_> = records(&out("best").join("discarded.jsonl"))
        .into_iter()
        .filter(|record| record["reason"] == "low_quality")
        .collect();
    assert_eq!(best["reasons"]["low_quality"], left_out.len());
    for record in &left_out {
        let message = record["message"].as_str().expect("a message");
        assert!(
            message.contains("quality of 0.") || message.contains("brightness of 0."),
            "{message}"
        );
    }
    let error = failure(&crop(&photos, &out("none"), "--min-sharpness 1e9"), 1);
    assert!(
        error.contains("no face was kept") && error.contains("limits"),
        "{error}"
    );
    let error = failure(&crop(&photos, &out("best"), ""), 1);
    assert!(error.contains("limits min_quality"), "{error}");
}

#[test]
fn where_the_largest_face_is_unfit_no_other_face_takes_its_place() {
    let Some(photos) = shared("data/identity/celeb5_raw") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (usual, strict) = (folder.path().join("usual"), folder.path().join("strict"));
    stdout(&crop(&photos, &usual, "--largest-only"));
    stdout(&crop(
        &photos,
        &strict,
        "--largest-only --min-sharpness 120",
    ));
    let files = |out: &Path| -> std::collections::BTreeSet<String> {
        let faces = records(&out.join("manifest.jsonl"));
        faces.iter().map(|face| face["file"].to_string()).collect()
    };
    let (usual, strict) = (files(&usual), files(&strict));
    assert!(strict.len() < usual.len());
    assert!(strict.is_subset(&usual));
}

#[test]
fn chips_are_what_a_network_takes_and_follow_the_crops() {
    let Some(from) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, out) = (folder.path().join("photos"), folder.path().join("crops"));
    let chips = folder.path().join("chips");
    let person = fs_err::read_dir(&from)
        .expect("lists")
        .next()
        .expect("a person");
    let person = person.expect("lists").path();
    let label = person.file_name().expect("a name");
    fs_err::create_dir_all(photos.join(label)).expect("makes");
    for photo in fs_err::read_dir(&person).expect("lists") {
        let photo = photo.expect("lists").path();
        let name = photo.file_name().expect("a name");
        fs_err::copy(&photo, photos.join(label).join(name)).expect("copies");
    }
    let crop = |options: &str| {
        let mut command = facepipe();
        command
            .args(["crop", "--json", "--main-only", "--out"])
            .arg(&out);
        command
            .args(options.split_whitespace())
            .arg("--chips")
            .arg(&chips);
        command.arg(&photos).output().expect("starts")
    };
    let report = json(&crop(""));
    let listed = |chips: &Path| -> Vec<String> {
        let text = fs_err::read_to_string(chips.join("chips.csv")).expect("reads");
        let rows = text.lines().skip(1);
        rows.map(|row| row.split(',').next().expect("a file").to_owned())
            .collect()
    };
    let files = listed(&chips);
    assert_eq!(report["crops"], files.len());
    for (options, side) in [("--chips-for dlib", 150), ("", 112)] {
        json(&crop(options));
        for file in &files {
            let size = image::image_dimensions(chips.join(file)).expect("an image");
            assert_eq!(size, (side, side), "{file}");
        }
    }
    let manifest = records(&out.join("manifest.jsonl"));
    let gone = manifest[0]["source"]["file"].as_str().expect("a path");
    fs_err::remove_file(photos.join(gone)).expect("removes");
    json(&crop(""));
    let left = listed(&chips);
    assert_eq!(left.len(), files.len() - 1);
    let crop_of_it = manifest[0]["file"].as_str().expect("a path");
    assert!(!chips.join(crop_of_it).exists() && left.iter().all(|file| chips.join(file).exists()));
    // A folder of something else is not written to.
    fs_err::remove_file(chips.join("chips.csv")).expect("removes");
    let error = failure(&crop(""), 1);
    assert!(error.contains("has no list of chips"), "{error}");
}
