//! `facepipe prepare` on duplicates: which are found, which stay, and what it reports about them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;

use facepipe_core::artifacts::digest::sha256_hex;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::helpers::{failure, json as report, picture, records, run, stdout, write, write_png};

pub(crate) fn prepare(input: &Path, out: &Path, options: &str) -> Output {
    run(
        &format!("prepare --json --embeddings off {options} --out"),
        &[out, input],
    )
}

/// Reason and related items of what was left out.
pub(crate) fn left_out(out: &Path) -> BTreeMap<String, (String, Vec<String>)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let related = |record: &Value| {
        let related = record["related"].as_array().cloned().unwrap_or_default();
        related.iter().map(text).collect()
    };
    records(&out.join("discarded.jsonl"))
        .iter()
        .map(|record| {
            (
                text(&record["item"]),
                (text(&record["reason"]), related(record)),
            )
        })
        .collect()
}

/// The group and side of each image that stays, by where it comes from.
pub(crate) fn groups(out: &Path) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    records(&out.join("manifest.jsonl"))
        .iter()
        .map(|record| {
            (
                text(&record["source"]),
                (text(&record["group"]), text(&record["split"])),
            )
        })
        .collect()
}

/// A picture with details all over, as photos have them.
fn detailed(number: u32) -> RgbImage {
    let phase = f64::from(number) * 2.3;
    RgbImage::from_fn(240, 180, |x, y| {
        let (u, v) = (f64::from(x) / 240.0, f64::from(y) / 180.0);
        let waves = (u * (13.0 + phase) + 4.0 * (v * 9.0 + phase).sin()).sin()
            + (v * (11.0 - phase) + 3.0 * (u * 11.0 + phase).cos()).sin()
            + (u * v * 20.0 + phase).cos();
        let value = (128.0 + 40.0 * waves) as u8;
        Rgb([value, value, 255 - value])
    })
}

#[test]
fn frames_and_other_colours_hide_no_duplicate() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    for number in 0..5 {
        write_png(&input.join(format!("ada/{number}.png")), &detailed(number));
    }
    let mut framed = RgbImage::from_pixel(400, 200, Rgb([4, 4, 4]));
    imageops::replace(&mut framed, &detailed(0), 90, 12);
    write_png(&input.join("ada/framed.png"), &framed);
    let faded = RgbImage::from_fn(240, 180, |x, y| {
        let [red, green, blue] = detailed_pixel(x, y);
        Rgb([red / 2 + 80, green / 2 + 90, blue / 3 + 100])
    });
    let faded = imageops::crop_imm(&faded, 3, 5, 230, 172).to_image();
    write_png(&input.join("ada/faded.png"), &faded);
    let out = folder.path().join("out");
    stdout(&prepare(&input, &out, ""));
    let left_out = left_out(&out);
    let names: Vec<&String> = left_out.keys().collect();
    assert_eq!(names, ["ada/0.png", "ada/faded.png"], "{left_out:?}");
    assert_eq!(left_out["ada/0.png"].1, ["ada/framed.png"]);
    assert_eq!(left_out["ada/faded.png"].1, ["ada/1.png"]);
}

fn detailed_pixel(x: u32, y: u32) -> [u8; 3] {
    thread_local!(static PICTURE: RgbImage = detailed(1));
    PICTURE.with(|picture| picture.get_pixel(x, y).0)
}

#[test]
fn turned_and_mirrored_copies_are_found_where_requested() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    for number in 0..6 {
        write_png(&input.join(format!("ada/{number}.png")), &detailed(number));
    }
    let upright = detailed(2);
    let turned = imageops::rotate90(&upright);
    for (name, copy) in [
        ("90", turned.clone()),
        ("180", imageops::rotate180(&upright)),
        ("270", imageops::rotate270(&upright)),
        ("mirrored", imageops::flip_horizontal(&upright)),
        ("upside-down", imageops::flip_vertical(&upright)),
        ("90-mirrored", imageops::flip_horizontal(&turned)),
        ("90-upside-down", imageops::flip_vertical(&turned)),
    ] {
        let copy = imageops::resize(
            &copy,
            copy.width() / 2,
            copy.height() / 2,
            FilterType::Triangle,
        );
        write_png(&input.join(format!("ada/{name}.png")), &copy);
    }
    let (plain, rotations) = (folder.path().join("plain"), folder.path().join("rotations"));
    stdout(&prepare(&input, &plain, ""));
    assert_eq!(left_out(&plain), BTreeMap::new());
    stdout(&prepare(&input, &rotations, "--rotations"));
    let left_out = left_out(&rotations);
    assert_eq!(left_out.len(), 7, "{left_out:?}");
    assert!(
        left_out
            .values()
            .all(|(reason, related)| { reason == "near_duplicate" && *related == ["ada/2.png"] })
    );
}

/// A folder in which `ada/3` is under `grace` as well, and in which ada has a copy of `ada/1`.
fn with_conflict(input: &Path) {
    for number in 0..6 {
        write_png(&input.join(format!("ada/{number}.png")), &picture(number));
        write_png(
            &input.join(format!("grace/{number}.png")),
            &picture(10 + number),
        );
    }
    write_png(&input.join("grace/stray.png"), &picture(3));
    let copy = imageops::resize(&picture(1), 60, 45, FilterType::Triangle);
    write_png(&input.join("ada/copy.png"), &copy);
}

#[test]
fn conflicts_are_dropped_kept_once_or_kept() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    with_conflict(&input);
    let conflicts = |policy: &str| {
        let out = folder.path().join(policy);
        stdout(&prepare(&input, &out, &format!("--conflicts {policy}")));
        let conflicts = left_out(&out).into_iter();
        let conflicts: Vec<_> = conflicts
            .filter(|(_, (reason, _))| reason == "label_conflict")
            .map(|(item, (_, related))| (item, related))
            .collect();
        (conflicts, groups(&out))
    };
    let pair = |a: &str, b: &str| (a.to_owned(), vec![b.to_owned()]);
    let (dropped, _) = conflicts("drop");
    assert_eq!(
        dropped,
        [
            pair("ada/3.png", "grace/stray.png"),
            pair("grace/stray.png", "ada/3.png")
        ]
    );
    let (dropped, kept) = conflicts("keep-first");
    assert_eq!(dropped, [pair("grace/stray.png", "ada/3.png")]);
    assert!(kept.contains_key("ada/3.png"));
    let (dropped, kept) = conflicts("keep");
    assert_eq!(dropped, []);
    assert_eq!(
        kept["ada/3.png"], kept["grace/stray.png"],
        "one group, one side"
    );
}

#[test]
fn kept_duplicates_are_on_one_side() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    with_conflict(&input);
    for copy in ["again", "and-again"] {
        write_png(&input.join(format!("ada/{copy}.png")), &picture(5));
    }
    stdout(&prepare(&input, &out, "--keep-duplicates"));
    let kept = groups(&out);
    assert_eq!(kept["ada/1.png"], kept["ada/copy.png"]);
    let exact: Vec<String> = left_out(&out)
        .into_iter()
        .filter_map(|(item, (reason, _))| (reason == "exact_duplicate").then_some(item))
        .collect();
    assert_eq!(
        exact,
        ["ada/again.png", "ada/and-again.png"],
        "one name by content"
    );
}

#[test]
fn of_two_faces_the_better_one_stays_though_it_has_fewer_pixels() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    let large = imageops::resize(&picture(0), 128, 96, FilterType::CatmullRom);
    write_png(&input.join("ada/large.png"), &large);
    write_png(&input.join("ada/small.png"), &picture(0));
    write_png(&input.join("ada/other.png"), &picture(1));
    let crop = |name: &str, overall: f64| {
        let quality = json!({
            "overall": overall, "size": 48, "score": 1.0, "sharpness": 100.0, "brightness": 0.5,
            "contrast": 0.2, "outside": 0.0,
        });
        let source = json!({
            "file": format!("ada/{name}.jpg"), "md5": format!("md5 of {name}"), "width": 64,
            "height": 48, "phash": sha256_hex(name.as_bytes()),
        });
        let crop = json!({
            "file": format!("ada/{name}.png"), "label": "ada", "md5": "", "source": source, "face": 0,
            "box": [0, 0, 64, 48], "score": 1.0, "chip": [0, 0, 64, 48], "quality": quality,
        });
        format!("{crop}\n")
    };
    let manifest = [crop("large", 0.3), crop("small", 0.6), crop("other", 0.5)].concat();
    write(&input.join("manifest.jsonl"), manifest.as_bytes());
    stdout(&prepare(&input, &out, ""));
    let left_out = left_out(&out);
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    assert_eq!(left_out["ada/large.png"].1, ["ada/small.png"]);
}

#[test]
fn explain_shows_the_links_of_two_images() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    with_conflict(&input);
    let explain = |a: &str, b: &str| {
        let arguments = format!("prepare --json --embeddings off --explain {a} {b}");
        report(&run(&arguments, &[&input]))
    };
    let same = explain("ada/1.png", "ada/copy.png");
    assert_eq!(
        (&same["duplicates"], &same["same_group"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(same["same_pixels"], false);
    assert!(
        same["picture_distance"].as_u64().expect("a number") <= 20,
        "{same}"
    );
    assert_eq!(same["distance_limit"], 20);
    assert_eq!(same["b"]["discarded"]["reason"], "near_duplicate");
    assert_eq!(same["steps"][0]["why"]["kind"], "picture_hash");
    let exact = explain("ada/3.png", "grace/stray.png");
    assert_eq!(
        (&exact["same_bytes"], &exact["picture_distance"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(exact["a"]["discarded"]["reason"], "label_conflict");
    let unrelated = explain("ada/0.png", "ada/4.png");
    assert_eq!(unrelated["duplicates"], false);
    assert_eq!(unrelated["steps"], json!([]));
    assert!(unrelated["picture_distance"].as_u64().expect("a number") > 20);
    assert!(unrelated["a"]["split"].is_string() && unrelated["agreement"].as_f64() < Some(0.93));
    let text = stdout(&run(
        "prepare --embeddings off --explain ada/1.png ada/copy.png",
        &[&input],
    ));
    assert!(
        text.contains("the same picture") && text.contains("(limit 20)"),
        "{text}"
    );
    let error = failure(
        &run(
            "prepare --embeddings off --explain ada/1.png nobody.png",
            &[&input],
        ),
        1,
    );
    assert!(
        error.contains("`nobody.png` is no image") && error.contains("hint: "),
        "{error}"
    );
    assert_eq!(
        fs_err::read_dir(folder.path()).expect("lists").count(),
        1,
        "nothing is written"
    );
}

#[test]
fn shots_that_look_alike_stay_on_one_side_and_are_no_duplicates() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    for number in 0..12 {
        write_png(&input.join(format!("ada/{number}.png")), &detailed(number));
    }
    // The same scene a moment later: something in the middle has changed.
    let mut later = detailed(5);
    let other = imageops::crop_imm(&detailed(9), 100, 70, 34, 30).to_image();
    imageops::replace(&mut later, &other, 100, 70);
    write_png(&input.join("ada/later.png"), &later);
    stdout(&prepare(&input, &out, ""));
    assert_eq!(left_out(&out), BTreeMap::new());
    let groups = groups(&out);
    assert_eq!(groups["ada/5.png"], groups["ada/later.png"]);
    let apart: BTreeSet<&String> = groups.values().map(|(group, _)| group).collect();
    assert_eq!(apart.len(), 12);
}

#[test]
fn a_photo_that_fetch_found_for_two_people_is_left_out_of_both() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = |name: &str| folder.path().join(name);
    for number in 0..4 {
        for (label, first) in [("ada", 0), ("grace", 10)] {
            let file = path("photos").join(format!("{label}/{number}.png"));
            write_png(&file, &detailed(first + number));
        }
    }
    let both = fs_err::read(path("photos/ada/0.png")).expect("reads");
    write(&path("photos/grace/both.png"), &both);
    let (photos, raw, crops) = (path("photos"), path("raw"), path("crops"));
    stdout(&run(
        "fetch --source folder --folder",
        &[&photos, Path::new("--out"), &raw],
    ));
    let shared = |record: &Value| !record["also_labels"].is_null();
    let fetched = records(&raw.join("manifest.jsonl"));
    let shared = fetched.iter().find(|record| shared(record));
    let shared = shared.expect("one is marked")["file"].as_str();
    let shared = shared.expect("a text").to_owned();
    run(
        "crop --detector seeta --keep-no-face --no-align --min-quality 0 --out",
        &[&crops, &raw],
    );
    for input in [&raw, &crops] {
        let out = path("final").join(input.file_name().expect("a name"));
        let all = report(&prepare(input, &out, ""));
        assert_eq!(all["images"]["kept"], 7, "{all}");
        let [conflict] = &records(&out.join("discarded.jsonl"))[..] else {
            panic!("one is left out");
        };
        assert_eq!(conflict["reason"], "label_conflict");
        let message = conflict["message"].as_str().expect("a text");
        assert!(message.contains("`grace`"), "{message}");
        let page = fs_err::read_to_string(out.join("report.html")).expect("reads");
        let row = "<td>ada</td><td class=\"left\">grace</td><td>1</td>";
        assert!(page.contains(row), "the labels are in the table");
        assert!(page.contains("also downloaded for <b>grace</b>"));
        if input == &raw {
            assert_eq!(conflict["item"], shared.as_str());
        }
    }
}
