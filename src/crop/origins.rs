//! Where photos come from, as `fetch` wrote it down beside them.

use std::collections::HashMap;
use std::path::Path;

use crate::artifacts::image_folder::LabelledFile;
use crate::artifacts::jsonl;
use crate::artifacts::stage::MANIFEST_FILE;
use crate::photo_date;
use crate::types::{DateSource, ImageRecord, PhotoDate};

/// What is known of one fetched photo.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) name: Option<String>,
    downloaded: Option<u64>,
}

/// What is known of photos, by their paths below the input.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<String, Origin>);

impl Origins {
    /// Reads the manifest beside the photos; empty where there is none of `fetch`.
    pub(super) fn of(input: &Path) -> Self {
        let records = jsonl::read::<ImageRecord>(&input.join(MANIFEST_FILE)).unwrap_or_default();
        let origin = |record: ImageRecord| {
            let origin = Origin {
                name: record.provenance.origin(),
                downloaded: record.provenance.fetched_at,
            };
            (record.file, origin)
        };
        Self(records.into_iter().map(origin).collect())
    }

    pub(super) fn of_photo(&self, file: &LabelledFile) -> Option<&Origin> {
        self.0.get(&file.relative)
    }
}

/// When a photo was made, as its camera says, else when it was downloaded. The file's own time is left out:
/// it changes with every copy, and the manifest would with it.
pub(super) fn date(bytes: &[u8], origin: Option<&Origin>) -> Option<PhotoDate> {
    photo_date::by_camera(bytes).or_else(|| {
        let seconds = i64::try_from(origin?.downloaded?).ok()?;
        let by = DateSource::Download;
        Some(PhotoDate { seconds, by })
    })
}
