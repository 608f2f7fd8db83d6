//! The records of a list, in any format.

use std::io::{self, BufRead};

use super::columns::Fields;
use super::elements::Elements;
use super::encoding::text_of;
use super::json::{self, JsonLines};
use super::layout::Form;
use super::lines::read_line;
use super::table::Table;
use facepipe_core::ports::SourceError;

/// The text of a list.
pub(super) type Reader = Box<dyn BufRead + Send>;

/// One record of a list.
pub(super) struct Record {
    /// The line that it begins on, from 1.
    pub(super) line: u64,
    /// Its fields, or why it has none.
    pub(super) fields: Result<Fields, String>,
    /// Whether its text is no UTF-8, and was read by a guess.
    pub(super) guessed: bool,
}

impl Record {
    pub(super) const fn new(line: u64, fields: Result<Fields, String>, guessed: bool) -> Self {
        Self {
            line,
            fields,
            guessed,
        }
    }
}

/// Reads a list record by record.
pub(super) enum Records {
    Lines { reader: Reader, line: u64 },
    Json(JsonLines),
    Array(Elements<Reader>),
    Table(Box<Table>),
}

impl Records {
    /// Begins to read a list; `form` is `None` where its content has to decide.
    pub(super) fn new(
        mut reader: Reader,
        form: Option<Form>,
        list: &str,
    ) -> Result<Self, SourceError> {
        let start = reader.fill_buf()?;
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        let is_array = first == Some(&b'[');
        Ok(match Form::of_content(start, form) {
            Form::Json if is_array => Self::Array(Elements::new(reader)),
            Form::Json => Self::Json(JsonLines::new(reader)),
            Form::Table(separator) => {
                let has_comments = !matches!(form, Some(Form::Table(_)));
                let table = Table::new(reader, separator, has_comments, list)?;
                Self::Table(Box::new(table))
            }
            Form::Text => Self::Lines { reader, line: 0 },
        })
    }

    /// The next record, or `None` at the list's end. Empty lines and comments are no records.
    pub(super) fn next_record(&mut self) -> io::Result<Option<Record>> {
        match self {
            Self::Lines { reader, line } => {
                let mut bytes = Vec::new();
                while read_line(reader, &mut bytes)? {
                    *line += 1;
                    let mut guessed = false;
                    let fields = match text_of(&bytes, &mut guessed).as_deref() {
                        Ok("") => continue,
                        Ok(text) if text.starts_with('#') => continue,
                        Ok(text) => Ok(fields_of_line(text)),
                        Err(problem) => Err(problem.clone()),
                    };
                    return Ok(Some(Record::new(*line, fields, guessed)));
                }
                Ok(None)
            }
            Self::Json(lines) => lines.next_record(),
            Self::Array(elements) => {
                let element = elements.next_element()?;
                Ok(element.map(|element| {
                    let mut guessed = false;
                    let fields = text_of(&element.text, &mut guessed);
                    let fields = fields.and_then(|text| json::fields_of(text.as_bytes()));
                    Record::new(element.line, fields, guessed)
                }))
            }
            Self::Table(table) => table.next_record(),
        }
    }
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
