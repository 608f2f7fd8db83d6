//! Awkward files: each is decoded or refused as listed, and none crashes the program.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use facepipe_imaging::image_io::decode;
use serde_json::Value;

use crate::helpers::{failure, run, shared, stdout, write};

/// Bytes between two prefixes of a file.
const PREFIX_STEP: usize = 37;

/// Fields of a line of `INDEX.csv`, in which a quoted field may hold commas.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut().expect("never empty").push(other),
        }
    }
    fields
}

#[test]
fn every_awkward_file_ends_as_its_index_expects() {
    let Some(root) = shared("data") else { return };
    let output = stdout(&run("detect", &[&root.join("odd")]));
    let lines: HashMap<String, Value> = output
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("a JSON line");
            (line["path"].as_str().expect("a path").to_owned(), line)
        })
        .collect();
    let index = fs_err::read_to_string(root.join("odd/INDEX.csv")).expect("reads");
    let mut wrong = Vec::new();
    for line in index.lines().skip(1) {
        let fields = fields(line);
        let path = root.join(&fields[0]).to_string_lossy().into_owned();
        let refused = !lines[&path]["error"].is_null();
        let as_expected = match fields[1].as_str() {
            "decode" => !refused,
            "error" => refused,
            "error_or_decode" => true,
            other => panic!("unknown expectation `{other}`"),
        };
        if !as_expected {
            wrong.push(format!("{}: {}", fields[1], lines[&path]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_face_is_found_however_the_photo_is_turned_or_stored() {
    let Some(root) = shared("data/odd") else {
        return;
    };
    for file in [
        "exif_face/hopper_orientation_3.jpg",
        "exif_face/hopper_orientation_4.jpg",
        "exif_face/hopper_orientation_6.jpg",
        "exif_face/hopper_orientation_7.jpg",
        "hopper_formats/hopper_16bit.pgm",
        "hopper_formats/hopper_lzw.tif",
        "hopper_formats/hopper.qoi",
        "wrong_ext/subject01.happy",
        "derived/foto con espacio ñ 漢字.jpg",
        "derived/..dots..and;semi,comma.jpg",
    ] {
        let line: Value =
            serde_json::from_str(&stdout(&run("detect", &[&root.join(file)]))).expect("JSON");
        assert_eq!(line["faces"].as_array().map(Vec::len), Some(1), "{line}");
    }
}

/// The first file of a set with an extension, in the order of paths.
fn first_file(set: &str, extension: &str) -> Option<PathBuf> {
    let entries_of = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs_err::read_dir(folder).expect("lists");
        entries.map(|entry| entry.expect("lists").path()).collect()
    };
    let labels = entries_of(&shared(&format!("data/identity/{set}"))?);
    let files = labels.iter().flat_map(|label| entries_of(label));
    let file = files
        .filter(|file| file.extension().is_some_and(|it| it == extension))
        .min();
    Some(file.expect("the set has such a file"))
}

#[test]
fn no_beginning_of_an_image_is_taken_for_the_whole() {
    for (set, extension) in [("celeb5_raw", "jpg"), ("bbt8", "png"), ("orl40", "pgm")] {
        let Some(file) = first_file(set, extension) else {
            return;
        };
        let bytes = fs_err::read(&file).expect("reads");
        decode(&bytes).expect("the whole is an image");
        for length in (0..bytes.len()).step_by(PREFIX_STEP) {
            assert!(
                decode(&bytes[..length]).is_err(),
                "{extension}: {length} bytes"
            );
        }
        let folder = tempfile::tempdir().expect("temporary folder");
        let photos = folder.path().join("photos");
        let lengths: Vec<usize> = (0..bytes.len()).step_by(50 * PREFIX_STEP).collect();
        for length in &lengths {
            write(
                &photos.join(format!("{length:06}.{extension}")),
                &bytes[..*length],
            );
        }
        let lines = stdout(&run("detect", &[&photos]));
        assert_eq!(lines.lines().count(), lengths.len());
        for (line, length) in lines.lines().zip(lengths) {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let path = line["path"].as_str().expect("a path");
            assert!(
                path.ends_with(&format!("{length:06}.{extension}")),
                "{line}"
            );
            assert!(line["error"].is_string(), "{line}");
        }
    }
}

#[test]
fn cut_photos_and_formats_that_are_not_decoded_are_named() {
    let Some(root) = shared("data/cases") else {
        return;
    };
    for (file, error) in [
        (
            "thumb_cut50.jpg",
            Some("the Jpeg data ends before the picture does"),
        ),
        ("no_eoi.jpg", None),
        ("full_thumb.jpg", None),
        (
            "photo.nef",
            Some("camera raw files are not decoded: convert it to JPEG or PNG"),
        ),
        (
            "iphone.heic",
            Some("HEIC files are not decoded: convert it to JPEG or PNG"),
        ),
        (
            "a.avif",
            Some("AVIF files are not decoded: convert it to JPEG or PNG"),
        ),
    ] {
        let bytes = fs_err::read(root.join(file)).expect("reads");
        let refused = decode(&bytes).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), error, "{file}");
    }
}

#[test]
fn a_folder_of_formats_that_are_not_decoded_says_so() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let photos = folder.path().join("photos/ada");
    fs_err::create_dir_all(&photos).expect("makes");
    let heic = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf";
    for name in ["1.heic", "2.heic"] {
        fs_err::write(photos.join(name), heic).expect("writes");
    }
    let inputs = folder.path().join("photos");
    let output = run("crop --out", &[&folder.path().join("crops"), &inputs]);
    let message = failure(&output, 1);
    assert!(
        message.contains("(HEIC, AVIF, camera raw) to JPEG"),
        "{message}"
    );
    assert!(!message.contains("--min-face"), "{message}");
}
