//! Opening an output folder, and writing the results into it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::attribution::{ATTRIBUTION_FILE, Credits, LICENCES_FILE};
use super::error::FetchError;
use super::examine::{LeftOut, Stored};
use super::index::{Fate, Index};
use super::journal::{Item, ItemId, JOURNAL_FILE, Line, Outcome};
use super::memory::Memory;
use super::report::{Activity, Report};
use facepipe_core::artifacts::jsonl::JournalReader;
use facepipe_core::artifacts::lock::Lock;
use facepipe_core::artifacts::stage::{
    self, DISCARDED_FILE, MANIFEST_FILE, REPORT_FILE, STAMP_FILE, StageError, Stamp, made_by,
    read_stamp,
};
use facepipe_core::artifacts::{atomic, sweep};
use facepipe_core::types::{Discarded, ImageRecord, ItemKind, Reason, Stage};

/// The file that a run locks in its output folder.
const LOCK_FILE: &str = ".fetch-lock";

/// Opens an output folder: a new or empty one, or one that a fetch made; no other run can open it until
/// the lock is dropped.
pub(super) fn open(out: &Path) -> Result<(Memory, Lock), FetchError> {
    let foreign = || StageError::Foreign {
        root: out.to_owned(),
        stage: Stage::Fetch,
    };
    match read_stamp(out)? {
        Some(stamp) if !stamp.is_of(Stage::Fetch) => return Err(foreign().into()),
        Some(_) => {}
        None => {
            fs_err::create_dir_all(out)?;
            // A run that was killed before its stamp leaves only unfinished files.
            let is_ours = |name: &str| {
                [JOURNAL_FILE, LOCK_FILE].contains(&name)
                    || name.ends_with(atomic::TEMPORARY_SUFFIX)
            };
            for entry in fs_err::read_dir(out)? {
                if !is_ours(&entry?.file_name().to_string_lossy()) {
                    return Err(foreign().into());
                }
            }
        }
    }
    let lock = stage::lock(out, LOCK_FILE)?;
    Ok((Memory::open(out)?, lock))
}

/// Marks the folder as one that is being worked on; the files in it that are the user's.
pub(super) fn begin(out: &Path, memory: &Memory) -> Result<BTreeSet<String>, FetchError> {
    let index = memory.index();
    let is_ours = |file: &str| index.content_of_file(file).is_some();
    let not_ours = stage::not_ours(out, || Ok(is_ours))?;
    let stamp = stamp(memory, BTreeMap::new(), false);
    let stamp = Stamp {
        not_ours: not_ours.clone(),
        ..stamp
    };
    atomic::write_json(&out.join(STAMP_FILE), &stamp)?;
    Ok(not_ours)
}

fn stamp(memory: &Memory, counts: BTreeMap<String, u64>, complete: bool) -> Stamp {
    Stamp {
        stage: Stage::Fetch.name().to_owned(),
        made_by: made_by(),
        settings: json!({ "requests": memory.requests() }),
        inputs: json!({}),
        counts,
        complete,
        not_ours: BTreeSet::new(),
    }
}

/// Writes the files that follow from the journal, the same for every order of its items.
/// Nothing but the index is held in memory: each line is read from the journal and written.
pub(super) fn write(
    out: &Path,
    memory: &Memory,
    not_ours: &BTreeSet<String>,
    activity: Activity,
) -> Result<Report, FetchError> {
    let index = memory.index();
    sweep::sweep_others(out, |file| {
        index.content_of_file(file).is_some() || not_ours.contains(file)
    })?;
    let mut report = Report {
        stage: Stage::Fetch.name().to_owned(),
        this_run: activity,
        ..Report::default()
    };
    let mut reader = memory.journal().reader()?;
    atomic::write_with(&out.join(MANIFEST_FILE), |manifest| {
        atomic::write_with(&out.join(ATTRIBUTION_FILE), |text| {
            atomic::write_with(&out.join(LICENCES_FILE), |table| {
                let mut manifest = BufWriter::new(manifest);
                let mut credits = Credits::begin(BufWriter::new(text), BufWriter::new(table))?;
                for_each_kept(index, &mut reader, |record| {
                    write_line(&mut manifest, &record)?;
                    credits.add(&record)?;
                    report.kept += 1;
                    report.kept_bytes += record.bytes;
                    *report.labels.entry(record.label).or_default() += 1;
                    Ok(())
                })?;
                manifest.flush()?;
                credits.finish()
            })
        })
    })?;
    atomic::write_with(&out.join(DISCARDED_FILE), |discarded| {
        let mut discarded = BufWriter::new(discarded);
        for_each_left_out(index, &mut reader, |record| {
            write_line(&mut discarded, &record)?;
            report.discarded += 1;
            report.failed += u64::from(record.reason.is_error());
            *report.reasons.entry(record.reason.to_string()).or_default() += 1;
            Ok(())
        })?;
        discarded.flush()
    })?;
    atomic::write_json(&out.join(REPORT_FILE), &report)?;
    let counts = [("kept", report.kept), ("discarded", report.discarded)];
    let counts = counts.map(|(name, count)| (name.to_owned(), count));
    let stamp = stamp(memory, counts.into_iter().collect(), true);
    atomic::write_json(&out.join(STAMP_FILE), &stamp)?;
    Ok(report)
}

fn write_line(to: &mut impl Write, record: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, record)?;
    to.write_all(b"\n")
}

/// The images of the folder, sorted by file.
pub(super) fn for_each_kept(
    index: &Index,
    reader: &mut JournalReader<Line>,
    mut take: impl FnMut(ImageRecord) -> io::Result<()>,
) -> io::Result<()> {
    let mut others = other_labels(index);
    let label_of = |content: u32| {
        let owner = index.contents.get(content).owner;
        index.names.text(index.entries[owner as usize].label)
    };
    let mut contents: Vec<u32> = index.contents.numbers().collect();
    contents.retain(|content| !index.contents.get(*content).is_lost);
    contents.sort_by_key(|content| (label_of(*content), index.contents.get(*content).name));
    for content in contents {
        let owner = &index.entries[index.contents.get(content).owner as usize];
        if let (_, item, Some(stored)) = stored_at(reader, owner.place)? {
            let also = others.remove(&content).unwrap_or_default();
            take(ImageRecord {
                file: index.file(content),
                label: index.names.text(owner.label).to_owned(),
                md5: stored.md5,
                sha256: stored.sha256,
                bytes: stored.bytes,
                width: stored.width,
                height: stored.height,
                format: stored.format,
                phash: stored.phash,
                original: stored.original,
                also_labels: also.into_iter().map(str::to_owned).collect(),
                provenance: item.provenance,
            })?;
        }
    }
    Ok(())
}

/// For each content the labels that it was found for beside the one that it has.
fn other_labels(index: &Index) -> HashMap<u32, BTreeSet<&str>> {
    let mut others: HashMap<u32, BTreeSet<&str>> = HashMap::new();
    for entry in &index.entries {
        if let Fate::Stored(content) = entry.fate {
            let owner = index.contents.get(content).owner;
            if index.entries[owner as usize].label != entry.label {
                let label = index.names.text(entry.label);
                others.entry(content).or_default().insert(label);
            }
        }
    }
    others
}

/// The left-out items, in the order in which they were offered.
pub(super) fn for_each_left_out(
    index: &Index,
    reader: &mut JournalReader<Line>,
    mut take: impl FnMut(Discarded) -> io::Result<()>,
) -> io::Result<()> {
    let is_left_out = |number: usize| match index.entries[number].fate {
        Fate::LeftOut { .. } => true,
        Fate::Stored(content) => {
            let content = index.contents.get(content);
            !content.is_lost && content.owner as usize != number
        }
        Fate::Gone => false,
    };
    let mut entries: Vec<usize> = (0..index.entries.len()).collect();
    entries.retain(|number| is_left_out(*number));
    entries.sort_by_key(|number| (index.entries[*number].order, index.entries[*number].place));
    for number in entries {
        let entry = &index.entries[number];
        let (id, item, _) = stored_at(reader, entry.place)?;
        let record = match (entry.fate, item.outcome) {
            (Fate::Stored(content), _) => {
                let owner = index.contents.get(content).owner;
                let owner = &index.entries[owner as usize];
                let file = index.file(content);
                let (reason, message) = if owner.label == entry.label {
                    let (_, first, _) = stored_at(reader, owner.place)?;
                    let address = first.provenance.image_url;
                    (
                        Reason::ExactDuplicate,
                        format!("the same bytes as `{address}`"),
                    )
                } else {
                    let label = index.names.text(owner.label);
                    let message =
                        format!("the same image was found for `{label}` first, and is there");
                    (Reason::LabelConflict, message)
                };
                discard(id, item.provenance.image_url, reason, message, vec![file])
            }
            (_, Outcome::LeftOut(left_out)) => {
                let LeftOut {
                    reason, message, ..
                } = left_out;
                discard(id, item.provenance.image_url, reason, message, Vec::new())
            }
            (_, Outcome::Stored(_)) => continue,
        };
        take(record)?;
    }
    Ok(())
}

/// The item at a place in the journal, and its image where it has one.
fn stored_at(
    reader: &mut JournalReader<Line>,
    place: u64,
) -> io::Result<(ItemId, Item, Option<Stored>)> {
    match reader.read_at(place)? {
        Line::Item(id, item) => {
            let stored = match &item.outcome {
                Outcome::Stored(stored) => Some(stored.clone()),
                Outcome::LeftOut(_) => None,
            };
            Ok((id, item, stored))
        }
        Line::Request(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{JOURNAL_FILE}` was changed while it was read"),
        )),
    }
}

fn discard(
    id: ItemId,
    item: String,
    reason: Reason,
    message: String,
    related: Vec<String>,
) -> Discarded {
    Discarded {
        item,
        kind: ItemKind::Image,
        label: Some(id.label).filter(|label| !label.is_empty()),
        reason,
        message,
        related,
        distance: None,
        photo: None,
        face: None,
    }
}
