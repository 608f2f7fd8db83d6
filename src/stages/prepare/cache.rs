//! The cache of computed features: adding a hundred images to a data set costs only these hundred.
//!
//! `cache/hashes.jsonl` in the output folder, one line a file. A file of the same path, size and time of change is
//! not read again; one of known content under another name is read, but not decoded. Removing the file
//! is safe, and so is killing the program: an unfinished last line is cut off.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::features::{Features, VERSION};
use facepipe_core::artifacts::given_split::CACHE_FOLDER;
use facepipe_core::artifacts::jsonl::{self, Journal};
use facepipe_core::types::CropPlace;

/// The file's name, in the cache folder.
const HASHES_FILE: &str = "hashes.jsonl";

/// A file that was changed less than this before it was read may change again without a new time of
/// change: such a time is not trusted. File systems store it in steps of up to 2 seconds (FAT).
const UNCERTAIN: Duration = Duration::from_secs(2);
/// The file is rewritten when it has this many times as many lines as there are images.
const LARGEST_SHARE: usize = 2;

/// Size and time of change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileStamp {
    bytes: u64,
    /// When it was last changed, in nanoseconds since 1970; `None` where it can't be trusted.
    changed: Option<u64>,
}

impl FileStamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs_err::metadata(path)?;
        let changed = metadata.modified()?;
        let is_certain = SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|age| age > UNCERTAIN);
        let since_1970 = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            bytes: metadata.len(),
            changed: is_certain.then_some(since_1970.as_nanos() as u64),
        })
    }
}

/// One file's line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    version: u32,
    file: String,
    #[serde(flatten)]
    stamp: FileStamp,
    /// The place of the face that the features are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<CropPlace>,
    features: Features,
}

/// The known features of files.
#[derive(Debug)]
pub(super) struct Cache {
    by_file: HashMap<String, Entry>,
    /// The file of each content, by its MD5.
    by_content: HashMap<String, String>,
    rotations: bool,
}

/// The file of the cache.
#[derive(Debug)]
pub(super) struct CacheFile {
    journal: Journal<Entry>,
    path: PathBuf,
    lines: usize,
}

impl Cache {
    /// A cache without a file.
    pub(super) fn empty(rotations: bool) -> Self {
        Self {
            by_file: HashMap::new(),
            by_content: HashMap::new(),
            rotations,
        }
    }

    /// Opens the cache of an output folder. Only features with hashes of all turns count if `rotations`.
    pub(super) fn open(out: &Path, rotations: bool) -> io::Result<(Self, CacheFile)> {
        fs_err::create_dir_all(out.join(CACHE_FOLDER))?;
        let path = out.join(CACHE_FOLDER).join(HASHES_FILE);
        let (journal, entries) = Journal::<Entry>::open(&path)?;
        let lines = entries.len();
        let mut cache = Self::empty(rotations);
        entries.into_iter().for_each(|entry| cache.take(entry));
        let file = CacheFile {
            journal,
            path,
            lines,
        };
        Ok((cache, file))
    }

    /// Reads the cache of an output folder without changing it.
    pub(super) fn look_into(out: &Path, rotations: bool) -> io::Result<Self> {
        let mut cache = Self::empty(rotations);
        match fs_err::read_to_string(out.join(CACHE_FOLDER).join(HASHES_FILE)) {
            Ok(text) => {
                let entries = text
                    .lines()
                    .map_while(|line| serde_json::from_str(line).ok());
                entries.for_each(|entry| cache.take(entry));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(cache)
    }

    fn take(&mut self, entry: Entry) {
        let is_complete = !self.rotations || !entry.features.turned.is_empty();
        if entry.version == VERSION && is_complete {
            let content = entry.features.md5.clone();
            self.by_content.insert(content, entry.file.clone());
            self.by_file.insert(entry.file.clone(), entry);
        }
    }

    /// The features of a file that was not changed.
    pub(super) fn of_file(
        &self,
        file: &str,
        stamp: FileStamp,
        place: Option<&CropPlace>,
    ) -> Option<&Features> {
        let entry = self.by_file.get(file)?;
        let is_same =
            stamp.changed.is_some() && entry.stamp == stamp && entry.place.as_ref() == place;
        is_same.then_some(&entry.features)
    }

    /// The features of a content.
    pub(super) fn of_content(&self, md5: &str, place: Option<&CropPlace>) -> Option<&Features> {
        let entry = self.by_file.get(self.by_content.get(md5)?)?;
        let is_same = entry.features.md5 == md5 && entry.place.as_ref() == place;
        is_same.then_some(&entry.features)
    }
}

impl CacheFile {
    /// Stores the features of a file.
    pub(super) fn keep(
        &mut self,
        file: &str,
        stamp: FileStamp,
        place: Option<&CropPlace>,
        features: &Features,
    ) -> io::Result<()> {
        self.lines += 1;
        self.journal.append(&Entry {
            version: VERSION,
            file: file.to_owned(),
            stamp,
            place: place.copied(),
            features: features.clone(),
        })
    }

    /// Rewrites the file without lines of missing files, if there are many such lines.
    pub(super) fn tidy(self, files: &std::collections::HashSet<&str>) -> io::Result<()> {
        if self.lines <= LARGEST_SHARE * files.len() {
            return Ok(());
        }
        let Self { journal, path, .. } = self;
        drop(journal);
        let mut newest: HashMap<String, Entry> = HashMap::new();
        for entry in jsonl::read::<Entry>(&path)? {
            if files.contains(entry.file.as_str()) {
                newest.insert(entry.file.clone(), entry);
            }
        }
        let mut entries: Vec<Entry> = newest.into_values().collect();
        entries.sort_by(|a, b| a.file.cmp(&b.file));
        jsonl::write(&path, &entries)
    }
}
