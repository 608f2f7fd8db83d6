//! Embeddings by the content of their images, in one file: what was computed once is not computed
//! again.
//!
//! The file begins with a line that says how its embeddings are made; one that were made otherwise is
//! begun anew. Records of one length follow: the key, whether a face was found, 128 numbers in 4
//! bytes each, lowest first. A record that a killed process left unfinished is cut off.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::artifacts::atomic;
use crate::types::Embedding;

/// The first words of the file; another number when the records change.
const FORMAT: &str = "facepipe embeddings 1";
/// Length of a key: an MD5 in hexadecimal digits.
const KEY_BYTES: usize = 32;
/// Length of a record.
const RECORD_BYTES: usize = KEY_BYTES + 1 + 4 * Embedding::LENGTH;
/// In a record: no face was found, and the numbers mean nothing.
const NO_FACE: u8 = 0;
/// In a record: a face was found.
const FACE: u8 = 1;

/// Embeddings that are known already.
#[derive(Debug)]
pub struct EmbeddingCache {
    path: PathBuf,
    header: String,
    known: BTreeMap<String, Option<Embedding>>,
    file: fs::File,
}

impl EmbeddingCache {
    /// Opens or creates the file. `made_by` says how the embeddings are made, in one line.
    ///
    /// # Errors
    /// The I/O error, with its path. A damaged file is none: what can't be read is made again.
    pub fn open(path: &Path, made_by: &str) -> io::Result<Self> {
        let header = format!("{FORMAT} {}\n", made_by.replace('\n', " "));
        let mut bytes = Vec::new();
        match fs::File::open(path) {
            Ok(mut file) => drop(file.read_to_end(&mut bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut known = BTreeMap::new();
        let mut whole = header.len();
        if let Some(records) = bytes.strip_prefix(header.as_bytes()) {
            for record in records.chunks_exact(RECORD_BYTES) {
                let Some((key, embedding)) = parse(record) else {
                    break;
                };
                known.insert(key, embedding);
                whole += RECORD_BYTES;
            }
        } else {
            atomic::write_bulk(path, header.as_bytes())?;
        }
        let file = fs::OpenOptions::new().append(true).open(path)?;
        file.set_len(whole as u64)?;
        Ok(Self {
            path: path.to_owned(),
            header,
            known,
            file,
        })
    }

    /// What is known of an image: its face's embedding, or that it has no face. The key is an MD5 in
    /// hexadecimal digits.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Option<&Embedding>> {
        self.known.get(key).map(Option::as_ref)
    }

    /// Adds what was found; it is handed to the operating system before this returns.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn insert(&mut self, key: &str, embedding: Option<Embedding>) -> io::Result<()> {
        self.file.write_all(&record(key, embedding.as_ref()))?;
        self.known.insert(key.to_owned(), embedding);
        Ok(())
    }

    /// Writes the file anew in the order of the keys: the same content gives the same bytes.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn finish(self) -> io::Result<()> {
        drop(self.file);
        atomic::write_with(&self.path, |file| {
            let mut writer = BufWriter::new(file);
            writer.write_all(self.header.as_bytes())?;
            for (key, embedding) in &self.known {
                writer.write_all(&record(key, embedding.as_ref()))?;
            }
            writer.flush()
        })
    }
}

fn record(key: &str, embedding: Option<&Embedding>) -> Vec<u8> {
    debug_assert_eq!(key.len(), KEY_BYTES, "{key}");
    let mut bytes = key.as_bytes().to_vec();
    bytes.push(if embedding.is_some() { FACE } else { NO_FACE });
    for number in embedding.into_iter().flat_map(Embedding::numbers) {
        bytes.extend(number.to_le_bytes());
    }
    bytes.resize(RECORD_BYTES, 0);
    bytes
}

/// The content of a record; `None` for one that is no record.
fn parse(record: &[u8]) -> Option<(String, Option<Embedding>)> {
    let (key, rest) = record.split_at_checked(KEY_BYTES)?;
    let key = String::from_utf8(key.to_vec()).ok()?;
    let is_key = key.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (found, numbers) = rest.split_first()?;
    let numbers: Vec<f32> = (numbers.as_chunks().0.iter())
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    match *found {
        _ if !is_key || numbers.iter().any(|number| !number.is_finite()) => None,
        NO_FACE => Some((key, None)),
        FACE => Some((key, Some(Embedding::try_from(numbers).ok()?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::digest::md5_hex;

    fn embedding(number: f32) -> Embedding {
        Embedding::new(std::array::from_fn(|index| number + index as f32 / 7.0))
    }

    fn key(name: &str) -> String {
        md5_hex(name.as_bytes())
    }

    #[test]
    fn what_was_inserted_is_there_again_to_the_last_bit() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("embeddings");
        let mut cache = EmbeddingCache::open(&path, "a network").expect("opens");
        assert_eq!(cache.get(&key("one")), None);
        cache
            .insert(&key("one"), Some(embedding(0.1)))
            .expect("inserts");
        cache.insert(&key("no face"), None).expect("inserts");
        drop(cache);
        let cache = EmbeddingCache::open(&path, "a network").expect("opens");
        assert_eq!(cache.get(&key("one")), Some(Some(&embedding(0.1))));
        assert_eq!(cache.get(&key("no face")), Some(None));
        let other = EmbeddingCache::open(&path, "another network").expect("opens");
        assert_eq!(other.get(&key("one")), None);
    }

    #[test]
    fn the_order_of_insertion_leaves_no_trace() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let written = |names: [&str; 3]| {
            let path = folder.path().join(names.concat());
            let mut cache = EmbeddingCache::open(&path, "x").expect("opens");
            for name in names {
                let number = name.len() as f32;
                cache
                    .insert(&key(name), Some(embedding(number)))
                    .expect("inserts");
            }
            cache.finish().expect("finishes");
            fs::read(&path).expect("reads")
        };
        assert_eq!(written(["a", "bb", "ccc"]), written(["ccc", "a", "bb"]));
    }

    #[test]
    fn a_file_cut_or_damaged_anywhere_keeps_what_is_whole() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("embeddings");
        let mut cache = EmbeddingCache::open(&path, "x").expect("opens");
        let header = fs::read(&path).expect("reads").len();
        for name in ["a", "b"] {
            cache
                .insert(&key(name), Some(embedding(1.0)))
                .expect("inserts");
        }
        drop(cache);
        let bytes = fs::read(&path).expect("reads");
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).expect("cuts");
            let mut cache = EmbeddingCache::open(&path, "x").expect("opens");
            let whole = length.saturating_sub(header) / RECORD_BYTES;
            let known = ["a", "b"].map(|name| usize::from(cache.get(&key(name)).is_some()));
            assert_eq!(known.iter().sum::<usize>(), whole, "cut at {length}");
            cache.insert(&key("c"), None).expect("inserts");
            drop(cache);
            let cache = EmbeddingCache::open(&path, "x").expect("opens");
            assert_eq!(cache.get(&key("c")), Some(None));
        }
        let mut damaged = bytes;
        damaged[header + RECORD_BYTES] = b'?';
        fs::write(&path, &damaged).expect("writes");
        let cache = EmbeddingCache::open(&path, "x").expect("opens");
        assert!(cache.get(&key("a")).is_some() && cache.get(&key("b")).is_none());
    }
}
