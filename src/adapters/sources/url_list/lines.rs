//! Lines of a stream, of bounded length.

use std::io::{self, BufRead, Read};

/// Longest record in bytes; browsers and servers give up on addresses of a hundredth of it.
pub(super) const LONGEST_RECORD: usize = 1 << 20;

/// Reads one line without its line break into `line`, which keeps at most [`LONGEST_RECORD`] bytes;
/// the remainder of a longer line is skipped. Returns whether there was a line.
pub(super) fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let limit = LONGEST_RECORD as u64;
    let read = reader.by_ref().take(limit).read_until(b'\n', line)?;
    if read == LONGEST_RECORD && line.last() != Some(&b'\n') {
        skip_line(reader)?;
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Ok(read > 0)
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        let line_break = piece.iter().position(|byte| *byte == b'\n');
        let used = line_break.map_or(piece.len(), |index| index + 1);
        reader.consume(used);
        if line_break.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_longer_than_the_limit_is_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; LONGEST_RECORD + 200_000];
        text.extend_from_slice(b"\r\nnext\r\n");
        let mut reader = io::BufReader::new(text.as_slice());
        let mut line = Vec::new();
        assert!(read_line(&mut reader, &mut line).expect("reads"));
        assert_eq!(line.len(), LONGEST_RECORD);
        assert!(read_line(&mut reader, &mut line).expect("reads"));
        assert_eq!(line, b"next");
        assert!(!read_line(&mut reader, &mut line).expect("reads"));
    }
}
