//! The cache of `facepipe prepare`, and how images are placed.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::helpers::{json, picture, run, skip, snapshot, stdout, write, write_png};

const CACHE: &str = "cache/hashes.jsonl";

fn prepare(input: &Path, out: &Path, options: &str) -> Output {
    run(
        &format!("prepare --json --embeddings off {options} --out"),
        &[out, input],
    )
}

/// The files of a data set but its cache.
fn content(out: &Path) -> Vec<(String, Vec<u8>)> {
    snapshot(out, &["report.json", "hashes.jsonl"])
}

fn pictures(input: &Path, count: u32) {
    for number in 0..count {
        write_png(&input.join(format!("ada/{number}.png")), &picture(number));
    }
}

/// Gives the files of a folder a time of change that is long past.
fn age(folder: &Path) {
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.expect("lists");
        if entry.file_type().is_file() {
            let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
            let file = fs_err::OpenOptions::new()
                .append(true)
                .open(entry.path())
                .expect("opens");
            file.file().set_modified(long_ago).expect("sets the time");
        }
    }
}

#[test]
fn known_files_are_not_computed_again_and_changed_ones_are() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input, 12);
    let from_cache =
        |options: &str| -> Value { json(&prepare(&input, &out, options))["from_cache"].clone() };
    assert_eq!(from_cache(""), 0);
    // New files: read again, but known by their content. Then known without being read.
    write_png(&input.join("ada/new.png"), &picture(30));
    assert_eq!(from_cache("--force"), 12);
    age(&input);
    assert_eq!(from_cache("--force --seed 1"), 13);
    assert_eq!(from_cache("--force --seed 2"), 13);
    // A file of another content, a file under another name, and a missing one.
    write_png(&input.join("ada/3.png"), &picture(40));
    fs_err::rename(input.join("ada/4.png"), input.join("ada/four.png")).expect("renames");
    fs_err::remove_file(input.join("ada/5.png")).expect("removes");
    assert_eq!(from_cache("--force"), 11);
    let fresh = folder.path().join("fresh");
    stdout(&prepare(&input, &fresh, ""));
    assert_eq!(content(&out), content(&fresh));
    // Hashes of turned pictures are not there yet.
    assert_eq!(from_cache("--force --rotations"), 0);
    assert_eq!(from_cache("--force --rotations --seed 3"), 12);
}

#[test]
fn a_torn_damaged_or_missing_cache_changes_nothing() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input, 6);
    stdout(&prepare(&input, &out, ""));
    let expected = content(&out);
    let cache = fs_err::read(out.join(CACHE)).expect("reads");
    let wrong = String::from_utf8(cache.clone())
        .expect("UTF-8")
        .replace("\"version\":2", "\"version\":1");
    for damaged in [
        cache[..cache.len() / 2].to_vec(),
        b"not JSON\n".to_vec(),
        [&cache[..100], b"\xff\xff\n".as_slice(), &cache[..]].concat(),
        wrong.into_bytes(),
        Vec::new(),
    ] {
        fs_err::write(out.join(CACHE), damaged).expect("writes");
        stdout(&prepare(&input, &out, "--force"));
        assert_eq!(content(&out), expected);
        let lines = fs_err::read_to_string(out.join(CACHE)).expect("reads");
        assert!(lines.lines().count() >= 6 && lines.ends_with('\n'));
    }
    fs_err::remove_file(out.join(CACHE)).expect("removes");
    stdout(&prepare(&input, &out, "--force"));
    assert_eq!(content(&out), expected);
}

#[test]
fn the_cache_does_not_grow_without_bound() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    for round in 0..6 {
        if input.exists() {
            fs_err::remove_dir_all(&input).expect("removes");
        }
        for number in 0..5 {
            write_png(
                &input.join(format!("ada/{round}-{number}.png")),
                &picture(round * 5 + number),
            );
        }
        stdout(&prepare(&input, &out, "--force"));
        let lines = fs_err::read_to_string(out.join(CACHE))
            .expect("reads")
            .lines()
            .count();
        assert!((5..=10).contains(&lines), "round {round}: {lines} lines");
    }
}

#[test]
fn hard_links_share_the_file_and_copies_do_not() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    pictures(&input, 5);
    std::os::unix::fs::symlink(input.join("ada/0.png"), folder.path().join("elsewhere.png"))
        .expect("links");
    write_png(&folder.path().join("real.png"), &picture(20));
    std::os::unix::fs::symlink(folder.path().join("real.png"), input.join("ada/link.png"))
        .expect("links");
    let linked = folder.path().join("linked");
    let copied = folder.path().join("copied");
    stdout(&prepare(&input, &linked, "--link hard"));
    stdout(&prepare(&input, &copied, ""));
    let images = |out: &Path| -> Vec<std::path::PathBuf> {
        let files = walkdir::WalkDir::new(out).into_iter().flatten();
        files
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "png")
            })
            .map(|entry| entry.path().to_owned())
            .collect()
    };
    assert_eq!((images(&linked).len(), images(&copied).len()), (6, 6));
    let assert_links = |out: &Path, links: u64| {
        for image in images(out) {
            let metadata = fs_err::symlink_metadata(&image).expect("is there");
            assert!(metadata.is_file(), "no link to a link: {}", image.display());
            assert_eq!(metadata.nlink(), links, "{}", image.display());
        }
    };
    assert_links(&linked, 2);
    assert_links(&copied, 1);
    // Made again over the old one, with everything in its place.
    stdout(&prepare(&input, &linked, "--link hard --force"));
    assert_eq!(images(&linked).len(), 6);
    stdout(&prepare(&input, &linked, "--force"));
    assert_links(&linked, 1);
    stdout(&prepare(&input, &linked, "--link hard --force"));
    assert_links(&linked, 2);
}

#[test]
fn where_links_are_impossible_copies_are_made_and_that_is_reported() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let Ok(other_disk) = tempfile::tempdir_in("/dev/shm") else {
        return skip("no `/dev/shm` for a second file system");
    };
    let device = |path: &Path| fs_err::metadata(path).expect("is there").dev();
    if device(folder.path()) == device(other_disk.path()) {
        return skip("`/dev/shm` is no file system of its own");
    }
    let (input, out) = (folder.path().join("in"), other_disk.path().join("out"));
    pictures(&input, 4);
    let output = prepare(&input, &out, "--link hard");
    assert_eq!(json(&output)["images"]["kept"], 4);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("4 images were copied"), "{errors}");
}

#[test]
fn a_file_that_changes_while_it_is_prepared_is_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    pictures(&input, 3);
    stdout(&prepare(&input, &out, ""));
    age(&input);
    stdout(&prepare(&input, &out, "--force"));
    // Of the same size and time, as only a faulty disk or a forger makes it: its copy would have a
    // wrong name.
    let path = input.join("ada/1.png");
    let mut bytes = fs_err::read(&path).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let changed = fs_err::metadata(&path)
        .expect("is there")
        .modified()
        .expect("a time");
    write(&path, &bytes);
    let file = fs_err::OpenOptions::new()
        .append(true)
        .open(&path)
        .expect("opens");
    file.file().set_modified(changed).expect("sets the time");
    for side in ["train", "val", "test"] {
        fs_err::remove_dir_all(out.join(side)).expect("removes");
    }
    let error = crate::helpers::failure(&prepare(&input, &out, "--force"), 1);
    assert!(
        error.contains("1.png` changed while it was being prepared"),
        "{error}"
    );
}
