//! ResNet-18, -34 and -50 with torchvision's names, shapes and initialisation.
//!
//! K. He et al., "Deep residual learning for image recognition", CVPR 2016; in the bottleneck
//! block the 3x3 convolution strides, as in torchvision ("ResNet v1.5").

use tch::Tensor;

use super::graph::{Graph, Layer, Value};
use super::layers::{BatchNorm, Convolution};
use super::precision::in_single;
use super::state::State;

/// Added to variances: torchvision's.
const NORM_EPSILON: f64 = 1e-5;
/// Channels after the stem, and of the first layer's blocks.
const BASE_CHANNELS: i64 = 64;
/// The pooling behind the stem: side, step and border, in pixels.
const STEM_POOL: [i64; 3] = [3, 2, 1];
/// A bottleneck block gives this many times its inner channels.
const BOTTLENECK_EXPANSION: i64 = 4;

/// How the blocks of a ResNet are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// Two 3x3 convolutions.
    Basic,
    /// 1x1, 3x3 and 1x1 convolutions.
    Bottleneck,
}

impl BlockKind {
    const fn expansion(self) -> i64 {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => BOTTLENECK_EXPANSION,
        }
    }
}

/// A convolution and its normalisation.
#[derive(Debug)]
struct Unit {
    convolution: Convolution,
    norm: BatchNorm,
}

impl Unit {
    fn forward(&self, input: &Tensor, training: bool) -> Tensor {
        self.norm
            .forward(&self.convolution.forward(input), training)
    }

    fn describe(&self, graph: &mut Graph, input: Value) -> Value {
        let output = graph.add(self.convolution.layer(), &[input]);
        graph.add(self.norm.layer(), &[output])
    }
}

#[derive(Debug)]
struct Block {
    units: Vec<Unit>,
    shortcut: Option<Unit>,
}

impl Block {
    fn new(
        state: &mut State,
        name: &str,
        kind: BlockKind,
        (from, inner): (i64, i64),
        stride: i64,
    ) -> Self {
        let to = inner * kind.expansion();
        let plan = match kind {
            BlockKind::Basic => vec![((from, inner), 3, stride), ((inner, inner), 3, 1)],
            BlockKind::Bottleneck => vec![
                ((from, inner), 1, 1),
                ((inner, inner), 3, stride),
                ((inner, to), 1, 1),
            ],
        };
        let units = plan
            .into_iter()
            .zip(1..)
            .map(|((channels, kernel, stride), number)| Unit {
                convolution: Convolution::new(
                    state,
                    &format!("{name}.conv{number}"),
                    channels,
                    kernel,
                    stride,
                ),
                norm: BatchNorm::new(
                    state,
                    &format!("{name}.bn{number}"),
                    channels.1,
                    NORM_EPSILON,
                ),
            })
            .collect();
        let shortcut = (stride != 1 || from != to).then(|| Unit {
            convolution: Convolution::new(
                state,
                &format!("{name}.downsample.0"),
                (from, to),
                1,
                stride,
            ),
            norm: BatchNorm::new(state, &format!("{name}.downsample.1"), to, NORM_EPSILON),
        });
        Self { units, shortcut }
    }

    fn forward(&self, input: &Tensor, training: bool) -> Tensor {
        let mut output = input.shallow_clone();
        for (index, unit) in self.units.iter().enumerate() {
            output = unit.forward(&output, training);
            if index + 1 < self.units.len() {
                // In its place: the normalisation before it needs its own input, not this.
                output = output.relu_();
            }
        }
        let shortcut = match &self.shortcut {
            Some(unit) => unit.forward(input, training),
            None => input.shallow_clone(),
        };
        output += shortcut;
        output.relu_()
    }

    fn describe(&self, graph: &mut Graph, input: Value) -> Value {
        let mut output = input;
        for (index, unit) in self.units.iter().enumerate() {
            output = unit.describe(graph, output);
            if index + 1 < self.units.len() {
                output = graph.add(Layer::Relu, &[output]);
            }
        }
        let shortcut = match &self.shortcut {
            Some(unit) => unit.describe(graph, input),
            None => input,
        };
        let sum = graph.add(Layer::Add, &[output, shortcut]);
        graph.add(Layer::Relu, &[sum])
    }
}

/// A ResNet without its last, fully connected layer.
#[derive(Debug)]
pub(super) struct ResNet {
    stem: Unit,
    blocks: Vec<Block>,
    features: i64,
}

impl ResNet {
    /// Makes the layers, with random weights, in `state`.
    pub(super) fn new(state: &mut State, kind: BlockKind, depths: [usize; 4]) -> Self {
        let stem = Unit {
            convolution: Convolution::new(state, "conv1", (3, BASE_CHANNELS), 7, 2),
            norm: BatchNorm::new(state, "bn1", BASE_CHANNELS, NORM_EPSILON),
        };
        let mut blocks = Vec::new();
        let mut channels = BASE_CHANNELS;
        let mut inner = BASE_CHANNELS;
        for (layer, depth) in depths.into_iter().enumerate() {
            for index in 0..depth {
                let stride = if layer > 0 && index == 0 { 2 } else { 1 };
                let name = format!("layer{}.{index}", layer + 1);
                blocks.push(Block::new(state, &name, kind, (channels, inner), stride));
                channels = inner * kind.expansion();
            }
            inner *= 2;
        }
        Self {
            stem,
            blocks,
            features: channels,
        }
    }

    /// How many features it gives for an image.
    pub(super) const fn features(&self) -> i64 {
        self.features
    }

    /// Features of images. With `training`, normalisations use the batch's statistics and move
    /// their running ones.
    ///
    /// # Shapes
    /// `[batch, 3, height, width]` to `[batch, features]`.
    pub(super) fn forward(&self, images: &Tensor, training: bool) -> Tensor {
        let stem = self.stem.forward(images, training).relu_();
        let [side, stride, padding] = STEM_POOL.map(|pixels| [pixels; 2]);
        let pooled = stem.max_pool2d(side, stride, padding, [1, 1], false);
        let last = self
            .blocks
            .iter()
            .fold(pooled, |input, block| block.forward(&input, training));
        in_single(&last).adaptive_avg_pool2d([1, 1]).flatten(1, -1)
    }

    /// Adds its layers to a list, and gives the features.
    pub(super) fn describe(&self, graph: &mut Graph) -> Value {
        let stem = self.stem.describe(graph, Value::IMAGES);
        let stem = graph.add(Layer::Relu, &[stem]);
        let [side, stride, padding] = STEM_POOL;
        let pool = Layer::MaxPool {
            side,
            stride,
            padding,
        };
        let pooled = graph.add(pool, &[stem]);
        let last = self
            .blocks
            .iter()
            .fold(pooled, |input, block| block.describe(graph, input));
        graph.add(Layer::Mean, &[last])
    }
}
