//! Counts of the stage.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::artifacts::image_folder::ImageFolder;
use crate::types::{CROP_STAGE, Counts, CropRecord, Discarded, ItemKind};

/// `report.json` of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CropReport {
    /// `crop`
    pub stage: String,
    /// The output folder.
    pub out: PathBuf,
    /// Photos: found = kept + discarded. A photo is kept when one of its faces is.
    pub photos: Counts,
    /// Faces that the detector found.
    pub faces_found: u64,
    /// Crops written.
    pub crops: u64,
    /// Crops by label; a label without any stands with 0.
    pub labels: BTreeMap<String, u64>,
    /// Items left out, by reason: whole photos and single faces.
    pub reasons: BTreeMap<String, u64>,
    /// Photos left out because something went wrong with them.
    pub items_failed: u64,
    /// How long the run took that finished the stage.
    pub seconds: f64,
}

impl CropReport {
    pub(super) fn new(
        out: &Path,
        folder: &ImageFolder,
        faces_found: u64,
        crops: &[CropRecord],
        discarded: &[Discarded],
        elapsed: Duration,
    ) -> Self {
        let kept: BTreeSet<&str> = crops.iter().map(|crop| crop.source.file.as_str()).collect();
        let found = folder.files.len() as u64;
        let mut labels: BTreeMap<String, u64> = folder
            .labels
            .iter()
            .map(|label| (label.clone(), 0))
            .collect();
        for crop in crops {
            *labels.entry(crop.label.clone()).or_default() += 1;
        }
        let failed = |item: &&Discarded| item.kind == ItemKind::Image && item.reason.is_error();
        Self {
            stage: CROP_STAGE.to_owned(),
            out: out.to_owned(),
            photos: Counts {
                found,
                kept: kept.len() as u64,
                discarded: found - kept.len() as u64,
            },
            faces_found,
            crops: crops.len() as u64,
            labels,
            reasons: Discarded::count_reasons(discarded),
            items_failed: discarded.iter().filter(failed).count() as u64,
            seconds: elapsed.as_secs_f64(),
        }
    }

    /// Reads a finished stage's report.
    ///
    /// # Errors
    /// The I/O error with its path, or `InvalidData`.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs_err::read(path)?)?)
    }

    /// The counts that go into the stamp.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([
            ("photos".to_owned(), self.photos.found),
            ("photos_kept".to_owned(), self.photos.kept),
            ("crops".to_owned(), self.crops),
        ])
    }
}
