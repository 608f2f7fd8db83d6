//! `facepipe prepare` on odd folders and files, and interrupted at any point.

use std::path::Path;
use std::process::{Command, Output};

use image::imageops::{self, FilterType};

use crate::helpers::{
    facepipe, failure, json, picture, records, run, snapshot, stdout, write, write_png,
};

fn prepare(input: &Path, out: &Path, options: &str) -> Output {
    run(
        &format!("prepare --json --embeddings off {options} --out"),
        &[out, input],
    )
}

fn pictures(folder: &Path, first: u32, count: u32) {
    for number in first..first + count {
        write_png(&folder.join(format!("{number}.png")), &picture(number));
    }
}

#[test]
fn files_that_are_no_images_are_listed_and_the_others_stay() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada"), 0, 5);
    write(&input.join("ada/empty.jpg"), b"");
    write(
        &input.join("ada/page.jpg"),
        b"<html><body>404</body></html>",
    );
    let png = fs_err::read(input.join("ada/0.png")).expect("reads");
    write(&input.join("ada/cut.png"), &png[..png.len() / 2]);
    // A sparse file of many bytes.
    let huge = fs_err::File::create(input.join("ada/huge.png")).expect("makes");
    huge.set_len(300 << 20).expect("makes it long");
    // A header that says 60,000 x 60,000 pixels.
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    write(&input.join("ada/bomb.png"), &bomb);
    let report = json(&prepare(&input, &out, ""));
    assert_eq!(report["images"]["kept"], 5);
    assert_eq!(report["items_failed"], 5);
    let messages: Vec<String> = records(&out.join("discarded.jsonl"))
        .iter()
        .map(|record| format!("{}: {}", record["item"], record["message"]))
        .collect();
    for (item, word) in [
        ("empty.jpg", "empty"),
        ("page.jpg", "not an image"),
        ("cut.png", "ends before"),
        ("huge.png", "over the limit"),
        ("bomb.png", ""),
    ] {
        let found = messages
            .iter()
            .any(|message| message.contains(item) && message.contains(word));
        assert!(found, "{item}: {messages:?}");
    }
    failure(&prepare(&input, &out, "--strict --force"), 3);
}

#[test]
fn labels_of_all_scripts_stay_as_they_are() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    let labels = [
        "Ñandú",
        "漢字 名",
        "O'Neil; rm -rf",
        "👩‍🔬",
        "علي",
        "Ada",
        "ada",
    ];
    for (number, label) in labels.iter().enumerate() {
        pictures(&input.join(label), 3 * number as u32, 3);
    }
    let output = prepare(&input, &out, "");
    assert_eq!(json(&output)["images"]["kept"], 21);
    for label in labels {
        assert!(out.join("train").join(label).is_dir(), "{label}");
    }
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(
        notes.contains("`Ada` and `ada` differ in case only"),
        "{notes}"
    );
}

#[test]
fn a_label_with_one_image_and_only_equal_images_are_a_data_set() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("single"), 0, 1);
    for number in 0..300 {
        let name = format!("equal/{number}.png");
        write_png(&input.join(name), &picture(7));
    }
    let large = imageops::resize(&picture(7), 128, 96, FilterType::CatmullRom);
    write_png(&input.join("equal/large.png"), &large);
    let report = json(&prepare(&input, &out, ""));
    assert_eq!(report["splits"]["train"]["single"], 1);
    assert_eq!(report["splits"]["train"]["equal"], 1);
    assert_eq!(report["reasons"]["near_duplicate"], 300, "{report}");
    let plain = folder.path().join("plain");
    for number in 0..50_u8 {
        let grey = image::RgbImage::from_pixel(64, 48, image::Rgb([number * 5; 3]));
        write_png(&plain.join(format!("grey/{number}.png")), &grey);
    }
    let report = json(&prepare(&plain, &folder.path().join("plain-out"), ""));
    assert_eq!(report["images"]["kept"], 1, "plain pictures look the same");
}

#[test]
fn linked_files_count_as_their_targets_and_loops_are_listed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("ada"), 0, 4);
    pictures(&input.join("grace"), 10, 4);
    symlink(input.join("ada/0.png"), input.join("grace/linked.png")).expect("links");
    symlink(input.join("ada/1.png"), input.join("ada/again.png")).expect("links");
    json(&prepare(&input, &out, ""));
    let reasons: Vec<String> = records(&out.join("discarded.jsonl"))
        .iter()
        .map(|record| format!("{} {}", record["item"], record["reason"]))
        .collect();
    assert_eq!(
        reasons,
        [
            r#""ada/0.png" "label_conflict""#,
            r#""ada/again.png" "exact_duplicate""#,
            r#""grace/linked.png" "label_conflict""#
        ]
    );
    for (name, leads_to) in [
        ("loop", input.join("ada")),
        ("nowhere.png", input.join("gone.png")),
    ] {
        let link = input.join("ada").join(name);
        symlink(leads_to, &link).expect("links");
        let out = folder.path().join(format!("out with {name}"));
        json(&prepare(&input, &out, ""));
        let listed = records(&out.join("discarded.jsonl"));
        let passed_over = listed
            .iter()
            .find(|record| record["item"] == format!("ada/{name}"));
        let record = passed_over.unwrap_or_else(|| panic!("{name}: {listed:?}"));
        assert_eq!(record["reason"], "unreadable");
        fs_err::remove_file(link).expect("removes");
    }
}

#[test]
fn a_run_that_is_killed_at_any_point_is_continued_to_the_same_end() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    for label in 0..3 {
        pictures(&input.join(format!("label{label}")), 100 * label, 60);
    }
    assert_killed_runs_end_alike(&input, folder.path(), 1);
}

/// Kills runs over `input` after 1, 1 + `step`, … of 12 parts of their time: continued, each ends as an undisturbed
/// one, in folders below `root`.
pub(crate) fn assert_killed_runs_end_alike(input: &Path, root: &Path, step: usize) {
    let content = |out: &Path| snapshot(out, &["report.json", "hashes.jsonl"]);
    let undisturbed = root.join("undisturbed");
    let begun = std::time::Instant::now();
    stdout(&prepare(input, &undisturbed, ""));
    let whole = begun.elapsed();
    let expected = content(&undisturbed);
    let out = root.join("out");
    for share in (1..12_u32).step_by(step) {
        if out.exists() && share % 3 == 0 {
            fs_err::remove_dir_all(&out).expect("removes");
        }
        let mut child = Command::new(facepipe().get_program())
            .args(["prepare", "--embeddings", "off", "--force", "--out"])
            .args([&*out, input])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("starts");
        std::thread::sleep(whole * share / 12);
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().expect("ends");
        stdout(&prepare(input, &out, ""));
        let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
            files.iter().map(|(name, _)| name.clone()).collect()
        };
        let found = content(&out);
        assert_eq!(
            names(&found),
            names(&expected),
            "killed after {share} of 12 parts"
        );
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                found == expected,
                "killed after {share} of 12 parts: {}",
                found.0
            );
        }
    }
}
