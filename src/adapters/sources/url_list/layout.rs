//! How a list is laid out: its format and separator.

use std::ffi::OsStr;

use super::absolute;
use super::columns::Column;

/// What separates columns, the usual ones first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Ends of the names of picture files: such a cell is a part of an address and no label.
const PICTURES: [&str; 6] = [".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp"];
/// Lines of a list without names by which its separator is recognised.
const LOOKED_AT: usize = 20;

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

    /// The format by a list's first bytes; those of a known extension are tables with the separator
    /// that they have.
    pub(super) fn of_content(start: &[u8], known: Option<Self>) -> Self {
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        match known {
            None if matches!(first, Some(b'[' | b'{')) => return Self::Json,
            Some(Self::Json) => return Self::Json,
            _ => {}
        }
        let separator = named_separator(start)
            .or_else(|| separator_of_names(start, known))
            .or_else(|| separator_of_cells(start, known));
        match (separator, known) {
            (Some(separator), _) => Self::Table(separator),
            (None, Some(known)) => known,
            (None, None) => Self::Text,
        }
    }
}

/// The separators to try, that of the extension first.
fn separators(known: Option<Form>) -> impl Iterator<Item = u8> {
    let first = match known {
        Some(Form::Table(separator)) => Some(separator),
        _ => None,
    };
    first.into_iter().chain(
        SEPARATORS
            .into_iter()
            .filter(move |one| Some(*one) != first),
    )
}

/// The separator of a first line `sep=;`, as spreadsheets write it.
pub(super) fn named_separator(start: &[u8]) -> Option<u8> {
    let line = start.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    match line.trim_ascii_end() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] => Some(*separator),
        // A tab is a blank at the line's end.
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] if line.ends_with(b"\t") => Some(b'\t'),
        _ => None,
    }
}

/// The separator that parts the first line into names of which one is of an address.
fn separator_of_names(start: &[u8], known: Option<Form>) -> Option<u8> {
    let line = start.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    let line = String::from_utf8_lossy(line);
    separators(known).find(|separator| {
        let mut names = line.split(char::from(*separator));
        let is_alone = !line.contains(char::from(*separator));
        let is_table = matches!(known, Some(Form::Table(_)));
        names.any(|name| Column::of_name(name) == Some(Column::Url)) && (!is_alone || is_table)
    })
}

/// The separator that parts each of the first lines into as many cells, with an address in the same one and
/// a label beside it. Addresses may hold separators too: those are not parted in all lines alike, or end in a
/// picture's name.
fn separator_of_cells(start: &[u8], known: Option<Form>) -> Option<u8> {
    let text = String::from_utf8_lossy(start);
    let mut lines: Vec<&str> = text.split(['\n', '\r']).map(str::trim).collect();
    // The last one may be cut.
    if lines.len() > 1 {
        lines.pop();
    }
    lines.retain(|line| !line.is_empty() && !line.starts_with('#'));
    lines.truncate(LOOKED_AT);
    let form_of = |line: &str, separator: u8| {
        let cells: Vec<&str> = line.split(char::from(separator)).map(str::trim).collect();
        let is_address = |cell: &str| {
            let cell = cell.trim_matches('"');
            !cell.contains(char::is_whitespace) && absolute(cell).is_ok()
        };
        let address = cells.iter().position(|cell| is_address(cell))?;
        let label = cells.get(label_beside(address))?;
        let is_of_address = |cell: &str| {
            let small = cell.to_lowercase();
            small.contains(['/', '&', '='])
                || PICTURES.iter().any(|end| small.ends_with(end))
                // `…/1.jpg?resize=640,480`
                || (cells[address].contains('?') && small.parse::<f64>().is_ok())
        };
        let mut others = cells.iter().enumerate().filter(|(at, _)| *at != address);
        // A list whose extension says that it is a table may have more addresses, of pages say.
        let is_table = matches!(known, Some(Form::Table(_)));
        let is_label = !label.is_empty()
            && !is_address(label)
            && !is_of_address(label)
            && (is_table || !others.any(|(_, cell)| is_of_address(cell)));
        is_label.then_some((cells.len(), address))
    };
    separators(known).find(|separator| {
        let mut forms = lines.iter().map(|line| form_of(line, *separator));
        match forms.next() {
            Some(Some(first)) => forms.all(|form| form == Some(first)),
            _ => false,
        }
    })
}

/// Where a list has no names: the column beside the address is the label.
pub(super) const fn label_beside(address: usize) -> usize {
    if address == 0 { 1 } else { address - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_one_that_the_list_has() {
        let csv = Form::of_extension("csv".as_ref());
        let txt = Form::of_extension("txt".as_ref());
        for (text, known, expected) in [
            ("url,label\n", csv, Form::Table(b',')),
            ("url\n", csv, Form::Table(b',')),
            ("url;label\r\n", csv, Form::Table(b';')),
            ("sep=;\r\nurl;label\r\n", csv, Form::Table(b';')),
            ("sep=\t\nurl\tlabel\n", None, Form::Table(b'\t')),
            ("url|label\n", None, Form::Table(b'|')),
            (
                "http://a.org/1.jpg;ann\nhttp://a.org/2.jpg;bob\n",
                csv,
                Form::Table(b';'),
            ),
            (
                "http://a.org/1.jpg,ann\n# x\nhttp://a.org/2.jpg,bob\n",
                txt,
                Form::Table(b','),
            ),
            ("ann,http://a.org/1.jpg", None, Form::Table(b',')),
            (
                "http://a.org/1,2.jpg\nhttp://a.org/3,4.jpg\n",
                None,
                Form::Text,
            ),
            (
                "http://a.org/1,2.jpg\nhttp://a.org/3.jpg\n",
                txt,
                Form::Text,
            ),
            ("http://a.org/1.jpg ann\n", None, Form::Text),
            // Parameters of services that resize pictures.
            (
                "http://a.org/w_400,h_300,c_fill/1.jpg\nhttp://a.org/w_400,h_300,c_fill/2.jpg\n",
                txt,
                Form::Text,
            ),
            ("http://a.org/1.jpg?resize=640,480&x=1\n", txt, Form::Text),
            ("http://a.org/1.jpg?crop=640,480\n", None, Form::Text),
            (
                "http://a.org/1.jpg;v=1\nhttp://a.org/2.jpg;v=2\n",
                txt,
                Form::Text,
            ),
            (
                "http://a.org/1.jpg,ann,http://a.org/page\n",
                csv,
                Form::Table(b','),
            ),
            ("http://a.org/1.jpg Doe, Ann\n", None, Form::Text),
            ("url\n", None, Form::Text),
            (" [\"http://a.org/1.jpg\"]", None, Form::Json),
        ] {
            assert_eq!(
                Form::of_content(text.as_bytes(), known),
                expected,
                "{text:?}"
            );
        }
    }
}
