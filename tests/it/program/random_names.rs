//! Folders and files with any names: bytes, lengths, both normal forms, words that mean something. Nothing is lost
//! between a stage's input and its lists: found = kept + discarded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use facepipe_core::artifacts::path_text::path_of_bytes;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::helpers::{json, json_lines, picture, records, run, write_png};
use crate::prepare::faults::assert_killed_runs_end_alike;

/// Parts of names that some program gives a meaning to.
const WORDS: [&[u8]; 40] = [
    b"con",
    b"nul",
    b"aux",
    b"-rf",
    b"--help",
    b"-",
    b"*",
    b"?",
    b"~",
    b"$HOME",
    b"'",
    b"\"",
    b"`",
    b"\\",
    b"a b",
    b"\n",
    b"\t",
    b" ",
    b"%41",
    b"%E9",
    b"%",
    b"&amp;",
    b"<b>",
    b"..a",
    b"train",
    b"test",
    b"cache",
    b"index.html",
    b"Jos\xc3\xa9",
    b"Jose\xcc\x81",
    b"\xe6\xbc\xa2\xe5\xad\x97",
    b"\xd7\xa9",
    b"\xf0\x9f\x91\xa9",
    b"\xe9",
    b"\xff\xfe",
    b"\xc3",
    b"\x01",
    b"\x7f",
    b"IMG_0001",
    b"photo",
];
const EXTENSIONS: [&[u8]; 6] = [b".jpg", b".JPG", b".png", b"", b".txt", b".jpg.part"];
/// Longest name of a file, in bytes.
const LONGEST: usize = 255;

/// A source of names.
pub(crate) struct Names(ChaCha8Rng);

impl Names {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A name that is not hidden, not longer than `longest` bytes, and ends in `end`.
    fn name(&mut self, longest: usize, end: &[u8]) -> Vec<u8> {
        let length = if self.0.random_range(0..8) == 0 {
            longest
        } else {
            1 + self.0.random_range(0..40)
        };
        let mut name = vec![b'a' + self.0.random_range(0..26)];
        while name.len() + end.len() < length {
            if self.0.random_range(0..3) == 0 {
                name.push(self.0.random_range(1..=255));
            } else {
                name.extend(WORDS[self.0.random_range(0..WORDS.len())]);
            }
        }
        name.retain(|byte| !matches!(byte, b'/' | 0));
        name.truncate(longest - end.len());
        name.extend(end);
        name
    }

    /// The name of a folder for a label.
    pub(crate) fn label(&mut self) -> PathBuf {
        path_of_bytes(self.name(LONGEST, b""))
    }

    /// The name of a photo, some in a folder of their own.
    pub(crate) fn photo(&mut self) -> PathBuf {
        let end = EXTENSIONS[self.0.random_range(0..EXTENSIONS.len())];
        let photo = path_of_bytes(self.name(LONGEST, end));
        if self.0.random_range(0..4) == 0 {
            self.label().join(photo)
        } else {
            photo
        }
    }
}

/// Writes photos under such names: the paths of those that the file system takes.
pub(crate) fn write_all(
    root: &Path,
    names: &mut Names,
    labels: u32,
    photos: u32,
    mut write: impl FnMut(u32, u32, &Path),
) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for label in 0..labels {
        let folder = root.join(names.label());
        for photo in 0..photos {
            let path = folder.join(names.photo());
            let is_free =
                fs_err::create_dir_all(path.parent().expect("a folder")).is_ok() && !path.exists();
            if is_free {
                write(label, photo, &path);
                all.insert(path);
            }
        }
    }
    all
}

/// That a list of results has each file once, under a text of its own.
pub(crate) fn assert_all_listed<'a>(
    texts: impl Iterator<Item = &'a str>,
    files: usize,
    what: &str,
) {
    let texts: Vec<&str> = texts.collect();
    let unlike: BTreeSet<&str> = texts.iter().copied().collect();
    assert_eq!(
        (texts.len(), unlike.len()),
        (files, files),
        "{what}: {texts:?}"
    );
}

#[test]
fn random_names_lose_nothing_in_fetch_prepare_and_detect() {
    for seed in 0..4 {
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        let mut names = Names::new(seed);
        let files = write_all(&at("in"), &mut names, 4, 8, |label, photo, path| {
            write_png(path, &picture(label * 50 + photo));
        });
        let count = files.len();
        assert!(count > 20, "{count}");
        let fetched = run(
            "fetch --json --min-size 32 --folder",
            &[&at("in"), Path::new("--out"), &at("raw")],
        );
        assert_eq!(json(&fetched)["kept"], count, "seed {seed}: {fetched:?}");
        let manifest = records(&at("raw/manifest.jsonl"));
        let addresses = manifest
            .iter()
            .map(|record| &record["provenance"]["image_url"]);
        assert_all_listed(
            addresses.map(|address| address.as_str().expect("a text")),
            count,
            "fetch",
        );
        for (input, out) in [("in", "a"), ("raw", "b")] {
            let prepared = run(
                "prepare --json --embeddings off --out",
                &[&at(out), &at(input)],
            );
            let counts = &json(&prepared)["images"];
            assert_eq!(
                (&counts["found"], &counts["kept"]),
                (&count.into(), &count.into()),
                "seed {seed}: {prepared:?}"
            );
            let manifest = records(&at(out).join("manifest.jsonl"));
            let sources = manifest
                .iter()
                .map(|record| record["source"].as_str().expect("a text"));
            assert_all_listed(sources, count, "prepare");
        }
        let lines = json_lines(&run("detect --draw", &[&at("marked"), &at("in")]));
        assert!(
            lines.iter().all(|line| line["error"].is_null()),
            "seed {seed}: {lines:?}"
        );
        assert_all_listed(
            lines
                .iter()
                .map(|line| line["path"].as_str().expect("a text")),
            count,
            "detect",
        );
        assert_eq!(
            fs_err::read_dir(at("marked")).expect("lists").count(),
            count
        );
    }
}

#[test]
fn random_names_survive_a_kill() {
    for seed in [5, 6] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let input = folder.path().join("in");
        let mut names = Names::new(seed);
        write_all(&input, &mut names, 6, 12, |label, photo, path| {
            write_png(path, &picture(label * 50 + photo));
        });
        assert_killed_runs_end_alike(&input, folder.path(), 3);
    }
}
