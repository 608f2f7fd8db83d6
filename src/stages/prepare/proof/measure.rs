//! The measures by which two images are compared.

use serde::Serialize;

use crate::items::Item;
use crate::relations::{SAME_FACE, Why};
use crate::settings::Settings;
use facepipe_core::types::Embedding;
use facepipe_imaging::perceptual_hash::PerceptualHash;

/// A measure by which two images are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Perceptual hashes of whole pictures.
    Picture,
    /// Perceptual hashes of what is inside the frames of pictures whose face is not known.
    InsideFrame,
    /// Perceptual hashes of aligned faces, where their places are known.
    Face,
    /// Perceptual hashes of the photos that crops were cut from, where those are known.
    Photo,
    /// Embeddings of faces of one label, which are near by nature: one person's.
    EmbeddingSameLabel,
    /// Embeddings of faces of two labels.
    EmbeddingOtherLabel,
}

impl Measure {
    /// All, in the order in which they are reported.
    pub(crate) const ALL: [Self; 6] = [
        Self::Picture,
        Self::InsideFrame,
        Self::Face,
        Self::Photo,
        Self::EmbeddingSameLabel,
        Self::EmbeddingOtherLabel,
    ];
    /// Those by perceptual hash.
    pub(super) const HASHES: [Self; 4] =
        [Self::Picture, Self::InsideFrame, Self::Face, Self::Photo];
    /// Those by embedding, in the order in which they are found.
    pub(super) const EMBEDDINGS: [Self; 2] = [Self::EmbeddingSameLabel, Self::EmbeddingOtherLabel];

    /// Whether it is one of perceptual hashes, in bits of 256.
    pub(crate) fn is_hash(self) -> bool {
        Self::HASHES.contains(&self)
    }

    /// What it compares, in words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Picture => "pictures",
            Self::InsideFrame => "pictures inside their frames",
            Self::Face => "aligned faces",
            Self::Photo => "source photos",
            Self::EmbeddingSameLabel => "faces of one label",
            Self::EmbeddingOtherLabel => "faces of two labels",
        }
    }

    /// An image's hash; `None` where it has none of the kind.
    pub(super) fn hash(self, item: &Item) -> Option<PerceptualHash> {
        match self {
            Self::Picture => Some(item.features.phash),
            Self::InsideFrame => item.place().is_none().then_some(item.features.view.fine),
            Self::Face => item.place().is_some().then_some(item.features.view.fine),
            Self::Photo => item.photo.as_ref().map(|photo| photo.phash),
            Self::EmbeddingSameLabel | Self::EmbeddingOtherLabel => None,
        }
    }

    /// Whether it says anything about some images that other measures don't.
    pub(super) fn is_used<'items>(self, mut items: impl Iterator<Item = &'items Item>) -> bool {
        items.any(|item| match (self, self.hash(item)) {
            (Self::InsideFrame, Some(hash)) => hash != item.features.phash,
            (_, hash) => hash.is_some(),
        })
    }

    /// Distance up to which two images are one. Where near duplicates are not searched, the usual limit
    /// counts: unsearched duplicates may leak all the same.
    pub(super) fn limit(self, settings: &Settings) -> Option<u32> {
        let limit = settings
            .phash_distance
            .unwrap_or(Settings::DEFAULT_PHASH_DISTANCE);
        match self {
            Self::Picture | Self::InsideFrame | Self::Photo => Some(limit),
            Self::Face => Some(limit.min(SAME_FACE)),
            Self::EmbeddingSameLabel | Self::EmbeddingOtherLabel => None,
        }
    }

    /// Why two images at such a distance are one.
    pub(super) const fn why(self, bits: u32, same_pixels: bool) -> Option<Why> {
        match self {
            Self::Picture if same_pixels => Some(Why::SamePixels),
            Self::Picture => Some(Why::PictureHash { bits }),
            Self::InsideFrame | Self::Face => Some(Why::ViewHash { bits }),
            Self::Photo => Some(Why::PhotoHash { bits }),
            Self::EmbeddingSameLabel | Self::EmbeddingOtherLabel => None,
        }
    }

    /// The distance of two images; `None` where it is not known.
    pub(crate) fn distance(
        self,
        [a, b]: [&Item; 2],
        [a_face, b_face]: [Option<&Embedding>; 2],
    ) -> Option<f64> {
        let is_same_label = a.label == b.label;
        match self {
            Self::EmbeddingSameLabel if !is_same_label => None,
            Self::EmbeddingOtherLabel if is_same_label => None,
            Self::EmbeddingSameLabel | Self::EmbeddingOtherLabel => {
                Some(f64::from(a_face?.distance(b_face?)))
            }
            _ => Some(f64::from(self.hash(a)?.distance(self.hash(b)?))),
        }
    }
}
