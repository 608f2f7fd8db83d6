//! What an output folder remembers: a journal of every item that was tried, in whatever order,
//! and the manifest that follows from it, the same for every order.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::examine::{LeftOut, Stored};
use crate::artifacts::jsonl::Journal;
use crate::types::{Discarded, ImageRecord, ItemKind, Provenance, Reason};

/// The journal's name. It stays: a later run into the folder asks only for what is missing.
pub const JOURNAL_FILE: &str = "fetch-journal.jsonl";

/// What was asked of a source: one search, one list, one folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// The source's name.
    pub source: String,
    /// The query, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The label for items that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The name of the list or folder, without the folders that it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// Tells an item among all items of the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ItemId {
    pub(super) label: String,
    /// Its address; a local file's path with [`ItemId::of_file`]'s content mark.
    pub(super) key: String,
}

impl ItemId {
    pub(super) fn new(label: &str, key: &str) -> Self {
        Self {
            label: label.to_owned(),
            key: key.to_owned(),
        }
    }

    /// A local file with some content: what lies under a path may change.
    pub(super) fn of_file(label: &str, path: &str, md5: &str) -> Self {
        Self {
            label: label.to_owned(),
            key: format!("{path}{CONTENT_MARK}{md5}"),
        }
    }
}

/// Parts a local file's path from the MD5 of its content; no path holds it.
const CONTENT_MARK: char = '\0';

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    /// The request's number and the item's place in its answer: the order that decides which of
    /// two equal images counts as the first.
    pub(super) order: (u32, u64),
    pub(super) provenance: Provenance,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Stored(Stored),
    LeftOut(LeftOut),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "almost all lines are the large one"
)]
enum Line {
    Request(Request),
    Item(ItemId, Item),
}

/// The journal and what it says.
pub(super) struct Memory {
    journal: Journal<Line>,
    requests: Vec<Request>,
    items: BTreeMap<ItemId, Item>,
    /// For each content under a label the request that it counts for: the lowest.
    owners: HashMap<(String, String), u32>,
    kept: HashMap<(u32, String), u64>,
}

impl Memory {
    /// Opens the journal of an output folder. Stored images whose files are gone are forgotten, so
    /// that they are fetched again.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let (journal, lines) = Journal::open(&root.join(JOURNAL_FILE))?;
        let mut memory = Self {
            journal,
            requests: Vec::new(),
            items: BTreeMap::new(),
            owners: HashMap::new(),
            kept: HashMap::new(),
        };
        let mut items = BTreeMap::new();
        for line in lines {
            match line {
                Line::Request(request) => memory.requests.push(request),
                Line::Item(id, item) => {
                    items.remove(&ItemId::new(&id.label, path_of(&id.key)));
                    items.insert(id, item);
                }
            }
        }
        for (id, item) in items {
            let is_there = match &item.outcome {
                Outcome::Stored(stored) => fs_err::metadata(root.join(&stored.file))
                    .is_ok_and(|metadata| metadata.len() == stored.bytes),
                Outcome::LeftOut(_) => true,
            };
            if is_there {
                memory.take_in(id, item);
            }
        }
        Ok(memory)
    }

    /// All requests so far, in the order in which they were first made.
    pub(super) fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// The number of a request; a new one is written down.
    pub(super) fn number_of(&mut self, request: &Request) -> io::Result<u32> {
        let found = self.requests.iter().position(|known| known == request);
        let index = found.unwrap_or(self.requests.len());
        if found.is_none() {
            self.journal.append(&Line::Request(request.clone()))?;
            self.requests.push(request.clone());
        }
        u32::try_from(index).map_err(io::Error::other)
    }

    /// What became of an item.
    pub(super) fn outcome(&self, id: &ItemId) -> Option<&Outcome> {
        self.items.get(id).map(|item| &item.outcome)
    }

    /// What became of a local file, whatever its content was then.
    pub(super) fn file_outcomes(&self, id: &ItemId) -> impl Iterator<Item = (&str, &Outcome)> {
        let start = ItemId::of_file(&id.label, &id.key, "");
        let tried = self.items.range(start.clone()..);
        tried.map_while(move |(known, item)| {
            let md5 = known.key.strip_prefix(&start.key)?;
            (known.label == start.label).then_some((md5, &item.outcome))
        })
    }

    /// Images that a request has brought to a label, each content once.
    pub(super) fn kept(&self, request: u32, label: &str) -> u64 {
        let key = (request, label.to_owned());
        self.kept.get(&key).copied().unwrap_or_default()
    }

    /// Writes down what became of an item, unless that is known.
    pub(super) fn record(&mut self, id: ItemId, item: Item) -> io::Result<()> {
        let known = self.items.get(&id);
        if known.is_some_and(|known| known.order == item.order && known.outcome == item.outcome) {
            return Ok(());
        }
        let line = Line::Item(id, item);
        self.journal.append(&line)?;
        if let Line::Item(id, item) = line {
            self.items.remove(&ItemId::new(&id.label, path_of(&id.key)));
            self.take_in(id, item);
        }
        Ok(())
    }

    fn take_in(&mut self, id: ItemId, item: Item) {
        if let Outcome::Stored(stored) = &item.outcome {
            let request = item.order.0;
            let content = (id.label.clone(), stored.md5.clone());
            let owner = self.owners.get(&content).copied();
            if owner.is_none_or(|owner| request < owner) {
                if let Some(count) =
                    owner.and_then(|owner| self.kept.get_mut(&(owner, id.label.clone())))
                {
                    *count -= 1;
                }
                *self.kept.entry((request, id.label.clone())).or_default() += 1;
                self.owners.insert(content, request);
            }
        }
        self.items.insert(id, item);
    }

    /// The manifest and what is left out, both sorted: they follow from what became of the items,
    /// not from when.
    pub(super) fn settle(&self) -> (Vec<ImageRecord>, Vec<Discarded>) {
        let mut by_file: BTreeMap<&str, Vec<(&ItemId, &Item, &Stored)>> = BTreeMap::new();
        let mut discarded = Vec::new();
        for (id, item) in &self.items {
            match &item.outcome {
                Outcome::Stored(stored) => {
                    let same = by_file.entry(&stored.file).or_default();
                    same.push((id, item, stored));
                }
                Outcome::LeftOut(left_out) => {
                    let LeftOut {
                        reason, message, ..
                    } = left_out;
                    discarded.push(discard(id, item, *reason, message.clone(), Vec::new()));
                }
            }
        }
        let mut kept = Vec::with_capacity(by_file.len());
        for (file, mut same) in by_file {
            same.sort_by_key(|(id, item, _)| (item.order, *id));
            let mut same = same.into_iter();
            let Some((first_id, first, stored)) = same.next() else {
                continue;
            };
            kept.push(image_record(&first_id.label, stored, &first.provenance));
            discarded.extend(same.map(|(id, item, _)| {
                let message = format!("the same bytes as `{}`", first.provenance.image_url);
                let related = vec![file.to_owned()];
                discard(id, item, Reason::ExactDuplicate, message, related)
            }));
        }
        discarded
            .sort_by(|a, b| (&a.label, &a.item, &a.message).cmp(&(&b.label, &b.item, &b.message)));
        (kept, discarded)
    }
}

/// A key without a file's content mark.
fn path_of(key: &str) -> &str {
    key.split(CONTENT_MARK).next().unwrap_or(key)
}

fn image_record(label: &str, stored: &Stored, provenance: &Provenance) -> ImageRecord {
    ImageRecord {
        file: stored.file.clone(),
        label: label.to_owned(),
        md5: stored.md5.clone(),
        sha256: stored.sha256.clone(),
        bytes: stored.bytes,
        width: stored.width,
        height: stored.height,
        format: stored.format.clone(),
        provenance: provenance.clone(),
    }
}

fn discard(
    id: &ItemId,
    item: &Item,
    reason: Reason,
    message: String,
    related: Vec<String>,
) -> Discarded {
    Discarded {
        item: item.provenance.image_url.clone(),
        kind: ItemKind::Image,
        label: (!id.label.is_empty()).then(|| id.label.clone()),
        reason,
        message,
        related,
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
