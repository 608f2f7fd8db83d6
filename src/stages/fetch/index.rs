//! The index of the journal: what became of each item, in some 60 bytes.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::contents::{Content, Contents, Names};
use super::examine::Stored;
use super::journal::{ItemId, Outcome};
use facepipe_core::artifacts::digest::{content_name, md5_bytes};
use facepipe_core::types::Reason;

/// The recorded state of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Stored,
    LeftOut { reason: Reason, permanent: bool },
}

/// Where a stored image belongs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Placing {
    /// Its file below the output folder: `<label>/<first 16 of md5>.<ext>`.
    pub(super) file: String,
    /// The same content is in the folder already.
    pub(super) is_there: bool,
    /// It is under another label, behind this one in order, and has to be moved from there.
    pub(super) moved_from: Option<String>,
}

/// The fate of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has the content of that number.
    Stored(u32),
    LeftOut {
        reason: Reason,
        permanent: bool,
    },
    /// Another entry took its place.
    Gone,
}

/// One item: a label and an address.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) label: u32,
    pub(super) order: (u32, u32),
    /// Where its line in the journal begins.
    pub(super) place: u64,
    pub(super) fate: Fate,
    /// The next entry with the same address, under another label.
    next: Option<u32>,
}

type Key = [u8; 16];

/// The state of the journal, in short.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) names: Names,
    pub(super) entries: Vec<Entry>,
    pub(super) contents: Contents,
    by_address: HashMap<Key, u32>,
    /// MD5s of the contents that local files had, by label and path.
    files: HashMap<Key, Vec<String>>,
    /// Images by request and label.
    kept: HashMap<(u32, u32), u64>,
}

impl Index {
    /// Entries with an address.
    pub(super) fn with_address(&self, key: &str) -> impl Iterator<Item = u32> + '_ {
        let first = self.by_address.get(&md5_bytes(key.as_bytes())).copied();
        std::iter::successors(first, |entry| self.entries[*entry as usize].next)
    }

    pub(super) fn find(&self, id: &ItemId) -> Option<u32> {
        let label = self.names.find(&id.label)?;
        self.with_address(&id.key)
            .find(|entry| self.entries[*entry as usize].label == label)
    }

    pub(super) fn known(&self, entry: u32) -> Option<Known> {
        match self.entries[entry as usize].fate {
            Fate::Stored(content) if self.contents.get(content).is_lost => None,
            Fate::Stored(_) => Some(Known::Stored),
            Fate::LeftOut { reason, permanent } => Some(Known::LeftOut { reason, permanent }),
            Fate::Gone => None,
        }
    }

    /// MD5s of the contents that a local file had.
    pub(super) fn contents_of_file(&self, id: &ItemId) -> &[String] {
        let contents = self.files.get(&file_key(&id.label, &id.key));
        contents.map_or(&[], Vec::as_slice)
    }

    /// Images that a request has brought to a label.
    pub(super) fn kept(&self, request: u32, label: &str) -> u64 {
        let label = self.names.find(label);
        let count = label.and_then(|label| self.kept.get(&(request, label)));
        count.copied().unwrap_or_default()
    }

    pub(super) fn is_recorded(&self, id: &ItemId, order: (u32, u64), outcome: &Outcome) -> bool {
        let Some(entry) = self.find(id).map(|entry| &self.entries[entry as usize]) else {
            return false;
        };
        let same = match (outcome, entry.fate) {
            (Outcome::Stored(stored), Fate::Stored(content)) => {
                let content = self.contents.get(content);
                !content.is_lost && content.name == name_of(stored)
            }
            (Outcome::LeftOut(left_out), Fate::LeftOut { reason, permanent }) => {
                (left_out.reason, left_out.permanent) == (reason, permanent)
            }
            _ => false,
        };
        same && entry.order == short(order)
    }

    /// Takes in one line of the journal.
    pub(super) fn take_in(
        &mut self,
        id: &ItemId,
        order: (u32, u64),
        outcome: &Outcome,
        place: u64,
    ) -> Option<Placing> {
        if let Some((path, md5)) = id.file_parts() {
            let known = self.files.entry(file_key(&id.label, path)).or_default();
            if !known.iter().any(|known| known == md5) {
                known.push(md5.to_owned());
            }
            // A file that could not be read can be read now.
            if let Some(unread) = self.find(&ItemId::new(&id.label, path)) {
                self.entries[unread as usize].fate = Fate::Gone;
            }
        }
        let number = self.entry(id);
        self.release(number);
        let entry = &mut self.entries[number as usize];
        entry.order = short(order);
        entry.place = place;
        match outcome {
            Outcome::LeftOut(left_out) => {
                entry.fate = Fate::LeftOut {
                    reason: left_out.reason,
                    permanent: left_out.permanent,
                };
                None
            }
            Outcome::Stored(stored) => Some(self.claim(number, stored)),
        }
    }

    /// The entry of an item, a new one where it has none.
    fn entry(&mut self, id: &ItemId) -> u32 {
        if let Some(entry) = self.find(id) {
            return entry;
        }
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let next = self.by_address.insert(md5_bytes(id.key.as_bytes()), number);
        self.entries.push(Entry {
            label: self.names.number(&id.label),
            order: (0, 0),
            place: 0,
            fate: Fate::Gone,
            next,
        });
        number
    }

    /// Before an entry gets another order: its contents no longer count, until they are claimed again.
    fn release(&mut self, number: u32) {
        if let Fate::Stored(content) = self.entries[number as usize].fate {
            let Content { owner, is_lost, .. } = *self.contents.get(content);
            if owner == number && !is_lost {
                self.count(content, -1);
                self.contents.get_mut(content).is_lost = true;
            }
        }
    }

    /// Gives an entry its content, which has the label of the first entry that brought it.
    fn claim(&mut self, number: u32, stored: &Stored) -> Placing {
        let name = name_of(stored);
        let Some(content) = self.contents.find(name) else {
            let extension = stored.file.rsplit('.').next().unwrap_or_default();
            let content = self.contents.add(Content {
                name,
                extension: self.names.number(extension),
                bytes: stored.bytes,
                owner: number,
                is_lost: false,
            });
            self.entries[number as usize].fate = Fate::Stored(content);
            self.count(content, 1);
            return Placing {
                file: self.file(content),
                ..Placing::default()
            };
        };
        let Content { owner, is_lost, .. } = *self.contents.get(content);
        let before = self.file(content);
        if !is_lost {
            self.count(content, -1);
        }
        self.entries[number as usize].fate = Fate::Stored(content);
        let order = |entry: u32| {
            let entry = &self.entries[entry as usize];
            (entry.order, entry.place)
        };
        let owner_has_it = self.entries[owner as usize].fate == Fate::Stored(content);
        let first = !owner_has_it || order(number) < order(owner);
        let content_now = self.contents.get_mut(content);
        if first {
            content_now.owner = number;
        }
        content_now.is_lost = false;
        self.count(content, 1);
        let file = self.file(content);
        Placing {
            moved_from: Some(before).filter(|before| !is_lost && *before != file),
            is_there: !is_lost,
            file,
        }
    }

    fn count(&mut self, content: u32, change: i64) {
        let owner = &self.entries[self.contents.get(content).owner as usize];
        let kept = self.kept.entry((owner.order.0, owner.label)).or_default();
        *kept = kept.saturating_add_signed(change);
    }

    /// The file of a content below the output folder.
    pub(super) fn file(&self, content: u32) -> String {
        let owner = self.contents.get(content).owner;
        self.file_under(content, self.entries[owner as usize].label)
    }

    fn file_under(&self, content: u32, label: u32) -> String {
        let Content {
            name, extension, ..
        } = self.contents.get(content);
        let name = content_name(&format!("{name:016x}"), self.names.text(*extension));
        format!("{}/{name}", self.names.text(label))
    }

    /// The content of a file below the output folder, if it is a stored one.
    pub(super) fn content_of_file(&self, file: &str) -> Option<u32> {
        let name = file.rsplit('/').next()?.split('.').next()?;
        let content = self.contents.find(u64::from_str_radix(name, 16).ok()?)?;
        (!self.contents.get(content).is_lost && self.file(content) == file).then_some(content)
    }

    /// Looks for the files of all contents. A run that was killed may have left one under the label
    /// that it had before.
    pub(super) fn find_files(&mut self, root: &Path) -> io::Result<()> {
        let is_there = |file: &str, bytes: u64| {
            fs_err::metadata(root.join(file)).is_ok_and(|metadata| metadata.len() == bytes)
        };
        let mut missing = Vec::new();
        for content in self.contents.numbers() {
            if !is_there(&self.file(content), self.contents.get(content).bytes) {
                missing.push(content);
            }
        }
        for content in missing {
            let holders = self
                .entries
                .iter()
                .filter(|entry| entry.fate == Fate::Stored(content));
            let bytes = self.contents.get(content).bytes;
            let elsewhere = holders
                .map(|entry| self.file_under(content, entry.label))
                .find(|file| is_there(file, bytes));
            if let Some(elsewhere) = elsewhere {
                move_file(root, &elsewhere, &self.file(content))?;
            } else {
                self.count(content, -1);
                self.contents.get_mut(content).is_lost = true;
            }
        }
        Ok(())
    }
}

/// Moves a file within the output folder.
pub(super) fn move_file(root: &Path, from: &str, to: &str) -> io::Result<()> {
    let target = root.join(to);
    if let Some(folder) = target.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::rename(root.join(from), target)
}

/// The order in the index: the position of an item among four billion.
fn short((request, position): (u32, u64)) -> (u32, u32) {
    (request, u32::try_from(position).unwrap_or(u32::MAX))
}

/// The part of an image's MD5 that names its file.
pub(super) fn name_of(stored: &Stored) -> u64 {
    u64::from_str_radix(stored.md5.get(..16).unwrap_or_default(), 16).unwrap_or_default()
}

fn file_key(label: &str, path: &str) -> Key {
    md5_bytes(format!("{label}/{path}").as_bytes())
}
