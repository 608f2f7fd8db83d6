//! The images of an output folder by content: each is there once, under the first label that it was
//! found for.

use std::collections::HashMap;

/// One content.
#[derive(Debug)]
pub(super) struct Content {
    /// The first digits of its MD5: with the extension, the file's name.
    pub(super) name: u64,
    /// The extension's number among the names.
    pub(super) extension: u32,
    /// The size of its file in bytes.
    pub(super) bytes: u64,
    /// The number of the entry whose label and provenance it has: the first in order.
    pub(super) owner: u32,
    /// Its file is missing: it will be fetched again.
    pub(super) is_lost: bool,
}

/// All contents.
#[derive(Debug, Default)]
pub(super) struct Contents {
    all: Vec<Content>,
    by_name: HashMap<u64, u32>,
}

impl Contents {
    pub(super) fn find(&self, name: u64) -> Option<u32> {
        self.by_name.get(&name).copied()
    }

    pub(super) fn add(&mut self, content: Content) -> u32 {
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.by_name.insert(content.name, number);
        self.all.push(content);
        number
    }

    pub(super) fn get(&self, number: u32) -> &Content {
        &self.all[number as usize]
    }

    pub(super) fn get_mut(&mut self, number: u32) -> &mut Content {
        &mut self.all[number as usize]
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }
}

/// Texts that many items share, each kept once.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.find(name) {
            return number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    pub(super) fn text(&self, number: u32) -> &str {
        &self.all[number as usize]
    }
}
