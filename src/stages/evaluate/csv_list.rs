//! Lists in CSV files, row by row with their lines.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::EvaluateError;

/// The rows of a list and their lines, from 1; columns that a row does not name are passed over. `unusable` makes the
/// error of a list that can't be understood.
pub(super) fn rows<Row: DeserializeOwned>(
    list: &Path,
    unusable: impl Fn(csv::Error) -> EvaluateError,
) -> Result<Vec<(u64, Row)>, EvaluateError> {
    let file = fs_err::File::open(list)?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(file);
    let headers = reader.headers().map_err(&unusable)?.clone();
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(&unusable)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = record.deserialize(Some(&headers)).map_err(&unusable)?;
        rows.push((line, row));
    }
    Ok(rows)
}
