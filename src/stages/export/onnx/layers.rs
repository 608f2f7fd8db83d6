//! A network's layers as ONNX nodes.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use crate::archive;
use facepipe_models::onnx::messages::{
    AttributeProto, FLOAT, GraphProto, INT64, NodeProto, TensorProto,
};
use facepipe_nn::graph::{Channels, Graph, Layer, Step};

/// Channels, rows and columns of a value behind the batch's axis.
type Shape = [i64; 3];

/// Nodes and constants of a file under way.
pub(super) struct Nodes<'a> {
    /// The graph so far.
    pub(super) graph: GraphProto,
    tensors: &'a BTreeMap<String, Tensor>,
    /// Names of the layers' values, by their numbers.
    names: Vec<String>,
    /// Their shapes; rows and columns are 1 once there are none.
    shapes: Vec<Shape>,
}

impl<'a> Nodes<'a> {
    /// Begins with the images, which are named `images` and have a shape.
    pub(super) fn new(tensors: &'a BTreeMap<String, Tensor>, images: &str, shape: Shape) -> Self {
        Self {
            graph: GraphProto::default(),
            tensors,
            names: vec![images.to_owned()],
            shapes: vec![shape],
        }
    }

    /// Adds all layers; features, logits and similarities get these names.
    pub(super) fn add_layers(
        &mut self,
        layers: &Graph,
        [features, logits, similarities]: [&str; 3],
    ) {
        for step in layers.steps() {
            let output = if step.output == layers.logits() {
                logits.to_owned()
            } else if step.output == layers.features() {
                features.to_owned()
            } else if Some(step.output) == layers.similarities() {
                similarities.to_owned()
            } else {
                format!("value{}", step.output.number())
            };
            let shape = self.shape_behind(step);
            self.add_layer(step, &output, shape);
            self.names.push(output);
            self.shapes.push(shape);
        }
    }

    /// Adds a node named after its output.
    pub(super) fn node(
        &mut self,
        kind: &str,
        inputs: &[&str],
        output: &str,
        attributes: Vec<AttributeProto>,
    ) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            name: Some(format!("{kind}_{output}")),
            op_type: Some(kind.to_owned()),
            attribute: attributes,
            ..NodeProto::default()
        });
    }

    /// Adds a constant.
    pub(super) fn constant(&mut self, name: &str, tensor: &Tensor) {
        let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
        debug_assert!(matches!(tensor.kind(), Kind::Float | Kind::Int64));
        let kind = if tensor.kind() == Kind::Int64 {
            INT64
        } else {
            FLOAT
        };
        self.graph.initializer.push(TensorProto {
            dims: tensor.size(),
            data_type: Some(kind),
            name: Some(name.to_owned()),
            raw_data: Some(archive::bytes(&tensor)),
            ..TensorProto::default()
        });
    }

    /// Adds one of the network's tensors under its own name.
    fn weight(&mut self, name: &str) {
        self.constant(name, &self.tensors[name]);
    }

    /// Adds weight and bias of a convolution with its channels' scale and shift in them.
    fn scaled_weights(&mut self, weight: &str, bias: Option<&str>, channels: &Channels) {
        let (scale, shift) = (
            &self.tensors[&channels.scale],
            &self.tensors[&channels.shift],
        );
        let scaled = &self.tensors[weight] * scale.view([-1, 1, 1, 1]);
        let shifted = bias.map(|bias| (bias, &self.tensors[bias] * scale + shift));
        self.constant(weight, &scaled);
        if let Some((bias, shifted)) = shifted {
            self.constant(bias, &shifted);
        }
    }

    fn input(&self, step: &Step, number: usize) -> (String, Shape) {
        let place = step.inputs[number].number();
        (self.names[place].clone(), self.shapes[place])
    }

    fn add_layer(&mut self, step: &Step, output: &str, shape: Shape) {
        let (input, _) = self.input(step, 0);
        match &step.layer {
            Layer::Convolution {
                weight,
                bias,
                stride,
                padding,
                groups,
                channels,
            } => {
                let mut inputs = vec![&*input, weight];
                inputs.extend(bias.as_deref());
                match channels {
                    Some(channels) => self.scaled_weights(weight, bias.as_deref(), channels),
                    None => inputs[1..].iter().for_each(|name| self.weight(name)),
                }
                let side = self.tensors[weight].size()[3];
                let mut attributes = window(side, *stride, *padding);
                attributes.push(AttributeProto::int("group", *groups));
                self.node("Conv", &inputs, output, attributes);
            }
            Layer::BatchNorm { name, epsilon, .. } => {
                let parts = ["weight", "bias", "running_mean", "running_var"];
                let parts = parts.map(|part| format!("{name}.{part}"));
                parts.iter().for_each(|part| self.weight(part));
                let [weight, bias, mean, variance] = parts.each_ref().map(String::as_str);
                let inputs = [&*input, weight, bias, mean, variance];
                let epsilon = AttributeProto::float("epsilon", *epsilon as f32);
                self.node("BatchNormalization", &inputs, output, vec![epsilon]);
            }
            Layer::Relu => self.node("Relu", &[&input], output, Vec::new()),
            Layer::PRelu { slope } => {
                // One for each channel: rows of one column.
                self.constant(slope, &self.tensors[slope].view([-1, 1, 1]));
                self.node("PRelu", &[&input, slope], output, Vec::new());
            }
            Layer::Flatten => {
                let axis = AttributeProto::int("axis", 1);
                self.node("Flatten", &[&input], output, vec![axis]);
            }
            Layer::MaxPool {
                side,
                stride,
                padding,
            } => self.node(
                "MaxPool",
                &[&input],
                output,
                window(*side, *stride, *padding),
            ),
            Layer::AveragePool { side } => {
                self.node("AveragePool", &[&input], output, window(*side, *side, 0));
            }
            Layer::FillUp => self.add_zeros(step, output, shape),
            Layer::Add => {
                let (other, _) = self.input(step, 1);
                self.node("Add", &[&input, &other], output, Vec::new());
            }
            Layer::Mean => {
                let pooled = format!("{output}_pooled");
                self.node("GlobalAveragePool", &[&input], &pooled, Vec::new());
                let axis = AttributeProto::int("axis", 1);
                self.node("Flatten", &[&pooled], output, vec![axis]);
            }
            Layer::UnitLength { smallest } => {
                let [length, least, divisor] =
                    ["length", "least", "divisor"].map(|part| format!("{output}_{part}"));
                let axes = AttributeProto::ints("axes", &[1]);
                self.node("ReduceL2", &[&input], &length, vec![axes]);
                self.constant(&least, &Tensor::from_slice(&[*smallest as f32]));
                self.node("Max", &[&length, &least], &divisor, Vec::new());
                self.node("Div", &[&input, &divisor], output, Vec::new());
            }
            Layer::Linear { weight, bias } => {
                self.weight(weight);
                let mut inputs = vec![&*input, weight];
                if let Some(bias) = bias {
                    self.weight(bias);
                    inputs.push(bias);
                }
                let transposed = AttributeProto::int("transB", 1);
                self.node("Gemm", &inputs, output, vec![transposed]);
            }
        }
    }

    /// Zeros behind channels, rows and columns up to `shape`.
    fn add_zeros(&mut self, step: &Step, output: &str, shape: Shape) {
        let (input, from) = self.input(step, 0);
        if from == shape {
            self.node("Identity", &[&input], output, Vec::new());
            return;
        }
        let missing: Vec<i64> = shape.iter().zip(from).map(|(to, from)| to - from).collect();
        // Before and behind each of the four axes.
        let zeros = [&[0; 5], &*missing].concat();
        let name = format!("{output}_pads");
        self.constant(&name, &Tensor::from_slice(&zeros));
        let mode = AttributeProto::text("mode", "constant");
        self.node("Pad", &[&input, &name], output, vec![mode]);
    }

    fn shape_behind(&self, step: &Step) -> Shape {
        let (_, from) = self.input(step, 0);
        let [channels, height, width] = from;
        let through = |to: i64, side: i64, stride: i64, padding: i64| {
            let places = |length: i64| (length + 2 * padding - side) / stride + 1;
            [to, places(height), places(width)]
        };
        match &step.layer {
            Layer::Convolution {
                weight,
                stride,
                padding,
                ..
            } => {
                let size = self.tensors[weight].size();
                through(size[0], size[3], *stride, *padding)
            }
            Layer::MaxPool {
                side,
                stride,
                padding,
            } => through(channels, *side, *stride, *padding),
            Layer::AveragePool { side } => through(channels, *side, *side, 0),
            Layer::FillUp => {
                let (_, other) = self.input(step, 1);
                [0, 1, 2].map(|axis| from[axis].max(other[axis]))
            }
            Layer::Mean => [channels, 1, 1],
            Layer::Flatten => [channels * height * width, 1, 1],
            Layer::Linear { weight, .. } => [self.tensors[weight].size()[0], 1, 1],
            Layer::BatchNorm { .. }
            | Layer::Relu
            | Layer::PRelu { .. }
            | Layer::Add
            | Layer::UnitLength { .. } => from,
        }
    }
}

/// The attributes of convolutions and poolings, equal on both axes.
fn window(side: i64, stride: i64, padding: i64) -> Vec<AttributeProto> {
    vec![
        AttributeProto::ints("kernel_shape", &[side; 2]),
        AttributeProto::ints("strides", &[stride; 2]),
        AttributeProto::ints("pads", &[padding; 4]),
    ]
}
