//! What became of each photo, kept in the output folder: an update works only on photos that are new or changed.
//!
//! `outcomes.jsonl`, one line a photo, is written while the stage works and stays behind. A line counts for a photo of
//! the same path, size and time of change, with the same settings and tools. Removing the file is safe: all photos
//! are looked at again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::origins::Origin;
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::digest::sha256_hex;
use facepipe_core::artifacts::image_folder::{ImageFolder, LabelledFile, OUTCOMES_FILE};
use facepipe_core::artifacts::jsonl::{self, Journal};
use facepipe_core::artifacts::stage::{Begun, OpenStage};
use facepipe_core::types::{CropRecord, Discarded};

/// Part of each line's key: lines of a program that cut or measured faces otherwise don't count.
const VERSION: u32 = 1;

/// The outcome of one photo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PhotoOutcome {
    /// The photo's path below the input folder.
    pub(super) photo: String,
    /// How many faces the detector found.
    pub(super) faces: u64,
    pub(super) crops: Vec<CropRecord>,
    pub(super) discarded: Vec<Discarded>,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The state of the photo, of what is known of it, of settings and tools, when it was looked at.
    key: String,
    #[serde(flatten)]
    outcome: PhotoOutcome,
}

/// The file, with the keys of the photos that are there.
pub(super) struct Outcomes {
    journal: Journal<Line>,
    path: PathBuf,
    keys: BTreeMap<String, String>,
    /// Outcomes that still hold.
    known: Vec<PhotoOutcome>,
}

impl Outcomes {
    /// Opens the file; `made_with` is all that an outcome depends on beside the photo.
    pub(super) fn open<'a>(
        open: &OpenStage,
        folder: &ImageFolder,
        origin: impl Fn(&LabelledFile) -> Option<&'a Origin>,
        made_with: &impl Serialize,
    ) -> io::Result<Self> {
        let path = open.path(OUTCOMES_FILE);
        if open.begun == Begun::Anew {
            atomic::remove_if_there(&path)?;
        }
        let made_with = serde_json::to_string(&(VERSION, made_with))?;
        let mut keys = BTreeMap::new();
        for file in &folder.files {
            keys.insert(file.relative.clone(), key(file, origin(file), &made_with)?);
        }
        let (journal, lines) = Journal::<Line>::open(&path)?;
        let mut known = BTreeMap::new();
        for line in lines {
            let photo = &line.outcome.photo;
            if keys.get(photo) == Some(&line.key) && is_whole(&open.root, &line.outcome) {
                known.insert(photo.clone(), line.outcome);
            }
        }
        Ok(Self {
            journal,
            path,
            keys,
            known: known.into_values().collect(),
        })
    }

    /// How many outcomes still hold.
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// The outcomes that still hold.
    pub(super) fn take_known(&mut self) -> Vec<PhotoOutcome> {
        std::mem::take(&mut self.known)
    }

    /// Notes an outcome.
    pub(super) fn append(&mut self, outcome: &PhotoOutcome) -> io::Result<()> {
        self.journal.append(&self.line(outcome))
    }

    /// Leaves the lines of photos that are there, sorted as these outcomes are.
    pub(super) fn tidy(&self, outcomes: &[PhotoOutcome]) -> io::Result<()> {
        let lines: Vec<Line> = outcomes.iter().map(|outcome| self.line(outcome)).collect();
        jsonl::write(&self.path, &lines)
    }

    fn line(&self, outcome: &PhotoOutcome) -> Line {
        let key = self.keys.get(&outcome.photo);
        Line {
            key: key.cloned().unwrap_or_default(),
            outcome: outcome.clone(),
        }
    }
}

/// The photos that an earlier run looked at; none where there is no record of it.
pub(super) fn photos_of_before(out: &Path) -> Vec<String> {
    let lines = jsonl::read_whole_lines::<Line>(&out.join(OUTCOMES_FILE)).unwrap_or_default();
    lines.into_iter().map(|line| line.outcome.photo).collect()
}

fn key(file: &LabelledFile, origin: Option<&Origin>, made_with: &str) -> io::Result<String> {
    let metadata = fs_err::metadata(&file.path)?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH);
    let text = format!(
        "{}\t{}\t{}\t{origin:?}\t{made_with}",
        file.label,
        metadata.len(),
        changed.unwrap_or_default().as_nanos()
    );
    Ok(sha256_hex(text.as_bytes())[..16].to_owned())
}

/// Whether the files of an outcome are there: after a power failure one may be missing or empty.
fn is_whole(root: &Path, outcome: &PhotoOutcome) -> bool {
    let whole = |crop: &CropRecord| {
        fs_err::metadata(root.join(&crop.file)).is_ok_and(|file| file.len() > 0)
    };
    outcome.crops.iter().all(whole)
}
