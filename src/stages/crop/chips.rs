//! The faces of finished crops as aligned chips in a network's input size, for other programs.

use std::collections::BTreeSet;
use std::path::Path;

use super::CropError;
use facepipe_core::artifacts::apart::ensure_apart;
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::jsonl;
use facepipe_core::artifacts::stage::{self, MANIFEST_FILE};
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::{ChipForm, CropRecord};
use facepipe_faces::face_chip;
use facepipe_imaging::image_io;

/// The list of chips: `file`, `label`, `photo`, `face`.
pub const CHIPS_FILE: &str = "chips.csv";

/// Writes the chip of every crop to `to`, below the crop's own path; returns how many. They are, byte for byte, the
/// pixels that a network of this form gets in training. Chips of an earlier call whose crops are gone are removed.
///
/// # Errors
/// [`CropError`].
pub fn write_chips(
    crops: &Path,
    to: &Path,
    form: ChipForm,
    context: &Context,
) -> Result<usize, CropError> {
    stage::ensure_finished(crops)?;
    ensure_apart(crops, to)?;
    let list = to.join(CHIPS_FILE);
    let before = listed(&list)?;
    let is_others = before.is_none() && to.is_dir() && fs_err::read_dir(to)?.next().is_some();
    if is_others {
        return Err(CropError::ForeignChips(to.to_owned()));
    }
    let records: Vec<CropRecord> = jsonl::read(&crops.join(MANIFEST_FILE))?;
    let now: BTreeSet<&str> = records.iter().map(|record| record.file.as_str()).collect();
    for gone in before
        .iter()
        .flatten()
        .filter(|file| !now.contains(file.as_str()))
    {
        atomic::remove_if_there(&to.join(gone))?;
    }
    for record in &records {
        fs_err::create_dir_all(to.join(&record.label))?;
    }
    // Before the chips: what a killed call wrote is known to be ours.
    write_list(&list, &records)?;
    let bar = context.progress.start("chips", Some(records.len() as u64));
    parallel::for_each(
        &records,
        context.threads,
        || Ok::<_, CropError>(()),
        |(), record| write_chip(record, crops, to, form),
        |_, written| {
            context.interrupt.check()?;
            bar.advance(1);
            written
        },
    )?;
    Ok(records.len())
}

fn write_chip(
    record: &CropRecord,
    crops: &Path,
    to: &Path,
    form: ChipForm,
) -> Result<(), CropError> {
    let bytes = fs_err::read(crops.join(&record.file))?;
    let crop = image_io::decode(&bytes).map_err(|error| CropError::DamagedCrop {
        file: record.file.clone(),
        message: error.to_string(),
    })?;
    let chip = face_chip::chip_in(&crop.rgb, record.place.as_ref(), form);
    let bytes = image_io::encode_png(&chip).map_err(std::io::Error::other)?;
    Ok(atomic::write_bulk(&to.join(&record.file), &bytes)?)
}

/// The files of an earlier list; `None` where there is none.
fn listed(list: &Path) -> Result<Option<Vec<String>>, CropError> {
    if !list.exists() {
        return Ok(None);
    }
    let mut reader = csv::Reader::from_reader(fs_err::File::open(list)?);
    let rows = reader.records().filter_map(Result::ok);
    let files = rows.filter_map(|row| row.get(0).map(str::to_owned));
    // A list that was edited must not lead out of the folder.
    let is_below = |file: &String| !file.split('/').any(|part| part == ".." || part.is_empty());
    Ok(Some(files.filter(is_below).collect()))
}

fn write_list(list: &Path, records: &[CropRecord]) -> Result<(), CropError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let row = |writer: &mut csv::Writer<Vec<u8>>, fields: [&str; 4]| {
        writer.write_record(fields).map_err(std::io::Error::other)
    };
    row(&mut writer, ["file", "label", "photo", "face"])?;
    for record in records {
        let face = record.face.map(|face| face.to_string()).unwrap_or_default();
        row(
            &mut writer,
            [&record.file, &record.label, &record.source.file, &face],
        )?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    if let Some(folder) = list.parent() {
        fs_err::create_dir_all(folder)?;
    }
    Ok(atomic::write(list, &bytes)?)
}
