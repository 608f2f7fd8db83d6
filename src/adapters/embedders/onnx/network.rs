//! A network of an ONNX file in the engine that runs it.

use std::path::Path;
use std::sync::Arc;

use image::{Rgb, RgbImage};
use rten::{DataType, Dimension, Model, NodeId, RunOptions, ThreadPool, Value, ValueType};
use rten_tensor::Layout as _;

use super::{Channels, Description, OnnxEmbedderError};
use facepipe_core::types::Embedding;
use facepipe_imaging::image_io::contain;
use facepipe_models::onnx::simplified;

/// Chips that the network sees at once, where it takes more than one.
const BATCH: usize = 16;
/// Most numbers of an embedding: what has more is no embedding.
const MOST_NUMBERS: usize = 1 << 12;
/// Channels of a chip.
const CHANNELS: usize = 3;
/// Most names of values in an error.
const MOST_NAMES: usize = 12;
/// The value of a chip that the network is tried on.
const GREY: u8 = 128;

/// A network that is ready to run.
pub(super) struct Network {
    model: Model,
    input: NodeId,
    output: NodeId,
    layout: Layout,
    batch: usize,
    description: Description,
}

/// The order of the numbers of a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `[batch, 3, height, width]`.
    ChannelsFirst,
    /// `[batch, height, width, 3]`.
    ChannelsLast,
}

impl Network {
    /// Opens the bytes of a file and tries the network; also returns how many numbers an embedding has.
    pub(super) fn open(
        bytes: Vec<u8>,
        path: &Path,
        description: Description,
    ) -> Result<(Self, usize), OnnxEmbedderError> {
        let engine = |problem: String| OnnxEmbedderError::Engine {
            path: path.to_owned(),
            problem,
        };
        let different = |problem: String| OnnxEmbedderError::NotAsDescribed {
            path: path.to_owned(),
            problem,
        };
        let bytes = simplified(bytes, path)?;
        let model = contain(|| Model::load(bytes))
            .map_err(engine)?
            .map_err(|error| engine(error.to_string()))?;
        let output = output(&model, &description).map_err(different)?;
        let (input, layout, batch) = input(&model, &description).map_err(different)?;
        let network = Self {
            model,
            input,
            output,
            layout,
            batch,
            description,
        };
        let [width, height] = network.description.size;
        let grey = RgbImage::from_pixel(width, height, Rgb([GREY; 3]));
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        let (shape, numbers) = network.run(&[&grey], &threads).map_err(engine)?;
        let length = embedding_length(&shape).ok_or_else(|| {
            different(format!(
                "it gives {} of shape {shape:?} for one face, where an embedding is one list of numbers",
                named(&network.model, network.output)
            ))
        })?;
        check(&numbers, length).map_err(different)?;
        let waves = RgbImage::from_fn(width, height, |x, y| {
            Rgb([x, y, x + y].map(|wave| (7 * wave % 256) as u8))
        });
        let answer = |chip| network.run(&[chip], &threads).map(|(_, numbers)| numbers);
        if is_near(&answer(&waves).map_err(engine)?, &numbers) {
            return Err(different(
                "it gives the same numbers for every picture".to_owned(),
            ));
        }
        if !is_near(&answer(&grey).map_err(engine)?, &numbers) {
            return Err(different(
                "it gives other numbers for the same picture".to_owned(),
            ));
        }
        Ok((network, length))
    }

    pub(super) const fn description(&self) -> &Description {
        &self.description
    }

    /// How many chips it takes at once, at most.
    pub(super) const fn batch(&self) -> usize {
        self.batch
    }

    /// The embeddings of chips; why there are none, if it fails.
    pub(super) fn embeddings(
        &self,
        chips: &[&RgbImage],
        threads: &Arc<ThreadPool>,
    ) -> Result<Vec<Embedding>, String> {
        let (shape, numbers) = self.run(chips, threads)?;
        let length = numbers.len() / chips.len().max(1);
        if shape.first() != Some(&chips.len()) || length == 0 {
            return Err(format!(
                "{} faces gave numbers of shape {shape:?}",
                chips.len()
            ));
        }
        check(&numbers, length)?;
        Ok(numbers.chunks(length).map(Embedding::new).collect())
    }

    /// The output for chips, with its shape.
    fn run(
        &self,
        chips: &[&RgbImage],
        threads: &Arc<ThreadPool>,
    ) -> Result<(Vec<usize>, Vec<f32>), String> {
        let [width, height] = self.description.size.map(|side| side as usize);
        let shape = match self.layout {
            Layout::ChannelsFirst => [chips.len(), CHANNELS, height, width],
            Layout::ChannelsLast => [chips.len(), height, width, CHANNELS],
        };
        let mut numbers = Vec::with_capacity(shape.iter().product());
        for chip in chips {
            self.push_numbers(chip, &mut numbers);
        }
        let input =
            Value::from_shape(shape.as_slice(), numbers).map_err(|error| error.to_string())?;
        let options = RunOptions::default().with_thread_pool(Some(threads.clone()));
        let run = || {
            let inputs = vec![(self.input, input.into())];
            self.model.run(inputs, &[self.output], Some(options))
        };
        let mut outputs = contain(run)?.map_err(|error| error.to_string())?;
        let output = outputs.pop().ok_or("the network gives nothing")?;
        let shape = output.shape().to_vec();
        let Value::FloatTensor(numbers) = output else {
            return Err(format!(
                "its output is no list of numbers with fractions, but {:?}",
                output.dtype()
            ));
        };
        Ok((shape, numbers.into_data()))
    }

    /// A chip's numbers in the order of the layout.
    fn push_numbers(&self, chip: &RgbImage, numbers: &mut Vec<f32>) {
        let Description { mean, std, .. } = self.description;
        let of_channel = |pixel: &Rgb<u8>, channel: usize| {
            let value = match self.description.channels {
                Channels::Rgb => pixel.0[channel],
                Channels::Bgr => pixel.0[CHANNELS - 1 - channel],
            };
            (f32::from(value) - mean[channel]) / std[channel]
        };
        match self.layout {
            Layout::ChannelsFirst => {
                for channel in 0..CHANNELS {
                    numbers.extend(chip.pixels().map(|pixel| of_channel(pixel, channel)));
                }
            }
            Layout::ChannelsLast => {
                for pixel in chip.pixels() {
                    numbers.extend((0..CHANNELS).map(|channel| of_channel(pixel, channel)));
                }
            }
        }
    }
}

/// Why embeddings of `length` numbers can't be compared, if they can't.
fn check(numbers: &[f32], length: usize) -> Result<(), String> {
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err("the network gives numbers that are not finite".to_owned());
    }
    let is_nothing = |embedding: &[f32]| embedding.iter().all(|number| *number == 0.0);
    if numbers.chunks(length).any(is_nothing) {
        return Err("the network gives nothing but zeros for a face".to_owned());
    }
    Ok(())
}

/// Whether two lists of numbers differ by no more than rounding may.
fn is_near(one: &[f32], other: &[f32]) -> bool {
    /// As a share of the largest number.
    const ROUNDING: f32 = 1e-4;
    let largest = one
        .iter()
        .fold(0.0_f32, |most, number| most.max(number.abs()));
    let mut pairs = one.iter().zip(other);
    pairs.all(|(a, b)| (a - b).abs() <= ROUNDING * largest)
}

/// The input for chips, its layout, and how many chips it takes at once.
fn input(model: &Model, description: &Description) -> Result<(NodeId, Layout, usize), String> {
    let [input] = model.input_ids() else {
        return Err(format!(
            "it has {} inputs ({}), where a network for faces takes one",
            model.input_ids().len(),
            names(model, model.input_ids())
        ));
    };
    let info = model.node_info(*input);
    let kind = info.as_ref().and_then(rten::NodeInfo::dtype);
    if kind.is_some_and(|kind| kind != ValueType::Tensor(DataType::Float)) {
        return Err(format!(
            "its input {} takes whole numbers, not fractions",
            named(model, *input)
        ));
    }
    let [width, height] = description.size.map(|side| side as usize);
    let Some(shape) = info.and_then(|info| info.shape()) else {
        return Ok((*input, Layout::ChannelsFirst, 1));
    };
    let fits = |at: usize, side: usize| match &shape[at] {
        Dimension::Fixed(fixed) => *fixed == side,
        Dimension::Symbolic(_) => true,
    };
    let fits_all = |sides: [usize; 3]| (1..4).zip(sides).all(|(at, side)| fits(at, side));
    let layout = if shape.len() != 4 {
        None
    } else if fits_all([CHANNELS, height, width]) {
        Some(Layout::ChannelsFirst)
    } else if fits_all([height, width, CHANNELS]) {
        Some(Layout::ChannelsLast)
    } else {
        None
    };
    let layout = layout.ok_or_else(|| {
        let sides: Vec<String> = shape.iter().map(side_text).collect();
        format!(
            "its input {} is [{}], and not a chip of {width} by {height} pixels as the description says",
            named(model, *input),
            sides.join(", ")
        )
    })?;
    let batch = match &shape[0] {
        Dimension::Fixed(1) => 1,
        Dimension::Symbolic(_) => BATCH,
        Dimension::Fixed(exactly) => {
            return Err(format!(
                "it takes exactly {exactly} faces at once: export it with a batch of 1, or of any size"
            ));
        }
    };
    Ok((*input, layout, batch))
}

fn side_text(side: &Dimension) -> String {
    match side {
        Dimension::Fixed(side) => side.to_string(),
        Dimension::Symbolic(name) => name.clone(),
    }
}

/// The output that the description names, else the only one.
fn output(model: &Model, description: &Description) -> Result<NodeId, String> {
    match (&description.output, model.output_ids()) {
        (Some(name), outputs) => model.find_node(name).ok_or_else(|| {
            format!(
                "it has no value `{name}`; its outputs are {}",
                names(model, outputs)
            )
        }),
        (None, [only]) => Ok(*only),
        (None, outputs) => Err(format!(
            "it has {} outputs ({}): say in the description which is the embedding, with `output = \"NAME\"`",
            outputs.len(),
            names(model, outputs)
        )),
    }
}

/// How many numbers an embedding has, if the shape is that of one face's: `[1, numbers]`, or that before its two
/// sides of 1 were left out.
fn embedding_length(shape: &[usize]) -> Option<usize> {
    let length = match *shape {
        [1, length] | [1, length, 1, 1] | [1, 1, 1, length] => length,
        _ => return None,
    };
    (2..=MOST_NUMBERS).contains(&length).then_some(length)
}

/// The name of a value, as errors show it.
fn named(model: &Model, id: NodeId) -> String {
    let name = model
        .node_info(id)
        .and_then(|info| info.name().map(str::to_owned));
    name.map_or_else(|| "without a name".to_owned(), |name| format!("`{name}`"))
}

fn names(model: &Model, ids: &[NodeId]) -> String {
    let names = ids.iter().take(MOST_NAMES).map(|id| named(model, *id));
    let mut names = names.collect::<Vec<_>>().join(", ");
    if ids.len() > MOST_NAMES {
        names.push_str(", …");
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::Alignment;
    use facepipe_models::onnx::messages::{
        DimensionValue, FLOAT, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
        ValueInfoProto,
    };
    use prost::Message as _;

    /// A file of nodes from `x`, `[batch, 3, 16, 16]`, to `y`: operation, inputs, output. `c` is a constant.
    fn file(batch: i64, c: f32, nodes: &[(&str, &[&str], &str)]) -> Vec<u8> {
        let node = |(operation, inputs, output): &(&str, &[&str], &str)| NodeProto {
            op_type: Some((*operation).to_owned()),
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![(*output).to_owned()],
            ..NodeProto::default()
        };
        let mut input = ValueInfoProto::batch_of("x", FLOAT, &[3, 16, 16], "");
        if let Some(shape) = &mut input.r#type.as_mut().expect("a type").tensor_type
            && let Some(shape) = &mut shape.shape
        {
            shape.dim[0].value = Some(DimensionValue::Size(batch));
        }
        let graph = GraphProto {
            node: nodes.iter().map(node).collect(),
            initializer: vec![TensorProto {
                data_type: Some(FLOAT),
                name: Some("c".to_owned()),
                float_data: vec![c],
                dims: vec![1],
                ..TensorProto::default()
            }],
            input: vec![input],
            output: vec![ValueInfoProto::batch_of("y", FLOAT, &[3, 1, 1], "")],
            ..GraphProto::default()
        };
        let opset = OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(17),
        };
        ModelProto {
            ir_version: Some(8),
            graph: Some(graph),
            opset_import: vec![opset],
            ..ModelProto::default()
        }
        .encode_to_vec()
    }

    fn open(bytes: Vec<u8>) -> Result<(Network, usize), String> {
        let description = Description {
            alignment: Alignment::Dlib,
            size: [16, 16],
            channels: Channels::Rgb,
            mean: [100.0; 3],
            std: [1.0; 3],
            distance: 1.0,
            normalise: true,
            output: None,
        };
        Network::open(bytes, Path::new("x.onnx"), description).map_err(|error| error.to_string())
    }

    const POOL: (&str, &[&str], &str) = ("GlobalAveragePool", &["x"], "p");

    #[test]
    fn what_can_compare_no_faces_is_refused() {
        let (network, length) =
            open(file(1, 2.0, &[POOL, ("Mul", &["p", "c"], "y")])).expect("opens");
        assert_eq!((network.batch(), length), (1, 3));
        for (nodes, c, batch, reason) in [
            (("Mul", &["p", "c"]), 0.0, 1, "nothing but zeros"),
            (("Pow", &["p", "c"]), f32::NAN, 1, "not finite"),
            (("Mul", &["p", "c"]), 2.0, 4, "exactly 4 faces"),
        ] {
            let (operation, inputs) = nodes;
            let error = open(file(batch, c, &[POOL, (operation, inputs, "y")]));
            let error = error.err().expect("is refused");
            assert!(error.contains(reason), "{error}");
        }
        let same = [
            ("Mul", &["x", "x"] as &[&str], "s"),
            ("Pow", &["s", "c"], "o"),
            ("GlobalAveragePool", &["o"], "y"),
        ];
        let error = open(file(1, 0.0, &same)).err().expect("is refused");
        assert!(
            error.contains("the same numbers for every picture"),
            "{error}"
        );
        let deep: Vec<String> = (0..9000).map(|number| format!("v{number}")).collect();
        let inputs: Vec<[&str; 1]> = deep.iter().map(|name| [name.as_str()]).collect();
        let nodes: Vec<(&str, &[&str], &str)> = (1..deep.len())
            .map(|at| ("Relu", &inputs[at - 1] as &[&str], deep[at].as_str()))
            .collect();
        let error = open(file(1, 0.0, &nodes)).err().expect("is refused");
        assert!(error.contains("more operations"), "{error}");
    }

    /// The logarithm is no number for a dark chip, which no trial sees.
    #[test]
    fn a_face_without_a_finite_embedding_is_an_error() {
        let nodes = [POOL, ("Log", &["p"] as &[&str], "y")];
        let (network, _) = open(file(1, 0.0, &nodes)).expect("opens");
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        let dark = RgbImage::new(16, 16);
        let error = network
            .embeddings(&[&dark], &threads)
            .expect_err("no numbers");
        assert!(error.contains("not finite"), "{error}");
    }

    #[test]
    fn an_embedding_is_one_list_of_numbers() {
        for (shape, length) in [
            (&[1, 128][..], Some(128)),
            (&[1, 512, 1, 1], Some(512)),
            (&[1, 1, 1, 64], Some(64)),
            (&[128], None),
            (&[1, 1], None),
            (&[1], None),
            (&[2, 128], None),
            (&[1, 100, 4], None),
            (&[1, 400, 1], None),
            (&[1, 20_000], None),
        ] {
            assert_eq!(embedding_length(shape), length, "{shape:?}");
        }
    }
}
