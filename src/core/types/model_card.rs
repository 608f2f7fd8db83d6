//! `model_card.json`: all that a program needs to use the model's files correctly.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Alignment, Size};

/// A model's identity, input, output and origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Version of this file's form; readers refuse a larger one.
    pub format_version: u32,
    /// The program and version that wrote it.
    pub made_by: String,
    /// The model's name: its folder's.
    pub name: String,
    /// The backbone, such as `resnet18`.
    pub architecture: String,
    /// What the network takes.
    pub input: InputSpec,
    /// How a face is cut out of a photo before that.
    pub chip: ChipSpec,
    /// Class names, in the order of the network's outputs.
    pub labels: Vec<String>,
    /// Where its first weights came from.
    pub weights: WeightsCard,
    /// How it was trained.
    pub training: TrainingCard,
    /// What it was trained on.
    pub data: DataCard,
    /// Figures by split, such as `test` → `top1` → 0.97.
    #[serde(default)]
    pub metrics: BTreeMap<String, BTreeMap<String, f64>>,
    /// The output for each label: `logits`; probabilities are their softmax.
    #[serde(default = "logits")]
    pub output: String,
    /// What logits are divided by before their softmax, so that a probability is the share of such
    /// answers that are right; fitted on val, where val can tell it.
    #[serde(default = "no_temperature")]
    pub temperature: f64,
    /// How that came about; `None` in cards of earlier versions, which fitted it on whatever val had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Calibrated>,
    /// Whether it also says how alike a face is to the images of each label, from -1 to 1; `false` in cards of
    /// earlier versions. A folder has the means for that in `checkpoints/label_means.safetensors`, a TorchScript
    /// file has the method `with_similarities`, an ONNX file the output `similarities`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub similarities: bool,
    /// SHA-256 of the file with the means of the labels' features, in a folder that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_means: Option<String>,
    /// When a face is unknown; `None`: never, as in cards of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<UnknownCard>,
    /// How logits are made of the backbone's features.
    #[serde(default)]
    pub head: Head,
    /// Its answer to a picture that every program can draw; `None` in cards of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceCard>,
    /// Files made from the model for other programs, by format.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exports: BTreeMap<String, ExportCard>,
}

fn logits() -> String {
    ModelCard::LOGITS.to_owned()
}

const fn no_temperature() -> f64 {
    1.0
}

impl ModelCard {
    /// The form that this version writes.
    pub const FORMAT_VERSION: u32 = 1;
    /// The value of `output` that this version writes and supports.
    pub const LOGITS: &str = "logits";
    /// The value of `output` in exported files that have preprocessing and softmax inside.
    pub const PROBABILITIES: &str = "probabilities";
}

/// How a temperature came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibrated {
    /// Fitted on the answers on val.
    Fitted,
    /// There are too few of them: it is 1.
    TooFew,
    /// Fitted on a part of them, it was no better on the rest: it is 1.
    NoBetter,
}

/// How a network's last layer makes logits of features.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Head {
    /// A linear layer: `fc.weight` times the features, plus `fc.bias`.
    #[default]
    Linear,
    /// The same of features that are divided by their length first, and with a bias of 0: each row of
    /// `fc.weight` has the same length, so that logits are that length times a cosine.
    Cosine,
}

/// The network's input: a batch of RGB images as `f32` tensor `[batch, 3, height, width]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputSpec {
    /// The image is resized to this, without keeping its ratio.
    #[serde(flatten)]
    pub size: Size,
    /// Order of the channels: `RGB`.
    pub channels: String,
    /// What pixel values are divided by, first.
    pub scale: f32,
    /// Subtracted from each channel, second.
    pub mean: [f32; 3],
    /// What each channel is divided by, third.
    pub std: [f32; 3],
    /// How it is resized: `triangle` (antialiased bilinear).
    pub interpolation: String,
}

/// How a face chip is cut out of an upright photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChipSpec {
    /// The face is turned upright and sampled so that its five landmarks are where the alignment has
    /// them, in the size of the network's input.
    Aligned {
        /// Which alignment; dlib's in cards of earlier versions.
        #[serde(default = "dlib_alignment", skip_serializing_if = "is_dlib")]
        alignment: Alignment,
        /// The detector that gives the boxes.
        detector: String,
        /// What finds the landmarks: [`ChipSpec::LANDMARKS`] or [`ChipSpec::DETECTORS_LANDMARKS`].
        landmarks: String,
        /// Space around dlib's mean face, as a share of its side: [`ChipSpec::PADDING`]; 0 for ArcFace, whose
        /// template says it.
        padding: f64,
    },
    /// The detector's box made square on its longer side, grown by `margin` of that side on each
    /// side, clamped to the photo.
    Box {
        /// Share of the box's longer side that is added on each side.
        margin: f32,
        /// The detector that gave the boxes.
        detector: String,
    },
    /// The training images were used whole: they are chips already.
    Whole,
}

impl ChipSpec {
    /// The landmarks that this version aligns by: dlib's five-point shape predictor.
    pub const LANDMARKS: &str = "dlib5";
    /// The landmarks of ArcFace's alignment: the five points that the detector gives.
    pub const DETECTORS_LANDMARKS: &str = "detector5";
    /// The padding that this version aligns with: what dlib's network was trained with.
    pub const PADDING: f64 = 0.25;

    /// The aligned chip of faces that a detector finds.
    #[must_use]
    pub fn aligned(detector: &str) -> Self {
        Self::Aligned {
            alignment: Alignment::Dlib,
            detector: detector.to_owned(),
            landmarks: Self::LANDMARKS.to_owned(),
            padding: Self::PADDING,
        }
    }

    /// The same faces for a network of another alignment; chips that are not aligned stay as they are.
    #[must_use]
    pub fn aligned_as(&self, alignment: Alignment) -> Self {
        match (self, alignment) {
            (Self::Aligned { detector, .. }, Alignment::Dlib) => Self::aligned(detector),
            (Self::Aligned { detector, .. }, Alignment::ArcFace) => Self::Aligned {
                alignment,
                detector: detector.clone(),
                landmarks: Self::DETECTORS_LANDMARKS.to_owned(),
                padding: 0.0,
            },
            (other, _) => other.clone(),
        }
    }

    /// How faces lie in the chip, where they are aligned; dlib's way where they are not.
    #[must_use]
    pub const fn alignment(&self) -> Alignment {
        match self {
            Self::Aligned { alignment, .. } => *alignment,
            Self::Box { .. } | Self::Whole => Alignment::Dlib,
        }
    }
}

const fn dlib_alignment() -> Alignment {
    Alignment::Dlib
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
const fn is_dlib(alignment: &Alignment) -> bool {
    matches!(alignment, Alignment::Dlib)
}

/// Where the network's first weights came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightsCard {
    /// `none` (random), or the file or registry name.
    pub origin: String,
    /// SHA-256 of that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
}

/// How the network was trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingCard {
    /// Epochs run.
    pub epochs: u32,
    /// The epoch, from 1, whose weights the model has.
    pub best_epoch: u32,
    /// Mean cross-entropy on val at that epoch, in nats.
    pub best_val_loss: f64,
    /// The seed of everything random.
    pub seed: u64,
    /// The numbers in which its convolutions calculated: `f32`, `bf16` or `fp16`. Its weights have 32 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
}

/// What the network was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCard {
    /// SHA-256 over the contents and labels of the images, by side.
    pub digests: BTreeMap<String, String>,
    /// Images by side.
    pub images: BTreeMap<String, u64>,
}

/// When a face counts as unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnknownCard {
    /// A face whose most probable label has a probability below this is unknown.
    pub below: f64,
    /// The share of strangers' faces that reach it nevertheless; `None` where nothing tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_accept_rate: Option<f64>,
    /// How many strangers' faces it was found with; 0: without any.
    pub impostors: u64,
    /// What the bound was found by.
    #[serde(default)]
    pub found_by: BoundBasis,
    /// The bound that is used in its place, where it finds at least as many known people; `None`: it does not, or
    /// the model gives no similarities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<SimilarityBound>,
}

/// What a bound for strangers was found by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundBasis {
    /// Photos of strangers.
    #[default]
    Strangers,
    /// How alike faces are to people whom they don't show: what was measured of the network's features, and of the
    /// model's own labels.
    OtherPeople,
    /// The model's own people on val: nearly all of them reach it.
    KnownPeople,
}

/// A bound of the similarity with the images of the most probable label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SimilarityBound {
    /// A face that is less alike is unknown: a cosine, from -1 to 1.
    pub below: f64,
    /// The share of strangers' faces that reach it nevertheless; `None` where nothing tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_accept_rate: Option<f64>,
}

/// The trained network's answer to a drawn picture: a program that opens the model and gets another
/// answer has other weights, another network or another preprocessing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReferenceCard {
    /// Which picture: [`ReferenceCard::WAVES`], in the size of the network's input.
    pub picture: String,
    /// The logit of each label.
    pub logits: Vec<f32>,
}

impl ReferenceCard {
    /// The picture that this version draws.
    pub const WAVES: &str = "waves";
}

/// A file that was made from the model for other programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportCard {
    /// The file's name in the model's `export` folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// The largest difference between a probability or similarity that the file gives and the one that
    /// the trained network gives, over real images.
    pub max_difference: f64,
}
