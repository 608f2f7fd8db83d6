//! The memory of an enrolment, so that a rerun needs few calls: which face belongs to which photo,
//! and which photos the service refused. What exists is always queried from the service itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::EnrollError;
use facepipe_core::artifacts::jsonl;
use facepipe_core::artifacts::lock::{Lock, LockError};
use facepipe_core::types::Reason;

/// The journal's name in its folder.
const FILE: &str = "journal.jsonl";
/// The name of the file that is locked while an enrolment runs.
const LOCK: &str = "journal.lock";

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Record {
    /// The first line: where the group is.
    Group {
        host: String,
        collection: String,
        id: String,
    },
    /// A request that makes something is about to be sent. That may take a while: it waits for the quota.
    Asking {
        person: String,
        content: Option<String>,
    },
    /// It was answered, with success or an error.
    Answered {
        person: String,
        content: Option<String>,
    },
    /// A person exists.
    Person { name: String, id: String },
    /// A face exists.
    Face {
        person: String,
        face: String,
        content: String,
    },
    /// The service refuses a photo, requested in this way.
    Refused {
        person: String,
        content: String,
        how: String,
        reason: Reason,
        message: String,
    },
    /// Everything added before is trained.
    Trained,
}

/// The state that the lines of a journal add up to.
#[derive(Debug, Default)]
pub struct Known {
    /// Ids of persons by name.
    pub(super) persons: BTreeMap<String, String>,
    /// Contents by face id; empty for a face that belongs to none of our photos.
    pub(super) faces: BTreeMap<String, String>,
    /// The contents of all faces, keyed by the ids of their persons.
    contents: BTreeSet<(String, String)>,
    /// Reason and message by person's name, content and way of requesting.
    pub(super) refused: BTreeMap<(String, String, String), (Reason, String)>,
    /// Whether a request was sent, or is about to be, whose answer was not seen.
    pub(super) has_unanswered: bool,
    /// Whether something was added since the last training.
    is_untrained: bool,
}

impl Known {
    /// Reads the journal of a folder, even while another process writes to it; empty where there is
    /// none.
    ///
    /// # Errors
    /// [`EnrollError::OtherGroup`] where it is about another group, [`EnrollError::Io`].
    pub fn read(folder: &Path, group: &super::Group) -> Result<Self, EnrollError> {
        let records = match jsonl::read_whole_lines(&folder.join(FILE)) {
            Ok(records) => records,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        match records.first() {
            Some(Record::Group { collection, id, .. })
                if *collection != group.collection.segment() || *id != group.id =>
            {
                Err(EnrollError::OtherGroup(folder.to_owned()))
            }
            _ => Ok(known(&records)),
        }
    }

    /// Whether a person of this name is known to exist.
    #[must_use]
    pub fn has_person(&self, name: &str) -> bool {
        self.persons.contains_key(name)
    }

    /// Whether a person's photo of this content is known to exist or to be refused.
    #[must_use]
    pub fn has_photo(&self, name: &str, content: &str) -> bool {
        let key = (name.to_owned(), content.to_owned(), String::new());
        let refused = self.refused.range(key..).next();
        let is_refused =
            refused.is_some_and(|((person, known, _), _)| person == name && known == content);
        let is_there = |id: &String| self.contents.contains(&(id.clone(), content.to_owned()));
        is_refused || self.persons.get(name).is_some_and(is_there)
    }
}

/// The open journal, which all threads write to.
pub struct EnrollJournal {
    lines: Mutex<jsonl::Journal<Record>>,
    known: Known,
    /// Whether a face was added since the last training.
    is_untrained: AtomicBool,
    /// Held as long as the journal is open.
    _lock: Lock,
    folder: PathBuf,
}

impl std::fmt::Debug for EnrollJournal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EnrollJournal")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl EnrollJournal {
    /// Opens the journal of a folder, or begins one.
    ///
    /// # Errors
    /// [`EnrollError::InUse`] while another enrolment writes to it, [`EnrollError::OtherGroup`] where
    /// it is about another group or resource, [`EnrollError::Io`].
    pub fn open(folder: &Path, host: &str, group: &super::Group) -> Result<Self, EnrollError> {
        fs_err::create_dir_all(folder)?;
        let lock = Lock::take(&folder.join(LOCK)).map_err(|error| match error {
            LockError::Io(error) => error.into(),
            LockError::Taken(process) => EnrollError::InUse {
                folder: folder.to_owned(),
                process,
            },
        })?;
        let (mut lines, records) = jsonl::Journal::open(&folder.join(FILE))?;
        let own = Record::Group {
            host: host.to_owned(),
            collection: group.collection.segment().to_owned(),
            id: group.id.clone(),
        };
        match records.first() {
            None => lines.append(&own)?,
            Some(first) if *first == own => {}
            Some(_) => return Err(EnrollError::OtherGroup(folder.to_owned())),
        }
        let known = known(&records);
        Ok(Self {
            lines: Mutex::new(lines),
            is_untrained: AtomicBool::new(known.is_untrained),
            known,
            _lock: lock,
            folder: folder.to_owned(),
        })
    }

    /// What earlier runs recorded.
    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// The folder that it is in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there are faces that are not trained yet.
    pub(super) fn is_untrained(&self) -> bool {
        self.is_untrained.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, record: &Record) -> Result<(), EnrollError> {
        if matches!(record, Record::Face { .. }) {
            self.is_untrained.store(true, Ordering::Relaxed);
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(lines.append(record)?)
    }

    /// Records that a request which makes something is about to be sent.
    pub(super) fn asking(&self, person: &str, content: Option<&str>) -> Result<(), EnrollError> {
        self.write(&Record::Asking {
            person: person.to_owned(),
            content: content.map(str::to_owned),
        })
    }

    /// Records that the service answered it: it is no longer in progress.
    pub(super) fn answered(&self, person: &str, content: Option<&str>) -> Result<(), EnrollError> {
        self.write(&Record::Answered {
            person: person.to_owned(),
            content: content.map(str::to_owned),
        })
    }
}

fn known(records: &[Record]) -> Known {
    let mut known = Known::default();
    let mut unanswered = BTreeSet::new();
    for record in records.iter().cloned() {
        match record {
            Record::Group { .. } => {}
            Record::Asking { person, content } => {
                unanswered.insert((person, content));
            }
            Record::Answered { person, content } => {
                unanswered.remove(&(person, content));
            }
            Record::Person { name, id } => {
                known.persons.insert(name, id);
            }
            Record::Face {
                person,
                face,
                content,
            } => {
                known.contents.insert((person, content.clone()));
                known.faces.insert(face, content);
                known.is_untrained = true;
            }
            Record::Refused {
                person,
                content,
                how,
                reason,
                message,
            } => {
                known
                    .refused
                    .insert((person, content, how), (reason, message));
            }
            Record::Trained => known.is_untrained = false,
        }
    }
    known.has_unanswered = !unanswered.is_empty();
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Collection, Group};

    fn group(id: &str) -> Group {
        Group {
            collection: Collection::LargePersonGroup,
            id: id.to_owned(),
        }
    }

    #[test]
    fn a_journal_remembers_and_belongs_to_one_group_and_one_process() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let folder = folder.path().join("g");
        let journal = EnrollJournal::open(&folder, "host", &group("g")).expect("opens");
        let busy = EnrollJournal::open(&folder, "host", &group("g"));
        let own = std::process::id();
        assert!(matches!(busy, Err(EnrollError::InUse { process: Some(id), .. }) if id == own));
        journal.asking("ada", None).expect("writes");
        journal.answered("ada", None).expect("writes");
        let id = "p".to_owned();
        journal
            .write(&Record::Person {
                name: "ada".to_owned(),
                id,
            })
            .expect("writes");
        journal.asking("ada", Some("c")).expect("writes");
        drop(journal);
        let journal = EnrollJournal::open(&folder, "host", &group("g")).expect("opens");
        assert!(journal.known().has_person("ada") && !journal.known().has_photo("ada", "c"));
        assert!(journal.known().has_unanswered, "the answer was not seen");
        assert!(!journal.is_untrained());
        journal.answered("ada", Some("c")).expect("writes");
        let (face, content) = ("f".to_owned(), "c".to_owned());
        let person = "p".to_owned();
        let record = Record::Face {
            person,
            face,
            content,
        };
        journal.write(&record).expect("writes");
        let known = Known::read(&folder, &group("g")).expect("reads while it is written");
        assert!(!known.has_unanswered && known.has_photo("ada", "c"));
        assert!(
            !known.has_photo("grace", "c"),
            "the same file is a photo of both"
        );
        let other = Known::read(&folder, &group("h"));
        assert!(matches!(other, Err(EnrollError::OtherGroup(_))));
        drop(journal);
        let other = EnrollJournal::open(&folder, "host", &group("h"));
        assert!(matches!(other, Err(EnrollError::OtherGroup(_))));
        let other = EnrollJournal::open(&folder, "elsewhere", &group("g"));
        assert!(matches!(other, Err(EnrollError::OtherGroup(_))));
    }
}
