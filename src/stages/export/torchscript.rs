//! TorchScript: the network as a program of libtorch's own, written as `torch.jit.save` writes it.
//!
//! Its weights are parameters and buffers of modules that are named as the network's tensors are, so
//! that `.to(device)`, `.half()` and `state_dict()` work as with any other module. The modules only
//! hold them; the outermost module alone has methods: `forward`, and `with_similarities` where the model tells
//! strangers by how alike they are to the images of its labels.

use std::path::Path;

use tch::{CModule, Tensor};

use super::archive::{self, Archive};
use super::modules::Modules;
use super::pickle::Pickle;
use super::{Content, ExportError};
use facepipe_core::types::ModelCard;
use facepipe_nn::graph::{Channels, Layer, Step, Value};
use facepipe_nn::{Classifier, LabelMeans, Role, WITH_SIMILARITIES};

/// The file of the classes, without its ending, as a Python module.
pub(super) const CODE: &str = "__torch__.facepipe";
/// The version of the archive's form: that of PyTorch since 1.6.
const VERSION: &[u8] = b"4\n";
/// The constants that the code refers to: none.
const CONSTANTS: &[u8] = b"\x80\x02).";
/// Buffers of the module that takes chips: `mean` and `std` of the channels.
const INPUT_MEAN: &str = "input_mean";
const INPUT_STD: &str = "input_std";

/// Inputs and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    /// Preprocessed images in, logits out.
    Tensors,
    /// RGB chips as bytes `[batch, height, width, 3]` in, probabilities out.
    Chips,
}

/// Writes the file.
pub(super) fn write(
    path: &Path,
    content: &Content<'_>,
    signature: Signature,
) -> Result<(), ExportError> {
    let entries = content.network.state().entries().iter();
    let mut named: Vec<(String, Tensor, Role)> = entries
        .map(|entry| (entry.name.clone(), entry.tensor.shallow_clone(), entry.role))
        .collect();
    if signature == Signature::Chips {
        let input = &content.card.input;
        for (name, numbers) in [(INPUT_MEAN, input.mean), (INPUT_STD, input.std)] {
            let tensor = Tensor::from_slice(&numbers).view([1, 3, 1, 1]);
            named.push((name.to_owned(), tensor, Role::Buffer));
        }
    }
    if let Some(means) = content.means {
        let tensor = means.tensor().shallow_clone();
        named.push((LabelMeans::TENSOR.to_owned(), tensor, Role::Buffer));
    }
    let is_parameter: Vec<bool> = named
        .iter()
        .map(|(_, _, role)| matches!(role, Role::Weight | Role::Offset))
        .collect();
    let tensors = named.into_iter().map(|(name, tensor, _)| (name, tensor));
    let tensors = archive::stored(path, tensors)?;
    let modules = Modules::new(&tensors, &is_parameter, &methods(content, signature));
    let mut pickle = Pickle::new();
    modules.object(&mut pickle);
    let mut archive = Archive::create(path)?;
    archive.add_tensors(&tensors)?;
    archive.add("data.pkl", &pickle.finish())?;
    let code = format!("code/{}.py", CODE.replace('.', "/"));
    archive.add(&code, modules.classes().as_bytes())?;
    archive.add("constants.pkl", CONSTANTS)?;
    archive.add("version", VERSION)?;
    archive.add_card(content)?;
    archive.finish()
}

/// Opens a file as a prediction does.
pub(super) fn open(path: &Path) -> Result<Classifier, ExportError> {
    Ok(Classifier::open(path, tch::Device::Cpu)?)
}

/// Opens a file that takes chips as any user of libtorch would.
pub(super) fn open_program(path: &Path) -> Result<CModule, ExportError> {
    let mut script = CModule::load(path)?;
    script.f_set_eval()?;
    Ok(script)
}

/// The methods of the outermost module, `self`.
fn methods(content: &Content<'_>, signature: Signature) -> String {
    let graph = &content.graph;
    let mut methods = method(
        "forward",
        content,
        signature,
        graph.steps_for_logits(),
        None,
    );
    if let Some(similarities) = graph.similarities() {
        let all = graph.steps();
        methods += &method(
            WITH_SIMILARITIES,
            content,
            signature,
            all,
            Some(similarities),
        );
    }
    methods
}

/// A method that runs some steps; it gives the signature's output, and a further value with it.
fn method(
    name: &str,
    content: &Content<'_>,
    signature: Signature,
    steps: &[Step],
    beside: Option<Value>,
) -> String {
    let mut code = Code::default();
    let input = match signature {
        Signature::Tensors => "images",
        Signature::Chips => "chips",
    };
    let images = variable(Value::IMAGES);
    match signature {
        Signature::Tensors => code.line(&images, input),
        Signature::Chips => code.preprocess(&images, input, content.card),
    }
    for step in steps {
        code.line(&variable(step.output), &expression(step));
    }
    let logits = variable(content.graph.logits());
    let result = match signature {
        Signature::Tensors => logits,
        Signature::Chips => {
            let divided = format!("torch.div({logits}, {:?})", content.card.temperature);
            format!("torch.softmax({divided}, -1)")
        }
    };
    let kind = match beside {
        None => {
            code.result(&result);
            "Tensor"
        }
        Some(value) => {
            code.result(&format!("({result}, {})", variable(value)));
            "Tuple[Tensor, Tensor]"
        }
    };
    format!(
        "  def {name}(self, {input}: Tensor) -> {kind}:\n{}",
        code.lines
    )
}

#[derive(Default)]
struct Code {
    lines: String,
}

impl Code {
    fn line(&mut self, name: &str, expression: &str) {
        self.lines += &format!("    {name} = {expression}\n");
    }

    fn result(&mut self, expression: &str) {
        self.lines += &format!("    return {expression}\n");
    }

    /// `(value / scale - mean) / std` in the numbers' kind of the mean, which moves with the module.
    fn preprocess(&mut self, images: &str, chips: &str, card: &ModelCard) {
        let (mean, std) = (path_of(INPUT_MEAN), path_of(INPUT_STD));
        self.line("pixels", &format!("torch.permute({chips}, [0, 3, 1, 2])"));
        let kind = format!("ops.prim.dtype({mean})");
        self.line("numbers", &format!("torch.to(pixels, {kind})"));
        let scale = f64::from(card.input.scale);
        let scaled = format!("torch.div(torch.contiguous(numbers), {scale:?})");
        self.line("scaled", &scaled);
        let normal = format!("torch.div(torch.sub(scaled, {mean}), {std})");
        self.line(images, &normal);
    }
}

fn variable(value: Value) -> String {
    format!("x{}", value.number())
}

/// A tensor of the network as the code finds it: attributes from `self` on, of which those that are
/// numbers have no name in Python.
fn path_of(name: &str) -> String {
    name.split('.').fold("self".to_owned(), |path, part| {
        if part.starts_with(|first: char| first.is_ascii_digit()) {
            format!("getattr({path}, \"{part}\")")
        } else {
            format!("{path}.{part}")
        }
    })
}

fn expression(step: &Step) -> String {
    let input = variable(step.inputs[0]);
    let optional = |name: &Option<String>| name.as_deref().map_or("None".to_owned(), path_of);
    match &step.layer {
        Layer::Convolution {
            weight,
            bias,
            stride,
            padding,
            groups,
            channels,
        } => {
            let (mut weight, mut bias) = (path_of(weight), optional(bias));
            if let Some(Channels { scale, shift }) = channels {
                let (scale, shift) = (path_of(scale), path_of(shift));
                weight = format!("torch.mul({weight}, torch.view({scale}, [-1, 1, 1, 1]))");
                bias = format!("torch.add(torch.mul({bias}, {scale}), {shift})");
            }
            let form = format!("[{stride}, {stride}], [{padding}, {padding}], [1, 1], {groups}");
            format!("torch.conv2d({input}, {weight}, {bias}, {form})")
        }
        Layer::BatchNorm {
            name,
            momentum,
            epsilon,
        } => {
            let parts = ["weight", "bias", "running_mean", "running_var"];
            let parts = parts.map(|part| path_of(&format!("{name}.{part}")));
            let rest = format!("self.training, {momentum:?}, {epsilon:?}, True");
            format!("torch.batch_norm({input}, {}, {rest})", parts.join(", "))
        }
        Layer::Relu => format!("torch.relu({input})"),
        Layer::PRelu { slope } => format!("torch.prelu({input}, {})", path_of(slope)),
        Layer::Flatten => format!("torch.flatten({input}, 1)"),
        Layer::MaxPool {
            side,
            stride,
            padding,
        } => format!(
            "torch.max_pool2d({input}, [{side}, {side}], [{stride}, {stride}], \
             [{padding}, {padding}], [1, 1], False)"
        ),
        Layer::AveragePool { side } => {
            format!("torch.avg_pool2d({input}, [{side}, {side}], [{side}, {side}], [0, 0], False)")
        }
        Layer::FillUp => {
            let other = variable(step.inputs[1]);
            let missing = |axis: u8| {
                let size = |value: &str| format!("torch.size({value}, {axis})");
                let difference = format!("torch.sub({}, {})", size(&other), size(&input));
                format!("0, ops.prim.max({difference}, 0)")
            };
            let zeros = [3, 2, 1].map(missing).join(", ");
            format!("torch.constant_pad_nd({input}, [{zeros}])")
        }
        Layer::Add => format!("torch.add({input}, {})", variable(step.inputs[1])),
        Layer::Mean => format!("torch.mean({input}, [2, 3])"),
        Layer::UnitLength { smallest } => {
            let squares = format!("torch.sum(torch.mul({input}, {input}), [1], True)");
            let length = format!("torch.clamp_min(torch.sqrt({squares}), {smallest:?})");
            format!("torch.div({input}, {length})")
        }
        Layer::Linear { weight, bias } => {
            format!(
                "torch.linear({input}, {}, {})",
                path_of(weight),
                optional(bias)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_modules_are_reached_by_getattr() {
        assert_eq!(path_of("fc.weight"), "self.fc.weight");
        assert_eq!(
            path_of("layer1.0.downsample.1.bias"),
            "getattr(getattr(self.layer1, \"0\").downsample, \"1\").bias"
        );
    }
}
