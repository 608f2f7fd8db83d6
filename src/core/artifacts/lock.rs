//! One process at a time in a folder.

use std::fs::TryLockError;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use fs_err as fs;

/// The right to write into a folder, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: fs::File,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it: its process id, where that can be read.
    Taken(Option<u32>),
    /// The file can't be made or locked.
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Lock {
    /// Locks a folder by a file in it, which is made if need be and holds the process id meanwhile. The
    /// file stays, empty; the system lets go of a dead process's lock, so that no lock can be stale.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(file: &Path) -> Result<Self, LockError> {
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(file)?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                return Err(LockError::Taken(text.trim().parse().ok()));
            }
            // File systems without locks: two processes at once are then up to the user.
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
        let file = folder.path().join(".lock");
        let first = Lock::take(&file).expect("is free");
        let second = Lock::take(&file).expect_err("is taken");
        let own = std::process::id();
        assert!(matches!(second, LockError::Taken(Some(id)) if id == own));
        drop(first);
        Lock::take(&file).expect("is free again");
    }

    #[test]
    fn what_a_dead_process_left_does_not_matter() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join(".lock");
        fs::write(&file, "4194304999\n").expect("writes");
        let lock = Lock::take(&file).expect("nobody holds it");
        let text = fs::read_to_string(&file).expect("reads");
        assert_eq!(text.trim(), std::process::id().to_string());
        drop(lock);
    }
}
