//! A list with columns.

use std::io;

use super::SHOWN;
use super::bounded::{Bounded, Budget};
use super::columns::{self, Column, Fields};
use super::encoding::text_of;
use super::layout::{label_beside, named_separator};
use super::lines::read_line;
use super::records::{Reader, Record};
use facepipe_core::ports::SourceError;
use facepipe_core::words::counted;

/// A list with columns.
pub(super) struct Table {
    reader: csv::Reader<Bounded<Reader>>,
    /// How much was read of the current record.
    budget: Budget,
    /// The lines before those that the table's reader counts.
    before: u64,
    /// The line of the previous record.
    line: u64,
    columns: Vec<Option<Column>>,
    /// Whether the list names its columns.
    are_named: bool,
    /// The first record, unless it is a header.
    first: Option<csv::ByteRecord>,
}

impl Table {
    /// Begins to read a table; `#` begins a comment if it `has_comments`.
    ///
    /// # Errors
    /// [`SourceError::NoUrlColumn`], [`SourceError::TwoColumns`], [`SourceError::Broken`].
    pub(super) fn new(
        mut reader: Reader,
        separator: u8,
        has_comments: bool,
        list: &str,
    ) -> Result<Self, SourceError> {
        let mut before = 0;
        let start = reader.fill_buf()?;
        let line_end = if start.contains(&b'\r') && !start.contains(&b'\n') {
            b'\r'
        } else {
            b'\n'
        };
        if named_separator(start).is_some() {
            read_line(&mut reader, &mut Vec::new())?;
            before = 1;
        }
        let (reader, budget) = Bounded::new(reader);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            // A carriage return before it is a blank at the end of the last cell: as a part of the line's
            // end it would be counted for the line before.
            .terminator(csv::Terminator::Any(line_end))
            .comment(has_comments.then_some(b'#'))
            .has_headers(false)
            .flexible(true)
            .from_reader(reader);
        let mut first = csv::ByteRecord::new();
        let read = reader.read_byte_record(&mut first);
        let is_empty = !read.map_err(|error| super::broken(list, io_error(error)))?;
        let texts: Vec<_> = first.iter().map(String::from_utf8_lossy).collect();
        let is_header = texts
            .iter()
            .any(|text| Column::of_name(text) == Some(Column::Url));
        let columns = if is_header || is_empty {
            columns::of_names(&texts).map_err(|two| SourceError::TwoColumns {
                list: list.to_owned(),
                names: two.names,
                exact: two.exact,
            })?
        } else {
            columns_of_addresses(&texts).ok_or_else(|| SourceError::NoUrlColumn {
                list: list.to_owned(),
                first: texts.join(",").chars().take(SHOWN).collect(),
            })?
        };
        Ok(Self {
            reader,
            budget,
            before,
            line: 1,
            columns,
            are_named: is_header,
            first: (!is_header && !is_empty).then_some(first),
        })
    }

    pub(super) fn next_record(&mut self) -> io::Result<Option<Record>> {
        let mut row = csv::ByteRecord::new();
        if let Some(first) = self.first.take() {
            row = first;
        } else {
            loop {
                self.budget.reset();
                let read = self.reader.read_byte_record(&mut row);
                let after = |error: io::Error| {
                    let text = format!("after line {}: {error}", self.line);
                    io::Error::new(error.kind(), text)
                };
                if !read.map_err(io_error).map_err(after)? {
                    return Ok(None);
                }
                let is_blank =
                    row.len() == 1 && row.iter().all(|cell| cell.trim_ascii().is_empty());
                if !is_blank {
                    break;
                }
            }
        }
        let line = self.before + row.position().map_or(0, csv::Position::line);
        self.line = line;
        if self.is_unclosed(&row) {
            let text = format!(
                "a quotation mark opens in the record on line {line} that is never closed: the rest of the list is \
                 within it"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Some(self.record(&row, line)))
    }

    /// Whether the list ends within quotation marks that opened in this record. Marks within a cell that is not
    /// quoted count as well, so that only a last record of several lines can be one.
    fn is_unclosed(&self, row: &csv::ByteRecord) -> bool {
        self.reader.is_done()
            && self.budget.has_odd_quote()
            && row.iter().any(|cell| cell.contains(&b'\n'))
    }

    fn record(&self, row: &csv::ByteRecord, line: u64) -> Record {
        let mut guessed = false;
        let mut fields = Fields {
            has_label_field: self.columns.contains(&Some(Column::Label)),
            ..Fields::default()
        };
        let beyond = row.iter().skip(self.columns.len());
        if self.are_named && beyond.into_iter().any(|cell| !cell.trim_ascii().is_empty()) {
            let text = format!(
                "has {}, and the list has {}: an address or a label that holds the separator needs \
                 quotation marks around it",
                counted(row.len(), "cell"),
                counted(self.columns.len(), "column")
            );
            return Record::new(line, Err(text), guessed);
        }
        for (bytes, column) in row.iter().zip(&self.columns) {
            let Some(column) = column else { continue };
            match text_of(bytes, &mut guessed) {
                Ok(text) => fields.set(*column, &text),
                Err(problem) => return Record::new(line, Err(problem), guessed),
            }
        }
        Record::new(line, Ok(fields), guessed)
    }
}

/// The columns of a table without names, by the address in its first row.
fn columns_of_addresses(row: &[impl AsRef<str>]) -> Option<Vec<Option<Column>>> {
    let is_address = |text: &str| super::absolute(text.trim()).is_ok();
    let address = row.iter().position(|text| is_address(text.as_ref()))?;
    let mut columns = vec![None; row.len()];
    columns[address] = Some(Column::Url);
    if let Some(column) = columns.get_mut(label_beside(address)) {
        *column = Some(Column::Label);
    }
    Some(columns)
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, format!("{other:?}")),
    }
}
