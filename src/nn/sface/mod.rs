//! SFace: a network of the MobileFaceNet kind that makes 128 numbers of an aligned face.
//!
//! Source: Y. Zhong, W. Deng, J. Hu et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face
//! Recognition", IEEE TIP 30 (2021). Weights and layers: the OpenCV Zoo's `face_recognition_sface`.
//!
//! The distance that it was trained for is the angle of two embeddings; their length grows with the quality of
//! the picture.

mod folded;
mod published;

pub use folded::FoldedSFace;
pub use published::SFaceError;
pub(crate) use published::published_tensors;

use tch::Tensor;

use crate::graph::{Graph, Layer, Value};
use crate::layers::{BatchNorm, Convolution};
use crate::mtcnn::channels_last;
use crate::precision::{in_kind_of, in_single};
use crate::state::{Role, State};

/// Images that the processor works on at once: the values of more don't fit into its caches, and are so large that
/// each allocation goes to the operating system.
const IMAGES_AT_ONCE: i64 = 4;
/// Side of its input in pixels, and the only one: its last layer has a weight for each place.
pub(crate) const INPUT_SIDE: i64 = 112;
/// How many numbers it makes of a face.
pub(crate) const EMBEDDING_LENGTH: i64 = 128;
/// Channels behind the first convolution.
const STEM_CHANNELS: i64 = 32;
/// The pairs of a depthwise and a pointwise convolution that follow: channels behind it, and the stride of the
/// depthwise one.
const PAIRS: [(i64, i64); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];
/// Channels behind the last of them.
const LAST_CHANNELS: i64 = PAIRS[PAIRS.len() - 1].0;
/// Rows and columns that are left there: the input is halved four times.
const LAST_SIDE: i64 = INPUT_SIDE / 16;
/// Added to the variances behind convolutions, and to those at the end.
const UNIT_EPSILON: f64 = 1e-3;
const END_EPSILON: f64 = 2e-5;
/// The share of negative numbers that the activations let through before training: PyTorch's default.
const FIRST_SLOPE: f64 = 0.25;

/// Names of the last layer's tensors.
const EMBEDDING_WEIGHT: &str = "embedding.weight";
const EMBEDDING_BIAS: &str = "embedding.bias";

/// A convolution, its normalisation, and an activation that multiplies negative numbers by a slope for each channel.
#[derive(Debug)]
struct Unit {
    convolution: Convolution,
    norm: BatchNorm,
    slope: Tensor,
    /// The slope's name.
    slope_name: String,
}

impl Unit {
    fn new(state: &mut State, name: &str, channels: i64, convolution: Convolution) -> Self {
        let slope_name = format!("{name}.prelu.weight");
        Self {
            convolution,
            norm: BatchNorm::new(state, &format!("{name}.norm"), channels, UNIT_EPSILON),
            slope: state.constant(&slope_name, &[channels], FIRST_SLOPE, Role::Offset),
            slope_name,
        }
    }

    /// Without `training` scale and shift are folded into the convolution, which takes a third of the time;
    /// gradients find their way back.
    fn forward(&self, input: &Tensor, training: bool) -> Tensor {
        let output = if training {
            self.norm.forward(&self.convolution.forward(input), true)
        } else {
            let (scale, shift) = self.norm.scale_and_shift();
            self.convolution.forward_scaled(input, &scale, &shift)
        };
        output.prelu(&in_kind_of(&output, &self.slope))
    }

    fn describe(&self, graph: &mut Graph, input: Value) -> Value {
        let output = graph.add(self.convolution.layer(), &[input]);
        let output = graph.add(self.norm.layer(), &[output]);
        let slope = self.slope_name.clone();
        graph.add(Layer::PRelu { slope }, &[output])
    }
}

/// The network as it is trained. Its tensors are named `conv1.conv.weight`, `conv2_dw.norm.bias`,
/// `conv14.prelu.weight`, …, `embedding.weight`.
#[derive(Debug)]
pub(crate) struct SFace {
    units: Vec<Unit>,
    last_norm: BatchNorm,
    weight: Tensor,
    bias: Tensor,
    embedding_norm: BatchNorm,
}

impl SFace {
    /// Makes the layers, with random weights, in `state`.
    pub(crate) fn new(state: &mut State) -> Self {
        let name = "conv1";
        let stem = Convolution::new(state, &format!("{name}.conv"), (3, STEM_CHANNELS), 3, 1);
        let mut units = vec![Unit::new(state, name, STEM_CHANNELS, stem)];
        let mut from = STEM_CHANNELS;
        for ((to, stride), number) in PAIRS.into_iter().zip(2..) {
            let name = format!("conv{number}_dw");
            let depthwise = Convolution::depthwise(state, &format!("{name}.conv"), from, 3, stride);
            units.push(Unit::new(state, &name, from, depthwise));
            let name = format!("conv{number}");
            let pointwise = Convolution::new(state, &format!("{name}.conv"), (from, to), 1, 1);
            units.push(Unit::new(state, &name, to, pointwise));
            from = to;
        }
        let inputs = LAST_CHANNELS * LAST_SIDE * LAST_SIDE;
        // PyTorch's default for linear layers.
        let bound = 1.0 / (inputs as f64).sqrt();
        let shape = [EMBEDDING_LENGTH, inputs];
        Self {
            units,
            last_norm: BatchNorm::new(state, "last_norm", LAST_CHANNELS, END_EPSILON),
            weight: state.uniform(EMBEDDING_WEIGHT, &shape, bound, Role::Weight),
            bias: state.uniform(EMBEDDING_BIAS, &[EMBEDDING_LENGTH], bound, Role::Offset),
            embedding_norm: BatchNorm::new(state, "embedding_norm", EMBEDDING_LENGTH, END_EPSILON),
        }
    }

    /// Embeddings of images, of the length that the network gives them. With `training`, normalisations use the
    /// batch's statistics and move their running ones.
    ///
    /// # Shapes
    /// `[batch, 3, 112, 112]` to `[batch, 128]`.
    pub(crate) fn forward(&self, images: &Tensor, training: bool) -> Tensor {
        if training {
            self.batch(images, true)
        } else {
            few_at_a_time(images, |images| self.batch(images, false))
        }
    }

    fn batch(&self, images: &Tensor, training: bool) -> Tensor {
        let input = channels_last(images);
        let last = self
            .units
            .iter()
            .fold(input, |input, unit| unit.forward(&input, training));
        let features = in_single(&self.last_norm.forward(&last, training)).flatten(1, -1);
        let embeddings = features.linear(&self.weight, Some(&self.bias));
        self.embedding_norm.forward(&embeddings, training)
    }

    /// Adds its layers to a list, and gives the embeddings.
    pub(crate) fn describe(&self, graph: &mut Graph) -> Value {
        let last = self
            .units
            .iter()
            .fold(Value::IMAGES, |input, unit| unit.describe(graph, input));
        let last = graph.add(self.last_norm.layer(), &[last]);
        let features = graph.add(Layer::Flatten, &[last]);
        let linear = Layer::Linear {
            weight: EMBEDDING_WEIGHT.to_owned(),
            bias: Some(EMBEDDING_BIAS.to_owned()),
        };
        let embeddings = graph.add(linear, &[features]);
        graph.add(self.embedding_norm.layer(), &[embeddings])
    }
}

/// Runs a network over the images of a batch, on the processor a few at a time; on a GPU all at once.
fn few_at_a_time(images: &Tensor, network: impl Fn(&Tensor) -> Tensor) -> Tensor {
    if images.device().is_cuda() || images.size()[0] <= IMAGES_AT_ONCE {
        return network(images);
    }
    let parts: Vec<Tensor> = images
        .split(IMAGES_AT_ONCE, 0)
        .iter()
        .map(network)
        .collect();
    Tensor::cat(&parts, 0)
}
