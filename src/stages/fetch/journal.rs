//! The lines of the journal: every request, and what became of every item that was tried.

use serde::{Deserialize, Serialize};

use super::examine::{LeftOut, Stored};
use facepipe_core::types::Provenance;

/// The journal's name. It stays: a later run into the folder requests only missing items.
pub const JOURNAL_FILE: &str = "fetch-journal.jsonl";

/// The query to a source: one search, one list, one folder.
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
    /// The name of the list or folder, without the folders that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// Identifies an item among all items of the folder.
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

    /// A local file with some content: the file at a path may change.
    pub(super) fn of_file(label: &str, path: &str, md5: &str) -> Self {
        Self {
            label: label.to_owned(),
            key: format!("{path}{CONTENT_MARK}{md5}"),
        }
    }

    /// The path and the MD5 of a local file's key.
    pub(super) fn file_parts(&self) -> Option<(&str, &str)> {
        self.key.split_once(CONTENT_MARK)
    }
}

/// Parts a local file's path from the MD5 of its content; no path holds it.
const CONTENT_MARK: char = '\0';

/// The outcome of an item.
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
pub(super) enum Line {
    Request(Request),
    Item(ItemId, Item),
}
