//! Folders with any names: nothing is lost, no two files have one text, each text leads back to its file, and
//! sides are no people.

#![no_main]

use std::collections::BTreeSet;
use std::path::Path;

use facepipe_core::artifacts::given_split;
use facepipe_core::artifacts::path_text::{path_of_bytes, path_of_text};
use libfuzzer_sys::fuzz_target;

/// More files take longer, and find no more.
const MOST_FILES: usize = 12;
/// Names that mean something.
const NAMES: [&[u8]; 16] = [
    b"train",
    b"val",
    b"test",
    b"dev",
    b"ada",
    b"ada ",
    b"Jos\xc3\xa9",
    b"Jose\xcc\x81",
    b"Jos\xe9",
    b"Jos%E9",
    b"report",
    b"Thumbs.db",
    b"@eaDir",
    b"1.jpg",
    b".x",
    b"..y",
];

/// A path of the bytes: each names a part, or is a part of a name.
fn path_of(line: &[u8]) -> Vec<u8> {
    let mut path = Vec::new();
    for byte in line {
        match byte {
            0x10..=0x1f => path.extend(NAMES[usize::from(byte & 0xf)]),
            0 => {}
            byte => path.push(*byte),
        }
    }
    path
}

fn is_inside(path: &Path) -> bool {
    path.is_relative()
        && path
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)))
}

fuzz_target!(|bytes: &[u8]| {
    let root = tempfile::tempdir().expect("temporary folder");
    let root = root.path();
    let mut made = 0;
    for line in bytes.split(|byte| *byte == b'\n').take(MOST_FILES) {
        let path = path_of_bytes(path_of(line));
        if !is_inside(&path) {
            continue;
        }
        let path = root.join(path);
        // Names that are too long, and folders in place of files, are refused by the system.
        if path
            .parent()
            .is_some_and(|parent| fs_err::create_dir_all(parent).is_ok())
        {
            made += usize::from(fs_err::write(&path, b"x").is_ok());
        }
    }
    let Ok((folder, sides)) = given_split::list(root) else {
        return;
    };
    assert!(folder.files.len() + folder.passed_over.len() <= made + MOST_FILES);
    let texts: BTreeSet<&str> = folder
        .files
        .iter()
        .map(|file| file.relative.as_str())
        .collect();
    assert_eq!(texts.len(), folder.files.len());
    for file in &folder.files {
        assert_eq!(path_of_text(root, &file.relative), file.path);
        assert!(folder.labels.contains(&file.label));
        assert!(
            sides.is_none()
                || sides
                    .as_ref()
                    .is_some_and(|sides| sides.of(&file.relative).is_some())
        );
    }
    let has = |label: &str| folder.labels.iter().any(|one| one == label);
    assert!(sides.is_some() || !(has("train") && (has("val") || has("test"))));
});
