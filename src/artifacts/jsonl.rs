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
/// A line that a killed process left unfinished is cut off when the journal is opened again.
#[derive(Debug)]
pub struct Journal<T> {
    file: fs::File,
    path: PathBuf,
    record: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> Journal<T> {
    /// Opens or creates a journal; returns it with the records that it holds.
    ///
    /// # Errors
    /// The I/O error, with its path. A damaged line in the middle ends what is taken over: it and
    /// everything after it are cut off.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<T>)> {
        let mut records = Vec::new();
        let mut whole = 0;
        let existing = match fs::File::open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // Never taken for an empty journal: that would be cut to nothing below.
            Err(error) => return Err(error),
        };
        if let Some(file) = existing {
            let mut reader = BufReader::new(file);
            let mut line = Vec::new();
            loop {
                line.clear();
                let length = reader.read_until(b'\n', &mut line)?;
                match serde_json::from_slice(&line) {
                    Ok(record) if line.ends_with(b"\n") => records.push(record),
                    _ => break,
                }
                whole += length as u64;
            }
        }
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
        file.set_len(whole)?;
        Ok((
            Self {
                file,
                path: path.to_owned(),
                record: PhantomData,
            },
            records,
        ))
    }

    /// Appends one record. It is handed to the operating system before this returns, so that the
    /// end of the process does not lose it.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn append(&mut self, record: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.file.write_all(&line)
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
            let (mut journal, records) = Journal::<(u32, String)>::open(&path).expect("opens");
            let lines = whole[..length]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            assert_eq!(records.len(), lines, "cut at {length}");
            journal.append(&(3, "three".into())).expect("appends");
            assert_eq!(
                read::<(u32, String)>(&path).expect("reads").len(),
                lines + 1
            );
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
