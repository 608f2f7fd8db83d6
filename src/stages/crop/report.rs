//! Counts of the stage.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use facepipe_core::artifacts::image_folder::ImageFolder;
use facepipe_core::types::{Counts, CropRecord, Discarded, ItemKind, Stage};

/// `report.json` of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CropReport {
    /// `crop`
    pub stage: String,
    /// The output folder.
    #[serde(with = "facepipe_core::artifacts::path_text::as_text")]
    pub out: PathBuf,
    /// Photos: found = kept + discarded. A photo is kept when one of its faces is.
    pub photos: Counts,
    /// Photos whose faces were known from an earlier run.
    #[serde(default)]
    pub from_before: u64,
    /// Faces that the detector found.
    pub faces_found: u64,
    /// Crops written.
    pub crops: u64,
    /// Crops by label; a label without any has 0.
    pub labels: BTreeMap<String, u64>,
    /// Items left out, by reason: whole photos and single faces.
    pub reasons: BTreeMap<String, u64>,
    /// The kept faces' quality, by measure; a measure that no face has is missing.
    pub quality: BTreeMap<String, Distribution>,
    /// Photos left out because something went wrong with them.
    pub items_failed: u64,
    /// How long the run took that finished the stage.
    pub seconds: f64,
}

/// How a measure is distributed over the kept faces.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// The lowest.
    pub min: f64,
    /// The middle one; of two middle ones the lower.
    pub median: f64,
    /// The highest.
    pub max: f64,
}

impl Distribution {
    /// `None` for no numbers.
    fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        Some(Self {
            min: *numbers.first()?,
            median: *numbers.get((numbers.len() - 1) / 2)?,
            max: *numbers.last()?,
        })
    }
}

/// The distributions of all measures that faces have.
fn distributions(crops: &[CropRecord]) -> BTreeMap<String, Distribution> {
    let mut numbers: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for quality in crops.iter().filter_map(|crop| crop.quality) {
        for (name, value) in quality.measures() {
            numbers.entry(name).or_default().push(value);
        }
    }
    let of_measure =
        |(name, numbers): (&str, Vec<f64>)| Some((name.to_owned(), Distribution::of(numbers)?));
    numbers.into_iter().filter_map(of_measure).collect()
}

impl CropReport {
    /// For which reason most items were left out.
    pub(super) fn main_reason(&self) -> Option<String> {
        let most = self.reasons.iter().max_by_key(|(_, count)| **count);
        most.map(|(reason, _)| reason.clone())
    }

    pub(super) fn new(
        out: &Path,
        folder: &ImageFolder,
        faces_found: u64,
        crops: &[CropRecord],
        discarded: &[Discarded],
        elapsed: Duration,
    ) -> Self {
        let kept: BTreeSet<&str> = crops.iter().map(|crop| crop.source.file.as_str()).collect();
        let found = folder.found();
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
            stage: Stage::Crop.name().to_owned(),
            out: out.to_owned(),
            photos: Counts {
                found,
                kept: kept.len() as u64,
                discarded: found - kept.len() as u64,
            },
            from_before: 0,
            faces_found,
            crops: crops.len() as u64,
            labels,
            reasons: Discarded::count_reasons(discarded),
            quality: distributions(crops),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_have_the_lowest_the_middle_and_the_highest() {
        let of = |numbers: &[f64]| Distribution::of(numbers.to_vec());
        let three = of(&[0.9, -3.5, 0.2]).expect("there are numbers");
        assert_eq!((three.min, three.median, three.max), (-3.5, 0.2, 0.9));
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).map(|four| four.median), Some(2.0));
        assert_eq!(of(&[]), None);
        assert!(distributions(&[]).is_empty());
    }
}
