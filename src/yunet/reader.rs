//! Makes the network's steps of the nodes of an ONNX file.
//!
//! The two files that are used differ in the number and width of their layers, so that the layers are those of the
//! file. What follows the last convolutions there (transposition, reshaping, sigmoid) is left out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::kernels::{Depthwise, First, Pointwise, Unit};
use crate::network::{HEADS, Heads, Input, Network, Operation, STRIDES};
use facepipe_models::onnx::{self, Node, OnnxError, OnnxFile};

/// Channels of a picture.
const COLOURS: usize = 3;
/// Weights of a channel in a convolution of three by three.
const AREA: usize = 9;

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
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Network, YunetError> {
    let file = onnx::read(path)?;
    Reader::new(&file)
        .network()
        .map_err(|problem| YunetError::NotYunet {
            path: path.to_owned(),
            problem,
        })
}

/// A convolution as it is in the file.
#[derive(Debug, Clone)]
struct Convolution {
    /// `[outputs][inputs of a group][row][column]`.
    weights: Vec<f32>,
    bias: Vec<f32>,
    rectified: bool,
}

/// What a name in the file stands for.
#[derive(Debug, Clone)]
enum Value {
    Picture,
    /// A step's result.
    Step(usize),
    /// The first convolution's result.
    First(Convolution),
    /// A pointwise convolution's result.
    Mixed(Convolution, Box<Value>),
    /// A step's result, each point two by two.
    Doubled(usize),
    /// A step's result plus another's, each point two by two.
    Sum(usize, usize),
}

/// A step as it is in the file.
#[derive(Debug)]
enum Step {
    Unit {
        input: Value,
        pointwise: Convolution,
        depthwise: Convolution,
        pooled: bool,
    },
    Pool {
        input: usize,
        channels: usize,
    },
}

struct Reader<'a> {
    file: &'a OnnxFile,
    /// The node that gives a value.
    source: HashMap<&'a str, &'a Node>,
    /// How many nodes take a value.
    uses: HashMap<&'a str, usize>,
    steps: Vec<Step>,
    known: HashMap<&'a str, Value>,
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

    fn network(mut self) -> Result<Network, String> {
        let file = self.file;
        let [input] = file.inputs.as_slice() else {
            return Err("it does not take one input".to_owned());
        };
        self.known.insert(input, Value::Picture);
        // In the order of the file, so that values are computed before they are needed.
        for node in &file.nodes {
            self.add(node)?;
        }
        let [eight, sixteen, thirty_two] = STRIDES.map(|stride| self.level(stride));
        let levels = [eight?, sixteen?, thirty_two?];
        finish(self.steps, &levels)
    }

    /// Adds a node. Those behind the heads, and those that only compute shapes, are left out.
    fn add(&mut self, node: &'a Node) -> Result<(), String> {
        let Some(inputs) = self.values_of(node) else {
            return Ok(());
        };
        let result = match (node.operation.as_str(), inputs.as_slice()) {
            ("Conv", [input]) => self.convolution(node, input)?,
            ("Relu", [input]) => self.rectified(node, input)?,
            ("MaxPool", [Value::Step(input)]) => self.pool(node, *input)?,
            ("Resize", [Value::Step(input)]) if self.is_doubling(node) => Value::Doubled(*input),
            ("Add", [Value::Step(fine), Value::Doubled(coarse)])
            | ("Add", [Value::Doubled(coarse), Value::Step(fine)]) => {
                if self.channels(*fine) != self.channels(*coarse) {
                    return Err(odd(node, "its inputs have not as many channels"));
                }
                Value::Sum(*fine, *coarse)
            }
            // What is done with the heads.
            ("Transpose" | "Reshape" | "Sigmoid" | "Shape", _) => return Ok(()),
            _ => return Err(odd(node, "it is not known there")),
        };
        self.known.insert(&node.outputs[0], result);
        Ok(())
    }

    /// The values that a node takes; `None` where one is not computed here. Constants are not among them.
    fn values_of(&self, node: &Node) -> Option<Vec<Value>> {
        let variable = |name: &&String| !(name.is_empty() || self.file.tensors.contains_key(*name));
        let inputs = node.inputs.iter().filter(variable);
        let values: Vec<Value> = inputs
            .map(|name| self.known.get(name.as_str()).cloned())
            .collect::<Option<_>>()?;
        (!values.is_empty() && !node.outputs.is_empty()).then_some(values)
    }

    /// Whether each point becomes two by two.
    fn is_doubling(&self, node: &Node) -> bool {
        let scales = node
            .inputs
            .last()
            .and_then(|name| self.file.tensors.get(name));
        node.text("mode") == Some("nearest")
            && scales.is_some_and(|scales| scales.values == [1.0, 1.0, 2.0, 2.0])
    }

    /// Whether a node is the only one that takes its first input.
    fn is_alone(&self, node: &Node) -> bool {
        self.uses.get(node.inputs[0].as_str()) == Some(&1)
    }

    fn convolution(&mut self, node: &Node, input: &Value) -> Result<Value, String> {
        let tensor = |at: usize| {
            let name = node.inputs.get(at)?;
            self.file.tensors.get(name)
        };
        let (Some(weight), Some(bias)) = (tensor(1), tensor(2)) else {
            return Err(odd(node, "it has no weight and bias"));
        };
        let same = |name: &str| match node.ints(name) {
            Some([first, rest @ ..]) if rest.iter().all(|side| side == first) => Some(*first),
            _ => None,
        };
        let (Some(stride), Some(padding), Some(1)) =
            (same("strides"), same("pads"), same("dilations"))
        else {
            return Err(odd(node, "its sides differ"));
        };
        let [outputs, inputs, rows, columns] = *weight.shape.as_slice() else {
            return Err(odd(node, "its weights have not four sides"));
        };
        let length = weight
            .shape
            .iter()
            .try_fold(1_usize, |all, side| all.checked_mul(*side));
        if outputs == 0 || Some(weight.values.len()) != length || bias.values.len() != outputs {
            return Err(odd(node, "its numbers are not as many as its sides say"));
        }
        let mut convolution = Convolution {
            weights: weight.values.clone(),
            bias: bias.values.clone(),
            rectified: false,
        };
        let groups = node.int("group").unwrap_or(1);
        let layout = (stride, padding, groups, [rows, columns]);
        match (input, layout) {
            (Value::Picture, (2, 1, 1, [3, 3])) if inputs == COLOURS => {
                // It was trained on blue before green before red.
                for colours in convolution.weights.chunks_exact_mut(COLOURS * AREA) {
                    let (blue, rest) = colours.split_at_mut(AREA);
                    blue.swap_with_slice(&mut rest[AREA..]);
                }
                Ok(Value::First(convolution))
            }
            (Value::Step(_) | Value::First(_) | Value::Sum(..), (1, 0, 1, [1, 1])) => {
                let alone = matches!(input, Value::Step(_)) || self.is_alone(node);
                if !alone || self.channels_of(input) != inputs {
                    return Err(odd(node, "it does not take what is before it"));
                }
                Ok(Value::Mixed(convolution, Box::new(input.clone())))
            }
            (Value::Mixed(pointwise, input), (1, 1, groups, [3, 3]))
                if self.is_alone(node)
                    && inputs == 1
                    && usize::try_from(groups) == Ok(outputs)
                    && pointwise.bias.len() == outputs
                    && !pointwise.rectified =>
            {
                self.steps.push(Step::Unit {
                    input: Value::clone(input),
                    pointwise: pointwise.clone(),
                    depthwise: convolution,
                    pooled: false,
                });
                Ok(Value::Step(self.steps.len() - 1))
            }
            _ => Err(odd(node, "it is none of the network's convolutions")),
        }
    }

    fn rectified(&mut self, node: &Node, input: &Value) -> Result<Value, String> {
        let problem = || odd(node, "it does not follow a convolution");
        if !self.is_alone(node) {
            return Err(problem());
        }
        match input {
            Value::First(convolution) => Ok(Value::First(Convolution {
                rectified: true,
                ..convolution.clone()
            })),
            Value::Step(at) => match &mut self.steps[*at] {
                Step::Unit {
                    depthwise,
                    pooled: false,
                    ..
                } => {
                    depthwise.rectified = true;
                    Ok(input.clone())
                }
                _ => Err(problem()),
            },
            _ => Err(problem()),
        }
    }

    fn pool(&mut self, node: &Node, input: usize) -> Result<Value, String> {
        let is_two = |name: &str| node.ints(name) == Some(&[2, 2]);
        let is_padded = node.ints("pads").is_some_and(|pads| pads != [0; 4]);
        if !(is_two("kernel_shape") && is_two("strides")) || is_padded {
            return Err(odd(node, "it is not two by two"));
        }
        let alone = self.is_alone(node);
        if let (true, Step::Unit { pooled, .. }) = (alone, &mut self.steps[input])
            && !*pooled
        {
            *pooled = true;
            return Ok(Value::Step(input));
        }
        let channels = self.channels(input);
        self.steps.push(Step::Pool { input, channels });
        Ok(Value::Step(self.steps.len() - 1))
    }

    /// The channels of a step's result.
    fn channels(&self, step: usize) -> usize {
        match &self.steps[step] {
            Step::Unit { depthwise, .. } => depthwise.bias.len(),
            Step::Pool { channels, .. } => *channels,
        }
    }

    fn channels_of(&self, value: &Value) -> usize {
        match value {
            Value::Picture => COLOURS,
            Value::Step(step) | Value::Doubled(step) | Value::Sum(step, _) => self.channels(*step),
            Value::First(convolution) | Value::Mixed(convolution, _) => convolution.bias.len(),
        }
    }

    /// The steps of a level's heads.
    fn level(&self, stride: usize) -> Result<Vec<usize>, String> {
        HEADS
            .iter()
            .map(|(head, numbers)| self.head(&format!("{head}_{stride}"), *numbers))
            .collect()
    }

    /// The step of the convolution whose numbers an output has.
    fn head(&self, output: &str, numbers: usize) -> Result<usize, String> {
        let missing = || format!("it has no output `{output}` of {numbers} numbers a cell");
        let mut name = output;
        // Not more often than there are nodes: those of a damaged file may lead in a circle.
        for _ in 0..=self.file.nodes.len() {
            match self.known.get(name) {
                Some(Value::Step(step)) if self.channels(*step) == numbers => return Ok(*step),
                Some(_) => return Err(missing()),
                None => {}
            }
            let node = self.source.get(name).ok_or_else(missing)?;
            if !["Transpose", "Reshape", "Sigmoid"].contains(&node.operation.as_str()) {
                break;
            }
            name = node.inputs.first().ok_or_else(missing)?;
        }
        Err(missing())
    }
}

fn odd(node: &Node, problem: &str) -> String {
    let name = node.outputs.first().map_or("", String::as_str);
    format!("its {} that gives `{name}`: {problem}", node.operation)
}

/// The network of these steps, among which are those of the heads.
fn finish(steps: Vec<Step>, levels: &[Vec<usize>; STRIDES.len()]) -> Result<Network, String> {
    let [eight, sixteen, thirty_two] = levels.each_ref().map(|level| heads(&steps, level));
    let mut heads = [eight?, sixteen?, thirty_two?];
    // Values get new numbers, since the heads are no steps any more.
    let mut numbers = vec![None; steps.len()];
    let mut kept = Vec::new();
    let missing = || "a layer takes a head's numbers".to_owned();
    for (at, step) in steps.into_iter().enumerate() {
        if levels.iter().flatten().any(|head| *head == at) {
            continue;
        }
        let number = |old: usize| numbers[old].ok_or_else(missing);
        kept.push(match step {
            Step::Pool { input, .. } => Operation::Pool(number(input)?),
            Step::Unit {
                input,
                pointwise,
                depthwise,
                pooled,
            } => {
                let input = match input {
                    Value::First(first) if first.rectified => {
                        Input::Picture(First::new(&first.weights, &first.bias))
                    }
                    Value::Step(step) => Input::Value(number(step)?),
                    Value::Sum(fine, coarse) => Input::Sum(number(fine)?, number(coarse)?),
                    _ => return Err("its first convolution has no ReLU behind it".to_owned()),
                };
                Operation::Unit(Box::new(unit(&pointwise, &depthwise, pooled)), input)
            }
        });
        numbers[at] = Some(kept.len() - 1);
    }
    let mut last_use = vec![0; kept.len()];
    for (at, step) in kept.iter().enumerate() {
        last_use[at] = at;
        match step {
            Operation::Pool(input) | Operation::Unit(_, Input::Value(input)) => {
                last_use[*input] = at;
            }
            Operation::Unit(_, Input::Sum(fine, coarse)) => {
                last_use[*fine] = at;
                last_use[*coarse] = at;
            }
            Operation::Unit(_, Input::Picture(_)) => {}
        }
    }
    // What the heads take is needed at the end.
    for heads in &mut heads {
        heads.input = numbers[heads.input].ok_or_else(missing)?;
        last_use[heads.input] = kept.len();
    }
    let network = Network {
        steps: kept,
        last_use,
        heads,
    };
    check_sides(&network)?;
    Ok(network)
}

/// The four heads of a level as one unit.
fn heads(steps: &[Step], level: &[usize]) -> Result<Heads, String> {
    let problem = || "the heads of a level do not take the same value".to_owned();
    let mut shared = None;
    let join = |all: &mut Convolution, one: &Convolution| {
        all.weights.extend_from_slice(&one.weights);
        all.bias.extend_from_slice(&one.bias);
    };
    let empty = Convolution {
        weights: Vec::new(),
        bias: Vec::new(),
        rectified: false,
    };
    let (mut mixing, mut spreading) = (empty.clone(), empty);
    for head in level {
        let Step::Unit {
            input: Value::Step(input),
            pointwise,
            depthwise,
            pooled: false,
        } = &steps[*head]
        else {
            return Err(problem());
        };
        if *shared.get_or_insert(*input) != *input || depthwise.rectified {
            return Err(problem());
        }
        join(&mut mixing, pointwise);
        join(&mut spreading, depthwise);
    }
    Ok(Heads {
        unit: unit(&mixing, &spreading, false),
        input: shared.ok_or_else(problem)?,
    })
}

fn unit(pointwise: &Convolution, depthwise: &Convolution, pooled: bool) -> Unit {
    Unit {
        pointwise: Pointwise::new(&pointwise.weights, &pointwise.bias),
        depthwise: Depthwise::new(&depthwise.weights, &depthwise.bias, depthwise.rectified),
        pooled,
    }
}

/// Whether sums are of values of fitting sides, and the heads of as many cells as their names say.
fn check_sides(network: &Network) -> Result<(), String> {
    // Pixels from one point to the next.
    let mut strides: Vec<usize> = Vec::new();
    for step in &network.steps {
        let (before, pooled) = match step {
            Operation::Pool(input) => (strides[*input], true),
            Operation::Unit(unit, Input::Picture(_)) => (2, unit.pooled),
            Operation::Unit(unit, Input::Value(input)) => (strides[*input], unit.pooled),
            Operation::Unit(unit, Input::Sum(fine, coarse)) => {
                if 2 * strides[*fine] != strides[*coarse] {
                    return Err("it adds values of different sides".to_owned());
                }
                (strides[*fine], unit.pooled)
            }
        };
        let stride = if pooled { 2 * before } else { before };
        if stride > STRIDES[STRIDES.len() - 1] {
            return Err("it has too many pools".to_owned());
        }
        strides.push(stride);
    }
    let fits = |(heads, stride): (&Heads, usize)| strides[heads.input] == stride;
    if network.heads.iter().zip(STRIDES).all(fits) {
        Ok(())
    } else {
        Err("its heads have other cells".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arch, Memory};
    use facepipe_test_support::found;

    #[test]
    fn damaged_files_are_refused_or_computed() {
        let Some(path) = found::weights("face_detection_yunet_2023mar_int8bq.onnx") else {
            return;
        };
        let whole = fs_err::read(path).expect("reads");
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("damaged.onnx");
        let read = |bytes: &[u8]| {
            fs_err::write(&path, bytes).expect("writes");
            Network::read(&path)
        };
        for length in (0..whole.len()).step_by(4999) {
            let error = read(&whole[..length]).expect_err("is not YuNet");
            assert!(error.to_string().contains("damaged.onnx"), "{error}");
        }
        let mut state = 7_u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize
        };
        let mut memory = Memory::default();
        for _ in 0..300 {
            let mut changed = whole.clone();
            for _ in 0..1 + number() % 3 {
                // Most of what comes first is no weight.
                let at = number() % changed.len().min(40_000);
                changed[at] = number() as u8;
            }
            if let Ok(network) = read(&changed) {
                network.forward(Arch::new(), &[100; 32 * 64 * 3], [64, 32], &mut memory);
            }
        }
    }
}
