//! The data set as tables: `splits.csv` and, where folds were requested, `folds.csv`.

use std::io;
use std::path::Path;

use serde::Serialize;

use facepipe_core::artifacts::atomic;
use facepipe_core::types::SplitRecord;

/// All images with their sides, as CSV.
pub const SPLITS_FILE: &str = "splits.csv";
/// The images that are not test with their folds, as CSV.
pub const FOLDS_FILE: &str = "folds.csv";

#[derive(Serialize)]
struct SplitRow<'record> {
    file: &'record str,
    label: &'record str,
    split: String,
    group: &'record str,
    source: &'record str,
    photo: Option<&'record str>,
    origin: Option<&'record str>,
    made: Option<i64>,
    md5: &'record str,
}

#[derive(Serialize)]
struct FoldRow<'record> {
    file: &'record str,
    label: &'record str,
    group: &'record str,
    fold: u32,
}

/// Writes both tables; removes an older table of folds that was not requested now.
pub(super) fn write(out: &Path, manifest: &[SplitRecord], folds: bool) -> io::Result<()> {
    let rows = manifest.iter().map(|record| SplitRow {
        file: &record.file,
        label: &record.label,
        split: record.split.to_string(),
        group: &record.group,
        source: &record.source,
        photo: record.photo.as_deref(),
        origin: record.origin.as_deref(),
        made: record.made.map(|made| made.seconds),
        md5: &record.md5,
    });
    write_table(&out.join(SPLITS_FILE), rows)?;
    let path = out.join(FOLDS_FILE);
    if folds {
        let rows = manifest.iter().filter_map(|record| {
            Some(FoldRow {
                file: &record.file,
                label: &record.label,
                group: &record.group,
                fold: record.fold?,
            })
        });
        return write_table(&path, rows);
    }
    atomic::remove_if_there(&path)
}

fn write_table(path: &Path, rows: impl Iterator<Item = impl Serialize>) -> io::Result<()> {
    atomic::write_with(path, |file| {
        let mut table = csv::Writer::from_writer(io::BufWriter::new(file));
        for row in rows {
            table.serialize(row).map_err(io::Error::other)?;
        }
        table.flush()
    })
}
