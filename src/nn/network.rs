//! A classifier: a trunk that makes features of images, and a head that makes logits of them.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::dlib_resnet::DlibResNet;
use super::graph::{Graph, Layer, Value};
use super::label_means::LabelMeans;
use super::resnet::{BlockKind, ResNet};
use super::sface::{self, FoldedSFace, SFace};
use super::state::{Role, State};
use facepipe_core::types::{Alignment, Head, InputSpec, Size};
use facepipe_faces::preprocess::{dlib_input, imagenet_input, sface_input};
use facepipe_models::calibration::OtherPeople;
use facepipe_models::dlib::RESNET_FILE;
use facepipe_models::dlib::face_chip::CHIP_SIDE;
use facepipe_models::dlib::resnet_file::EMBEDDING_LENGTH;

/// Networks by name.
#[derive(
    Debug,
    Clone,
    Copy,
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
pub enum Backbone {
    /// dlib's face recognition network, trained on three million faces: 6 million weights.
    #[serde(rename = "dlib-resnet29")]
    #[strum(serialize = "dlib-resnet29")]
    DlibResnet29,
    /// SFace, a network of the MobileFaceNet kind, trained on faces: 9 million weights.
    Sface,
    /// ResNet-18: 11 million weights.
    Resnet18,
    /// ResNet-34: 21 million weights.
    Resnet34,
    /// ResNet-50: 24 million weights.
    Resnet50,
}

impl Backbone {
    /// The name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The file of its trained weights, as it is published: dlib's and the OpenCV Zoo's of faces, torchvision's
    /// of ImageNet.
    #[must_use]
    pub const fn default_weights_file(self) -> &'static str {
        match self {
            Self::DlibResnet29 => RESNET_FILE,
            Self::Sface => FoldedSFace::FILE,
            Self::Resnet18 => "resnet18-f37072fd.pth",
            Self::Resnet34 => "resnet34-b627a593.pth",
            Self::Resnet50 => "resnet50-11ad3fa6.pth",
        }
    }

    /// The licence of these weights (SPDX).
    #[must_use]
    pub const fn default_weights_license(self) -> &'static str {
        match self {
            Self::DlibResnet29 => "CC0-1.0",
            Self::Sface => "Apache-2.0",
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => "BSD-3-Clause",
        }
    }

    /// Side of the input that these weights were trained with, in pixels.
    #[must_use]
    pub const fn default_input_side(self) -> u32 {
        match self {
            Self::DlibResnet29 => CHIP_SIDE,
            Self::Sface => FoldedSFace::SIDE,
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => 224,
        }
    }

    /// The sides that its input can have: the smallest leaves a pixel behind every layer.
    #[must_use]
    pub const fn input_sides(self) -> RangeInclusive<u32> {
        match self {
            // Its convolutions have no padding: a block that halves needs three pixels.
            Self::DlibResnet29 => 103..=u32::MAX,
            // Its last layer has a weight for each place.
            Self::Sface => FoldedSFace::SIDE..=FoldedSFace::SIDE,
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => 1..=u32::MAX,
        }
    }

    /// How faces lie in its input.
    #[must_use]
    pub const fn alignment(self) -> Alignment {
        match self {
            Self::Sface => Alignment::ArcFace,
            Self::DlibResnet29 | Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => {
                Alignment::Dlib
            }
        }
    }

    /// Whether its trained weights are those of a network that recognises faces.
    #[must_use]
    pub const fn knows_faces(self) -> bool {
        matches!(self, Self::DlibResnet29 | Self::Sface)
    }

    /// How alike the features of its trained weights are for faces and the centres of other people's: the angles of
    /// 1,176 faces of LFW's people with few photos and the centres of 79 others with more. Whether a centre is of 3
    /// faces or of 20 changes their mean by 0.01; of SFace the deviation is 0.089, and somewhat larger here, as the tail
    /// is. ImageNet's features depend on the photos as much as on the faces: nothing holds for all.
    #[must_use]
    pub const fn other_people(self) -> Option<OtherPeople> {
        match self {
            Self::Sface => Some(OtherPeople {
                mean: 1.46,
                deviation: 0.094,
            }),
            Self::DlibResnet29 => Some(OtherPeople {
                mean: 0.54,
                deviation: 0.064,
            }),
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => None,
        }
    }

    /// The least cosine of the centres of two folders of one person's photos, by the features of its trained weights.
    ///
    /// Measured: the centres of five faces each of one person have 0.81 and more, those of the most alike two people
    /// of LFW 0.66.
    #[must_use]
    pub const fn one_person(self) -> Option<f64> {
        match self {
            Self::Sface => Some(0.755),
            Self::DlibResnet29 | Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => None,
        }
    }

    /// Its input, at a size.
    #[must_use]
    pub fn input(self, size: Size) -> InputSpec {
        match self {
            Self::DlibResnet29 => dlib_input(size),
            Self::Sface => sface_input(size),
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => imagenet_input(size),
        }
    }

    fn trunk(self, state: &mut State) -> Trunk {
        let torchvision =
            |state, kind, depths| Trunk::Torchvision(ResNet::new(state, kind, depths));
        match self {
            Self::DlibResnet29 => Trunk::Dlib(DlibResNet::new(state)),
            Self::Sface => Trunk::SFace(SFace::new(state)),
            Self::Resnet18 => torchvision(state, BlockKind::Basic, [2, 2, 2, 2]),
            Self::Resnet34 => torchvision(state, BlockKind::Basic, [3, 4, 6, 3]),
            Self::Resnet50 => torchvision(state, BlockKind::Bottleneck, [3, 4, 6, 3]),
        }
    }
}

/// The part of a network that makes features of images.
#[derive(Debug)]
enum Trunk {
    Torchvision(ResNet),
    Dlib(DlibResNet),
    SFace(SFace),
}

impl Trunk {
    /// How many features it gives for an image.
    const fn features(&self) -> i64 {
        match self {
            Self::Torchvision(network) => network.features(),
            Self::Dlib(_) => EMBEDDING_LENGTH as i64,
            Self::SFace(_) => sface::EMBEDDING_LENGTH,
        }
    }

    fn forward(&self, images: &Tensor, training: bool) -> Tensor {
        match self {
            Self::Torchvision(network) => network.forward(images, training),
            // It has no batch statistics.
            Self::Dlib(network) => network.forward(images),
            Self::SFace(network) => network.forward(images, training),
        }
    }

    fn describe(&self, graph: &mut Graph) -> Value {
        match self {
            Self::Torchvision(network) => network.describe(graph),
            Self::Dlib(network) => network.describe(graph),
            Self::SFace(network) => network.describe(graph),
        }
    }
}

/// Names of the head's tensors.
const HEAD_WEIGHT: &str = "fc.weight";
const HEAD_BIAS: &str = "fc.bias";

/// Least length that a vector is divided by: the default of PyTorch's `normalize`.
pub const SMALLEST_LENGTH: f64 = 1e-12;

/// A trunk with a head.
#[derive(Debug)]
pub struct Network {
    backbone: Backbone,
    head: Head,
    trunk: Trunk,
    head_weight: Tensor,
    head_bias: Tensor,
    state: State,
}

impl Network {
    /// Names of the head's tensors begin with this.
    pub const HEAD: &str = "fc.";

    /// A network with a linear head and random weights, from libtorch's generator: seed it first
    /// (`tch::manual_seed`).
    #[must_use]
    pub fn new(backbone: Backbone, classes: usize, device: Device) -> Self {
        Self::with_head(backbone, Head::Linear, classes, device)
    }

    /// The same with another head; a cosine head needs [`Network::project_head`].
    #[must_use]
    pub fn with_head(backbone: Backbone, head: Head, classes: usize, device: Device) -> Self {
        let mut state = State::new(device);
        let trunk = backbone.trunk(&mut state);
        let (classes, features) = (classes as i64, trunk.features());
        // PyTorch's default for linear layers.
        let bound = 1.0 / (features as f64).sqrt();
        let head_weight = state.uniform(HEAD_WEIGHT, &[classes, features], bound, Role::Weight);
        let head_bias = state.uniform(HEAD_BIAS, &[classes], bound, Role::Offset);
        Self {
            backbone,
            head,
            trunk,
            head_weight,
            head_bias,
            state,
        }
    }

    /// Which backbone it has.
    #[must_use]
    pub const fn backbone(&self) -> Backbone {
        self.backbone
    }

    /// How it makes logits of features.
    #[must_use]
    pub const fn head_kind(&self) -> Head {
        self.head
    }

    /// Its tensors.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Sets whether the trunk's weights get gradients.
    pub fn set_trunk_trainable(&self, trainable: bool) {
        for entry in self.state.entries() {
            if entry.is_parameter() && !entry.name.starts_with(Self::HEAD) {
                let _ = entry.tensor.shallow_clone().requires_grad_(trainable);
            }
        }
    }

    /// Freezes all tensors: none gets gradients any more.
    pub fn freeze(&self) {
        for entry in self.state.entries() {
            let _ = entry.tensor.shallow_clone().requires_grad_(false);
        }
    }

    /// Features of images. `training` concerns only the trunk: a frozen trunk runs without it, so
    /// that its running statistics stay where they are. The trunk calculates in the kind of numbers
    /// of `images` ([`super::Precision::input`]); features always have 32 bits.
    ///
    /// # Shapes
    /// `[batch, 3, height, width]` to `[batch, features]`.
    pub fn features(&self, images: &Tensor, training: bool) -> Tensor {
        self.trunk.forward(images, training)
    }

    /// The head's weight `[classes, features]` and bias `[classes]`, to be written into.
    pub fn head(&self) -> (Tensor, Tensor) {
        (
            self.head_weight.shallow_clone(),
            self.head_bias.shallow_clone(),
        )
    }

    /// Normalises a cosine head: rows of length `scale`, and no bias. To be called before the first
    /// step and after each; a linear head stays as it is.
    pub fn project_head(&self, scale: f64) {
        if self.head == Head::Linear {
            return;
        }
        let _guard = tch::no_grad_guard();
        let (mut weight, mut bias) = self.head();
        weight.copy_(&(of_length_one(&weight) * scale));
        let _ = bias.zero_();
    }

    /// The head's logits for features, one a label. A cosine head divides the features by their
    /// length first.
    ///
    /// # Shapes
    /// `[batch, features]` to `[batch, classes]`.
    pub fn classify(&self, features: &Tensor) -> Tensor {
        let features = match self.head {
            Head::Linear => features.shallow_clone(),
            Head::Cosine => of_length_one(features),
        };
        features.linear(&self.head_weight, Some(&self.head_bias))
    }

    /// Logits of images, as the trained network gives them.
    ///
    /// # Shapes
    /// `[batch, 3, height, width]` to `[batch, classes]`.
    pub fn forward(&self, images: &Tensor) -> Tensor {
        self.classify(&self.features(images, false))
    }

    /// The layers of [`Network::forward`], and with the means of its labels also those that lead to
    /// [`LabelMeans::similarities`].
    #[must_use]
    pub fn graph(&self, means: Option<&LabelMeans>) -> Graph {
        let unit_length = || Layer::UnitLength {
            smallest: SMALLEST_LENGTH,
        };
        let mut graph = Graph::default();
        let features = self.trunk.describe(&mut graph);
        graph.end_features();
        let of_length_one =
            (self.head == Head::Cosine).then(|| graph.add(unit_length(), &[features]));
        let head = Layer::Linear {
            weight: HEAD_WEIGHT.to_owned(),
            bias: Some(HEAD_BIAS.to_owned()),
        };
        graph.add(head, &[of_length_one.unwrap_or(features)]);
        graph.end_logits();
        if means.is_some() {
            let input = of_length_one.unwrap_or_else(|| graph.add(unit_length(), &[features]));
            let product = Layer::Linear {
                weight: LabelMeans::TENSOR.to_owned(),
                bias: None,
            };
            graph.add(product, &[input]);
        }
        graph
    }
}

/// Each row divided by its length; one shorter than [`SMALLEST_LENGTH`] by that.
///
/// # Shapes
/// `[rows, numbers]` to the same.
pub fn of_length_one(rows: &Tensor) -> Tensor {
    let squares = rows
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    rows / squares.clamp_min(SMALLEST_LENGTH * SMALLEST_LENGTH).sqrt()
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
