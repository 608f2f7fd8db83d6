//! One run at a time in an output folder.

use std::fs::TryLockError;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use fs_err as fs;

/// The file that a run locks and writes its process id into. It stays, empty; the system lets go of a
/// dead process's lock, so that no lock can be stale.
pub(super) const LOCK_FILE: &str = ".fetch-lock";

/// The right to write into an output folder, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: fs::File,
}

/// Why there is no lock.
#[derive(Debug)]
pub(super) enum LockError {
    /// Another run has it: its process id, where that can be read.
    Taken(Option<u32>),
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Lock {
    /// Locks a folder.
    pub(super) fn take(folder: &Path) -> Result<Self, LockError> {
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(LOCK_FILE))?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                return Err(LockError::Taken(text.trim().parse().ok()));
            }
            // File systems without locks: two runs at once are then up to the user.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A process id that stays is only untidy: the lock itself ends with the file.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first_until_that_ends() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let first = Lock::take(folder.path()).expect("is free");
        let second = Lock::take(folder.path()).expect_err("is taken");
        let own = std::process::id();
        assert!(matches!(second, LockError::Taken(Some(id)) if id == own));
        drop(first);
        Lock::take(folder.path()).expect("is free again");
    }

    #[test]
    fn what_a_dead_process_left_does_not_matter() {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::write(folder.path().join(LOCK_FILE), "4194304999\n").expect("writes");
        let lock = Lock::take(folder.path()).expect("nobody holds it");
        let text = fs::read_to_string(folder.path().join(LOCK_FILE)).expect("reads");
        assert_eq!(text.trim(), std::process::id().to_string());
        drop(lock);
    }
}
