//! What was left out, and why: nothing is dropped silently.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One item that a stage left out: a line of `discarded.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discarded {
    /// The item: a path relative to the stage's input, or a URL.
    pub item: String,
    /// Whether the whole image is out or one face of it.
    pub kind: ItemKind,
    /// The label it was under, where it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Reason code.
    pub reason: Reason,
    /// The reason in words, with the figures.
    pub message: String,
    /// Other items that the reason is about: the image it duplicates, say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<String>,
    /// How near a duplicate is to the image that is kept instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<Distance>,
    /// The photo that the item was made from, below the folder that the first stage read, where it is another file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// Which face of the photo it is, from 0, as in the record of its crop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<u32>,
}

/// Why two images count as duplicates, with the figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Distance {
    /// What was compared: `same_pixels`, `picture_hash`, `view_hash`, `turned_hash`, `details` or `face`; `chain`
    /// where others between them join them.
    pub kind: String,
    /// Bits of 256 in which the hashes differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// The least correlation of a part of the pictures, -1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
    /// Euclidean distance of the faces' embeddings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<f64>,
}

impl Discarded {
    /// An image of a source that has no address.
    #[must_use]
    pub fn without_address(item: String, label: Option<String>, message: &str) -> Self {
        Self {
            item,
            kind: ItemKind::Image,
            label,
            reason: Reason::BadAddress,
            message: message.to_owned(),
            related: Vec::new(),
            distance: None,
            photo: None,
            face: None,
        }
    }

    /// How many items were left out for each reason.
    #[must_use]
    pub fn count_reasons(items: &[Self]) -> BTreeMap<String, u64> {
        let mut reasons = BTreeMap::new();
        for item in items {
            *reasons.entry(item.reason.to_string()).or_default() += 1;
        }
        reasons
    }
}

/// Items by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All.
    pub found: u64,
    /// Those that are kept.
    pub kept: u64,
    /// Those that are not; each is a line of `discarded.jsonl`.
    pub discarded: u64,
}

/// What a [`Discarded`] record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A whole image file or URL.
    Image,
    /// One face of an image that may be kept for its other faces.
    Face,
}

/// Reason codes of `discarded.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not an address that can be requested, or one without a label.
    BadAddress,
    /// Not an image, damaged, over the limits, or an entry of a folder that can't be opened.
    Unreadable,
    /// In no label's folder.
    NoLabel,
    /// A person set it aside, or its label.
    SetAside,
    /// The download failed.
    DownloadFailed,
    /// The server answered with an error.
    HttpStatus,
    /// The host asks for a longer pause than a run waits, or refuses everything.
    HostPaused,
    /// Its owner does not want it in data sets: robots.txt or `X-Robots-Tag` says so.
    OptedOut,
    /// More bytes or pixels than allowed.
    TooLarge,
    /// Fewer pixels than the minimum.
    TooSmall,
    /// Its sides differ more than allowed.
    Aspect,
    /// A measure of the face's quality is beyond its limit.
    LowQuality,
    /// The detector found no face.
    NoFace,
    /// More than one face, where one is meant.
    SeveralFaces,
    /// The detector itself failed on the image.
    DetectorFailed,
    /// A service refused it.
    Refused,
    /// A smaller face of a photo, where only the largest was requested.
    NotLargest,
    /// Another face of a photo than the one of its label.
    NotMain,
    /// The same bytes or pixels as another image.
    ExactDuplicate,
    /// Almost the same picture as another image, by perceptual hash.
    NearDuplicate,
    /// It, or a duplicate of it, is under two labels.
    LabelConflict,
    /// A face that is not the person of its label.
    Stranger,
    /// A face that is not the person of its label, but that of another one.
    NearerToOtherLabel,
    /// It, or another picture of its photo, is on a side that is farther from training.
    SplitLeak,
    /// Its label has fewer images than the minimum, in all or on one side.
    ClassTooSmall,
    /// The limit of images was reached before it.
    OverLimit,
    /// Its licence is none of the requested ones.
    Licence,
}

impl Reason {
    /// Whether the item was left out because something went wrong with it, rather than by choice: a
    /// strict run counts it as failed.
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::BadAddress
                | Self::Unreadable
                | Self::DownloadFailed
                | Self::HttpStatus
                | Self::HostPaused
                | Self::DetectorFailed
                | Self::Refused
        )
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::BadAddress => "bad_address",
            Self::Unreadable => "unreadable",
            Self::NoLabel => "no_label",
            Self::SetAside => "set_aside",
            Self::DownloadFailed => "download_failed",
            Self::HttpStatus => "http_status",
            Self::HostPaused => "host_paused",
            Self::OptedOut => "opted_out",
            Self::TooLarge => "too_large",
            Self::TooSmall => "too_small",
            Self::Aspect => "aspect",
            Self::LowQuality => "low_quality",
            Self::NoFace => "no_face",
            Self::SeveralFaces => "several_faces",
            Self::DetectorFailed => "detector_failed",
            Self::Refused => "refused",
            Self::NotLargest => "not_largest",
            Self::NotMain => "not_main",
            Self::ExactDuplicate => "exact_duplicate",
            Self::NearDuplicate => "near_duplicate",
            Self::LabelConflict => "label_conflict",
            Self::Stranger => "stranger",
            Self::NearerToOtherLabel => "nearer_to_other_label",
            Self::SplitLeak => "split_leak",
            Self::ClassTooSmall => "class_too_small",
            Self::OverLimit => "over_limit",
            Self::Licence => "licence",
        })
    }
}
