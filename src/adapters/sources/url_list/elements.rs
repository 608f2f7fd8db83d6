//! The elements of JSON arrays, one after the other, without holding an array.

use std::io::{self, BufRead};

use super::lines::LONGEST_RECORD;

/// Walks through the arrays that a stream holds, one behind the other: pages of answers that were put into one file.
pub(super) struct Elements<R> {
    reader: R,
    line: u64,
    /// The line on which the array begins that is being read.
    inside: Option<u64>,
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
            inside: None,
        }
    }

    /// The next element, or `None` after the last array's end; what lies between two arrays is an element too. If
    /// the stream ends within an element, its beginning is returned: it is not valid JSON.
    ///
    /// # Errors
    /// The stream ends within an array, or can't be read.
    pub(super) fn next_element(&mut self) -> io::Result<Option<Element>> {
        while let Some(byte) = self.read_byte()? {
            match byte {
                b'[' if self.inside.is_none() => self.inside = Some(self.line),
                b']' => self.inside = None,
                b',' => {}
                byte if byte.is_ascii_whitespace() => {}
                byte => return self.read_element(byte).map(Some),
            }
        }
        match self.inside.take() {
            None => Ok(None),
            Some(line) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it ends within the array that begins on line {line}: it is cut off"),
            )),
        }
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
        if in_string || depth > 0 {
            // The element itself shows that the stream is cut off.
            self.inside = None;
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
        let (all, error) = elements_and_end(text);
        assert_eq!(error, None, "{text}");
        all
    }

    fn elements_and_end(text: &str) -> (Vec<(u64, String)>, Option<String>) {
        let mut elements = Elements::new(text.as_bytes());
        let mut all = Vec::new();
        loop {
            match elements.next_element() {
                Ok(Some(element)) => {
                    let text = String::from_utf8(element.text).expect("is text");
                    all.push((element.line, text));
                }
                Ok(None) => return (all, None),
                Err(error) => return (all, Some(error.to_string())),
            }
        }
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
    }

    #[test]
    fn an_array_that_ends_between_two_elements_is_cut_off() {
        for text in ["[", "[\"a\"", "[\"a\",", "[]\n["] {
            let (_, error) = elements_and_end(text);
            let error = error.unwrap_or_else(|| panic!("{text} is cut"));
            assert!(error.contains("cut off"), "{error}");
        }
    }

    #[test]
    fn arrays_behind_each_other_are_all_read() {
        let expected = [(1, "1"), (2, "2"), (3, "{}")].map(|(line, text)| (line, text.to_owned()));
        assert_eq!(elements("[1]\n[2]\n{}\n"), expected);
    }
}
