//! `facepipe prepare` on folders that are split already, and the tables and tar files that it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::helpers::{
    json as report, picture, records, run, shared, snapshot, stdout, write, write_png,
};
use crate::prepare::data_sets::{crop_record, pictures, prepare, sides, text, write_manifest};

/// A folder with sides in which images of test and val are on train as well.
fn leaking(input: &Path) {
    pictures(&input.join("train/ada"), 0, 8);
    pictures(&input.join("valid/ada"), 10, 4);
    pictures(&input.join("test/ada"), 20, 4);
    pictures(&input.join("train/bea"), 100, 8);
    pictures(&input.join("valid/bea"), 110, 4);
    pictures(&input.join("test/bea"), 120, 4);
    let copy = imageops::resize(&picture(20), 128, 96, FilterType::CatmullRom);
    write_png(&input.join("train/ada/copy.png"), &copy);
    write_png(&input.join("train/bea/same.png"), &picture(110));
    write_png(&input.join("valid/bea/same.png"), &picture(121));
}

#[test]
fn given_sides_stay_and_leaks_are_left_out_of_train() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    leaking(&input);
    let output = prepare(&input, &out, "");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(
        notes.contains("3 pairs of images of two sides show the same"),
        "{notes}"
    );
    let clean = report(&output);
    let pairs = |report: &Value| -> Vec<(String, String)> {
        let leaks = report["split"]["leaks"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        leaks
            .iter()
            .map(|leak| (text(&leak["kept"]), text(&leak["leaked"])))
            .collect()
    };
    let expected = [
        ("test/ada/20.png", "train/ada/copy.png"),
        ("test/bea/121.png", "valid/bea/same.png"),
        ("valid/bea/110.png", "train/bea/same.png"),
    ];
    let expected = expected.map(|(kept, leaked)| (kept.to_owned(), leaked.to_owned()));
    assert_eq!(pairs(&clean), expected);
    let left_out: Vec<(String, String)> = records(&out.join("discarded.jsonl"))
        .iter()
        .filter(|record| record["reason"] == "split_leak")
        .map(|record| (text(&record["related"][0]), text(&record["item"])))
        .collect();
    assert_eq!(
        left_out.iter().collect::<BTreeSet<_>>(),
        expected.iter().collect()
    );
    let found = sides(&out);
    assert_eq!(found.len(), 32);
    for (image, side) in &found {
        let given = image
            .split('/')
            .next()
            .map(|name| name.replace("valid", "val"));
        assert_eq!(given.as_deref(), Some(side.as_str()), "{image}");
    }
    let kept = folder.path().join("kept");
    let as_given = report(&prepare(&input, &kept, "--given-split keep"));
    assert_eq!((pairs(&as_given).len(), sides(&kept).len()), (3, 35));
    let ignored = folder.path().join("ignored");
    let fresh = report(&prepare(&input, &ignored, "--given-split ignore"));
    assert_eq!(
        (&fresh["split"]["given"], pairs(&fresh).len()),
        (&json!(false), 0)
    );
    assert_eq!(
        fresh["reasons"],
        json!({"exact_duplicate": 2, "near_duplicate": 1})
    );
    assert_ne!(sides(&ignored), found);
    // What `prepare` has made is such a folder, too.
    let again = folder.path().join("again");
    let report = report(&prepare(&out, &again, ""));
    assert_eq!((pairs(&report).len(), sides(&again).len()), (0, 32));
}

#[test]
fn crops_stay_on_the_sides_of_their_photos() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada"), 0, 12);
    let side = |number: u32| ["train", "dev", "test"][number as usize % 3];
    let mut crops: Vec<Value> = (0..12)
        .map(|number| {
            let photo = format!("{}/ada/{number}.jpg", side(number));
            crop_record(&format!("ada/{number}.png"), &photo, json!({}))
        })
        .collect();
    // Two faces of one photo that is in train and in test.
    crops[2]["source"]["md5"] = crops[0]["source"]["md5"].clone();
    write_manifest(&input, &crops);
    let report = report(&prepare(&input, &out, ""));
    assert_eq!(report["split"]["given"], true);
    assert_eq!(
        report["split"]["leaks"][0]["why"],
        json!({"kind": "same_photo"})
    );
    let sides = sides(&out);
    assert_eq!(sides.len(), 11, "0.png is tested on as 2.png");
    for (image, found) in sides {
        let number: u32 = image
            .trim_matches(|letter: char| !letter.is_ascii_digit())
            .parse()
            .expect("a number");
        assert_eq!(found, side(number).replace("dev", "val"), "{image}");
    }
}

#[test]
fn tables_and_folds_hold_every_image() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada, the \"first\""), 0, 20);
    pictures(&input.join("bea"), 100, 20);
    for number in 0..6 {
        let mut copy = picture(number);
        copy.put_pixel(number, 7, Rgb([0, 0, 0]));
        write_png(
            &input.join(format!("ada, the \"first\"/copy{number}.png")),
            &copy,
        );
    }
    let made = report(&prepare(&input, &out, "--folds 4 --keep-duplicates"));
    let rows = |name: &str| -> Vec<BTreeMap<String, String>> {
        let mut table = csv::Reader::from_path(out.join(name)).expect("opens");
        table.deserialize().map(|row| row.expect("a row")).collect()
    };
    let manifest = records(&out.join("manifest.jsonl"));
    let splits = rows("splits.csv");
    assert_eq!(splits.len(), 46);
    for (row, record) in splits.iter().zip(&manifest) {
        for column in ["file", "label", "split", "group", "source", "md5"] {
            assert_eq!(row[column], text(&record[column]));
        }
        assert!(out.join(&row["file"]).is_file());
    }
    let folds = rows("folds.csv");
    let learnt = splits.iter().filter(|row| row["split"] != "test").count();
    assert_eq!(folds.len(), learnt);
    let mut of_group: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    let mut of_label: BTreeMap<(&String, &String), usize> = BTreeMap::new();
    for row in &folds {
        of_group
            .entry(&row["group"])
            .or_default()
            .insert(&row["fold"]);
        *of_label.entry((&row["label"], &row["fold"])).or_default() += 1;
    }
    assert!(of_group.values().all(|folds| folds.len() == 1));
    assert_eq!(of_label.len(), 8, "each label is in each of four folds");
    let sizes = made["split"]["folds"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert_eq!(
        sizes.iter().filter_map(Value::as_u64).sum::<u64>(),
        learnt as u64
    );
    stdout(&prepare(&input, &out, "--force"));
    assert!(!out.join("folds.csv").exists() && out.join("splits.csv").exists());
}

#[test]
fn tar_files_hold_each_image_with_its_class_and_record() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada"), 0, 20);
    pictures(&input.join("bea.b"), 100, 20);
    let jpeg =
        facepipe_imaging::image_io::encode_jpeg(&RgbImage::from_pixel(64, 48, Rgb([9, 99, 0])), 90);
    write(&input.join("bea.b/photo.jpeg"), &jpeg.expect("encodes"));
    let made = report(&prepare(&input, &out, "--shards 6 --val 0.1 --test 0.2"));
    assert_eq!(made["shards"], json!({"train": 5, "val": 1, "test": 2}));
    let manifest: BTreeMap<String, Value> = records(&out.join("manifest.jsonl"))
        .into_iter()
        .map(|record| (text(&record["file"]), record))
        .collect();
    let mut found = BTreeSet::new();
    for (name, bytes) in snapshot(&out.join("shards"), &[]) {
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut sample: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for entry in archive.entries().expect("a tar file") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").to_string_lossy().into_owned();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).expect("reads");
            let (key, extension) = path.split_once('.').expect("an extension");
            assert!(!key.contains('/'));
            sample.insert(extension.to_owned(), content);
            if extension != "json" {
                continue;
            }
            let record: Value = serde_json::from_slice(&sample["json"]).expect("JSON");
            let file = text(&record["file"]);
            assert_eq!(record, manifest[&file]);
            assert!(
                name.starts_with(record["split"].as_str().expect("a side")),
                "{name}"
            );
            let class = if record["label"] == "ada" { b"0" } else { b"1" };
            assert_eq!(sample["cls"], class);
            let extension = file.rsplit('.').next().expect("an extension");
            assert_eq!(
                sample[extension],
                fs_err::read(out.join(&file)).expect("reads")
            );
            found.insert(file);
            sample.clear();
        }
    }
    assert_eq!(found.len(), manifest.len());
    stdout(&prepare(
        &input,
        &out,
        "--shards 100 --val 0.1 --test 0.2 --force",
    ));
    let names: Vec<String> = snapshot(&out.join("shards"), &[])
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        ["test-000000.tar", "train-000000.tar", "val-000000.tar"]
    );
    stdout(&prepare(&input, &out, "--val 0.1 --test 0.2 --force"));
    assert!(!out.join("shards").exists());
}

/// Copies the photos of a folder into the sides that their names give, such as `train_` and `val_`.
fn split_by_names(photos: &Path, into: &Path) {
    for (file, bytes) in snapshot(photos, &[]) {
        let (label, name) = file.split_once('/').expect("a folder for each label");
        let (side, name) = name.split_once('_').expect("a side in the name");
        write(&into.join(side).join(label).join(name), &bytes);
    }
}

#[test]
fn a_real_split_that_leaks_is_detected_and_a_fresh_one_has_no_leak() {
    let Some(photos) = shared("data/identity/celeb5_raw") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    split_by_names(&photos, &input);
    let run_with = |name: &str, options: &str| {
        let out = folder.path().join(name);
        (report(&prepare(&input, &out, options)), sides(&out))
    };
    let leaks = |report: &Value| report["split"]["leaks"].as_array().map_or(0, Vec::len);
    let (clean, of_clean) = run_with("clean", "");
    assert_eq!(leaks(&clean), 1, "{}", clean["split"]);
    assert_eq!(clean["reasons"]["split_leak"], 1);
    let leak = &clean["split"]["leaks"][0];
    assert_eq!(
        (&leak["side"], &leak["leaked_side"]),
        (&json!("val"), &json!("train"))
    );
    assert_eq!(of_clean[&text(&leak["kept"])], "val");
    assert!(!of_clean.contains_key(&text(&leak["leaked"])));
    let (kept, of_kept) = run_with("kept", "--given-split keep");
    assert_eq!((leaks(&kept), of_kept.len()), (1, of_clean.len() + 1));
    let (fresh, of_fresh) = run_with("fresh", "--given-split ignore");
    assert_eq!((leaks(&fresh), of_fresh.len()), (0, of_clean.len()));
    let both = ["kept", "leaked"].map(|name| text(&leak[name]));
    assert_eq!(
        both.iter()
            .filter(|image| of_fresh.contains_key(*image))
            .count(),
        1
    );
}

#[test]
fn a_data_set_that_is_prepared_again_keeps_its_labels_and_sides() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = |name: &str| folder.path().join(name);
    for number in 0..8 {
        for (label, first) in [("ada", 0), ("grace", 50)] {
            let file = path("in").join(format!("{label}/{number}.png"));
            write_png(&file, &picture(first + number));
        }
    }
    let prepared = |input: &str, out: &str| {
        let output = run("prepare --json --out", &[&path(out), &path(input)]);
        report(&output)["splits"].clone()
    };
    let splits = prepared("in", "once");
    assert!(path("once/cache").is_dir(), "its cache is there");
    assert_eq!(prepared("once", "twice"), splits);
}
