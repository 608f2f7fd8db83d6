//! Lines of the stages' `manifest.jsonl`.
//!
//! Paths use `/` and are relative to the folder of the manifest, or, for sources, to the folder
//! that the stage read. Nothing here depends on when or where a stage ran, except the provenance of
//! downloads.

use serde::{Deserialize, Serialize};

use super::{CropPlace, FaceQuality, Landmarks, PhotoFaceName, PixelRect};

/// One image that `fetch` kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// `<label>/<first 16 of md5>.<ext>`.
    pub file: String,
    /// The label it was fetched for.
    pub label: String,
    /// MD5 of the file's bytes, hexadecimal.
    pub md5: String,
    /// SHA-256 of the file's bytes, hexadecimal.
    pub sha256: String,
    /// File size.
    pub bytes: u64,
    /// Width of the upright image in pixels.
    pub width: u32,
    /// Height of the upright image in pixels.
    pub height: u32,
    /// File format by content, such as `jpeg`.
    pub format: String,
    /// Perceptual hash of the upright image, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phash: Option<String>,
    /// The downloaded or read file, where the image was made smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<OriginalImage>,
    /// Other labels that the same image was found for: it is only under the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_labels: Vec<String>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// An image as it was before it was made smaller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalImage {
    /// MD5 of its bytes, hexadecimal.
    pub md5: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Width of the upright image in pixels.
    pub width: u32,
    /// Height of the upright image in pixels.
    pub height: u32,
    /// Its format by content, such as `jpeg`.
    pub format: String,
}

/// Where an image comes from and under which licence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The source's name: `commons`, `openverse`, `bing`, `serpapi`, `urls`, `folder`.
    pub source: String,
    /// The query it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The page that shows the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    /// The requested address or path.
    pub image_url: String,
    /// The address after redirects, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// When it was downloaded: seconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<u64>,
    /// The HTTP status of the download.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The answer's `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The answer's `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The licence's short name, as the source gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The licence's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_url: Option<String>,
    /// The author, as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The credit to print beside the image, where the source words one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
    /// The title, as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl Provenance {
    /// When it was downloaded.
    #[must_use]
    pub fn download_date(&self) -> Option<PhotoDate> {
        let seconds = self.fetched_at?.try_into().ok()?;
        let by = DateSource::Download;
        Some(PhotoDate { seconds, by })
    }

    /// The origin that several photos may share: the author, where a picture collection names one
    /// (`commons: Jane Doe`), else the host of the page that shows it, else that of its address,
    /// else the folder that it was taken from. `None` where none of these is known.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        if let (true, Some(author)) = (self.license.is_some(), &self.author) {
            return Some(format!("{}: {author}", self.source));
        }
        let addresses = [self.page_url.as_ref(), Some(&self.image_url)];
        let host = |address: &String| {
            let url = url::Url::parse(address).ok()?;
            let host = url.host_str()?.to_owned();
            Some(
                host.strip_prefix("www.")
                    .map_or(host.clone(), str::to_owned),
            )
        };
        let hosts = addresses.into_iter().flatten().find_map(host);
        hosts.or_else(|| {
            let (folder, _) = self.image_url.rsplit_once('/')?;
            Some(folder.to_owned()).filter(|_| !self.image_url.contains("://"))
        })
    }
}

/// One face crop that `crop` kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CropRecord {
    /// `<label>/<first 16 of md5>.png`.
    pub file: String,
    /// The label of the photo.
    pub label: String,
    /// MD5 of the crop file's bytes, hexadecimal.
    pub md5: String,
    /// The photo it was cut from.
    pub source: SourcePhoto,
    /// Which face of the photo, largest first, from 0; `None` for a photo kept whole.
    pub face: Option<u32>,
    /// The detector's box in the upright photo; `None` for a photo kept whole.
    #[serde(rename = "box")]
    pub rect: Option<PixelRect>,
    /// The detector's score.
    pub score: Option<f32>,
    /// Landmarks in the upright photo, where they were detected.
    #[serde(flatten)]
    pub landmarks: Option<Landmarks>,
    /// What was cut out of the upright photo.
    pub chip: PixelRect,
    /// Where the aligned face is in the file; `None` where the whole file is the chip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<CropPlace>,
    /// How good a picture of the face it is; `None` for a photo kept whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<FaceQuality>,
}

/// The photo that a crop was cut from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePhoto {
    /// Its path below the folder that `crop` read.
    pub file: String,
    /// MD5 of its bytes, hexadecimal.
    pub md5: String,
    /// Width of the upright photo in pixels.
    pub width: u32,
    /// Height of the upright photo in pixels.
    pub height: u32,
    /// Perceptual hash of the upright photo, 64 hexadecimal digits.
    pub phash: String,
    /// Where it comes from, as [`Provenance::origin`] has it; `None` where `fetch` did not get it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// When it was made, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<PhotoDate>,
    /// Other labels that `fetch` found it for, beside the one that it is under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_labels: Vec<String>,
}

/// When a photo was made, or downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoDate {
    /// Seconds since 1970, UTC; of a camera that names no time zone, as if its clock showed UTC.
    pub seconds: i64,
    /// The source of the time.
    pub by: DateSource,
}

/// Sources of a photo's time, from the most to the least reliable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateSource {
    /// The camera, in the photo's EXIF data.
    Exif,
    /// The download: the photo is at least as old.
    Download,
    /// The file's time of change.
    File,
}

impl std::fmt::Display for DateSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Exif => "exif",
            Self::Download => "download",
            Self::File => "file",
        })
    }
}

/// A side of the split.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Split {
    /// For training.
    Train,
    /// For early stopping and the choice of the best epoch.
    Val,
    /// For the reported figures.
    Test,
}

impl Split {
    /// All sides, in the order of the folders.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// The folder's name.
    #[must_use]
    pub fn folder(self) -> &'static str {
        self.into()
    }
}

/// One image of the final data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitRecord {
    /// `<split>/<label>/<first 16 of md5>.<ext>`.
    pub file: String,
    /// Its label.
    pub label: String,
    /// Its side.
    pub split: Split,
    /// MD5 of the file's bytes, hexadecimal.
    pub md5: String,
    /// Perceptual hash, 64 hexadecimal digits.
    pub phash: String,
    /// The group it belongs to: images of one group are never on two sides.
    pub group: String,
    /// Its path below the folder that `prepare` read.
    pub source: String,
    /// The photo it was cut from, below the folder that `crop` read, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// Which face of that photo it is, from 0, as in the record of the crop; `None` for a photo kept whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<u32>,
    /// MD5 of that photo's bytes, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo_md5: Option<String>,
    /// Perceptual hash of that photo, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo_phash: Option<String>,
    /// Where its photo comes from: a web host, an author, a folder; where the split depends on that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// When its photo was made; where the split depends on that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<PhotoDate>,
    /// Its fold, from 1, where folds were requested; images of test have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
    /// Where the aligned face is in the file; `None` where the whole file is the chip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<CropPlace>,
}

impl CropRecord {
    /// What people are told of some crops, in their order.
    #[must_use]
    pub fn names(crops: &[&Self]) -> Vec<PhotoFaceName> {
        let faces = crops
            .iter()
            .map(|crop| (crop.source.file.as_str(), crop.face));
        PhotoFaceName::of_all(&faces.collect::<Vec<_>>())
    }
}

impl SplitRecord {
    /// What people are told of the images of a data set, in their order: the photo of each, or what `prepare` read.
    #[must_use]
    pub fn names(images: &[Self]) -> Vec<PhotoFaceName> {
        let faces = images.iter().map(|image| {
            let photo = image.photo.as_ref().unwrap_or(&image.source);
            (photo.as_str(), image.face)
        });
        PhotoFaceName::of_all(&faces.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_authors_hosts_or_folders() {
        let origin = |image: &str, page: Option<&str>, author: Option<&str>| {
            let provenance = Provenance {
                source: "commons".to_owned(),
                page_url: page.map(str::to_owned),
                image_url: image.to_owned(),
                license: author.map(|_| "CC BY 4.0".to_owned()),
                author: author.map(str::to_owned),
                ..Provenance::default()
            };
            provenance.origin()
        };
        let image = "https://upload.example.org/1.jpg";
        assert_eq!(
            origin(image, None, None).as_deref(),
            Some("upload.example.org")
        );
        let page = Some("https://www.example.org/page");
        assert_eq!(origin(image, page, None).as_deref(), Some("example.org"));
        assert_eq!(
            origin(image, page, Some("Jane Doe")).as_deref(),
            Some("commons: Jane Doe")
        );
        assert_eq!(
            origin("holiday/ada/1.jpg", None, None).as_deref(),
            Some("holiday/ada")
        );
        assert_eq!(origin("1.jpg", None, None), None);
    }
}
