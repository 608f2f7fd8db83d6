//! Folders as people have them: names that are no UTF-8, what systems leave, photos in wrong places. Each
//! stage keeps or lists everything: found = kept + discarded.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use facepipe_core::artifacts::lock::Lock;
use serde_json::Value;

use crate::helpers::{
    facepipe, failure, json, picture, records, run, snapshot, stdout, write, write_png,
};

/// Pictures of these numbers, in a folder.
fn pictures(folder: &Path, numbers: std::ops::Range<u32>) {
    for number in numbers {
        write_png(&folder.join(format!("{number}.png")), &picture(number));
    }
}

/// Two people, with eight pictures each.
fn two_people(root: &Path) {
    pictures(&root.join("bill"), 0..8);
    pictures(&root.join("hu"), 100..108);
}

/// `prepare` without embeddings, which drawn pictures have none of.
fn prepare(input: &Path, out: &Path) -> Output {
    run("prepare --json --embeddings off --out", &[out, input])
}

/// `fetch` of a folder, small pictures too.
fn fetch(input: &Path, out: &Path) -> Output {
    run(
        "fetch --json --min-size 32 --folder",
        &[input, Path::new("--out"), out],
    )
}

/// What was found, kept and left out, in the report of a stage; `fetch` counts what it was offered.
fn counts(report: &Value, of: &str) -> [u64; 3] {
    let count = |value: &Value| value.as_u64().expect("a count");
    if report["stage"] == "fetch" {
        return [
            &report["this_run"]["offered"],
            &report["kept"],
            &report["discarded"],
        ]
        .map(count);
    }
    ["found", "kept", "discarded"].map(|name| count(&report[of][name]))
}

/// The reasons of what was left out, by item, after checking that nothing is missing.
fn left_out(report: &Value, of: &str, out: &Path) -> BTreeMap<String, String> {
    let [found, kept, discarded] = counts(report, of);
    assert_eq!(found, kept + discarded, "{report}");
    let listed = records(&out.join("discarded.jsonl"));
    let whole: BTreeMap<String, String> = listed
        .iter()
        .filter(|record| record["kind"] == "image")
        .map(|record| {
            let text = |name: &str| record[name].as_str().expect("a text").to_owned();
            (text("item"), text("reason"))
        })
        .collect();
    assert_eq!(whole.len() as u64, discarded, "{whole:?}");
    whole
}

fn labels(report: &Value) -> Vec<String> {
    let labels = report["splits"]["train"].as_object().expect("labels");
    labels.keys().cloned().collect()
}

fn bytes(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name))
}

/// The folder with names that are no UTF-8, and one that differs from another only there: the number of its
/// files.
fn names_of_bytes(root: &Path) -> u64 {
    let mut count = 0;
    for label in [&b"Jos\xe9"[..], b"M\xfcller", b"Jos%E9"] {
        for number in 0..6_u32 {
            let name = match number {
                0 => b"\xe0.png".to_vec(),
                1 => b"\xe1.png".to_vec(),
                2 => b"%E0.png".to_vec(),
                3 => "\u{fffd}.png".as_bytes().to_vec(),
                number => format!("{number}.png").into_bytes(),
            };
            let path = root.join(bytes(label)).join(bytes(&name));
            write_png(&path, &picture(count as u32));
            count += 1;
        }
    }
    count
}

#[test]
fn names_that_are_no_text_are_kept_apart_in_every_stage() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let at = |name: &str| folder.path().join(name);
    let count = names_of_bytes(&at("in"));
    let expected = ["%4A%6F%73%E9", "Jos%E9", "M%FCller"];
    // fetch
    let fetched = json(&fetch(&at("in"), &at("raw")));
    assert_eq!(fetched["kept"], count, "{fetched}");
    assert!(left_out(&fetched, "images", &at("raw")).is_empty());
    let photos = records(&at("raw/manifest.jsonl"));
    let sources: BTreeSet<&str> = (photos.iter())
        .map(|photo| photo["provenance"]["image_url"].as_str().expect("a text"))
        .collect();
    assert_eq!(sources.len() as u64, count);
    assert!(sources.contains("%4A%6F%73%E9/%E1.png") && sources.contains("Jos%E9/%E0.png"));
    // crop: drawn pictures have no faces, and each is listed
    failure(&run("crop --out", &[&at("crops"), &at("in")]), 1);
    let report = fs_err::read(at("crops/report.json")).expect("reads");
    let report = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(
        left_out(&report, "photos", &at("crops")).len() as u64,
        count
    );
    // prepare, of the photos and of those fetched
    for (input, out) in [("in", "a"), ("raw", "b")] {
        let report = json(&prepare(&at(input), &at(out)));
        assert_eq!(report["images"]["kept"], count, "{report}");
        assert_eq!(labels(&report), expected, "{input}");
        let found = records(&at(out).join("manifest.jsonl"));
        let sources: BTreeSet<String> = found.iter().map(|one| one["source"].to_string()).collect();
        assert_eq!(sources.len() as u64, count);
    }
    // what is made of one command is the same again, and nothing is done twice
    let before = snapshot(&at("a"), &["report.json"]);
    assert!(prepare(&at("in"), &at("a")).status.success());
    assert_eq!(snapshot(&at("a"), &["report.json"]), before);
    // single files, in lists and marked copies
    let lines = stdout(&run("detect --draw", &[&at("marked"), &at("in")]));
    let paths: BTreeSet<String> = lines
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert!(line["error"].is_null(), "{line}");
            line["path"].as_str().expect("a path").to_owned()
        })
        .collect();
    assert_eq!(paths.len() as u64, count);
    assert_eq!(
        fs_err::read_dir(at("marked")).expect("lists").count() as u64,
        count
    );
}

#[test]
fn an_output_folder_may_have_any_name() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (
        folder.path().join("in"),
        folder.path().join(bytes(b"f\xfcr")),
    );
    two_people(&input);
    let report = json(&prepare(&input, &out));
    assert!(
        report["out"]
            .as_str()
            .is_some_and(|out| out.ends_with("f%FCr")),
        "{report}"
    );
    let again = json(&prepare(&input, &out));
    assert_eq!(report, again);
    let raw = folder.path().join(bytes(b"r\xe9"));
    let fetched = json(&fetch(&input, &raw));
    assert_eq!(fetched["kept"], 16, "{fetched}");
}

#[test]
fn what_systems_leave_is_no_person_and_no_photo() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    two_people(&input);
    for name in [
        "#recycle/old/1.png",
        "@eaDir/x/1.png",
        "$RECYCLE.BIN/1.png",
        "System Volume Information/1",
        "__MACOSX/bill/._1.jpg",
        "lost+found/1.png",
        ".ipynb_checkpoints/1.png",
        "hu/@eaDir/a.jpg/1.png",
        "Thumbs.db",
        "hu/Thumbs.db",
        "bill/.DS_Store",
        "bill/desktop.ini",
    ] {
        write(&input.join(name), b"\0\x01junk");
    }
    let report = json(&prepare(&input, &out));
    assert_eq!(labels(&report), ["bill", "hu"]);
    assert_eq!(report["images"]["found"], 16, "{report}");
    let fetched = folder.path().join("raw");
    let fetched = json(&fetch(&input, &fetched));
    assert_eq!(counts(&fetched, ""), [16, 16, 0]);
}

#[test]
fn photos_beside_the_labels_are_listed_and_the_user_is_told() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    two_people(&input);
    pictures(&input, 50..55);
    write(&input.join("notes.txt"), b"mine");
    let output = prepare(&input, &out);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("`50.png` and 4 more (lies beside"), "{told}");
    let left = left_out(&json(&output), "images", &out);
    let expected = (50..55).map(|number| (format!("{number}.png"), "no_label".to_owned()));
    assert_eq!(left, expected.collect());
    let raw = folder.path().join("raw");
    let fetched = json(&fetch(&input, &raw));
    assert_eq!(left_out(&fetched, "images", &raw), left);
}

#[test]
fn links_to_nowhere_loops_and_closed_folders_are_passed_over() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    two_people(&input);
    pictures(&input.join("closed"), 200..202);
    symlink("nowhere.jpg", input.join("hu/gone.jpg")).expect("links");
    symlink(".", input.join("hu/loop")).expect("links");
    let mode =
        |mode: u32| fs_err::set_permissions(input.join("closed"), PermissionsExt::from_mode(mode));
    mode(0).expect("closes");
    let is_closed = fs_err::read_dir(input.join("closed")).is_err();
    for (stage, out) in [("fetch", "raw"), ("prepare", "data")] {
        let out = folder.path().join(out);
        let report = match stage {
            "fetch" => json(&fetch(&input, &out)),
            _ => json(&prepare(&input, &out)),
        };
        let mut expected = BTreeMap::from([
            ("hu/gone.jpg".to_owned(), "unreadable".to_owned()),
            ("hu/loop".to_owned(), "unreadable".to_owned()),
        ]);
        // The administrator may read any folder.
        if is_closed {
            expected.insert("closed".to_owned(), "unreadable".to_owned());
        }
        assert_eq!(left_out(&report, "images", &out), expected, "{stage}");
        let kept = if is_closed { 16 } else { 18 };
        assert_eq!(counts(&report, "images")[1], kept, "{stage}");
    }
    mode(0o755).expect("opens");
}

#[test]
fn folders_of_one_name_in_two_spellings_are_one_person() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    for (number, label) in (0..).zip(["Jos\u{e9}", "Jose\u{301}", "ada", "ada "]) {
        pictures(&input.join(label), number * 10..number * 10 + 6);
    }
    let report = json(&prepare(&input, &folder.path().join("out")));
    assert_eq!(labels(&report), ["Jos\u{e9}", "ada"]);
    assert_eq!(report["images"]["kept"], 24, "{report}");
    let raw = folder.path().join("raw");
    let fetched = json(&fetch(&input, &raw));
    assert_eq!(fetched["kept"], 24, "{fetched}");
    let report = json(&prepare(&raw, &folder.path().join("again")));
    assert_eq!(labels(&report), ["Jos\u{e9}", "ada"]);
}

/// A split data set of two people, with something beside.
fn split_with(root: &Path, beside: &str) {
    for (side, first) in [("train", 0), ("val", 10), ("test", 20)] {
        pictures(&root.join(side).join("bill"), first..first + 4);
        pictures(&root.join(side).join("hu"), first + 100..first + 104);
    }
    write(&root.join(beside), b"\0junk");
}

#[test]
fn a_split_data_set_stays_one_whatever_lies_beside() {
    for (beside, listed) in [
        ("train/Thumbs.db", false),
        ("val/val_annotations.txt", true),
        ("annotations/a.json", true),
        ("README.md", false),
    ] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (input, out) = (folder.path().join("in"), folder.path().join("out"));
        split_with(&input, beside);
        let report = json(&prepare(&input, &out));
        assert_eq!(labels(&report), ["bill", "hu"], "{beside}");
        let left = left_out(&report, "images", &out);
        assert_eq!(
            (report["images"]["kept"].as_u64(), left.len()),
            (Some(24), usize::from(listed)),
            "{beside}"
        );
        let sides: BTreeSet<String> = records(&out.join("manifest.jsonl"))
            .iter()
            .map(|image| {
                let text = |name: &str| image[name].as_str().expect("a text").to_owned();
                assert!(text("source").starts_with(&text("split")), "{image}");
                text("split")
            })
            .collect();
        assert_eq!(sides.len(), 3);
        let check = run(
            "prepare --check --json --embeddings off --out",
            &[&folder.path().join("proof"), &input],
        );
        assert_eq!(
            json(&check)["verdict"].as_array().map(Vec::is_empty),
            Some(false),
            "{check:?}"
        );
    }
}

#[test]
fn sides_without_labels_are_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input.join("train"), 0..6);
    pictures(&input.join("val"), 10..16);
    for command in ["prepare --out", "crop --out", "fetch --folder"] {
        let paths: [&Path; 2] = [&out, &input];
        let output = if command.starts_with("fetch") {
            run(command, &[&input, Path::new("--out"), &out])
        } else {
            run(command, &paths)
        };
        let text = failure(&output, 1);
        assert!(
            text.contains("neither a split data set nor a folder of labels"),
            "{text}"
        );
        assert!(!out.exists());
    }
}

#[test]
fn output_and_input_inside_each_other_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    two_people(&input);
    let before = snapshot(folder.path(), &[]);
    for out in [
        input.join("out"),
        input.join("bill/deep/out"),
        input.clone(),
        folder.path().to_owned(),
    ] {
        for command in [
            "fetch --folder",
            "crop --out",
            "prepare --out",
            "run --from",
        ] {
            let output = if command.ends_with("--out") {
                run(command, &[&out, &input])
            } else {
                run(command, &[&input, Path::new("--out"), &out])
            };
            // A project's own folders are apart from photos beside them.
            if command.starts_with("run") && !out.starts_with(&input) {
                continue;
            }
            if command.starts_with("run") && !cfg!(feature = "torch") {
                continue;
            }
            let text = failure(&output, 1);
            assert!(
                text.contains("lie inside each other"),
                "{command} {}: {text}",
                out.display()
            );
            assert_eq!(
                snapshot(folder.path(), &[]),
                before,
                "{command} {}",
                out.display()
            );
        }
    }
}

#[test]
fn a_second_run_into_a_folder_is_refused_with_the_firsts_process() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    two_people(&input);
    fs_err::create_dir_all(&out).expect("makes");
    let lock = Lock::take(&out.join(".facepipe-lock")).unwrap_or_else(|error| panic!("{error:?}"));
    for command in ["prepare --out", "crop --out"] {
        let text = failure(&run(command, &[&out, &input]), 1);
        let own = std::process::id();
        assert!(
            text.contains(&format!("another run (process {own}) is writing")),
            "{command}: {text}"
        );
    }
    drop(lock);
    assert!(prepare(&input, &out).status.success());
    assert!(!out.join(".facepipe-lock").exists());
}

#[test]
fn marked_copies_of_long_names_are_shortened() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, marked) = (folder.path().join("in"), folder.path().join("marked"));
    for number in 0..3_u32 {
        let name = format!("{}.png", number.to_string().repeat(246));
        write_png(&input.join(name), &picture(number));
    }
    let mut command = facepipe();
    command.args(["detect", "--draw"]).args([&marked, &input]);
    let output = command.output().expect("starts");
    assert_eq!(stdout(&output).lines().count(), 3);
    assert_eq!(fs_err::read_dir(&marked).expect("lists").count(), 3);
}
