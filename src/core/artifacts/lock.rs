//! One process at a time in a folder.

use std::fs::TryLockError;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use same_file::Handle;

/// An exclusive lock on a folder, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Open as long as the lock is held.
    _file: fs::File,
}

/// Why a folder can't be locked.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it: its process id, where that can be read.
    Taken(Option<u32>),
    /// The file can't be made or locked.
    Io(io::Error),
}

/// A process that holds a lock, for a message.
#[must_use]
pub fn of_process(process: Option<u32>) -> String {
    process.map_or_else(String::new, |id| format!(" (process {id})"))
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Lock {
    /// Locks a folder by a file in it, which holds the process id and is removed with the lock. That of
    /// a dead process stays, but the system releases its lock, so that no lock can be stale.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(path: &Path) -> Result<Self, LockError> {
        loop {
            let file = Self::lock(path)?;
            // The process that held it may have removed it since it was opened: then it locks nothing.
            if is_at(&file, path)? {
                return Ok(Self {
                    path: path.to_owned(),
                    _file: file,
                });
            }
        }
    }

    fn lock(path: &Path) -> Result<fs::File, LockError> {
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                return Err(LockError::Taken(text.trim().parse().ok()));
            }
            // On file systems without locks the user has to make sure that only one process runs.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(file)
    }
}

/// Whether the open file is the one that has this path.
fn is_at(file: &fs::File, path: &Path) -> io::Result<bool> {
    let open = Handle::from_file(file.file().try_clone()?)?;
    match Handle::from_path(path) {
        Ok(there) => Ok(open == there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A file that stays is only untidy: the lock itself is released when the file is closed.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_refused_and_gets_the_firsts_id() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join(".lock");
        let first = Lock::take(&file).expect("is free");
        let second = Lock::take(&file).expect_err("is taken");
        let own = std::process::id();
        assert!(matches!(second, LockError::Taken(Some(id)) if id == own));
        drop(first);
        assert!(!file.exists());
        Lock::take(&file).expect("is free again");
    }

    #[test]
    fn the_lock_file_of_a_dead_process_does_not_matter() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join(".lock");
        fs::write(&file, "4194304999\n").expect("writes");
        let lock = Lock::take(&file).expect("is free");
        let text = fs::read_to_string(&file).expect("reads");
        assert_eq!(text.trim(), std::process::id().to_string());
        drop(lock);
    }
}
