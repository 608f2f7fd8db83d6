//! The text of a list, whichever encoding it is saved in.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::lines::LONGEST_RECORD;
use super::records::Reader;

/// Most bytes by which a format is recognised.
const START: usize = 1 << 16;
/// Bytes by which UTF-16 without a byte order mark is recognised.
const LOOKED_AT: usize = 64;

/// A reader of the list in UTF-8 where it is in UTF-16, by its byte order mark or, without one, by a zero in
/// every other byte; else of its bytes as they are. A byte order mark is left out.
pub(super) fn decoded(mut reader: Reader) -> io::Result<Reader> {
    let encoding = utf_16_without_mark(reader.fill_buf()?);
    let decoder = DecodeReaderBytesBuilder::new()
        .encoding(encoding)
        .utf8_passthru(true)
        .strip_bom(true)
        .build(reader);
    let mut decoded = BufReader::new(decoder);
    let start = start(&mut decoded)?;
    Ok(Box::new(io::Cursor::new(start).chain(decoded)))
}

/// The first bytes, by which the format is recognised: as many as there are now, but a whole line at least.
fn start(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = vec![0; START];
    let mut length = 0;
    while length < START {
        match reader.read(&mut start[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if start[..length].contains(&b'\n') {
            break;
        }
    }
    start.truncate(length);
    Ok(start)
}

/// Addresses and column names are ASCII, and in UTF-16 half of their bytes are zero.
fn utf_16_without_mark(start: &[u8]) -> Option<&'static Encoding> {
    let start = &start[..start.len().min(LOOKED_AT) & !1];
    let all = |zero: usize| {
        let mut pairs = start.chunks_exact(2);
        start.len() > 2 && pairs.all(|pair| pair[zero] == 0 && pair[1 - zero] != 0)
    };
    match (all(0), all(1)) {
        (true, _) => Some(UTF_16BE),
        (_, true) => Some(UTF_16LE),
        _ => None,
    }
}

/// A cell's or line's text without blanks around it. Bytes that are no UTF-8 are read as Windows-1252, in
/// which spreadsheets of western Windows save: `guessed` is then set.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn text_of<'a>(bytes: &'a [u8], guessed: &mut bool) -> Result<Cow<'a, str>, String> {
    if bytes.len() >= LONGEST_RECORD {
        return Err(format!("longer than {LONGEST_RECORD} bytes"));
    }
    if let Ok(text) = str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text.trim()));
    }
    *guessed = true;
    let (text, _, _) = WINDOWS_1252.decode(bytes);
    Ok(Cow::Owned(text.trim().to_owned()))
}
