//! Records in JSON: a value a line, or one that takes several lines.

use std::collections::VecDeque;
use std::io;

use serde_json::Value;

use super::columns::{self, Column, Fields};
use super::encoding::text_of;
use super::lines::{LONGEST_RECORD, read_line};
use super::records::{Reader, Record};

/// Lines that one value may take: printed for people, records of images take a few dozen.
const MOST_LINES: usize = 1000;

/// Reads values from lines.
pub(super) struct JsonLines {
    reader: Reader,
    /// The number of lines read.
    line: u64,
    /// Lines that were read and not used, with their numbers.
    pending: VecDeque<(u64, Vec<u8>)>,
}

impl JsonLines {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            line: 0,
            pending: VecDeque::new(),
        }
    }

    /// The next value. Where a line ends within one, the next lines belong to it; if they don't complete it,
    /// the first line is a broken record of its own.
    pub(super) fn next_record(&mut self) -> io::Result<Option<Record>> {
        let Some((line, first)) = self.next_line()? else {
            return Ok(None);
        };
        let mut nesting = Nesting::default();
        let mut whole = first.clone();
        let mut more = Vec::new();
        nesting.read(&first);
        while nesting.is_open() && more.len() < MOST_LINES && whole.len() < LONGEST_RECORD {
            let Some(next) = self.next_line()? else { break };
            nesting.read(&next.1);
            whole.push(b'\n');
            whole.extend(&next.1);
            more.push(next);
        }
        if (nesting.depth > 0 || nesting.is_broken) && !more.is_empty() {
            for line in more.into_iter().rev() {
                self.pending.push_front(line);
            }
            whole = first;
        }
        let mut guessed = false;
        let fields = text_of(&whole, &mut guessed).and_then(|text| fields_of(text.as_bytes()));
        Ok(Some(Record::new(line, fields, guessed)))
    }

    /// The next line that is not blank.
    fn next_line(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        if let Some(pending) = self.pending.pop_front() {
            return Ok(Some(pending));
        }
        let mut bytes = Vec::new();
        while read_line(&mut self.reader, &mut bytes)? {
            self.line += 1;
            if !bytes.trim_ascii().is_empty() {
                return Ok(Some((self.line, bytes)));
            }
        }
        Ok(None)
    }
}

/// How deep in objects and arrays a text ends.
#[derive(Debug, Default)]
struct Nesting {
    depth: u32,
    in_string: bool,
    escaped: bool,
    is_broken: bool,
}

impl Nesting {
    /// Reads a line.
    fn read(&mut self, line: &[u8]) {
        for byte in line {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        // JSON's strings end on their line.
        self.is_broken |= self.in_string;
    }

    /// Whether more lines may complete the value.
    fn is_open(&self) -> bool {
        self.depth > 0 && !self.is_broken
    }
}

/// `"ADDRESS"` or `{"url": "ADDRESS", …}`.
pub(super) fn fields_of(text: &[u8]) -> Result<Fields, String> {
    let value = serde_json::from_slice(text).map_err(|error| format!("not JSON: {error}"))?;
    let mut fields = Fields::default();
    let members = match value {
        Value::String(url) => {
            fields.set(Column::Url, &url);
            return Ok(fields);
        }
        Value::Object(members) => members,
        _ => return Err("neither an address nor an object with a field `url`".to_owned()),
    };
    let texts: Vec<(&String, String)> = members
        .iter()
        .filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text.clone())),
            // Labels are often numbers.
            Value::Number(number) => Some((name, number.to_string())),
            _ => None,
        })
        .collect();
    let names: Vec<&str> = texts.iter().map(|(name, _)| name.as_str()).collect();
    let columns = columns::of_names(&names).map_err(|two| {
        let [a, b] = &two.names;
        format!(
            "has two fields that may be the `{}`: `{a}` and `{b}`",
            two.exact
        )
    })?;
    let url = columns
        .iter()
        .position(|column| *column == Some(Column::Url));
    if !url.is_some_and(|at| members.get(names[at]).is_some_and(Value::is_string)) {
        let inner = members.iter().find(|(_, value)| value.is_array());
        return Err(match inner {
            Some((name, _)) => {
                format!("has no field `url`; if its records are in `{name}`, give that list alone")
            }
            None => "has no field `url`".to_owned(),
        });
    }
    let is_no_text =
        |value: &Value| matches!(value, Value::Array(_) | Value::Object(_) | Value::Bool(_));
    // Beside a label in a text, only a field of the very name goes before it.
    let has_label = columns.contains(&Some(Column::Label));
    let is_label = |name: &str| match has_label {
        true => Column::Label.is_called(name),
        false => Column::of_name(name) == Some(Column::Label),
    };
    let mut odd = members.iter().filter(|(_, value)| is_no_text(value));
    if let Some((name, _)) = odd.find(|(name, _)| is_label(name)) {
        return Err(format!("its `{name}` is neither a text nor a number"));
    }
    for ((_, text), column) in texts.iter().zip(columns) {
        if let Some(column) = column {
            fields.set(column, text);
        }
    }
    fields.has_label_field = true;
    Ok(fields)
}
