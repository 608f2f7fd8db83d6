//! A reader that limits the length of a record.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lines::LONGEST_RECORD;

/// Counts the bytes of one record, and refuses more than a record may have: a quotation mark that
/// is never closed would take the rest of the list into memory.
pub(super) struct Bounded<R> {
    reader: R,
    read: Budget,
}

/// Resets the count.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget {
    read: Arc<AtomicUsize>,
    /// Quotation marks of all records.
    quotes: Arc<AtomicUsize>,
}

impl Budget {
    /// A new record begins.
    pub(super) fn reset(&self) {
        self.read.store(0, Ordering::Relaxed);
    }

    /// Whether the quotation marks that were read are no pairs.
    pub(super) fn has_odd_quote(&self) -> bool {
        self.quotes.load(Ordering::Relaxed) % 2 == 1
    }
}

impl<R> Bounded<R> {
    pub(super) fn new(reader: R) -> (Self, Budget) {
        let read = Budget::default();
        let bounded = Self {
            reader,
            read: read.clone(),
        };
        (bounded, read)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let before = self.read.read.fetch_add(read, Ordering::Relaxed);
        let quotes = buffer[..read].iter().filter(|byte| **byte == b'"').count();
        self.read.quotes.fetch_add(quotes, Ordering::Relaxed);
        if before > LONGEST_RECORD {
            let text = format!(
                "a record is longer than {LONGEST_RECORD} bytes; a quotation mark may open in it \
                 that is never closed"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(read)
    }
}
