//! How an image gets its place in the data set: as a copy, or as another name of the same file.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fs_err as fs;

use super::PrepareError;
use super::items::Item;
use super::settings::LinkMode;
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::digest::md5_hex;
use facepipe_core::context::Context;
use facepipe_core::words::counted_as;
use facepipe_imaging::image_io;

/// Places images, and remembers where links could not be made.
#[derive(Debug)]
pub(super) struct Placing {
    mode: LinkMode,
    /// Why the first link could not be made, and how many could not.
    refused: Mutex<Option<(String, u64)>>,
}

impl Placing {
    pub(super) fn new(mode: LinkMode) -> Self {
        Self {
            mode,
            refused: Mutex::new(None),
        }
    }

    /// Places an image. One that is there already, as its name by content and its size say, stays, if it is the
    /// link or the copy that it is to be.
    pub(super) fn place(&self, item: &Item, place: &Path) -> Result<(), PrepareError> {
        let changed = |error| PrepareError::Changed(item.path.clone(), error);
        // A hard link to a symbolic link would not link its target.
        let source = fs::canonicalize(&item.path).map_err(|error| changed(error.into()))?;
        let length = fs::metadata(&source)
            .map_err(|error| changed(error.into()))?
            .len();
        if let Ok(found) = fs::metadata(place) {
            let is_link = same_file::is_same_file(&source, place)?;
            let is_as_wanted = match self.mode {
                LinkMode::Copy => !is_link,
                LinkMode::Hard => is_link || self.refused().is_some(),
            };
            if found.len() == length && is_as_wanted {
                return Ok(());
            }
            fs::remove_file(place)?;
        }
        if self.mode == LinkMode::Hard {
            match fs::hard_link(&source, place) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let mut refused = self.refused();
                    refused.get_or_insert_with(|| (error.to_string(), 0)).1 += 1;
                }
            }
        }
        let bytes = image_io::read_bytes(&source).map_err(changed)?;
        if md5_hex(&bytes) != item.features.md5 {
            let now = std::io::Error::other("its content is another one now");
            return Err(changed(now.into()));
        }
        Ok(atomic::write_bulk(place, &bytes)?)
    }

    fn refused(&self) -> MutexGuard<'_, Option<(String, u64)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where links were requested and copies were made.
    pub(super) fn note(&self, context: &Context) {
        if let Some((reason, count)) = &*self.refused() {
            context.progress.note(&format!(
                "{} copied, because no hard links can be made: {reason}",
                counted_as(*count, "image was", "images were")
            ));
        }
    }
}
