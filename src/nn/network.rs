//! A classifier: a trunk that makes features of images, and a head that tells labels by them.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::dlib_resnet::DlibResNet;
use super::graph::{Graph, Layer, Value};
use super::preprocess::{dlib_input, imagenet_input};
use super::resnet::{BlockKind, ResNet};
use super::state::{Role, State};
use crate::dlib::RESNET_FILE;
use crate::dlib::face_chip::CHIP_SIDE;
use crate::types::{Embedding, Head, InputSpec, Size};

/// The network where none is named.
pub const DEFAULT_BACKBONE: Backbone = Backbone::DlibResnet29;

/// Networks by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backbone {
    /// dlib's face recognition network, trained on three million faces: 6 million weights.
    #[serde(rename = "dlib-resnet29")]
    DlibResnet29,
    /// ResNet-18: 11 million weights.
    Resnet18,
    /// ResNet-34: 21 million weights.
    Resnet34,
    /// ResNet-50: 24 million weights.
    Resnet50,
}

impl Backbone {
    /// All of them, smallest first.
    pub const ALL: [Self; 4] = [
        Self::DlibResnet29,
        Self::Resnet18,
        Self::Resnet34,
        Self::Resnet50,
    ];

    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DlibResnet29 => "dlib-resnet29",
            Self::Resnet18 => "resnet18",
            Self::Resnet34 => "resnet34",
            Self::Resnet50 => "resnet50",
        }
    }

    /// The file of its trained weights, as it is published: dlib's of faces, torchvision's of ImageNet.
    #[must_use]
    pub const fn default_weights_file(self) -> &'static str {
        match self {
            Self::DlibResnet29 => RESNET_FILE,
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
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => "BSD-3-Clause",
        }
    }

    /// Side of the input that these weights were trained with, in pixels.
    #[must_use]
    pub const fn default_input_side(self) -> u32 {
        match self {
            Self::DlibResnet29 => CHIP_SIDE,
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => 224,
        }
    }

    /// Smallest side of an input that is left with a pixel behind every layer.
    #[must_use]
    pub const fn min_input_side(self) -> u32 {
        match self {
            // Its convolutions have no border: a block that halves needs three pixels.
            Self::DlibResnet29 => 103,
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => 1,
        }
    }

    /// What it takes in, at a size.
    #[must_use]
    pub fn input(self, size: Size) -> InputSpec {
        match self {
            Self::DlibResnet29 => dlib_input(size),
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => imagenet_input(size),
        }
    }

    fn trunk(self, state: &mut State) -> Trunk {
        let torchvision =
            |state, kind, depths| Trunk::Torchvision(ResNet::new(state, kind, depths));
        match self {
            Self::DlibResnet29 => Trunk::Dlib(DlibResNet::new(state)),
            Self::Resnet18 => torchvision(state, BlockKind::Basic, [2, 2, 2, 2]),
            Self::Resnet34 => torchvision(state, BlockKind::Basic, [3, 4, 6, 3]),
            Self::Resnet50 => torchvision(state, BlockKind::Bottleneck, [3, 4, 6, 3]),
        }
    }
}

impl std::fmt::Display for Backbone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl std::str::FromStr for Backbone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|backbone| backbone.name() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!("`{text}` is not one of {names}")
            })
    }
}

/// The part of a network that makes features of images.
#[derive(Debug)]
enum Trunk {
    Torchvision(ResNet),
    Dlib(DlibResNet),
}

impl Trunk {
    /// How many features it gives for an image.
    const fn features(&self) -> i64 {
        match self {
            Self::Torchvision(network) => network.features(),
            Self::Dlib(_) => Embedding::LENGTH as i64,
        }
    }

    fn forward(&self, images: &Tensor, training: bool) -> Tensor {
        match self {
            Self::Torchvision(network) => network.forward(images, training),
            // It has no statistics of batches.
            Self::Dlib(network) => network.forward(images),
        }
    }

    fn describe(&self, graph: &mut Graph) -> Value {
        match self {
            Self::Torchvision(network) => network.describe(graph),
            Self::Dlib(network) => network.describe(graph),
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

    /// Whether the trunk's weights get gradients.
    pub fn set_trunk_trainable(&self, trainable: bool) {
        for entry in self.state.entries() {
            if entry.is_parameter() && !entry.name.starts_with(Self::HEAD) {
                let _ = entry.tensor.shallow_clone().requires_grad_(trainable);
            }
        }
    }

    /// No tensor gets gradients any more.
    pub fn freeze(&self) {
        for entry in self.state.entries() {
            let _ = entry.tensor.shallow_clone().requires_grad_(false);
        }
    }

    /// Features of images. `training` is for the trunk alone: a frozen trunk runs without it, so
    /// that its running statistics stay where they are. The trunk calculates in the kind of numbers
    /// of `images` ([`super::Precision::input`]); features have 32 bits always.
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

    /// Gives a cosine head what makes it one: rows of length `scale`, and no bias. To be called before
    /// the first step and after each; a linear head stays as it is.
    pub fn project_head(&self, scale: f64) {
        if self.head == Head::Linear {
            return;
        }
        let _guard = tch::no_grad_guard();
        let (mut weight, mut bias) = self.head();
        weight.copy_(&(of_length_one(&weight) * scale));
        let _ = bias.zero_();
    }

    /// What the head makes of features: one logit a label. A cosine head divides the features by their
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

    /// The layers of [`Network::forward`].
    #[must_use]
    pub fn graph(&self) -> Graph {
        let mut graph = Graph::default();
        let mut features = self.trunk.describe(&mut graph);
        if self.head == Head::Cosine {
            let smallest = SMALLEST_LENGTH;
            features = graph.add(Layer::UnitLength { smallest }, &[features]);
        }
        let head = Layer::Linear {
            weight: HEAD_WEIGHT.to_owned(),
            bias: Some(HEAD_BIAS.to_owned()),
        };
        graph.add(head, &[features]);
        graph
    }
}

/// Each row divided by its length.
///
/// # Shapes
/// `[rows, numbers]` to the same.
fn of_length_one(rows: &Tensor) -> Tensor {
    let squares = rows
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    rows / squares.clamp_min(SMALLEST_LENGTH * SMALLEST_LENGTH).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(seed: i64) -> Tensor {
        tch::manual_seed(seed);
        Tensor::rand([2, 3, 48, 64], (Kind::Float, Device::Cpu))
    }

    /// Numbers of parameters with 1000 classes, from torchvision's documentation of the weights.
    #[test]
    fn as_many_parameters_as_torchvision() {
        for (backbone, parameters) in [
            (Backbone::Resnet18, 11_689_512),
            (Backbone::Resnet34, 21_797_672),
            (Backbone::Resnet50, 25_557_032),
        ] {
            let network = Network::new(backbone, 1000, Device::Cpu);
            let parameters_here: usize = network
                .state()
                .entries()
                .iter()
                .filter(|entry| entry.is_parameter())
                .map(|entry| entry.tensor.numel())
                .sum();
            assert_eq!(parameters_here, parameters, "{backbone}");
        }
    }

    #[test]
    fn names_and_shapes_are_torchvisions() {
        let network = Network::new(Backbone::Resnet50, 7, Device::Cpu);
        let shapes: std::collections::BTreeMap<_, _> = network
            .state()
            .entries()
            .iter()
            .map(|entry| (entry.name.as_str(), entry.tensor.size()))
            .collect();
        for (name, shape) in [
            ("conv1.weight", vec![64, 3, 7, 7]),
            ("bn1.running_mean", vec![64]),
            ("layer1.0.downsample.0.weight", vec![256, 64, 1, 1]),
            ("layer1.0.downsample.1.num_batches_tracked", vec![]),
            ("layer2.0.conv2.weight", vec![128, 128, 3, 3]),
            ("layer4.2.bn3.bias", vec![2048]),
            ("fc.weight", vec![7, 2048]),
            ("fc.bias", vec![7]),
        ] {
            assert_eq!(shapes.get(name), Some(&shape), "{name}");
        }
        // ResNet-50's state dict in torchvision has this many entries.
        assert_eq!(shapes.len(), 320);
    }

    #[test]
    fn a_cosine_head_sees_directions_alone() {
        tch::manual_seed(4);
        let network = Network::with_head(Backbone::Resnet18, Head::Cosine, 3, Device::Cpu);
        network.project_head(16.0);
        let (weight, bias) = network.head();
        let features = tch::no_grad(|| weight.select(0, 1).unsqueeze(0) * 0.01);
        let logits = tch::no_grad(|| network.classify(&features));
        assert!((logits.double_value(&[0, 1]) - 16.0).abs() < 1e-4);
        assert!(logits.abs().max().double_value(&[]) < 16.001);
        let longer = tch::no_grad(|| network.classify(&(features * 50.0)));
        assert!((longer - logits).abs().max().double_value(&[]) < 1e-4);
        assert_eq!(bias.abs().max().double_value(&[]), 0.0);
        let linear = Network::new(Backbone::Resnet18, 3, Device::Cpu);
        let before = linear.head().0.copy();
        linear.project_head(16.0);
        assert_eq!(linear.head().0, before);
    }

    #[test]
    fn a_frozen_trunk_keeps_its_statistics_and_its_weights() {
        crate::nn::use_threads(std::num::NonZeroUsize::MIN);
        let network = Network::new(Backbone::Resnet18, 3, Device::Cpu);
        let before = network.state().snapshot();
        network.set_trunk_trainable(false);
        let logits = network.classify(&network.features(&images(1), false));
        assert_eq!(logits.size(), [2, 3]);
        logits.sum(Kind::Float).backward();
        for entry in network.state().entries() {
            assert_eq!(entry.tensor, before[&entry.name], "{}", entry.name);
            let gets_gradient = entry.tensor.grad().defined();
            assert_eq!(
                gets_gradient,
                entry.name.starts_with("fc."),
                "{}",
                entry.name
            );
        }
        network.set_trunk_trainable(true);
        let _ = network.features(&images(1), true);
        let moved = network.state().snapshot();
        assert_ne!(moved["bn1.running_mean"], before["bn1.running_mean"]);
        assert_eq!(
            moved["layer4.1.bn2.num_batches_tracked"].int64_value(&[]),
            1
        );
    }
}
