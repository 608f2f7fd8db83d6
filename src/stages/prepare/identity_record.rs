//! The decision about each face, in figures and in words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::items::Item;
use facepipe_core::types::Reason;
use facepipe_faces::identity::{Judgement, Verdict};

/// The decision about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Its face is the label's person.
    Kept,
    /// It is kept, but should be checked by eye.
    Doubtful,
    /// It is kept because the user restored it.
    Restored,
    /// It is left out: its face is another person's.
    Stranger,
    /// It is left out: its face is another label's person.
    NearerToOtherLabel,
}

/// The decision about one face: a line of `identities.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentityRecord {
    /// The image, below the input folder.
    pub item: String,
    /// What people are told of it: its photo, and which face of it where that has several.
    #[serde(default)]
    pub name: String,
    /// The photo that it was cut from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// Which face of the photo it is, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<u32>,
    /// Its label.
    pub label: String,
    /// The decision.
    pub decision: Decision,
    /// Euclidean distance of its embedding from the centre of the label's other faces, where it is
    /// evident whom the label is about.
    pub distance: Option<f64>,
    /// The largest distance of a face of that person.
    pub limit: Option<f64>,
    /// The other label to whose person it is nearest.
    pub other_label: Option<String>,
    /// The distance from the centre of that one.
    pub other_distance: Option<f64>,
    /// The decision in words.
    pub message: String,
}

/// The decisions about a label's images, counted: a part of `report.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelIdentity {
    /// Whether it is evident whom the label is about.
    pub evident: bool,
    /// Other labels that seem to be about the same person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_person_as: Vec<String>,
    /// Images by decision.
    pub decisions: BTreeMap<Decision, u64>,
}

impl IdentityRecord {
    /// What people are told of it; records of earlier versions know the image only.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        if self.name.is_empty() {
            return &self.item;
        }
        &self.name
    }

    /// The decision by comparison; `labels` are the names of the labels by their numbers.
    pub(super) fn judged(item: &Item, judgement: &Judgement, labels: &[&str]) -> Self {
        let other = judgement.nearest_other;
        let other_label = other.map(|(label, _)| labels[label].to_owned());
        let message = message(&item.label, judgement, other_label.as_deref());
        Self {
            distance: judgement.distance.map(rounded),
            limit: judgement.limit.map(rounded),
            other_label,
            other_distance: other.map(|(_, distance)| rounded(distance)),
            ..Self::unjudged(item, judgement.verdict.into(), message)
        }
    }

    /// A decision without comparison.
    pub(super) fn unjudged(item: &Item, decision: Decision, message: String) -> Self {
        Self {
            item: item.relative.clone(),
            name: item.name.to_string(),
            photo: item.photo.as_ref().map(|photo| photo.file.clone()),
            face: item.photo.as_ref().and_then(|photo| photo.face),
            label: item.label.clone(),
            decision,
            distance: None,
            limit: None,
            other_label: None,
            other_distance: None,
            message,
        }
    }
}

/// Four digits: more mean nothing.
fn rounded(distance: f64) -> f64 {
    (distance * 1e4).round() / 1e4
}

/// A judgement in words.
fn message(label: &str, judgement: &Judgement, other_label: Option<&str>) -> String {
    let mut text = match (judgement.distance, judgement.limit) {
        (Some(distance), Some(limit)) => {
            format!("{distance:.2} from the centre of `{label}`, where {limit:.2} is the limit")
        }
        _ if judgement.verdict == Verdict::Kept => {
            format!("`{label}` has no other face to compare it with")
        }
        _ => format!("it is not evident whom `{label}` is about"),
    };
    let is_theirs = judgement.verdict == Verdict::NearerToOtherLabel;
    if let (true, Some((_, distance)), Some(other)) =
        (is_theirs, judgement.nearest_other, other_label)
    {
        text.push_str(&format!("; {distance:.2} from that of `{other}`"));
    } else if judgement.verdict == Verdict::Stranger && judgement.distance < judgement.limit {
        text.push_str("; nearer to another person of whom the label has several photos");
    }
    text
}

impl From<Verdict> for Decision {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Kept => Self::Kept,
            Verdict::Doubtful => Self::Doubtful,
            Verdict::Stranger => Self::Stranger,
            Verdict::NearerToOtherLabel => Self::NearerToOtherLabel,
        }
    }
}

impl Decision {
    /// The reason code of a left-out face.
    pub(super) const fn reason(self) -> Option<Reason> {
        match self {
            Self::Kept | Self::Doubtful | Self::Restored => None,
            Self::Stranger => Some(Reason::Stranger),
            Self::NearerToOtherLabel => Some(Reason::NearerToOtherLabel),
        }
    }
}
