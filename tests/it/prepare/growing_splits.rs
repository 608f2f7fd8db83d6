//! `facepipe prepare`: images keep their sides when a data set grows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use image::imageops::{self, FilterType};
use serde_json::{Value, json};

use crate::helpers::{
    facepipe, failure, json as report, picture, records, run, snapshot, stdout, write, write_png,
};
use crate::prepare::data_sets::{
    count, crop_record, pictures, prepare, sides, text, write_manifest,
};

#[test]
fn images_keep_their_sides_when_the_set_grows() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    for label in 0..3 {
        pictures(&input.join(format!("label{label}")), 100 * label, 10);
    }
    stdout(&prepare(&input, &out, "--folds 3"));
    let fold = |out: &Path| -> BTreeMap<String, Value> {
        let records = records(&out.join("manifest.jsonl"));
        records
            .iter()
            .map(|record| (text(&record["source"]), record["fold"].clone()))
            .collect()
    };
    let (mut before, mut folds) = (sides(&out), fold(&out));
    for round in 1..4 {
        for label in 0..3 {
            pictures(
                &input.join(format!("label{label}")),
                100 * label + 10 * round,
                7 + label,
            );
        }
        let report = report(&prepare(&input, &out, "--folds 3"));
        assert_eq!(report["split"]["moved"], json!([]));
        let (now, folds_now) = (sides(&out), fold(&out));
        assert!(now.len() > before.len());
        for (image, side) in &before {
            assert_eq!(
                (&now[image], &folds_now[image]),
                (side, &folds[image]),
                "{image}"
            );
        }
        assert_eq!(
            report["split"]["kept_sides"].as_u64(),
            Some(before.len() as u64)
        );
        let [train, val, test] = count(&now, "label1").map(|count| count as f64);
        let all = train + val + test;
        assert!((train - 0.7 * all).abs() <= 2.0 && (test - 0.15 * all).abs() <= 2.0);
        (before, folds) = (now, folds_now);
    }
    let unchanged = snapshot(&out, &["report.json"]);
    stdout(&prepare(&input, &out, "--folds 3"));
    assert!(snapshot(&out, &["report.json"]) == unchanged, "up to date");
    stdout(&prepare(&input, &out, "--folds 3 --force"));
    assert!(snapshot(&out, &["report.json", "hashes.jsonl"]) == without_cache(unchanged));
    // Other settings of the split make another one.
    let output = prepare(&input, &out, "--folds 3 --force --seed 1");
    assert_ne!(sides(&out), before);
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(notes.contains("split again"), "{notes}");
}

fn without_cache(files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let files = files
        .into_iter()
        .filter(|(name, _)| name != "cache/hashes.jsonl");
    files.collect()
}

#[test]
fn a_removed_image_that_comes_again_and_its_duplicates_keep_the_side() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada"), 0, 20);
    stdout(&prepare(&input, &out, ""));
    let before = sides(&out);
    let of = |side: &str| {
        let image = before.iter().find(|(_, found)| *found == side);
        image
            .map(|(image, _)| image.clone())
            .expect("each side has images")
    };
    // A larger copy of an image of test replaces it; one of val is replaced by its copy.
    for (side, keep) in [("test", true), ("val", false)] {
        let image = of(side);
        let number = image.trim_start_matches("ada/").trim_end_matches(".png");
        let original = picture(number.parse().expect("a number"));
        let larger = imageops::resize(&original, 128, 96, FilterType::CatmullRom);
        write_png(&input.join(format!("ada/{side}-larger.png")), &larger);
        stdout(&prepare(&input, &out, "--force"));
        let now = sides(&out);
        assert_eq!(now[&format!("ada/{side}-larger.png")], side);
        if !keep {
            fs_err::remove_file(input.join(format!("ada/{side}-larger.png"))).expect("removes");
            stdout(&prepare(&input, &out, "--force"));
            assert_eq!(sides(&out)[&image], side);
        }
    }
    let train = of("train");
    let bytes = fs_err::read(input.join(&train)).expect("reads");
    fs_err::remove_file(input.join(&train)).expect("removes");
    stdout(&prepare(&input, &out, "--force"));
    write(&input.join("ada/again.png"), &bytes);
    stdout(&prepare(&input, &out, "--force"));
    assert_eq!(sides(&out)["ada/again.png"], "train");
}

#[test]
fn images_that_join_two_sides_go_to_train_and_are_reported() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada"), 0, 20);
    let photos: Vec<Value> = (0..20)
        .map(|number| {
            crop_record(
                &format!("ada/{number}.png"),
                &format!("ada/{number}.jpg"),
                json!({}),
            )
        })
        .collect();
    write_manifest(&input, &photos);
    stdout(&prepare(&input, &out, ""));
    let before = sides(&out);
    let of = |side: &str| {
        let image = before.iter().find(|(_, found)| *found == side);
        image
            .map(|(image, _)| image.clone())
            .expect("each side has images")
    };
    let (train, test, val) = (of("train"), of("test"), of("val"));
    // Now the manifest has these as cut from one photo, with a new face.
    let joined = |names: &[&String], photo: &str| {
        let record = |crop: &Value| {
            let file = text(&crop["file"]);
            if names.contains(&&file) {
                crop_record(&file, photo, json!({}))
            } else {
                crop.clone()
            }
        };
        photos.iter().map(record).collect::<Vec<Value>>()
    };
    write_png(&input.join("ada/new.png"), &picture(77));
    let mut crops = joined(&[&train, &test], "ada/party.jpg");
    crops.push(crop_record("ada/new.png", "ada/party.jpg", json!({})));
    write_manifest(&input, &crops);
    let grown = report(&prepare(&input, &out, "--force"));
    let now = sides(&out);
    assert_eq!(
        [&now[&train], &now[&test], &now["ada/new.png"]],
        ["train"; 3]
    );
    let moved = json!([{"item": test, "from": "test", "to": "train", "because": ["ada/new.png"]}]);
    assert_eq!(grown["split"]["moved"], moved);
    for (image, side) in before.iter().filter(|(image, _)| **image != test) {
        assert_eq!(&now[image], side, "{image}");
    }
    // Moves are reported from then on; val takes precedence over test.
    let test = now
        .iter()
        .find(|(_, side)| *side == "test")
        .map(|(image, _)| image.clone());
    let test = test.expect("test has images");
    write_manifest(&input, &joined(&[&val, &test], "ada/dinner.jpg"));
    let grown = report(&prepare(&input, &out, "--force"));
    assert_eq!(sides(&out)[&test], "val");
    assert_eq!(
        grown["split"]["moved"].as_array().map(Vec::len),
        Some(2),
        "{grown}"
    );
}

#[test]
fn images_of_another_data_set_keep_its_sides() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, first) = (folder.path().join("in"), folder.path().join("first"));
    pictures(&input.join("ada"), 0, 15);
    stdout(&prepare(&input, &first, "--seed 5"));
    let expected = sides(&first);
    pictures(&input.join("ada"), 15, 15);
    let plain = folder.path().join("plain");
    for side in ["train", "val", "test"] {
        for (name, bytes) in snapshot(&first.join(side), &[]) {
            write(&plain.join(side).join(name), &bytes);
        }
    }
    for (name, from) in [
        ("a", first.clone()),
        ("b", first.join("manifest.jsonl")),
        ("c", first.join("sides.jsonl")),
        ("d", plain),
    ] {
        let out = folder.path().join(name);
        let output = run(
            "prepare --json --keep-split",
            &[&from, &input, Path::new("--out"), &out],
        );
        stdout(&output);
        let now = sides(&out);
        assert_eq!(now.len(), 30);
        for (image, side) in &expected {
            assert_eq!(&now[image], side, "{name}: {image}");
        }
        let again = run(
            "prepare --json --keep-split",
            &[&from, &input, Path::new("--out"), &out],
        );
        assert_eq!(stdout(&again), stdout(&output), "up to date");
    }
    let nothing = folder.path().join("in");
    let output = run(
        "prepare --keep-split",
        &[
            &nothing,
            &input,
            Path::new("--out"),
            &folder.path().join("e"),
        ],
    );
    let error = failure(&output, 1);
    assert!(
        error.contains("says of no image") && error.contains("hint: give"),
        "{error}"
    );
}

#[test]
fn a_growing_run_that_is_killed_at_any_point_ends_the_same() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    let options = "--folds 3 --shards 16";
    pictures(&input.join("ada"), 0, 40);
    stdout(&prepare(&input, &out, options));
    let begin = snapshot(&out, &[]);
    pictures(&input.join("ada"), 40, 40);
    let content = |out: &Path| snapshot(out, &["report.json", "hashes.jsonl"]);
    let begun = std::time::Instant::now();
    stdout(&prepare(&input, &out, &format!("{options} --force")));
    let (whole, expected) = (begun.elapsed(), content(&out));
    for share in 1..10_u32 {
        fs_err::remove_dir_all(&out).expect("removes");
        begin
            .iter()
            .for_each(|(name, bytes)| write(&out.join(name), bytes));
        let mut child = Command::new(facepipe().get_program())
            .args(["prepare", "--force", "--out"])
            .args([&out, &input])
            .args(options.split(' '))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        std::thread::sleep(whole * share / 10);
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().expect("ends");
        stdout(&prepare(&input, &out, &format!("{options} --force")));
        assert!(
            content(&out) == expected,
            "killed after {share} of 10 parts"
        );
    }
}
