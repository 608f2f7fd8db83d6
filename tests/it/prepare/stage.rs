//! `facepipe prepare` on drawn pictures, and on real ones that hold known conflicts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use image::imageops::{self, FilterType};
use serde_json::Value;

use crate::helpers::{json, picture, records, run, shared, snapshot, stdout, write, write_png};

fn prepare(input: &Path, out: &Path, options: &str) -> std::process::Output {
    run(
        &format!("prepare --json --embeddings off {options} --out"),
        &[out, input],
    )
}

fn discarded(out: &Path) -> BTreeMap<String, Value> {
    let records = records(&out.join("discarded.jsonl"));
    records
        .into_iter()
        .map(|record| (text(&record["item"]), record))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[test]
fn duplicates_of_all_kinds_are_found_and_the_largest_stays() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    for number in 0..8 {
        write_png(&input.join(format!("ada/{number}.png")), &picture(number));
    }
    let first = fs_err::read(input.join("ada/0.png")).expect("reads");
    write(&input.join("ada/copy.jpg"), &first);
    picture(1)
        .save(input.join("ada/resaved.bmp"))
        .expect("writes");
    let large = imageops::resize(&picture(2), 256, 192, FilterType::CatmullRom);
    write_png(&input.join("ada/zoomed.png"), &large);
    write(&input.join("ada/broken.jpg"), b"<html>");
    let out = folder.path().join("out");
    let report = json(&prepare(&input, &out, ""));
    let discarded = discarded(&out);
    let reason = |item: &str| text(&discarded[item]["reason"]);
    assert_eq!(reason("ada/copy.jpg"), "exact_duplicate");
    assert_eq!(reason("ada/resaved.bmp"), "exact_duplicate");
    assert_eq!(
        reason("ada/2.png"),
        "near_duplicate",
        "the larger of two stays"
    );
    assert_eq!(discarded["ada/2.png"]["related"][0], "ada/zoomed.png");
    assert_eq!(reason("ada/broken.jpg"), "unreadable");
    assert_eq!(discarded.len(), 4);
    assert_eq!(report["images"]["kept"], 8);
    assert_eq!(report["images"]["found"], 12);
}

#[test]
fn a_picture_under_two_labels_is_left_out_of_both() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    for number in 0..6 {
        write_png(&input.join(format!("ada/{number}.png")), &picture(number));
        write_png(
            &input.join(format!("grace/{number}.png")),
            &picture(10 + number),
        );
    }
    write_png(&input.join("grace/stray.png"), &picture(3));
    let out = folder.path().join("out");
    stdout(&prepare(&input, &out, ""));
    let discarded = discarded(&out);
    assert_eq!(
        discarded.keys().collect::<Vec<_>>(),
        ["ada/3.png", "grace/stray.png"]
    );
    assert_eq!(discarded["ada/3.png"]["reason"], "label_conflict");
    assert_eq!(discarded["ada/3.png"]["related"][0], "grace/stray.png");
}

#[test]
fn the_split_depends_on_seed_and_content_only() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, copy) = (folder.path().join("in"), folder.path().join("copy"));
    for number in 0..20 {
        write_png(&input.join(format!("ada/{number}.png")), &picture(number));
        write_png(
            &copy.join(format!("ada/other-name-{}.png", 99 - number)),
            &picture(number),
        );
    }
    let sides = |input: &Path, name: &str, options: &str| {
        let out = folder.path().join(name);
        stdout(&prepare(input, &out, options));
        snapshot(&out.join("test"), &[])
    };
    let first = sides(&input, "a", "");
    assert_eq!(first.len(), 3);
    assert_eq!(first, sides(&copy, "b", ""));
    assert_ne!(first, sides(&input, "c", "--seed 1"));
    assert_eq!(first, sides(&input, "d", "--threads 1"));
}

#[test]
fn no_group_crosses_a_side_and_photos_in_both_folders_are_conflicts() {
    let Some(photos) = shared("data/identity/sarah_connor_raw") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (crops, out) = (folder.path().join("crops"), folder.path().join("out"));
    stdout(&run("crop --out", &[&crops, &photos]));
    stdout(&prepare(&crops, &out, ""));
    let crop_manifest = records(&crops.join("manifest.jsonl"));
    let mut labels_of_photo: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for crop in &crop_manifest {
        let labels = labels_of_photo
            .entry(text(&crop["source"]["md5"]))
            .or_default();
        labels.insert(text(&crop["label"]));
    }
    let discarded = discarded(&out);
    let mut shared_crops = 0;
    for crop in &crop_manifest {
        if labels_of_photo[&text(&crop["source"]["md5"])].len() > 1 {
            shared_crops += 1;
            assert_eq!(
                discarded[&text(&crop["file"])]["reason"],
                "label_conflict",
                "{crop}"
            );
        }
    }
    assert!(
        shared_crops >= 2,
        "the set holds photos that are in both folders"
    );
    let mut sides: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in records(&out.join("manifest.jsonl")) {
        for key in ["group", "photo"] {
            sides
                .entry(text(&record[key]))
                .or_default()
                .insert(text(&record["split"]));
        }
    }
    assert!(sides.values().all(|sides| sides.len() == 1), "{sides:?}");
}
