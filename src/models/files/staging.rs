//! A folder for unfinished downloads, beside the place they go to.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use facepipe_core::artifacts::atomic::TEMPORARY_SUFFIX;
use tempfile::TempDir;

/// Unfinished downloads this old belong to no running process: a running one writes to its own all
/// the time.
const STALE_AFTER: Duration = Duration::from_secs(60 * 60);

/// The folder; it is deleted when this is dropped.
#[derive(Debug)]
pub(super) struct Staging {
    folder: TempDir,
}

impl Staging {
    /// A new folder inside `folder`, which is created if missing, with a name that no other process
    /// uses, on no other machine either. Old folders of killed processes are removed.
    pub(super) fn new(folder: &Path, name: &str) -> io::Result<Self> {
        fs_err::create_dir_all(folder)?;
        remove_stale(folder)?;
        let folder = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(TEMPORARY_SUFFIX)
            .tempdir_in(folder)?;
        Ok(Self { folder })
    }

    /// The folder's path.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn remove_stale(folder: &Path) -> io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !(name.starts_with('.') && name.ends_with(TEMPORARY_SUFFIX)) {
            continue;
        }
        let age = SystemTime::now().duration_since(entry.metadata()?.modified()?);
        if age.is_ok_and(|age| age > STALE_AFTER) {
            if entry.file_type()?.is_dir() {
                fs_err::remove_dir_all(entry.path())?;
            } else {
                fs_err::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_deleted_when_dropped_together_with_old_ones() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let old = folder.path().join(format!(".a.1{TEMPORARY_SUFFIX}"));
        let young = folder.path().join(format!(".b.1{TEMPORARY_SUFFIX}"));
        for path in [&old, &young] {
            fs_err::write(path, "unfinished").expect("writes");
        }
        let long_ago = SystemTime::now() - 2 * STALE_AFTER;
        let file = fs_err::OpenOptions::new()
            .write(true)
            .open(&old)
            .expect("opens");
        file.file().set_modified(long_ago).expect("sets the time");
        let staging = Staging::new(folder.path(), "c").expect("makes");
        assert!(staging.path().is_dir());
        drop(staging);
        let left = fs_err::read_dir(folder.path()).expect("lists");
        let left: Vec<_> = left.map(|entry| entry.expect("lists").path()).collect();
        assert_eq!(left, [young]);
    }
}
