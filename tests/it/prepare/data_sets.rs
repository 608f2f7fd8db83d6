//! Shared by the tests of splits: data sets of drawn pictures, and reports of `prepare`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::helpers::{picture, records, run, write, write_png};

/// Prepares a folder.
pub(crate) fn prepare(input: &Path, out: &Path, options: &str) -> Output {
    run(&format!("prepare --json {options} --out"), &[out, input])
}

pub(crate) fn pictures(folder: &Path, first: u32, count: u32) {
    for number in first..first + count {
        write_png(&folder.join(format!("{number}.png")), &picture(number));
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The side of each image, by where it comes from.
pub(crate) fn sides(out: &Path) -> BTreeMap<String, String> {
    let records = records(&out.join("manifest.jsonl"));
    records
        .iter()
        .map(|record| (text(&record["source"]), text(&record["split"])))
        .collect()
}

pub(crate) fn count(sides: &BTreeMap<String, String>, label: &str) -> [usize; 3] {
    ["train", "val", "test"].map(|side| {
        let of_label = sides.iter().filter(|(name, _)| name.starts_with(label));
        of_label.filter(|(_, found)| *found == side).count()
    })
}

/// A crop record that names the photo that an image was cut from.
pub(crate) fn crop_record(file: &str, photo: &str, more: Value) -> Value {
    let phash = facepipe_core::artifacts::digest::sha256_hex(photo.as_bytes());
    let mut source = json!({
        "file": photo, "md5": format!("md5 of {photo}"), "width": 64, "height": 48, "phash": phash,
    });
    let fields = more.as_object().expect("fields").clone();
    source.as_object_mut().expect("fields").extend(fields);
    json!({
        "file": file, "label": file.split('/').next(), "md5": "", "source": source, "face": 0,
        "box": [0, 0, 64, 48], "score": 1.0, "chip": [0, 0, 64, 48],
    })
}

pub(crate) fn write_manifest(input: &Path, crops: &[Value]) {
    let lines: String = crops.iter().map(|crop| format!("{crop}\n")).collect();
    write(&input.join("manifest.jsonl"), lines.as_bytes());
}
