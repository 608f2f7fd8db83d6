//! Embeddings by the content of their images, in one file, so that each is computed only once.
//!
//! The file begins with a line that says how its embeddings are made; if they were made
//! differently, it is started again. Records of one length follow: the key, whether a face was
//! found, its place (left, top, right, bottom, angle in 8 bytes each, column, row and the ten coordinates of the
//! points, or not-a-number for each, in 4), the
//! hash of the aligned face in 32 bytes, the numbers in 4 bytes each; little-endian. An incomplete
//! record of a killed process is cut off.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use facepipe_core::artifacts::atomic;
use facepipe_core::types::{ChipSquare, CropPlace, Embedding, Landmarks5};
use facepipe_imaging::perceptual_hash::PerceptualHash;

/// The first words of the file; the number changes with the records.
const FORMAT: &str = "facepipe embeddings 3";
/// Length of a key: an MD5 in hexadecimal digits.
const KEY_BYTES: usize = 32;
/// Length of a place.
const PLACE_BYTES: usize = SQUARE_BYTES + CORNER_BYTES + POINTS_BYTES;
const SQUARE_BYTES: usize = 5 * 8;
const CORNER_BYTES: usize = 2 * 4;
const POINTS_BYTES: usize = 10 * 4;
/// Length of a hash.
const HASH_BYTES: usize = 32;
/// Length of a record without the numbers.
const FIXED_BYTES: usize = KEY_BYTES + 1 + PLACE_BYTES + HASH_BYTES;
/// In a record: no face was found, and the numbers are meaningless.
const NO_FACE: u8 = 0;
/// In a record: a face was found.
const FACE: u8 = 1;

/// A face in an image.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundFace {
    /// Where it is in the image.
    pub place: CropPlace,
    /// The hash of the aligned face.
    pub hash: PerceptualHash,
    /// Its embedding.
    pub embedding: Embedding,
}

/// The known embeddings.
#[derive(Debug)]
pub struct EmbeddingCache {
    known: BTreeMap<String, Option<FoundFace>>,
    /// `None` where nothing is to be written.
    file: Option<CacheFile>,
}

#[derive(Debug)]
struct CacheFile {
    path: PathBuf,
    header: String,
    file: fs::File,
    record_bytes: usize,
}

impl EmbeddingCache {
    /// Opens or creates the file. `made_by` says how the embeddings are made, in one line; each has `numbers`.
    ///
    /// # Errors
    /// The I/O error, with its path. A damaged file is no error: unreadable records are computed
    /// again.
    pub fn open(path: &Path, made_by: &str, numbers: usize) -> io::Result<Self> {
        let (header, record_bytes) = (header(made_by), record_bytes(numbers));
        let (known, whole) = read(path, &header, record_bytes)?;
        if whole == 0 {
            atomic::write_bulk(path, header.as_bytes())?;
        }
        let file = fs::OpenOptions::new().append(true).open(path)?;
        file.set_len(whole.max(header.len()) as u64)?;
        let path = path.to_owned();
        Ok(Self {
            known,
            file: Some(CacheFile {
                path,
                header,
                file,
                record_bytes,
            }),
        })
    }

    /// Reads an existing file; nothing is written.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn look_into(path: &Path, made_by: &str, numbers: usize) -> io::Result<Self> {
        let (known, _) = read(path, &header(made_by), record_bytes(numbers))?;
        Ok(Self { known, file: None })
    }

    /// A cache without a file.
    #[must_use]
    pub const fn empty() -> Self {
        let known = BTreeMap::new();
        Self { known, file: None }
    }

    /// The known result for an image: its face, or that it has none. The key is an MD5 in
    /// hexadecimal digits.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Option<&FoundFace>> {
        self.known.get(key).map(Option::as_ref)
    }

    /// Adds a result; it is handed to the operating system before this returns.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn insert(&mut self, key: &str, face: Option<FoundFace>) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.file
                .write_all(&record(key, face.as_ref(), file.record_bytes))?;
        }
        self.known.insert(key.to_owned(), face);
        Ok(())
    }

    /// Writes the whole file again in the order of the keys: the same content gives the same bytes.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn finish(self) -> io::Result<()> {
        let Some(CacheFile {
            path,
            header,
            file,
            record_bytes,
        }) = self.file
        else {
            return Ok(());
        };
        drop(file);
        atomic::write_with(&path, |file| {
            let mut writer = BufWriter::new(file);
            writer.write_all(header.as_bytes())?;
            for (key, face) in &self.known {
                writer.write_all(&record(key, face.as_ref(), record_bytes))?;
            }
            writer.flush()
        })
    }
}

fn header(made_by: &str) -> String {
    format!("{FORMAT} {}\n", made_by.replace('\n', " "))
}

const fn record_bytes(numbers: usize) -> usize {
    FIXED_BYTES + 4 * numbers
}

/// The records of a file, and the length of the whole ones in bytes: none where it is missing or made
/// differently.
fn read(
    path: &Path,
    header: &str,
    record_bytes: usize,
) -> io::Result<(BTreeMap<String, Option<FoundFace>>, usize)> {
    let mut bytes = Vec::new();
    match fs::File::open(path) {
        Ok(mut file) => drop(file.read_to_end(&mut bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut known = BTreeMap::new();
    let Some(records) = bytes.strip_prefix(header.as_bytes()) else {
        return Ok((known, 0));
    };
    let mut whole = header.len();
    for record in records.chunks_exact(record_bytes) {
        let Some((key, face)) = parse(record) else {
            break;
        };
        known.insert(key, face);
        whole += record_bytes;
    }
    Ok((known, whole))
}

fn record(key: &str, face: Option<&FoundFace>, length: usize) -> Vec<u8> {
    debug_assert_eq!(key.len(), KEY_BYTES, "{key}");
    let mut bytes = key.as_bytes().to_vec();
    bytes.push(if face.is_some() { FACE } else { NO_FACE });
    if let Some(face) = face {
        let ChipSquare {
            left,
            top,
            right,
            bottom,
            angle,
        } = face.place.square;
        for number in [left, top, right, bottom, angle] {
            bytes.extend(number.to_le_bytes());
        }
        for number in face.place.corner {
            bytes.extend(number.to_le_bytes());
        }
        let points = face.place.points.unwrap_or(Landmarks5([[f32::NAN; 2]; 5]));
        for number in points.0.as_flattened() {
            bytes.extend(number.to_le_bytes());
        }
        for word in face.hash.words() {
            bytes.extend(word.to_le_bytes());
        }
        for number in face.embedding.numbers() {
            bytes.extend(number.to_le_bytes());
        }
    }
    debug_assert!(face.is_none() || bytes.len() == length);
    bytes.resize(length, 0);
    bytes
}

/// The content of a record; `None` for an invalid one.
fn parse(record: &[u8]) -> Option<(String, Option<FoundFace>)> {
    let (key, rest) = record.split_at_checked(KEY_BYTES)?;
    let key = String::from_utf8(key.to_vec()).ok()?;
    if !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let (found, rest) = rest.split_first()?;
    match *found {
        NO_FACE => Some((key, None)),
        FACE => Some((key, Some(parse_face(rest)?))),
        _ => None,
    }
}

fn parse_face(bytes: &[u8]) -> Option<FoundFace> {
    let (square, rest) = bytes.split_at_checked(SQUARE_BYTES)?;
    let (corner, rest) = rest.split_at_checked(CORNER_BYTES)?;
    let (points, rest) = rest.split_at_checked(POINTS_BYTES)?;
    let (hash, numbers) = rest.split_at_checked(HASH_BYTES)?;
    let square = square.as_chunks().0.iter();
    let square: Vec<f64> = square.map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let corner = corner.as_chunks().0.iter();
    let corner: Vec<u32> = corner.map(|bytes| u32::from_le_bytes(*bytes)).collect();
    let words = hash.as_chunks().0.iter();
    let words: Vec<u64> = words.map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let numbers = singles(numbers);
    let is_finite = square.iter().all(|number| number.is_finite())
        && numbers.iter().all(|number| number.is_finite());
    let [left, top, right, bottom, angle] = square.try_into().ok().filter(|_| is_finite)?;
    Some(FoundFace {
        place: CropPlace {
            square: ChipSquare {
                left,
                top,
                right,
                bottom,
                angle,
            },
            corner: corner.try_into().ok()?,
            points: parse_points(points),
        },
        hash: PerceptualHash::from_words(words.try_into().ok()?),
        embedding: Embedding::try_from(numbers).ok()?,
    })
}

/// `None` where there are none.
fn parse_points(bytes: &[u8]) -> Option<Landmarks5> {
    let numbers = singles(bytes);
    let (points, _) = numbers.as_chunks();
    let points = points.try_into().ok()?;
    numbers
        .iter()
        .all(|number| number.is_finite())
        .then_some(Landmarks5(points))
}

fn singles(bytes: &[u8]) -> Vec<f32> {
    let numbers = bytes.as_chunks().0.iter();
    numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::artifacts::digest::md5_hex;

    const NUMBERS: usize = 19;
    const RECORD_BYTES: usize = record_bytes(NUMBERS);

    fn embedding(number: f32) -> FoundFace {
        let side = f64::from(number);
        FoundFace {
            place: CropPlace {
                square: ChipSquare {
                    left: -side / 3.0,
                    top: 2.5,
                    right: side * 100.0,
                    bottom: 90.0,
                    angle: 0.1,
                },
                corner: [3, 70_000],
                points: (number > 0.5).then_some(Landmarks5([[number, 2.5]; 5])),
            },
            hash: PerceptualHash::from_words([1, u64::MAX, 7 << 60, 0]),
            embedding: Embedding::new(std::array::from_fn::<_, NUMBERS, _>(|index| {
                number + index as f32 / 7.0
            })),
        }
    }

    fn key(name: &str) -> String {
        md5_hex(name.as_bytes())
    }

    #[test]
    fn inserted_embeddings_are_read_back_exactly() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("embeddings");
        let mut cache = EmbeddingCache::open(&path, "a network", NUMBERS).expect("opens");
        assert_eq!(cache.get(&key("one")), None);
        cache
            .insert(&key("one"), Some(embedding(0.1)))
            .expect("inserts");
        cache.insert(&key("no face"), None).expect("inserts");
        drop(cache);
        let cache = EmbeddingCache::open(&path, "a network", NUMBERS).expect("opens");
        assert_eq!(cache.get(&key("one")), Some(Some(&embedding(0.1))));
        assert_eq!(cache.get(&key("no face")), Some(None));
        let other = EmbeddingCache::open(&path, "another network", NUMBERS).expect("opens");
        assert_eq!(other.get(&key("one")), None);
    }

    #[test]
    fn the_order_of_insertion_leaves_no_trace() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let written = |names: [&str; 3]| {
            let path = folder.path().join(names.concat());
            let mut cache = EmbeddingCache::open(&path, "x", NUMBERS).expect("opens");
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
    fn a_file_cut_or_damaged_anywhere_keeps_its_whole_records() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("embeddings");
        let mut cache = EmbeddingCache::open(&path, "x", NUMBERS).expect("opens");
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
            let mut cache = EmbeddingCache::open(&path, "x", NUMBERS).expect("opens");
            let whole = length.saturating_sub(header) / RECORD_BYTES;
            let known = ["a", "b"].map(|name| usize::from(cache.get(&key(name)).is_some()));
            assert_eq!(known.iter().sum::<usize>(), whole, "cut at {length}");
            cache.insert(&key("c"), None).expect("inserts");
            drop(cache);
            let cache = EmbeddingCache::open(&path, "x", NUMBERS).expect("opens");
            assert_eq!(cache.get(&key("c")), Some(None));
        }
        let mut damaged = bytes;
        damaged[header + RECORD_BYTES] = b'?';
        fs::write(&path, &damaged).expect("writes");
        let cache = EmbeddingCache::open(&path, "x", NUMBERS).expect("opens");
        assert!(cache.get(&key("a")).is_some() && cache.get(&key("b")).is_none());
    }
}
