//! The memory of an output folder: a journal of every item that was tried, in any order, and
//! an index of it. Details that the index leaves out are read from the journal on demand.

use std::io;
use std::path::Path;

use super::index::{Index, Known, Placing, name_of};
use super::journal::{Item, ItemId, JOURNAL_FILE, Line, Outcome, Request};
use facepipe_core::artifacts::jsonl::Journal;

/// The journal and its records.
pub(super) struct Memory {
    journal: Journal<Line>,
    requests: Vec<Request>,
    index: Index,
}

impl Memory {
    /// Opens the journal of an output folder. Stored images whose files are gone are forgotten, so
    /// that they are fetched again.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let mut requests = Vec::new();
        let mut index = Index::default();
        let journal = Journal::open_each(&root.join(JOURNAL_FILE), |place, line| match line {
            Line::Request(request) => requests.push(request),
            Line::Item(id, item) => {
                index.take_in(&id, item.order, &item.outcome, place);
            }
        })?;
        index.find_files(root)?;
        Ok(Self {
            journal,
            requests,
            index,
        })
    }

    /// All requests so far, in the order in which they were first made.
    pub(super) fn requests(&self) -> &[Request] {
        &self.requests
    }

    pub(super) fn journal(&self) -> &Journal<Line> {
        &self.journal
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// The number of a request; a new one is recorded.
    pub(super) fn number_of(&mut self, request: &Request) -> io::Result<u32> {
        let found = self.requests.iter().position(|known| known == request);
        let index = found.unwrap_or(self.requests.len());
        if found.is_none() {
            self.journal.append(&Line::Request(request.clone()))?;
            self.requests.push(request.clone());
        }
        u32::try_from(index).map_err(io::Error::other)
    }

    /// The outcome of an item.
    pub(super) fn known(&self, id: &ItemId) -> Option<Known> {
        self.index.known(self.index.find(id)?)
    }

    /// The whole of an item that has this address under any label and is settled, as `is_settled`
    /// says.
    pub(super) fn same_address(
        &self,
        key: &str,
        is_settled: impl Fn(Known) -> bool,
    ) -> io::Result<Option<Item>> {
        let settled = |entry: &u32| self.index.known(*entry).is_some_and(&is_settled);
        let Some(entry) = self.index.with_address(key).find(settled) else {
            return Ok(None);
        };
        let place = self.index.entries[entry as usize].place;
        match self.journal.reader()?.read_at(place)? {
            Line::Item(_, item) => Ok(Some(item)),
            Line::Request(_) => Ok(None),
        }
    }

    /// The outcomes of a local file, by the MD5 of the contents that it had.
    pub(super) fn file_fates(&self, id: &ItemId) -> Vec<(String, Known)> {
        let known = |md5: &String| {
            let known = self.known(&ItemId::of_file(&id.label, &id.key, md5))?;
            Some((md5.clone(), known))
        };
        let contents = self.index.contents_of_file(id);
        contents.iter().filter_map(known).collect()
    }

    /// Images that a request has brought to a label.
    pub(super) fn kept(&self, request: u32, label: &str) -> u64 {
        self.index.kept(request, label)
    }

    /// Records the outcome of an item, unless it is known, and returns the place of a stored image.
    pub(super) fn record(&mut self, id: ItemId, item: Item) -> io::Result<Option<Placing>> {
        let (order, outcome) = (item.order, &item.outcome);
        if !self.index.is_recorded(&id, order, outcome) {
            let place = self.journal.end();
            let line = Line::Item(id, item);
            self.journal.append(&line)?;
            let Line::Item(id, item) = line else {
                return Ok(None);
            };
            return Ok(self.index.take_in(&id, item.order, &item.outcome, place));
        }
        let content = match outcome {
            Outcome::Stored(stored) => self.index.contents.find(name_of(stored)),
            Outcome::LeftOut(_) => None,
        };
        Ok(content.map(|number| Placing {
            file: self.index.file(number),
            is_there: true,
            moved_from: None,
        }))
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
