//! dlib's face recognition network: a ResNet of 29 convolutions that makes 128 numbers of a face.
//!
//! Source of the layers: dlib's `examples/dnn_face_recognition_ex.cpp`. Unlike torchvision's ResNets
//! it has biases in its convolutions, scales and shifts in place of normalisations (what is left of
//! them once they are trained), and shortcuts without weights, filled up with zeros.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::graph::{Channels, Graph, Layer, Value};
use super::precision::in_kind_of;
use super::state::{Role, State};
use facepipe_models::dlib::ModelFileError;
use facepipe_models::dlib::network_file::CHANNEL_MEANS;
use facepipe_models::dlib::resnet_file::{
    self, BLOCKS, EMBEDDING_LENGTH, FEATURES, ResNetView, UnitView,
};

/// Pixels are divided by this once their channel's mean is subtracted.
const PIXEL_SCALE: f64 = 256.0;
/// Channels behind the first convolution.
const STEM_CHANNELS: usize = BLOCKS[0].0;

/// The pooling behind the stem: side, step and border, in pixels.
const STEM_POOL: [i64; 3] = [3, 2, 0];
/// Side of the squares whose mean a shortcut takes that halves rows and columns.
const SHORTCUT_POOL: i64 = 2;
/// The first unit's name.
const STEM: &str = "stem";
/// The last layer's weight.
const EMBEDDING: &str = "embedding.weight";

/// A convolution, with a scale and a shift behind it until they are folded into its weights.
#[derive(Debug)]
struct Unit {
    weight: Tensor,
    bias: Tensor,
    affine: Option<Affine>,
    stride: i64,
    padding: i64,
}

#[derive(Debug)]
struct Affine {
    scale: Tensor,
    shift: Tensor,
}

/// The form of a unit's convolution.
#[derive(Debug, Clone, Copy)]
struct Form {
    from: usize,
    to: usize,
    side: usize,
    stride: i64,
    padding: i64,
}

impl Unit {
    /// He's initialisation for ReLU by the number of outputs, as the other backbones have it.
    fn new(state: &mut State, name: &str, form: Form) -> Self {
        let [from, to, side] = [form.from, form.to, form.side].map(|number| number as i64);
        let deviation = (2.0 / (to * side * side) as f64).sqrt();
        let mut constant = |part: &str, value| {
            state.constant(&format!("{name}.{part}"), &[to], value, Role::Offset)
        };
        let bias = constant("bias", 0.0);
        let affine = Some(Affine {
            scale: constant("scale", 1.0),
            shift: constant("shift", 0.0),
        });
        Self {
            weight: state.normal_weight(
                &format!("{name}.weight"),
                &[to, from, side, side],
                deviation,
            ),
            bias,
            affine,
            stride: form.stride,
            padding: form.padding,
        }
    }

    /// Scale and shift are folded into the convolution each time, which takes far less than going over
    /// its output twice; gradients find their way back.
    fn forward(&self, input: &Tensor) -> Tensor {
        let (weight, bias) = self.folded_parameters();
        let (weight, bias) = (in_kind_of(input, &weight), in_kind_of(input, &bias));
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        input.conv2d(&weight, Some(&bias), stride, padding, [1, 1], 1)
    }

    /// Adds its layers to a list; `name` begins the names of its tensors.
    fn describe(&self, graph: &mut Graph, name: &str, input: Value) -> Value {
        let part = |part: &str| format!("{name}.{part}");
        let convolution = Layer::Convolution {
            weight: part("weight"),
            bias: Some(part("bias")),
            stride: self.stride,
            padding: self.padding,
            groups: 1,
            channels: Some(Channels {
                scale: part("scale"),
                shift: part("shift"),
            }),
        };
        graph.add(convolution, &[input])
    }

    fn folded_parameters(&self) -> (Tensor, Tensor) {
        match &self.affine {
            Some(Affine { scale, shift }) => (
                &self.weight * scale.view([-1, 1, 1, 1]),
                &self.bias * scale + shift,
            ),
            None => (self.weight.shallow_clone(), self.bias.shallow_clone()),
        }
    }

    /// The same with scale and shift inside the convolution for good.
    fn folded(&self) -> Self {
        let (weight, bias) = self.folded_parameters();
        Self {
            weight,
            bias,
            affine: None,
            ..*self
        }
    }

    fn shared(&self) -> Self {
        Self {
            weight: self.weight.shallow_clone(),
            bias: self.bias.shallow_clone(),
            affine: self.affine.as_ref().map(|affine| Affine {
                scale: affine.scale.shallow_clone(),
                shift: affine.shift.shallow_clone(),
            }),
            ..*self
        }
    }
}

#[derive(Debug)]
struct Block {
    first: Unit,
    second: Unit,
    halves: bool,
}

impl Block {
    fn new(state: &mut State, number: usize, (from, to, halves): (usize, usize, bool)) -> Self {
        let (stride, padding) = if halves { (2, 0) } else { (1, 1) };
        let form = |from, stride, padding| Form {
            from,
            to,
            side: 3,
            stride,
            padding,
        };
        let [first, second] = Self::unit_names(number);
        Self {
            first: Unit::new(state, &first, form(from, stride, padding)),
            second: Unit::new(state, &second, form(to, 1, 1)),
            halves,
        }
    }

    fn forward(&self, input: &Tensor) -> Tensor {
        let mut output = self.second.forward(&self.first.forward(input).relu_());
        if !self.halves {
            output += input;
            return output.relu_();
        }
        let side = [SHORTCUT_POOL; 2];
        let shortcut = input.avg_pool2d(side, side, [0, 0], false, true, None);
        let (output, shortcut) = (filled_up(&output, &shortcut), filled_up(&shortcut, &output));
        (output + shortcut).relu_()
    }

    fn unit_names(number: usize) -> [String; 2] {
        ["first", "second"].map(|part| format!("block{number}.{part}"))
    }

    fn describe(&self, graph: &mut Graph, number: usize, input: Value) -> Value {
        let [first, second] = Self::unit_names(number);
        let output = self.first.describe(graph, &first, input);
        let output = graph.add(Layer::Relu, &[output]);
        let mut output = self.second.describe(graph, &second, output);
        let mut shortcut = input;
        if self.halves {
            let side = SHORTCUT_POOL;
            let pooled = graph.add(Layer::AveragePool { side }, &[input]);
            shortcut = graph.add(Layer::FillUp, &[pooled, output]);
            output = graph.add(Layer::FillUp, &[output, pooled]);
        }
        let sum = graph.add(Layer::Add, &[output, shortcut]);
        graph.add(Layer::Relu, &[sum])
    }

    fn each(&self, change: impl Fn(&Unit) -> Unit) -> Self {
        Self {
            first: change(&self.first),
            second: change(&self.second),
            halves: self.halves,
        }
    }
}

/// `tensor` with zeros at the end of its channels, rows and columns, where `other` has more of them.
///
/// # Shapes
/// `[batch, channels, height, width]` both; the result has the larger number on each axis.
fn filled_up(tensor: &Tensor, other: &Tensor) -> Tensor {
    let (here, there) = (tensor.size(), other.size());
    let missing = |axis: usize| (there[axis] - here[axis]).max(0);
    // libtorch wants the last axis first, and the zeros before and behind it.
    let zeros = [0, missing(3), 0, missing(2), 0, missing(1)];
    if zeros == [0; 6] {
        tensor.shallow_clone()
    } else {
        tensor.constant_pad_nd(zeros)
    }
}

/// The network. Its tensors are named `stem.weight`, `block0.first.scale`, …, `embedding.weight`.
#[derive(Debug)]
pub struct DlibResNet {
    stem: Unit,
    blocks: Vec<Block>,
    embedding: Tensor,
}

impl DlibResNet {
    /// Makes the layers, with random weights, in `state`.
    pub(super) fn new(state: &mut State) -> Self {
        let stem = Form {
            from: 3,
            to: STEM_CHANNELS,
            side: 7,
            stride: 2,
            padding: 0,
        };
        let stem = Unit::new(state, STEM, stem);
        let blocks = BLOCKS.into_iter().enumerate();
        let blocks = blocks
            .map(|(number, block)| Block::new(state, number, block))
            .collect();
        // PyTorch's default for linear layers.
        let bound = 1.0 / (FEATURES as f64).sqrt();
        let shape = [EMBEDDING_LENGTH as i64, FEATURES as i64];
        let embedding = state.uniform(EMBEDDING, &shape, bound, Role::Weight);
        Self {
            stem,
            blocks,
            embedding,
        }
    }

    /// The trained network as dlib publishes it, for inference: without gradients, and with scales
    /// and shifts folded into the convolutions.
    ///
    /// # Errors
    /// [`ModelFileError`].
    pub fn open(path: &Path, device: Device) -> Result<Self, ModelFileError> {
        let tensors = published_tensors(path)?;
        let _guard = tch::no_grad_guard();
        let mut state = State::new(Device::Cpu);
        let network = Self::new(&mut state);
        for entry in state.entries() {
            if let Some(tensor) = tensors.get(&entry.name) {
                entry.tensor.shallow_clone().copy_(tensor);
            }
        }
        let ready = |tensor: &Tensor| tensor.detach().to_device(device).set_requires_grad(false);
        Ok(network.each(
            |unit| {
                let folded = unit.folded();
                Unit {
                    weight: ready(&folded.weight),
                    bias: ready(&folded.bias),
                    ..folded
                }
            },
            ready,
        ))
    }

    /// The same network with the same weights in memory, for another thread.
    #[must_use]
    pub fn shared(&self) -> Self {
        self.each(Unit::shared, Tensor::shallow_clone)
    }

    fn each(&self, unit: impl Fn(&Unit) -> Unit, embedding: impl Fn(&Tensor) -> Tensor) -> Self {
        Self {
            stem: unit(&self.stem),
            blocks: self.blocks.iter().map(|block| block.each(&unit)).collect(),
            embedding: embedding(&self.embedding),
        }
    }

    /// Where its weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.embedding.device()
    }

    /// Embeddings of chips.
    ///
    /// # Shapes
    /// `[batch, 3, 150, 150]`, as [`DlibResNet::input`] gives it, to `[batch, 128]`.
    pub fn forward(&self, images: &Tensor) -> Tensor {
        let stem = self.stem.forward(images).relu_();
        let [side, stride, padding] = STEM_POOL.map(|pixels| [pixels; 2]);
        let mut output = stem.max_pool2d(side, stride, padding, [1, 1], false);
        for block in &self.blocks {
            output = block.forward(&output);
        }
        let features = output.mean_dim([2_i64, 3].as_slice(), false, Kind::Float);
        features.linear(&self.embedding, None::<&Tensor>)
    }

    /// Adds its layers to a list, and gives the embeddings.
    pub(super) fn describe(&self, graph: &mut Graph) -> Value {
        let stem = self.stem.describe(graph, STEM, Value::IMAGES);
        let stem = graph.add(Layer::Relu, &[stem]);
        let [side, stride, padding] = STEM_POOL;
        let pool = Layer::MaxPool {
            side,
            stride,
            padding,
        };
        let mut output = graph.add(pool, &[stem]);
        for (number, block) in self.blocks.iter().enumerate() {
            output = block.describe(graph, number, output);
        }
        let features = graph.add(Layer::Mean, &[output]);
        let embedding = Layer::Linear {
            weight: EMBEDDING.to_owned(),
            bias: None,
        };
        graph.add(embedding, &[features])
    }

    /// Pixels as the network takes them in: `(value - mean of the channel) / 256`.
    ///
    /// # Shapes
    /// `[batch, height, width, 3]` of bytes to `[batch, 3, height, width]`.
    pub fn input(pixels: &Tensor) -> Tensor {
        let means = Tensor::from_slice(&CHANNEL_MEANS).to_device(pixels.device());
        let values = (pixels.to_kind(Kind::Float) - means) / PIXEL_SCALE;
        values.permute([0, 3, 1, 2]).contiguous()
    }
}

/// The weights that dlib publishes, by the names of this network.
///
/// # Errors
/// [`ModelFileError`].
pub(super) fn published_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>, ModelFileError> {
    resnet_file::open(path, |network: &ResNetView<'_>| {
        let mut tensors = BTreeMap::new();
        for unit in &network.units {
            add_unit(unit, &mut tensors);
        }
        // dlib multiplies from the left: its rows are inputs, a linear layer's are outputs.
        let embedding = Tensor::from_slice(&network.embedding.values());
        let shape = [FEATURES as i64, EMBEDDING_LENGTH as i64];
        let embedding = embedding.view(shape).transpose(0, 1).contiguous();
        tensors.insert(EMBEDDING.to_owned(), embedding);
        tensors
    })
}

fn add_unit(unit: &UnitView<'_>, tensors: &mut BTreeMap<String, Tensor>) {
    let filters = unit.convolution.filters;
    let convolution = unit.convolution.parameters.values();
    let (weight, bias) = convolution.split_at(convolution.len() - filters[0]);
    let affine = unit.affine.parameters.values();
    let (scale, shift) = affine.split_at(filters[0]);
    let weight = Tensor::from_slice(weight).view(filters.map(|side| side as i64));
    for (part, tensor) in [
        ("weight", weight),
        ("bias", Tensor::from_slice(bias)),
        ("scale", Tensor::from_slice(scale)),
        ("shift", Tensor::from_slice(shift)),
    ] {
        tensors.insert(format!("{}.{part}", unit.name), tensor);
    }
}

#[cfg(test)]
#[path = "dlib_resnet_tests.rs"]
mod tests;
