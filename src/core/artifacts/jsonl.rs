//! JSON lines: whole files (manifests) and append-only journals.

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::atomic;

/// Reads all records of a file.
///
/// # Errors
/// The I/O error, or `InvalidData` naming the file and line.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let mut records = Vec::new();
    for (index, line) in BufReader::new(fs::File::open(path)?).lines().enumerate() {
        let record = serde_json::from_str(&line?).map_err(|error| {
            let text = format!("`{}`, line {}: {error}", path.display(), index + 1);
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        records.push(record);
    }
    Ok(records)
}

/// Reads the records of a [`Journal`] that another process is writing to, or was killed while
/// writing: up to the first incomplete line. The file is not changed.
///
/// # Errors
/// The I/O error, with its path.
pub fn read_whole_lines<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let mut records = Vec::new();
    take_whole_lines(fs::File::open(path)?, |_, record| records.push(record))?;
    Ok(records)
}

/// Gives each record with its position, up to the first incomplete line; returns the position of
/// that line, in bytes.
fn take_whole_lines<T: DeserializeOwned>(
    file: fs::File,
    mut take: impl FnMut(u64, T),
) -> io::Result<u64> {
    let (mut reader, mut line, mut whole) = (BufReader::new(file), Vec::new(), 0);
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        match serde_json::from_slice(&line) {
            Ok(record) if line.ends_with(b"\n") => take(whole, record),
            _ => return Ok(whole),
        }
        whole += length as u64;
    }
}

/// Writes all records of a file, durably and atomically.
///
/// # Errors
/// The I/O error, with its path.
pub fn write<T: Serialize>(path: &Path, records: &[T]) -> io::Result<()> {
    atomic::write_with(path, |file| {
        let mut writer = BufWriter::new(file);
        for record in records {
            serde_json::to_writer(&mut writer, record)?;
            writer.write_all(b"\n")?;
        }
        writer.flush()
    })
}

/// A file of records that only grows, one line at a time.
///
/// An incomplete last line of a killed process is cut off when the journal is opened again.
#[derive(Debug)]
pub struct Journal<T> {
    file: fs::File,
    path: PathBuf,
    /// Where the next record will begin, in bytes.
    end: u64,
    record: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> Journal<T> {
    /// Opens or creates a journal; returns it with the records that it holds.
    ///
    /// # Errors
    /// The I/O error, with its path. A damaged line is no error: it and everything after it are cut
    /// off.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<T>)> {
        let mut records = Vec::new();
        let journal = Self::open_each(path, |_, record| records.push(record))?;
        Ok((journal, records))
    }

    /// As [`Journal::open`], for journals that don't fit into memory: `take` gets each record with
    /// its position in bytes, for [`JournalReader::read_at`].
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_each(path: &Path, take: impl FnMut(u64, T)) -> io::Result<Self> {
        let whole = match fs::File::open(path) {
            Ok(file) => take_whole_lines(file, take)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            // A read error must not look like an empty journal: the file would be truncated below.
            Err(error) => return Err(error),
        };
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
        file.set_len(whole)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            end: whole,
            record: PhantomData,
        })
    }

    /// Appends one record. It is handed to the operating system before this returns, so that it
    /// survives the end of the process.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn append(&mut self, record: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.end += line.len() as u64;
        Ok(())
    }

    /// Where the next record will begin, in bytes.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Reads single records again.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn reader(&self) -> io::Result<JournalReader<T>> {
        Ok(JournalReader {
            file: BufReader::new(fs::File::open(&self.path)?),
            at: 0,
            line: Vec::new(),
            record: PhantomData,
        })
    }

    /// Removes the journal: its stage is complete.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn remove(self) -> io::Result<()> {
        drop(self.file);
        fs::remove_file(self.path)
    }
}

/// Reads single records of a [`Journal`].
#[derive(Debug)]
pub struct JournalReader<T> {
    file: BufReader<fs::File>,
    at: u64,
    line: Vec<u8>,
    record: PhantomData<fn(&T)>,
}

impl<T: DeserializeOwned> JournalReader<T> {
    /// The record at a position. Records near the last one that was read are cheap.
    ///
    /// # Errors
    /// The I/O error, with its path, or `InvalidData`.
    pub fn read_at(&mut self, place: u64) -> io::Result<T> {
        let distance = i64::try_from(place).map_err(io::Error::other)?
            - i64::try_from(self.at).map_err(io::Error::other)?;
        self.file.seek_relative(distance)?;
        self.line.clear();
        let length = self.file.read_until(b'\n', &mut self.line)?;
        self.at = place + length as u64;
        Ok(serde_json::from_slice(&self.line)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_cut_off() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("journal.jsonl");
        let (mut journal, _) = Journal::<(u32, String)>::open(&path).expect("opens");
        journal.append(&(1, "one".into())).expect("appends");
        journal.append(&(2, "two".into())).expect("appends");
        drop(journal);
        let whole = fs::read(&path).expect("reads");
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("cuts");
            let before = read_whole_lines::<(u32, String)>(&path).expect("reads");
            assert_eq!(
                fs::read(&path).expect("reads"),
                &whole[..length],
                "untouched"
            );
            let (mut journal, records) = Journal::<(u32, String)>::open(&path).expect("opens");
            let lines = whole[..length]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            assert_eq!(records.len(), lines, "cut at {length}");
            assert_eq!(before, records, "cut at {length}");
            journal.append(&(3, "three".into())).expect("appends");
            assert_eq!(
                read::<(u32, String)>(&path).expect("reads").len(),
                lines + 1
            );
        }
    }

    #[test]
    fn records_are_read_again_in_any_order() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::<(u32, String)>::open(&path).expect("opens").0;
        let mut places = Vec::new();
        for number in 0..300 {
            places.push(journal.end());
            let text = "x".repeat(number as usize % 70);
            journal.append(&(number, text)).expect("appends");
        }
        drop(journal);
        let mut opened = Vec::new();
        let journal = Journal::<(u32, String)>::open_each(&path, |place, record| {
            opened.push((place, record.0));
        });
        let mut reader = journal.expect("opens").reader().expect("opens");
        assert!(opened.iter().map(|(place, _)| place).eq(&places));
        for step in 0..600 {
            let number = step * 37 % 300;
            let record = reader.read_at(places[number]).expect("reads");
            assert_eq!(record.0 as usize, number);
        }
    }

    #[test]
    fn a_damaged_manifest_is_named_with_its_line() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("manifest.jsonl");
        fs::write(&path, "1\n\"x\"\n").expect("writes");
        let error = read::<u32>(&path)
            .expect_err("a text is no number")
            .to_string();
        assert!(error.contains("manifest.jsonl`, line 2"), "{error}");
    }
}
