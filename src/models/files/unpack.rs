//! Files out of a Python wheel, which is a zip archive.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::error::SourceError;
use facepipe_core::context::Interrupt;

/// Copies one file of an archive to the new file `to`.
///
/// # Errors
/// [`SourceError`]; `to` may exist, unfinished.
pub(super) fn file(archive: &Path, inner: &str, limit: u64, to: &Path) -> Result<(), SourceError> {
    let mut archive = ZipArchive::new(fs_err::File::open(archive)?)?;
    let index = archive
        .index_for_name(inner)
        .ok_or_else(|| SourceError::NotInPackage {
            path: inner.to_owned(),
        })?;
    let mut left = limit;
    copy(&mut archive.by_index(index)?, to, limit, &mut left)
}

/// Unpacks the files below `prefix` that have an extension into the folder `to`.
///
/// # Errors
/// [`SourceError`]; nothing is ever written outside `to`.
pub(super) fn folder(
    archive: &Path,
    prefix: &str,
    extension: &str,
    limit: u64,
    to: &Path,
    interrupt: &Interrupt,
) -> Result<(), SourceError> {
    let mut archive = ZipArchive::new(fs_err::File::open(archive)?)?;
    let prefix = format!("{}/", prefix.trim_end_matches('/'));
    let mut left = limit;
    let mut found = false;
    for index in 0..archive.len() {
        interrupt.check()?;
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        let Some(below) = name.strip_prefix(&prefix) else {
            continue;
        };
        if entry.is_dir()
            || Path::new(below)
                .extension()
                .is_none_or(|it| it != extension)
        {
            continue;
        }
        let safe = safe_relative(below).filter(|_| !entry.is_symlink());
        let path = to.join(safe.ok_or(SourceError::UnsafePath { path: name })?);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        copy(&mut entry, &path, limit, &mut left)?;
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err(SourceError::NotInPackage { path: prefix })
    }
}

/// A path that stays below the folder it is joined to, on every operating system.
fn safe_relative(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(name);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    (plain && !name.contains(['\\', ':', '\0'])).then_some(path)
}

/// Copies an entry, but no more bytes than are `left`, whatever its header says.
fn copy<R: Read>(
    entry: &mut ZipFile<'_, R>,
    to: &Path,
    limit: u64,
    left: &mut u64,
) -> Result<(), SourceError> {
    let mut file = fs_err::File::create(to)?;
    let bytes = io::copy(&mut entry.take(left.saturating_add(1)), &mut file)?;
    *left = left
        .checked_sub(bytes)
        .ok_or(SourceError::TooLarge { limit })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    fn archive(folder: &Path, files: &[(&str, &str)]) -> PathBuf {
        let path = folder.join("a.whl");
        let mut writer = zip::ZipWriter::new(fs_err::File::create(&path).expect("makes"));
        for (name, text) in files {
            let options = SimpleFileOptions::default();
            writer.start_file(*name, options).expect("starts a file");
            writer.write_all(text.as_bytes()).expect("writes");
        }
        writer.finish().expect("finishes");
        path
    }

    fn unpack(archive: &Path, limit: u64, to: &Path) -> Result<(), SourceError> {
        folder(archive, "p/faces", "pgm", limit, to, &Interrupt::default())
    }

    #[test]
    fn takes_files_below_the_prefix_with_the_extension() {
        let root = tempfile::tempdir().expect("temporary folder");
        let wheel = archive(
            root.path(),
            &[
                ("p/faces/s1/1.pgm", "one"),
                ("p/faces/s1/target.jpg", "no"),
                ("p/facesx/1.pgm", "no"),
                ("q/1.pgm", "no"),
            ],
        );
        let to = root.path().join("to");
        unpack(&wheel, 100, &to).expect("unpacks");
        let files = facepipe_core::artifacts::image_folder::list(&to)
            .expect("lists")
            .files;
        let files: Vec<_> = files.iter().map(|file| &*file.relative).collect();
        assert_eq!(files, ["s1/1.pgm"]);
        assert!(matches!(
            folder(&wheel, "none", "pgm", 100, &to, &Interrupt::default()),
            Err(SourceError::NotInPackage { .. })
        ));
        let one = root.path().join("one");
        file(&wheel, "q/1.pgm", 100, &one).expect("copies");
        assert_eq!(fs_err::read(&one).expect("reads"), b"no");
        assert!(matches!(
            file(&wheel, "q/2.pgm", 100, &one),
            Err(SourceError::NotInPackage { .. })
        ));
    }

    #[test]
    fn paths_that_lead_outside_are_refused() {
        for name in [
            "p/faces/../../../evil.pgm",
            "p/faces//etc/evil.pgm",
            "p/faces/s1\\..\\..\\evil.pgm",
            "p/faces/C:evil.pgm",
        ] {
            let root = tempfile::tempdir().expect("temporary folder");
            let wheel = archive(root.path(), &[(name, "evil")]);
            let to = root.path().join("deep/er/to");
            let error = unpack(&wheel, 100, &to).expect_err(name);
            assert!(
                matches!(error, SourceError::UnsafePath { .. }),
                "{name}: {error}"
            );
            let files = walkdir::WalkDir::new(root.path()).into_iter().flatten();
            let files = files.filter(|entry| entry.file_type().is_file()).count();
            assert_eq!(files, 1, "{name}: only the archive is there");
        }
    }

    #[test]
    fn a_symbolic_link_is_refused() {
        let root = tempfile::tempdir().expect("temporary folder");
        let path = root.path().join("a.whl");
        let mut writer = zip::ZipWriter::new(fs_err::File::create(&path).expect("makes"));
        let options = SimpleFileOptions::default();
        writer
            .add_symlink("p/faces/1.pgm", "/etc/passwd", options)
            .expect("adds a link");
        writer.finish().expect("finishes");
        let error = unpack(&path, 100, &root.path().join("to")).expect_err("a link");
        assert!(matches!(error, SourceError::UnsafePath { .. }), "{error}");
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let root = tempfile::tempdir().expect("temporary folder");
        let files = [("p/faces/1.pgm", "12345"), ("p/faces/2.pgm", "67890")];
        let wheel = archive(root.path(), &files);
        unpack(&wheel, 10, &root.path().join("fits")).expect("ten bytes fit");
        let error = unpack(&wheel, 9, &root.path().join("to")).expect_err("ten bytes are too many");
        assert!(
            matches!(error, SourceError::TooLarge { limit: 9 }),
            "{error}"
        );
    }
}
