//! The records of a list, in any format.

use std::ffi::OsStr;
use std::io::{self, BufRead};

use serde_json::Value;

use super::SHOWN;
use super::bounded::{Bounded, Budget};
use super::elements::Elements;
use super::lines::{LONGEST_RECORD, read_line};
use crate::sources::text::plain_text;
use facepipe_core::ports::SourceError;

type Reader = Box<dyn BufRead + Send>;

/// The format of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An address a line, then optionally a label; `#` begins a comment.
    Text,
    /// Columns separated by this byte.
    Table(u8),
    /// JSON: an array, or a value a line.
    Json,
}

impl Form {
    /// The format by a file's extension.
    pub(super) fn of_extension(extension: &OsStr) -> Option<Self> {
        match extension.to_str()?.to_ascii_lowercase().as_str() {
            "txt" | "text" | "lst" => Some(Self::Text),
            "csv" => Some(Self::Table(b',')),
            "tsv" | "tab" => Some(Self::Table(b'\t')),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            _ => None,
        }
    }

    /// The format by a list's first bytes.
    fn of_content(start: &[u8]) -> Self {
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        if matches!(first, Some(b'[' | b'{')) {
            return Self::Json;
        }
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or(start);
        let line = String::from_utf8_lossy(line);
        for delimiter in [b'\t', b','] {
            let mut names = line.split(char::from(delimiter));
            if names.any(|name| Column::of_name(name) == Some(Column::Url)) {
                return Self::Table(delimiter);
            }
        }
        Self::Text
    }
}

/// One record of a list.
pub(super) struct Record {
    /// The line that it begins on, from 1.
    pub(super) line: u64,
    /// Its fields, or why it has none.
    pub(super) fields: Result<Fields, String>,
}

/// The fields of a record.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) url: String,
    pub(super) label: Option<String>,
    /// Whether the record has a field for a label, empty or not.
    pub(super) has_label_field: bool,
    pub(super) page_url: Option<String>,
    pub(super) license: Option<String>,
    pub(super) license_url: Option<String>,
    pub(super) author: Option<String>,
    pub(super) attribution: Option<String>,
    pub(super) title: Option<String>,
}

impl Fields {
    fn set(&mut self, column: Column, text: &str) {
        let text = text.trim();
        let value = (!text.is_empty()).then(|| text.to_owned());
        match column {
            Column::Url => self.url = text.to_owned(),
            Column::Label => {
                self.has_label_field = true;
                self.label = value;
            }
            Column::PageUrl => self.page_url = value,
            Column::License => self.license = value,
            Column::LicenseUrl => self.license_url = value,
            Column::Author => self.author = plain_text(text),
            Column::Attribution => self.attribution = plain_text(text),
            Column::Title => self.title = plain_text(text),
        }
    }
}

/// A known field of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Url,
    Label,
    PageUrl,
    License,
    LicenseUrl,
    Author,
    Attribution,
    Title,
}

impl Column {
    fn of_name(name: &str) -> Option<Self> {
        let name = name.trim().trim_matches('"').to_lowercase();
        match name.replace([' ', '-'], "_").as_str() {
            "url" | "image_url" | "imageurl" | "image" | "link" | "uri" => Some(Self::Url),
            "label" | "class" | "person" | "name" | "identity" => Some(Self::Label),
            "page_url" | "page" | "foreign_landing_url" => Some(Self::PageUrl),
            "license" | "licence" => Some(Self::License),
            "license_url" | "licence_url" => Some(Self::LicenseUrl),
            "author" | "creator" | "artist" | "photographer" => Some(Self::Author),
            "attribution" | "credit" => Some(Self::Attribution),
            "title" => Some(Self::Title),
            _ => None,
        }
    }
}

/// Reads a list record by record.
pub(super) enum Records {
    Lines {
        reader: Reader,
        json: bool,
        line: u64,
    },
    Array(Elements<Reader>),
    Table(Box<Table>),
}

/// A list with columns.
pub(super) struct Table {
    reader: csv::Reader<Bounded<Reader>>,
    /// How much was read of the current record.
    budget: Budget,
    /// The line of the previous record.
    line: u64,
    columns: Vec<Option<Column>>,
    /// The first record, unless it is a header.
    first: Option<csv::ByteRecord>,
}

impl Records {
    /// Begins to read a list; `form` is `None` where its content has to decide.
    pub(super) fn new(
        mut reader: Reader,
        form: Option<Form>,
        list: &str,
    ) -> Result<Self, SourceError> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        if reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            reader.consume(BYTE_ORDER_MARK.len());
        }
        let start = reader.fill_buf()?;
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        let is_array = first == Some(&b'[');
        Ok(match form.unwrap_or_else(|| Form::of_content(start)) {
            Form::Json if is_array => Self::Array(Elements::new(reader)),
            Form::Table(delimiter) => Self::Table(Box::new(Table::new(reader, delimiter, list)?)),
            form => Self::Lines {
                reader,
                json: form == Form::Json,
                line: 0,
            },
        })
    }

    /// The next record, or `None` at the list's end. Empty lines and comments are no records.
    pub(super) fn next_record(&mut self) -> io::Result<Option<Record>> {
        match self {
            Self::Lines { reader, json, line } => {
                let mut bytes = Vec::new();
                while read_line(reader, &mut bytes)? {
                    *line += 1;
                    let fields = match text_of(&bytes) {
                        Ok("") => continue,
                        Ok(text) if *json => fields_of_json(text.as_bytes()),
                        Ok(text) if text.starts_with('#') => continue,
                        Ok(text) => Ok(fields_of_line(text)),
                        Err(problem) => Err(problem),
                    };
                    let line = *line;
                    return Ok(Some(Record { line, fields }));
                }
                Ok(None)
            }
            Self::Array(elements) => {
                let element = elements.next_element()?;
                Ok(element.map(|element| Record {
                    line: element.line,
                    fields: text_of(&element.text).and_then(|text| fields_of_json(text.as_bytes())),
                }))
            }
            Self::Table(table) => table.next_record(),
        }
    }
}

impl Table {
    fn new(reader: Reader, delimiter: u8, list: &str) -> Result<Self, SourceError> {
        let (reader, budget) = Bounded::new(reader);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(reader);
        let mut first = csv::ByteRecord::new();
        let read = reader.read_byte_record(&mut first);
        let is_empty = !read.map_err(|error| super::broken(list, io_error(error)))?;
        let texts: Vec<_> = first.iter().map(String::from_utf8_lossy).collect();
        let mut columns: Vec<_> = texts.iter().map(|text| Column::of_name(text)).collect();
        let is_header = columns.contains(&Some(Column::Url));
        if !is_header && !is_empty {
            let is_address = |text: &str| super::absolute(text.trim()).is_ok();
            let url = texts.iter().position(|text| is_address(text));
            let Some(url) = url else {
                return Err(SourceError::NoUrlColumn {
                    list: list.to_owned(),
                    first: texts.join(",").chars().take(SHOWN).collect(),
                });
            };
            columns = vec![None; texts.len()];
            columns[url] = Some(Column::Url);
            // Without names, the column beside the address is the label.
            let label = if url == 0 { 1 } else { url - 1 };
            if let Some(column) = columns.get_mut(label) {
                *column = Some(Column::Label);
            }
        }
        Ok(Self {
            reader,
            budget,
            line: 1,
            columns,
            first: (!is_header && !is_empty).then_some(first),
        })
    }

    fn next_record(&mut self) -> io::Result<Option<Record>> {
        let mut row = csv::ByteRecord::new();
        if let Some(first) = self.first.take() {
            row = first;
        } else {
            self.budget.reset();
            let read = self.reader.read_byte_record(&mut row);
            let after = |error: io::Error| {
                let text = format!("after line {}: {error}", self.line);
                io::Error::new(error.kind(), text)
            };
            if !read.map_err(io_error).map_err(after)? {
                return Ok(None);
            }
        }
        let line = row.position().map_or(0, csv::Position::line);
        self.line = line;
        let mut fields = Fields {
            has_label_field: self.columns.contains(&Some(Column::Label)),
            ..Fields::default()
        };
        for (bytes, column) in row.iter().zip(&self.columns) {
            if let Some(column) = column {
                match text_of(bytes) {
                    Ok(text) => fields.set(*column, text),
                    Err(problem) => {
                        let fields = Err(problem);
                        return Ok(Some(Record { line, fields }));
                    }
                }
            }
        }
        let fields = Ok(fields);
        Ok(Some(Record { line, fields }))
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, format!("{other:?}")),
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, String> {
    if bytes.len() >= LONGEST_RECORD {
        return Err(format!("longer than {LONGEST_RECORD} bytes"));
    }
    str::from_utf8(bytes)
        .map(str::trim)
        .map_err(|_| "not UTF-8 text".to_owned())
}

/// `ADDRESS`, or `ADDRESS LABEL` with white space between.
fn fields_of_line(text: &str) -> Fields {
    let (url, label) = match text.split_once(char::is_whitespace) {
        Some((url, label)) => (url, Some(label.trim().to_owned())),
        None => (text, None),
    };
    Fields {
        url: url.to_owned(),
        has_label_field: label.is_some(),
        label,
        ..Fields::default()
    }
}

/// `"ADDRESS"` or `{"url": "ADDRESS", …}`.
fn fields_of_json(text: &[u8]) -> Result<Fields, String> {
    let value = serde_json::from_slice(text).map_err(|error| format!("not JSON: {error}"))?;
    let mut fields = Fields::default();
    match value {
        Value::String(url) => fields.set(Column::Url, &url),
        Value::Object(members) => {
            fields.has_label_field = true;
            let mut has_url = false;
            for (name, value) in &members {
                let Some(column) = Column::of_name(name) else {
                    continue;
                };
                match value {
                    Value::String(text) => {
                        has_url |= column == Column::Url;
                        fields.set(column, text);
                    }
                    // Labels are often numbers.
                    Value::Number(number) => fields.set(column, &number.to_string()),
                    _ => {}
                }
            }
            if !has_url {
                return Err("has no field `url`".to_owned());
            }
        }
        _ => return Err("neither an address nor an object with a field `url`".to_owned()),
    }
    Ok(fields)
}
