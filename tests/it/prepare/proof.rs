//! The proof that the sides of a split share nothing, and the page that shows it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use facepipe_imaging::perceptual_hash::PerceptualHash;
use image::imageops::{self, FilterType};
use serde_json::Value;

use crate::helpers::{failure, json, picture, records, run, shared, stdout, write, write_png};

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(path).expect("reads")).expect("JSON")
}

fn read_text(path: &Path) -> String {
    fs_err::read_to_string(path).expect("reads")
}

/// Two labels, of which one has a name with special characters of HTML.
fn drawn(root: &Path) -> PathBuf {
    let input = root.join("in");
    for number in 0..20 {
        write_png(&input.join(format!("ada/{number}.png")), &picture(number));
        let name = format!("<b>&\"grace\"/{number}.png");
        write_png(&input.join(name), &picture(20 + number));
    }
    input
}

/// A page that needs no other file, no script and no network.
fn assert_self_contained(page: &str) {
    for forbidden in ["<script", "<link", "http://", "https://", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let sources = page.split("src=\"").skip(1);
    assert!(sources.clone().count() > 0, "it shows pictures");
    for source in sources {
        assert!(
            source.starts_with("data:image/jpeg;base64,"),
            "{}",
            &source[..40]
        );
    }
}

#[test]
fn the_distances_of_a_fresh_split_are_those_of_comparing_all_and_are_on_the_page() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = drawn(folder.path());
    let out = folder.path().join("out");
    let report = json(&run("prepare --json --nearest 5 --out", &[&out, &input]));
    assert_eq!(report["leaks"], 0);
    let proof = read_json(&out.join("proof.json"));
    assert_eq!(proof["leak_free"], true);
    let manifest = records(&out.join("manifest.jsonl"));
    let hashes = |side: &Value| -> Vec<PerceptualHash> {
        let of_side = manifest.iter().filter(|record| record["split"] == *side);
        of_side
            .map(|record| {
                record["phash"]
                    .as_str()
                    .expect("a text")
                    .parse()
                    .expect("a hash")
            })
            .collect()
    };
    let nearest = proof["nearest"].as_array().expect("a list");
    let pictures: Vec<_> = nearest
        .iter()
        .filter(|one| one["measure"] == "picture")
        .collect();
    assert_eq!(pictures.len(), 3, "three pairs of sides");
    for one in pictures {
        let [a, b] = [0, 1].map(|at| hashes(&one["sides"][at]));
        let mut all: Vec<f64> = (a.iter())
            .flat_map(|a| b.iter().map(|b| f64::from(a.distance(*b))))
            .collect();
        all.sort_by(f64::total_cmp);
        assert_eq!(one["compared"], all.len());
        assert_eq!(one["smallest"].as_f64(), Some(all[0]));
        assert!(all[0] > one["limit"].as_f64().expect("a limit"));
        let reported: Vec<f64> = (one["pairs"].as_array().expect("a list").iter())
            .map(|pair| pair["distance"].as_f64().expect("a number"))
            .collect();
        assert_eq!(reported, all[..5]);
    }
    let page = read_text(&out.join("report.html"));
    assert_self_contained(&page);
    assert!(page.contains("&lt;b&gt;&amp;&quot;grace&quot;") && !page.contains("<b>&\""));
    assert!(page.contains("The nearest of train and test"));
}

#[test]
fn the_page_does_not_depend_on_threads_and_shows_the_outcomes_of_images() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = drawn(folder.path());
    let large = imageops::resize(&picture(2), 256, 192, FilterType::CatmullRom);
    write_png(&input.join("ada/zoomed.png"), &large);
    write_png(&input.join("ada/stray.png"), &picture(25));
    write(&input.join("ada/broken.jpg"), b"<html>");
    let pages = ["1", "2"].map(|threads| {
        let out = folder.path().join(threads);
        stdout(&run(
            &format!("prepare --threads {threads} --out"),
            &[&out, &input],
        ));
        read_text(&out.join("report.html"))
    });
    assert_eq!(pages[0], pages[1]);
    assert_self_contained(&pages[0]);
    for part in [
        "ada/broken.jpg",
        "ada/zoomed.png",
        "Duplicates",
        "Under two labels",
        "ada/stray.png",
    ] {
        assert!(pages[0].contains(part), "{part}");
    }
}

#[test]
fn a_photo_on_two_sides_of_a_given_split_is_found_and_shown() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let split = folder.path().join("split");
    for number in 0..9 {
        let side = ["train", "val", "test"][number as usize % 3];
        write_png(
            &split.join(format!("{side}/ada/{number}.png")),
            &picture(number),
        );
    }
    let clean = json(&run("prepare --check --json", &[&split]));
    assert_eq!(clean["leak_free"], true);
    let names = |root: &Path| -> BTreeSet<String> {
        let entries = fs_err::read_dir(root).expect("lists");
        entries
            .map(|entry| {
                entry
                    .expect("lists")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    };
    let expected = ["proof.html", "proof.json", "test", "train", "val"].map(str::to_owned);
    assert_eq!(names(&split), BTreeSet::from(expected));
    let larger = imageops::resize(&picture(0), 128, 96, FilterType::CatmullRom);
    larger
        .save(split.join("test/ada/again.jpg"))
        .expect("writes");
    write(&split.join("test/ada/broken.png"), b"no picture");
    let out = folder.path().join("elsewhere");
    let output = run("prepare --check --json --out", &[&out, &split]);
    let message = failure(&output, 1);
    assert!(
        message.contains("the split leaks") && message.contains("hint:"),
        "{message}"
    );
    let proof: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(proof["leak_free"], false);
    let files: Vec<&str> = (proof["leaks"][0]["images"]
        .as_array()
        .expect("a list")
        .iter())
    .map(|image| image["file"].as_str().expect("a text"))
    .collect();
    assert_eq!(files, ["test/ada/again.jpg", "train/ada/0.png"]);
    // `--explain` says the same of each pair that the proof names.
    let mut pairs = vec![(files[0].to_owned(), files[1].to_owned(), true)];
    for measure in proof["nearest"].as_array().expect("a list") {
        for pair in measure["pairs"].as_array().expect("a list") {
            let file = |side: &str| pair[side]["file"].as_str().expect("a text").to_owned();
            let (a, b) = (file("a"), file("b"));
            let leaks = files.contains(&a.as_str()) && files.contains(&b.as_str());
            pairs.push((a, b, leaks));
        }
    }
    assert!(
        pairs.len() > 3 && pairs.iter().any(|pair| !pair.2),
        "{pairs:?}"
    );
    for (a, b, leaks) in pairs {
        let explain = ["--explain", &a, &b].map(Path::new);
        let explained = json(&run(
            "prepare --json",
            &[&[split.as_path()], &explain[..]].concat(),
        ));
        let belong = ["duplicates", "same_group", "same_photo"];
        let says = belong.iter().any(|kind| explained[kind] == true);
        assert_eq!(says, leaks, "{a} {b}: {explained}");
    }
    assert_eq!(proof["leaks"].as_array().map(Vec::len), Some(1));
    assert_eq!(proof["unreadable"][0], "test/ada/broken.png");
    assert_eq!(read_json(&out.join("proof.json"))["leaks"], proof["leaks"]);
    let page = read_text(&out.join("proof.html"));
    assert_self_contained(&page);
    assert!(page.contains("test/ada/again.jpg") && page.contains("1 leak"));
}

#[test]
fn a_folder_without_a_split_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write_png(&folder.path().join("train/ada/1.png"), &picture(1));
    let message = failure(&run("prepare --check", &[folder.path()]), 1);
    assert!(message.contains("holds no split"), "{message}");
}

#[test]
fn without_a_search_for_near_duplicates_the_proof_reports_those_that_leak() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    for number in 0..10 {
        write_png(&input.join(format!("ada/{number}.png")), &picture(number));
        let larger = imageops::resize(&picture(number), 128, 96, FilterType::CatmullRom);
        write_png(&input.join(format!("ada/{number}-large.png")), &larger);
    }
    let out = folder.path().join("out");
    let report = json(&run(
        "prepare --json --phash-distance off --out",
        &[&out, &input],
    ));
    assert!(report["leaks"].as_u64().expect("a number") > 0, "{report}");
    assert_eq!(read_json(&out.join("proof.json"))["leak_free"], false);
}

/// The photo that the set's own split has on both sides.
#[test]
fn the_leak_of_the_real_splits_own_files_is_shown_and_a_fresh_split_has_none() {
    let Some(photos) = shared("data/identity/celeb5_raw") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let split = folder.path().join("own");
    for entry in walkdir::WalkDir::new(&photos).min_depth(2) {
        let entry = entry.expect("lists");
        let name = entry.file_name().to_string_lossy();
        let (side, name) = name.split_once('_').expect("a side before the name");
        let label = entry
            .path()
            .parent()
            .and_then(Path::file_name)
            .expect("a label");
        let bytes = fs_err::read(entry.path()).expect("reads");
        write(&split.join(side).join(label).join(name), &bytes);
    }
    failure(&run("prepare --check", &[&split]), 1);
    let proof = read_json(&split.join("proof.json"));
    let leaks = proof["leaks"].as_array().expect("a list");
    assert_eq!(leaks.len(), 1, "{leaks:?}");
    let sides: BTreeSet<&str> = (leaks[0]["images"].as_array().expect("a list").iter())
        .map(|image| image["split"].as_str().expect("a text"))
        .collect();
    assert_eq!(sides, BTreeSet::from(["train", "val"]));
    let page = read_text(&split.join("proof.html"));
    for image in leaks[0]["images"].as_array().expect("a list") {
        assert!(page.contains(image["file"].as_str().expect("a text")));
    }
    let (crops, fresh) = (folder.path().join("crops"), folder.path().join("fresh"));
    stdout(&run("prepare --out", &[&fresh, &photos]));
    assert_eq!(read_json(&fresh.join("proof.json"))["leak_free"], true);
    stdout(&run("prepare --check", &[&fresh]));
    stdout(&run("crop --out", &[&crops, &photos]));
    let of_crops = folder.path().join("of-crops");
    stdout(&run("prepare --out", &[&of_crops, &crops]));
    let made = read_json(&of_crops.join("proof.json"));
    stdout(&run("prepare --check", &[&of_crops]));
    let checked = read_json(&of_crops.join("proof.json"));
    let measures = |proof: &Value| -> Vec<(Value, Value, Value)> {
        let nearest = proof["nearest"].as_array().expect("a list");
        nearest
            .iter()
            .map(|one| {
                (
                    one["sides"].clone(),
                    one["measure"].clone(),
                    one["smallest"].clone(),
                )
            })
            .collect()
    };
    assert_eq!(
        measures(&made),
        measures(&checked),
        "the check has the same files as the split"
    );
    assert!(
        measures(&made).iter().any(|one| one.1 == "photo"),
        "source photos are compared"
    );
}

#[test]
fn no_split_of_its_own_leaks_by_its_own_proof() {
    let Some(photos) = shared("data/cases/leak_photos") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (crops, out) = (folder.path().join("crops"), folder.path().join("out"));
    stdout(&run("crop --main-only --out", &[&crops, &photos]));
    // Later runs take the images' features from the first one's cache.
    for seed in 0..6 {
        let report = json(&run(
            &format!("prepare --json --force --seed {seed} --out"),
            &[&out, &crops],
        ));
        assert_eq!(report["leaks"], 0, "seed {seed}: {report}");
    }
}
