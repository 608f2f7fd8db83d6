//! `facepipe prepare`: which side images go to by chance, by source and by time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::helpers::{failure, json as report, records, run, stdout};
use crate::prepare::data_sets::{
    count, crop_record, pictures, prepare, sides, text, write_manifest,
};

#[test]
fn shares_numbers_and_percents_are_understood() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    pictures(&input.join("ada"), 0, 30);
    pictures(&input.join("bea"), 100, 9);
    let counts = |name: &str, options: &str| {
        let out = folder.path().join(name);
        let output = prepare(&input, &out, options);
        let sides = sides(&out);
        (count(&sides, "ada"), count(&sides, "bea"), output)
    };
    let (ada, bea, _) = counts("percent", "--train 60% --val 20% --test 20%");
    assert_eq!((ada, bea), ([18, 6, 6], [5, 2, 2]));
    let (ada, bea, output) = counts("test", "--test 10 --train 0.8 --val 20%");
    assert_eq!(
        (ada, bea),
        ([16, 4, 10], [4, 1, 4]),
        "bea has too few for ten"
    );
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(
        notes.contains("label `bea` has too few images for the requested numbers"),
        "{notes}"
    );
    let (ada, bea, output) = counts("all", "--train 5 --val 1 --test 2");
    assert_eq!((ada, bea), ([5, 1, 2], [5, 1, 2]));
    assert_eq!(report(&output)["reasons"]["over_limit"], 23);
    for (options, hint) in [
        ("--train 1 --val 0 --test 0", "write `1.0` or `100%`"),
        ("--train 0.7 --val 0.7", "--test 20"),
        ("--train 0 --val 0 --test 0.0", "leave them out"),
        ("--train 1.7", "a share is at most 1"),
        ("--folds 1", "--folds"),
        ("--train 80", "did you mean `--train 80%`?"),
        (
            "--test 31 --train 0.8 --val 0.2",
            "the largest, `ada`, has 30",
        ),
    ] {
        let error = failure(&prepare(&input, &folder.path().join("no"), options), 2);
        assert!(error.contains(hint), "{options}: {error}");
    }
}

#[test]
fn a_number_that_lacks_its_percent_sign_is_noticed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    pictures(&input.join("ada"), 0, 20);
    pictures(&input.join("bea"), 100, 9);
    let counts = |name: &str, options: &str| {
        let out = folder.path().join(name);
        let output = run(&format!("prepare {options} --out"), &[&out, &input]);
        (count(&sides(&out), "ada"), stdout(&output))
    };
    let perhaps = "`--test` takes 10 images of each label; did you mean `--test 10%`?";
    let (ada, lines) = counts("few", "--test 10 --train 0.8 --val 0.2");
    assert_eq!(ada, [8, 2, 10]);
    assert!(lines.contains(perhaps), "{lines}");
    let (ada, lines) = counts("enough", "--test 4 --train 0.8 --val 0.2");
    assert_eq!(ada, [13, 3, 4]);
    assert!(!lines.contains("did you mean"), "{lines}");
    // Numbers for all sides are limits, and those above a hundred are no percent.
    let (ada, lines) = counts("limits", "--train 80 --val 10 --test 10");
    assert_eq!(ada, [16, 2, 2]);
    assert!(lines.contains("did you mean `--train 80%`?"), "{lines}");
    let (ada, lines) = counts("many", "--test 101 --train 0.8 --val 0.2");
    assert_eq!(ada, [8, 2, 10]);
    assert!(!lines.contains("did you mean"), "{lines}");
    // In a folder that is split already no number matters.
    let given = run(
        "prepare --train 80 --out",
        &[&folder.path().join("given"), &folder.path().join("few")],
    );
    assert!(stdout(&given).contains("29 of 29 images kept"), "{given:?}");
}

#[test]
fn labels_without_enough_for_each_side_are_left_out_with_a_reason_or_reported() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    pictures(&input.join("ada"), 0, 12);
    pictures(&input.join("bea"), 100, 4);
    pictures(&input.join("cem"), 200, 1);
    let shrunk = folder.path().join("shrunk");
    let output = prepare(&input, &shrunk, "");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(
        notes.contains("label `cem` has no images on some side"),
        "{notes}"
    );
    assert_eq!(sides(&shrunk).len(), 17);
    let strict = folder.path().join("strict");
    let report = report(&prepare(&input, &strict, "--min-per-side 2"));
    assert_eq!(report["reasons"]["class_too_small"], 5);
    assert_eq!(count(&sides(&strict), "ada"), [8, 2, 2]);
    let left_out = records(&strict.join("discarded.jsonl"));
    assert_eq!(
        left_out[0]["message"],
        "its label has 4 images: too few for 2 on each of train, val, test"
    );
}

#[test]
fn no_source_is_on_two_sides() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada"), 0, 30);
    pictures(&input.join("bea"), 100, 30);
    let crop = |label: &str, number: u32, first: u32| {
        let photo = match number % 3 {
            0 => format!("{label}/album{}/{number}.jpg", number % 9),
            _ => format!("{label}/{number}.jpg"),
        };
        let origin = match number % 3 {
            1 => json!({"origin": format!("host{}.org", number % 7)}),
            _ => json!({}),
        };
        crop_record(&format!("{label}/{}.png", first + number), &photo, origin)
    };
    let crops: Vec<Value> = (0..30)
        .flat_map(|number| [crop("ada", number, 0), crop("bea", number, 100)])
        .collect();
    write_manifest(&input, &crops);
    let report = report(&prepare(&input, &out, "--split-by source"));
    assert_eq!(report["split"]["sources"], 10, "7 hosts and 3 albums");
    assert_eq!(report["split"]["unknown"], 20);
    let mut sides_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in records(&out.join("manifest.jsonl")) {
        if let Some(origin) = record["origin"].as_str() {
            sides_of
                .entry(origin.to_owned())
                .or_default()
                .insert(text(&record["split"]));
        }
    }
    assert_eq!(sides_of.len(), 10);
    assert!(
        sides_of.values().all(|sides| sides.len() == 1),
        "{sides_of:?}"
    );
    let sides = sides(&out);
    for label in ["ada", "bea"] {
        let [train, val, test] = count(&sides, label);
        assert!(
            train > 15 && val > 1 && test > 1,
            "{label}: {train} {val} {test}"
        );
    }
}

#[test]
fn the_newest_photos_go_to_test() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada"), 0, 20);
    let crops: Vec<Value> = (0..20)
        .map(|number| {
            let made = json!({"made": {"seconds": 1_000_000 - 1000 * number, "by": "exif"}});
            let made = if number < 18 { made } else { json!({}) };
            crop_record(
                &format!("ada/{number}.png"),
                &format!("ada/{number}.jpg"),
                made,
            )
        })
        .collect();
    write_manifest(&input, &crops);
    let made = report(&prepare(&input, &out, "--split-by time"));
    assert_eq!(
        (&made["split"]["unknown"], &made["split"]["newer_than_test"]),
        (&json!(2), &json!(0))
    );
    for (image, side) in sides(&out) {
        let number: u32 = image
            .trim_matches(|letter: char| !letter.is_ascii_digit())
            .parse()
            .expect("a number");
        let expected = if number < 3 {
            "test"
        } else if number < 6 {
            "val"
        } else {
            "train"
        };
        assert_eq!(side, expected, "{image}");
    }
    // Whole photos have the dates of their files.
    let photos = folder.path().join("photos");
    pictures(&photos.join("ada"), 0, 10);
    let new = fs_err::File::options()
        .write(true)
        .open(photos.join("ada/4.png"))
        .expect("opens");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    new.into_parts()
        .0
        .set_modified(later)
        .expect("changes its date");
    let out = folder.path().join("photos-out");
    stdout(&prepare(&photos, &out, "--split-by time"));
    assert_eq!(sides(&out)["ada/4.png"], "test");
}
