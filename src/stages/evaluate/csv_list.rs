//! Lists in CSV files, row by row with their lines.

use std::io::{self, BufRead, BufReader, Seek};
use std::path::Path;

use serde::de::DeserializeOwned;

use super::EvaluateError;

/// What may separate columns; spreadsheets of many countries write semicolons.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The rows of a list and their lines, from 1; columns that a row does not name are passed over, and large letters in
/// the names of columns count as small ones. `unusable` makes the error of a list that can't be understood.
pub(super) fn rows<Row: DeserializeOwned>(
    list: &Path,
    unusable: impl Fn(csv::Error) -> EvaluateError,
) -> Result<Vec<(u64, Row)>, EvaluateError> {
    // A pipe would be waited for without end.
    if !fs_err::metadata(list)?.is_file() {
        let problem = format!("`{}` is not a file", list.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem).into());
    }
    let mut file = BufReader::new(fs_err::File::open(list)?);
    let separator = separator(&mut file)?;
    file.rewind()?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .delimiter(separator)
        .from_reader(file);
    let headers = reader.headers().map_err(&unusable)?;
    let headers: csv::StringRecord = headers.iter().map(str::to_lowercase).collect();
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(&unusable)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = record.deserialize(Some(&headers)).map_err(&unusable)?;
        rows.push((line, row));
    }
    Ok(rows)
}

/// The separator that the first line has most of; a comma where it has none.
fn separator(list: &mut impl BufRead) -> io::Result<u8> {
    /// Longest first line that is looked at.
    const MOST: u64 = 1 << 16;
    let mut first = Vec::new();
    io::Read::take(list, MOST).read_until(b'\n', &mut first)?;
    let count = |separator: &u8| first.iter().filter(|byte| *byte == separator).count();
    // Of equally many the first.
    let most = SEPARATORS
        .iter()
        .rev()
        .max_by_key(|separator| count(separator));
    Ok(*most.unwrap_or(&b','))
}
