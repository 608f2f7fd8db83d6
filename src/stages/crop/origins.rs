//! The origin of photos, from the manifest that `fetch` wrote beside them.

use std::collections::HashMap;
use std::path::Path;

use facepipe_core::artifacts::image_folder::LabelledFile;
use facepipe_core::artifacts::jsonl;
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::types::{ImageRecord, PhotoDate};
use facepipe_imaging::photo_date;

/// The record of one fetched photo.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) name: Option<String>,
    /// Other labels that the photo was found for.
    pub(super) also_labels: Vec<String>,
    downloaded: Option<PhotoDate>,
}

/// Records of photos, by their paths below the input.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<String, Origin>);

impl Origins {
    /// Reads the manifest beside the photos; empty where there is none of `fetch`.
    pub(super) fn of(input: &Path) -> Self {
        let records = jsonl::read::<ImageRecord>(&input.join(MANIFEST_FILE)).unwrap_or_default();
        let origin = |record: ImageRecord| {
            let origin = Origin {
                name: record.provenance.origin(),
                downloaded: record.provenance.download_date(),
                also_labels: record.also_labels,
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
    photo_date::by_camera(bytes).or_else(|| origin?.downloaded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::{DateSource, Provenance};

    #[test]
    fn fetched_photos_have_an_origin_and_a_date() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let record = ImageRecord {
            file: "ada/1.jpg".to_owned(),
            label: "ada".to_owned(),
            md5: String::new(),
            sha256: String::new(),
            bytes: 1,
            width: 64,
            height: 48,
            format: "jpeg".to_owned(),
            phash: None,
            original: None,
            also_labels: vec!["grace".to_owned()],
            provenance: Provenance {
                source: "urls".to_owned(),
                image_url: "https://www.example.org/a/1.jpg".to_owned(),
                fetched_at: Some(1_700_000_000),
                ..Provenance::default()
            },
        };
        jsonl::write(&folder.path().join(MANIFEST_FILE), &[record]).expect("writes");
        let file = |relative: &str| LabelledFile {
            label: "ada".to_owned(),
            relative: relative.to_owned(),
            path: folder.path().join(relative),
        };
        let origins = Origins::of(folder.path());
        let origin = origins.of_photo(&file("ada/1.jpg")).expect("is known");
        assert_eq!(origin.name.as_deref(), Some("example.org"));
        assert_eq!(origin.also_labels, ["grace"]);
        let date = date(b"no date inside", Some(origin)).expect("a date");
        assert_eq!(
            (date.seconds, date.by),
            (1_700_000_000, DateSource::Download)
        );
        assert!(origins.of_photo(&file("ada/2.jpg")).is_none());
        assert_eq!(super::date(b"no date inside", None), None);
        assert!(Origins::of(&folder.path().join("nowhere")).0.is_empty());
    }
}
