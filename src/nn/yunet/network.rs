//! YuNet's network: the convolutions of an ONNX file, computed by libtorch.
//!
//! The two files that are used differ in the number and width of their layers, so that the layers are those of the
//! file. What follows the last convolutions there (transposition, reshaping, sigmoid) is done by [`super::cells`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tch::{TchError, Tensor};

use crate::TorchError;
use crate::mtcnn::channels_last;
use crate::onnx_tensor::to_tensor;
use facepipe_models::onnx::{self, Node, OnnxError, OnnxFile};

/// Pixels from one cell to the next, of the three levels.
pub(super) const STRIDES: [u32; 3] = [8, 16, 32];
/// What is known of each cell: face or not, how well the box fits, the box, and the landmarks.
const HEADS: [(&str, i64); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];
/// Channels of a picture.
const CHANNELS: i64 = 3;

/// Why the network can't be read.
#[derive(Debug, thiserror::Error)]
pub enum YunetError {
    /// The file can't be read.
    #[error(transparent)]
    Read(#[from] OnnxError),
    /// It is another network.
    #[error("`{}` is not YuNet: {problem}", .path.display())]
    NotYunet {
        /// The file.
        path: PathBuf,
        /// What is different.
        problem: String,
    },
    /// libtorch's error.
    #[error(transparent)]
    Torch(#[from] TorchError),
}

/// A convolution with its numbers.
#[derive(Debug)]
struct Convolution {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
    groups: i64,
    /// Whether negative results become 0.
    rectified: bool,
}

/// An operation with its numbers.
#[derive(Debug)]
enum Operation {
    Convolution(Convolution),
    /// The largest of each two by two.
    Pool,
    /// Each number becomes two by two.
    Double,
    Add,
}

/// An operation, and which values it takes.
#[derive(Debug)]
struct Step {
    operation: Operation,
    inputs: Vec<usize>,
}

/// The layers.
#[derive(Debug)]
pub(super) struct Network {
    /// Value 0 is the picture, value `n` the result of step `n - 1`.
    steps: Vec<Step>,
    /// The step after which a value is not needed any more.
    last_use: Vec<usize>,
    /// The values of the heads, level by level.
    heads: [[usize; HEADS.len()]; STRIDES.len()],
}

/// What the network says of the cells of one level.
///
/// # Shapes
/// Each is `[1, numbers, rows, columns]`, in the order class, fit, box, landmarks.
pub(super) type Level = [Tensor; HEADS.len()];

impl Network {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, YunetError> {
        let file = onnx::read(path)?;
        let not_yunet = |problem| YunetError::NotYunet {
            path: path.to_owned(),
            problem,
        };
        Reader::new(&file).network().map_err(|fault| match fault {
            Fault::Content(problem) => not_yunet(problem),
            Fault::Torch(error) => TorchError::from(error).into(),
        })
    }

    /// The same network; the weights are shared.
    pub(super) fn share(&self) -> Self {
        let share = |step: &Step| Step {
            operation: match &step.operation {
                Operation::Convolution(one) => Operation::Convolution(Convolution {
                    weight: one.weight.shallow_clone(),
                    bias: one.bias.shallow_clone(),
                    ..*one
                }),
                Operation::Pool => Operation::Pool,
                Operation::Double => Operation::Double,
                Operation::Add => Operation::Add,
            },
            inputs: step.inputs.clone(),
        };
        Self {
            steps: self.steps.iter().map(share).collect(),
            last_use: self.last_use.clone(),
            heads: self.heads,
        }
    }

    /// What the network says of a picture's cells, level by level.
    ///
    /// # Shapes
    /// `picture` is `[1, 3, height, width]` of red, green and blue from 0 to 255, both sides multiples of 32.
    pub(super) fn forward(&self, picture: &Tensor) -> Result<[Level; STRIDES.len()], TchError> {
        let mut values: Vec<Option<Tensor>> = vec![Some(picture.shallow_clone())];
        for (at, step) in self.steps.iter().enumerate() {
            let inputs: Vec<&Tensor> = step
                .inputs
                .iter()
                .filter_map(|input| values[*input].as_ref())
                .collect();
            let output = step.operation.compute(&inputs)?;
            values.push(Some(output));
            for input in &step.inputs {
                if self.last_use[*input] == at {
                    values[*input] = None;
                }
            }
        }
        let head = |value: usize| {
            let found = values[value].as_ref().map(Tensor::shallow_clone);
            found.ok_or_else(|| TchError::Shape("a head of the network has no value".to_owned()))
        };
        let level = |heads: &[usize; HEADS.len()]| -> Result<Level, TchError> {
            let [a, b, c, d] = *heads;
            Ok([head(a)?, head(b)?, head(c)?, head(d)?])
        };
        let [eight, sixteen, thirty_two] = &self.heads;
        Ok([level(eight)?, level(sixteen)?, level(thirty_two)?])
    }
}

impl Operation {
    fn compute(&self, inputs: &[&Tensor]) -> Result<Tensor, TchError> {
        let first = inputs[0];
        match self {
            Self::Convolution(one) => {
                let (stride, padding) = ([one.stride; 2], [one.padding; 2]);
                let (weight, bias) = (&one.weight, Some(&one.bias));
                let mut output =
                    first.f_conv2d(weight, bias, stride, padding, [1, 1], one.groups)?;
                if one.rectified {
                    output.f_relu_()
                } else {
                    Ok(output)
                }
            }
            Self::Pool => first.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false),
            Self::Double => {
                let size = first.size();
                first.f_upsample_nearest2d([2 * size[2], 2 * size[3]], None, None)
            }
            Self::Add => first.f_add(inputs[1]),
        }
    }
}

/// Why a file is not the network.
enum Fault {
    Content(String),
    Torch(TchError),
}

impl From<TchError> for Fault {
    fn from(error: TchError) -> Self {
        Self::Torch(error)
    }
}

/// Makes steps of a file's nodes.
struct Reader<'a> {
    file: &'a OnnxFile,
    /// The node that gives a value.
    source: HashMap<&'a str, &'a Node>,
    /// How many nodes take a value.
    uses: HashMap<&'a str, usize>,
    steps: Vec<Step>,
    /// Values that are computed already.
    known: HashMap<String, usize>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a OnnxFile) -> Self {
        let mut source = HashMap::new();
        let mut uses = HashMap::new();
        for node in &file.nodes {
            for output in &node.outputs {
                source.insert(output.as_str(), node);
            }
            for input in &node.inputs {
                *uses.entry(input.as_str()).or_insert(0) += 1;
            }
        }
        Self {
            file,
            source,
            uses,
            steps: Vec::new(),
            known: HashMap::new(),
        }
    }

    fn network(mut self) -> Result<Network, Fault> {
        let [input] = self.file.inputs.as_slice() else {
            return Err(Fault::Content("it does not take one input".to_owned()));
        };
        self.known.insert(input.clone(), 0);
        // In the order of the file, so that values are computed before they are needed.
        for node in &self.file.nodes {
            self.add(node)?;
        }
        let mut heads = [[0; HEADS.len()]; STRIDES.len()];
        for (level, stride) in heads.iter_mut().zip(STRIDES) {
            for (place, (head, numbers)) in level.iter_mut().zip(HEADS) {
                *place = self.head(&format!("{head}_{stride}"), numbers)?;
            }
        }
        let mut last_use = vec![0; self.steps.len() + 1];
        for (at, step) in self.steps.iter().enumerate() {
            for input in &step.inputs {
                last_use[*input] = at;
            }
        }
        // What the heads give is needed at the end.
        for value in heads.iter().flatten() {
            last_use[*value] = self.steps.len();
        }
        Ok(Network {
            steps: self.steps,
            last_use,
            heads,
        })
    }

    /// Adds a node's step. Nodes behind the heads, and those that only compute shapes, are left out.
    fn add(&mut self, node: &'a Node) -> Result<(), Fault> {
        let Some(inputs) = self.values_of(node) else {
            return Ok(());
        };
        let operation = match node.operation.as_str() {
            "Conv" => self.convolution(node)?,
            "Relu" => {
                let conv = inputs.first().and_then(|value| value.checked_sub(1));
                let is_alone = self.uses.get(node.inputs[0].as_str()) == Some(&1);
                let step = conv.and_then(|at| self.steps.get_mut(at));
                let (Some(step), true) = (step, is_alone) else {
                    return Err(self.odd(node, "it does not follow a convolution"));
                };
                let Operation::Convolution(convolution) = &mut step.operation else {
                    return Err(self.odd(node, "it does not follow a convolution"));
                };
                convolution.rectified = true;
                self.known.insert(node.outputs[0].clone(), inputs[0]);
                return Ok(());
            }
            "MaxPool" => {
                let is_two = |name: &str| node.ints(name) == Some(&[2, 2]);
                if !(is_two("kernel_shape") && is_two("strides")) {
                    return Err(self.odd(node, "it is not two by two"));
                }
                Operation::Pool
            }
            "Resize" if node.text("mode") == Some("nearest") => Operation::Double,
            "Add" if inputs.len() == 2 => Operation::Add,
            // What is done with the heads.
            "Transpose" | "Reshape" | "Sigmoid" | "Shape" => return Ok(()),
            _ => return Err(self.odd(node, "it is not known")),
        };
        self.steps.push(Step { operation, inputs });
        self.known.insert(node.outputs[0].clone(), self.steps.len());
        Ok(())
    }

    /// The values that a node takes; `None` where one is not computed here. Constants are not among them.
    fn values_of(&self, node: &Node) -> Option<Vec<usize>> {
        let variable = |name: &&String| !(name.is_empty() || self.file.tensors.contains_key(*name));
        let inputs = node.inputs.iter().filter(variable);
        let values: Vec<usize> = inputs
            .map(|name| self.known.get(name).copied())
            .collect::<Option<_>>()?;
        (!values.is_empty() && !node.outputs.is_empty()).then_some(values)
    }

    fn convolution(&self, node: &Node) -> Result<Operation, Fault> {
        let tensor = |at: usize| {
            node.inputs
                .get(at)
                .and_then(|name| self.file.tensors.get(name))
        };
        let (Some(weight), Some(bias)) = (tensor(1), tensor(2)) else {
            return Err(self.odd(node, "it has no weight and bias"));
        };
        let same = |name: &str| match node.ints(name) {
            Some([first, rest @ ..]) if rest.iter().all(|side| side == first) => Some(*first),
            _ => None,
        };
        let (Some(stride), Some(padding), Some(1)) =
            (same("strides"), same("pads"), same("dilations"))
        else {
            return Err(self.odd(node, "its sides differ"));
        };
        let groups = node.int("group").unwrap_or(1);
        let mut filters = to_tensor(weight)?;
        if self.file.inputs.contains(&node.inputs[0]) {
            if weight.shape.get(1).copied() != Some(CHANNELS as usize) {
                return Err(self.odd(node, "it does not take pictures"));
            }
            // It was trained on blue before green before red.
            filters = filters.f_flip([1])?;
        }
        Ok(Operation::Convolution(Convolution {
            weight: channels_last(&filters),
            bias: to_tensor(bias)?,
            stride,
            padding,
            groups,
            rectified: false,
        }))
    }

    /// The value of the convolution whose numbers an output has.
    fn head(&self, output: &str, numbers: i64) -> Result<usize, Fault> {
        let missing = || {
            Fault::Content(format!(
                "it has no output `{output}` of {numbers} numbers a cell"
            ))
        };
        let mut name = output;
        // Not more often than there are nodes: those of a damaged file may lead in a circle.
        for _ in 0..=self.file.nodes.len() {
            if let Some(value) = self.known.get(name) {
                let step = value.checked_sub(1).and_then(|at| self.steps.get(at));
                return match step.map(|step| &step.operation) {
                    Some(Operation::Convolution(one)) if one.weight.size()[0] == numbers => {
                        Ok(*value)
                    }
                    _ => Err(missing()),
                };
            }
            let node = self.source.get(name).ok_or_else(missing)?;
            if !["Transpose", "Reshape", "Sigmoid"].contains(&node.operation.as_str()) {
                break;
            }
            name = node.inputs.first().ok_or_else(missing)?;
        }
        Err(missing())
    }

    fn odd(&self, node: &Node, problem: &str) -> Fault {
        let name = node.outputs.first().map_or("", String::as_str);
        Fault::Content(format!(
            "its {} that gives `{name}`: {problem}",
            node.operation
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_test_support::found;
    use tch::{Device, Kind};

    /// Mean and last number of each head for [`waves`], by onnxruntime 1.32 on the same weights as floats.
    const BY_ONNXRUNTIME: [(&str, [[f64; 2]; 12]); 2] = [
        (
            "face_detection_yunet_2023mar_int8bq.onnx",
            [
                [0.522_173_1, 0.229_318_3],
                [-14.025_601_4, -9.087_669_4],
                [0.761_415_0, 0.885_068_2],
                [0.479_078_0, 0.744_582_5],
                [0.154_759_8, 0.045_712_0],
                [-11.944_728_9, -9.658_821_1],
                [0.246_781_1, -0.047_324_5],
                [0.411_362_0, 0.582_009_1],
                [0.048_825_4, 0.115_092_6],
                [-8.446_129_8, -8.583_519_9],
                [0.700_143_3, 0.809_486_3],
                [0.765_874_9, 0.935_281_6],
            ],
        ),
        (
            "yunet_n_dynamic.onnx",
            [
                [0.284_418_4, 0.396_295_6],
                [-12.595_189_1, -11.190_561_3],
                [0.818_269_3, 0.815_141_4],
                [0.455_252_5, 0.707_719_0],
                [0.585_838_3, 0.608_465_0],
                [-9.404_050_8, -9.388_991_4],
                [0.920_172_2, 1.115_241_5],
                [0.764_123_3, 0.711_366_5],
                [0.415_744_5, 0.345_603_6],
                [-9.581_145_3, -9.556_331_6],
                [0.670_663_1, 0.875_110_9],
                [0.499_342_2, 0.877_644_2],
            ],
        ),
    ];

    /// A picture of 96 x 64 pixels: `(7 x + 13 y + 50 c) mod 256` of red, green and blue.
    fn waves() -> Tensor {
        let axis = |length: i64, shape: [i64; 4]| {
            Tensor::arange(length, (Kind::Int64, Device::Cpu)).view(shape)
        };
        let waves =
            axis(96, [1, 1, 1, 96]) * 7 + axis(64, [1, 1, 64, 1]) * 13 + axis(3, [1, 3, 1, 1]) * 50;
        waves.remainder(256).to_kind(Kind::Float)
    }

    #[test]
    fn both_networks_answer_as_in_onnxruntime() {
        let paths = [
            found::weights(BY_ONNXRUNTIME[0].0),
            // It can only be fetched from its authors' address.
            found::shared(&format!("models/{}", BY_ONNXRUNTIME[1].0)),
        ];
        for (path, (file, expected)) in paths.into_iter().zip(BY_ONNXRUNTIME) {
            let Some(path) = path else { continue };
            let network = Network::read(&path).expect("is the network");
            let levels = network.share().forward(&waves()).expect("is computed");
            for (at, (head, [mean, last])) in levels.iter().flatten().zip(expected).enumerate() {
                let numbers = Vec::<f32>::try_from(head.contiguous().view([-1])).expect("numbers");
                let found = head.mean(Kind::Double).double_value(&[]);
                assert!(
                    (found - mean).abs() < 1e-4,
                    "{file}, head {at}: mean {found}, not {mean}"
                );
                let found = f64::from(numbers[numbers.len() - 1]);
                assert!(
                    (found - last).abs() < 1e-4,
                    "{file}, head {at}: last {found}, not {last}"
                );
            }
        }
    }

    #[test]
    fn other_files_are_named() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("x.onnx");
        let error = |bytes: &[u8]| {
            fs_err::write(&path, bytes).expect("writes");
            Network::read(&path).expect_err("is not YuNet").to_string()
        };
        for bytes in [&b""[..], b"\x3a\x00", b"no protobuf at all"] {
            assert!(error(bytes).contains("x.onnx"), "{}", error(bytes));
        }
        let Some(whole) = found::weights(BY_ONNXRUNTIME[0].0) else {
            return;
        };
        let whole = fs_err::read(whole).expect("reads");
        for length in (0..whole.len()).step_by(997) {
            assert!(error(&whole[..length]).contains("x.onnx"));
        }
    }
}
