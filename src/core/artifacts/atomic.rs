//! Files that either exist whole or not at all: written beside their place, then renamed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use super::digest::md5_hex;

/// The suffix of a file that is still being written; files that a killed run leaves are removed by
/// the next.
pub const TEMPORARY_SUFFIX: &str = ".tmp-facepipe";

/// Writes a file durably: its bytes and its name are on the disk when this returns.
///
/// # Errors
/// The I/O error, with its path.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write()`], with the bytes coming from a closure.
///
/// # Errors
/// The I/O error, with its path.
pub fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut fs::File) -> io::Result<()>,
) -> io::Result<()> {
    let fill_and_sync = |temporary: &Path| {
        let mut file = fs::File::create(temporary)?;
        fill(&mut file)?;
        file.sync_all()
    };
    through_temporary(path, fill_and_sync)?;
    sync_folder(path)
}

/// Writes one of many files: whole or not at all, but without waiting for the disk.
///
/// It survives the end of the process at any moment; after a power failure a stage finds by size
/// which files are missing and makes them again.
///
/// # Errors
/// The I/O error, with its path.
pub fn write_bulk(path: &Path, bytes: &[u8]) -> io::Result<()> {
    through_temporary(path, |temporary| fs::write(temporary, bytes))
}

/// Writes a value as indented JSON with a final newline, durably.
///
/// # Errors
/// The I/O error, with its path.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    write(path, &bytes)
}

/// Removes a file, which may be missing.
///
/// # Errors
/// The I/O error, with its path.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Has a file made under a temporary name and renames it; on an error it is removed.
fn through_temporary(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary_path(path);
    let result = make(&temporary).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // The first error is the one to report; removing the file makes room on a full disk.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// Removes unfinished files of killed runs in a folder (not in those below it). The folder may be
/// missing.
///
/// # Errors
/// The I/O error, with its path.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry
            .file_name()
            .to_string_lossy()
            .ends_with(TEMPORARY_SUFFIX)
        {
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// A name beside `path` that no other process uses at the same time.
fn temporary_path(path: &Path) -> PathBuf {
    // Without a name: the longest that file systems take leaves no room for more.
    let name = md5_hex(path.file_name().unwrap_or_default().as_encoded_bytes());
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    path.with_file_name(format!(
        ".{name}.{}-{thread}{TEMPORARY_SUFFIX}",
        std::process::id()
    ))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => fs::File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a.json");
        write_json(&path, &[1, 2]).expect("writes");
        write(&path, b"second").expect("writes");
        write_bulk(&path, b"third").expect("writes");
        assert_eq!(fs::read(&path).expect("reads"), b"third");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
    }

    #[test]
    fn unfinished_files_of_killed_runs_are_removed_and_nothing_else() {
        let root = tempfile::tempdir().expect("temporary folder");
        let folder = root.path().join("model");
        remove_unfinished(&folder).expect("a missing folder has nothing");
        fs::create_dir_all(folder.join(format!("x{TEMPORARY_SUFFIX}"))).expect("makes");
        fs::write(folder.join(format!(".a.json.1-1{TEMPORARY_SUFFIX}")), "{").expect("writes");
        fs::write(folder.join("a.json"), "{}").expect("writes");
        remove_unfinished(&folder).expect("removes");
        let left: Vec<_> = fs::read_dir(&folder).expect("lists").flatten().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].file_name(), "a.json");
    }

    #[test]
    fn an_error_names_the_path() {
        let error = write(Path::new("/nowhere/x/a.json"), b"").expect_err("no such folder");
        assert!(error.to_string().contains("/nowhere/x"), "{error}");
    }
}
