//! The data set as WebDataset tar files: `shards/train-000000.tar` and so on.
//!
//! Each image is two or three files of one key: the image, `.cls` (the number of its label in
//! `dataset.json`) and `.json` (its line of the manifest). One image is held in memory at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::digest::sha256_hex;
use facepipe_core::artifacts::given_split::SHARDS_FOLDER;
use facepipe_core::artifacts::stage::OpenStage;
use facepipe_core::context::Context;
use facepipe_core::types::{DataSet, Split, SplitRecord};

use super::{PrepareError, Settings};

/// Writes the tar files of all sides, where the settings ask for them; gives how many each side has. Those of
/// an earlier run that are not written again are removed.
pub(super) fn write(
    open: &OpenStage,
    manifest: &[SplitRecord],
    data_set: &DataSet,
    settings: &Settings,
    context: &Context,
) -> Result<BTreeMap<String, u64>, PrepareError> {
    let folder = open.path(SHARDS_FOLDER);
    let mut counts = BTreeMap::new();
    let mut written = BTreeSet::new();
    if let Some(images) = settings.shards {
        fs_err::create_dir_all(&folder)?;
        let bar = context
            .progress
            .start("shards", Some(manifest.len() as u64));
        for side in Split::ALL {
            let of_side = mixed(manifest, side, settings.seed);
            let images = usize::try_from(images.max(1)).unwrap_or(usize::MAX);
            for (number, part) in of_side.chunks(images).enumerate() {
                let name = format!("{side}-{number:06}.tar");
                write_one(&open.root, &folder.join(&name), part, data_set, || {
                    bar.advance(1);
                    context.interrupt.check().map_err(|_| interrupted())
                })
                .or_else(|error| {
                    context.interrupt.check()?;
                    Err(PrepareError::from(error))
                })?;
                written.insert(name);
                *counts.entry(side.to_string()).or_default() += 1;
            }
        }
    }
    remove_others(&folder, &written)?;
    Ok(counts)
}

fn interrupted() -> io::Error {
    io::ErrorKind::Interrupted.into()
}

/// The images of a side in an order by chance: readers go through tar files from front to end, and labels
/// should not come one after the other.
fn mixed(manifest: &[SplitRecord], side: Split, seed: u64) -> Vec<&SplitRecord> {
    let mut of_side: Vec<&SplitRecord> = manifest
        .iter()
        .filter(|record| record.split == side)
        .collect();
    of_side.sort_by_cached_key(|record| sha256_hex(format!("{seed} {}", record.file).as_bytes()));
    of_side
}

fn write_one(
    root: &Path,
    path: &Path,
    records: &[&SplitRecord],
    data_set: &DataSet,
    mut tick: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    atomic::write_with(path, |file| {
        let mut archive = tar::Builder::new(BufWriter::new(file));
        for record in records {
            tick()?;
            let label = data_set
                .labels
                .binary_search(&record.label)
                .unwrap_or_default();
            let (name, extension) = name_of(record);
            // Labels may hold any letters; keys may not hold a point.
            let key = format!("{label:05}-{name}");
            let source = fs_err::File::open(root.join(&record.file))?;
            let length = source.metadata()?.len();
            append(&mut archive, &format!("{key}.{extension}"), length, source)?;
            let class = label.to_string();
            append(
                &mut archive,
                &format!("{key}.cls"),
                class.len() as u64,
                class.as_bytes(),
            )?;
            let json = serde_json::to_vec(record)?;
            append(
                &mut archive,
                &format!("{key}.json"),
                json.len() as u64,
                json.as_slice(),
            )?;
        }
        archive.into_inner()?.flush()
    })
}

/// The file's name and its extension.
fn name_of(record: &SplitRecord) -> (&str, &str) {
    let name = record.file.rsplit('/').next().unwrap_or(&record.file);
    name.split_once('.').unwrap_or((name, "img"))
}

/// Appends a file whose bytes do not depend on the user and the time.
fn append(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    length: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(length);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, name, content)
}

/// Removes tar files of earlier runs, and leftovers of a killed one; files with other names stay.
fn remove_others(folder: &Path, written: &BTreeSet<String>) -> io::Result<()> {
    atomic::remove_unfinished(folder)?;
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_shard(&name) && !written.contains(&name) {
            fs_err::remove_file(entry.path())?;
        }
    }
    if fs_err::read_dir(folder)?.next().is_none() {
        fs_err::remove_dir(folder)?;
    }
    Ok(())
}

fn is_shard(name: &str) -> bool {
    let Some((side, number)) = name
        .strip_suffix(".tar")
        .and_then(|name| name.split_once('-'))
    else {
        return false;
    };
    side.parse::<Split>().is_ok() && number.bytes().all(|digit| digit.is_ascii_digit())
}
