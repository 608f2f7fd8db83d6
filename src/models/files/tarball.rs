//! One file out of a Python source distribution, which is a tar archive compressed with gzip.

use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use super::error::SourceError;
use facepipe_core::context::Interrupt;

/// Most bytes that an archive may unpack to: several times those of the registry's largest one.
const MAX_UNPACKED_BYTES: u64 = 1 << 30;

/// Copies one file of an archive to the new file `to`. No other file is written.
///
/// # Errors
/// [`SourceError`]; `to` may exist, unfinished.
pub(super) fn file(
    archive: &Path,
    inner: &str,
    limit: u64,
    to: &Path,
    interrupt: &Interrupt,
) -> Result<(), SourceError> {
    let packed = io::BufReader::new(fs_err::File::open(archive)?);
    let mut unpacked = tar::Archive::new(GzDecoder::new(packed).take(MAX_UNPACKED_BYTES));
    for entry in unpacked.entries()? {
        interrupt.check()?;
        let entry = entry?;
        // A link is not a file: it could lead anywhere.
        if *entry.path_bytes() != *inner.as_bytes() || !entry.header().entry_type().is_file() {
            continue;
        }
        let mut file = fs_err::File::create(to)?;
        let expected = entry.size();
        let bytes = io::copy(&mut entry.take(limit.saturating_add(1)), &mut file)?;
        if bytes > limit {
            return Err(SourceError::TooLarge { limit });
        }
        if bytes < expected {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        return Ok(());
    }
    Err(SourceError::NotInPackage {
        path: inner.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::path::PathBuf;

    const INNER: &str = "p-1.0/models/a.dat";

    fn archive(folder: &Path, add: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> PathBuf {
        let mut builder = tar::Builder::new(Vec::new());
        add(&mut builder);
        let plain = builder.into_inner().expect("finishes");
        let path = folder.join("p-1.0.tar.gz");
        let file = fs_err::File::create(&path).expect("makes");
        let mut encoder = GzEncoder::new(file, Compression::fast());
        io::copy(&mut &plain[..], &mut encoder).expect("writes");
        encoder.finish().expect("finishes");
        path
    }

    fn add(builder: &mut tar::Builder<Vec<u8>>, path: &str, contents: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, contents)
            .expect("adds");
    }

    fn take(archive: &Path, limit: u64, to: &Path) -> Result<(), SourceError> {
        file(archive, INNER, limit, to, &Interrupt::default())
    }

    #[test]
    fn the_one_file_is_taken_and_no_other() {
        let root = tempfile::tempdir().expect("temporary folder");
        let path = archive(root.path(), |builder| {
            add(builder, "p-1.0/setup.py", b"code");
            add(builder, INNER, b"the model");
            add(builder, "p-1.0/models/b.dat", b"another");
        });
        let to = root.path().join("fetched");
        take(&path, 9, &to).expect("nine bytes fit");
        assert_eq!(fs_err::read(&to).expect("reads"), b"the model");
        assert_eq!(fs_err::read_dir(root.path()).expect("lists").count(), 2);
        let error = take(&path, 8, &to).expect_err("nine bytes are too many");
        assert!(
            matches!(error, SourceError::TooLarge { limit: 8 }),
            "{error}"
        );
        fs_err::remove_file(&to).expect("removes");
    }

    #[test]
    fn a_missing_file_a_link_in_its_place_and_a_cut_archive_are_errors() {
        let root = tempfile::tempdir().expect("temporary folder");
        let to = root.path().join("fetched");
        let path = archive(root.path(), |builder| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder
                .append_link(&mut header, INNER, "/etc/passwd")
                .expect("adds");
        });
        let error = take(&path, 100, &to).expect_err("a link");
        assert!(matches!(error, SourceError::NotInPackage { .. }), "{error}");
        assert!(!to.exists());
        // Knuth's multiplicative hash: bytes that can't be compressed.
        const MIXER: u32 = 2_654_435_761;
        let contents: Vec<u8> = (0..100_000_u32)
            .map(|number| (number.wrapping_mul(MIXER) >> 24) as u8)
            .collect();
        let path = archive(root.path(), |builder| add(builder, INNER, &contents));
        let whole = fs_err::read(&path).expect("reads");
        for part in [0, 5, 100, whole.len() / 2] {
            fs_err::write(&path, &whole[..part]).expect("writes");
            assert!(take(&path, 100_000, &to).is_err(), "{part} bytes");
        }
    }
}
