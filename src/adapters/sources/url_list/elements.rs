//! The elements of a JSON array, one after the other, without holding the array.

use std::io::{self, BufRead};

use super::lines::LONGEST_RECORD;

/// Walks through an array that a stream holds.
pub(super) struct Elements<R> {
    reader: R,
    line: u64,
    begun: bool,
    ended: bool,
}

/// One element: the line that it begins on, and its text.
pub(super) struct Element {
    pub(super) line: u64,
    pub(super) text: Vec<u8>,
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: 1,
            begun: false,
            ended: false,
        }
    }

    /// The next element, or `None` after the array's end. If the stream ends within an element, its
    /// beginning is returned: it is not valid JSON.
    pub(super) fn next_element(&mut self) -> io::Result<Option<Element>> {
        while !self.ended {
            let Some(byte) = self.read_byte()? else {
                self.ended = true;
                break;
            };
            match byte {
                b'[' if !self.begun => self.begun = true,
                b']' => self.ended = true,
                b',' => {}
                byte if byte.is_ascii_whitespace() => {}
                byte => return self.read_element(byte).map(Some),
            }
        }
        Ok(None)
    }

    fn read_element(&mut self, first: u8) -> io::Result<Element> {
        let line = self.line;
        let mut text = vec![first];
        let mut depth = u32::from(matches!(first, b'{' | b'['));
        let mut in_string = first == b'"';
        let mut escaped = false;
        while let Some(byte) = self.peek()? {
            if !in_string && depth == 0 && (text[0] == b'"' || is_separator(byte)) {
                break;
            }
            self.read_byte()?;
            if text.len() < LONGEST_RECORD {
                text.push(byte);
            }
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        Ok(Element { line, text })
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    fn read_byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        if self.reader.read(&mut byte)? == 0 {
            return Ok(None);
        }
        self.line += u64::from(byte[0] == b'\n');
        Ok(Some(byte[0]))
    }
}

fn is_separator(byte: u8) -> bool {
    byte == b',' || byte == b']' || byte.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Vec<(u64, String)> {
        let mut elements = Elements::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(element) = elements.next_element().expect("reads") {
            let text = String::from_utf8(element.text).expect("is text");
            all.push((element.line, text));
        }
        all
    }

    #[test]
    fn strings_objects_and_scalars_are_separated() {
        let text = "[\n\"a,]\\\"b\", {\"x\": [1, \"}\"]},\n17,null , \"c\"]";
        let expected = [
            (2, "\"a,]\\\"b\""),
            (2, "{\"x\": [1, \"}\"]}"),
            (3, "17"),
            (3, "null"),
            (3, "\"c\""),
        ];
        let expected = expected.map(|(line, text)| (line, text.to_owned()));
        assert_eq!(elements(text), expected);
    }

    #[test]
    fn a_truncated_array_gives_its_incomplete_element() {
        assert_eq!(
            elements("[\"a\", {\"url\": \"htt"),
            [(1, "\"a\"".to_owned()), (1, "{\"url\": \"htt".to_owned())]
        );
        assert_eq!(elements("[]"), []);
        assert_eq!(elements("["), []);
    }
}
