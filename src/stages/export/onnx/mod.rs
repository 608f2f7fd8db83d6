//! ONNX: the network for other engines, written as protobuf.

mod layers;
mod reader;

use std::path::Path;

use prost::Message;
use tch::Tensor;

use super::torchscript::Signature;
use super::{Content, ExportError};
use facepipe_core::artifacts::atomic;
use facepipe_models::onnx::messages::{
    AttributeProto, FLOAT, ModelProto, OperatorSetIdProto, StringStringEntryProto, UINT8,
    ValueInfoProto,
};
use facepipe_nn::LabelMeans;
use layers::Nodes;

pub(super) use reader::Opened;

/// The version of the operators: the oldest that has all operators needed here.
const OPSET: i64 = 17;
/// The version of the file's form that came with it.
const IR_VERSION: i64 = 8;
/// Names of inputs and outputs.
const IMAGES: &str = "images";
/// No output, but a name by which engines that can give any value find it.
const FEATURES: &str = "features";
const CHIPS: &str = "chips";
pub(super) const LOGITS: &str = "logits";
pub(super) const PROBABILITIES: &str = "probabilities";
pub(super) const SIMILARITIES: &str = "similarities";
/// Keys of the metadata.
const LABELS_KEY: &str = "labels";
const CARD_KEY: &str = "model_card";
const TEMPERATURE_KEY: &str = "temperature";

/// Writes the file. Both signatures give probabilities at the card's temperature; with images as tensors
/// the logits come out too.
pub(super) fn write(
    path: &Path,
    content: &Content<'_>,
    signature: Signature,
) -> Result<(), ExportError> {
    Ok(atomic::write(
        path,
        &model(content, signature)?.encode_to_vec(),
    )?)
}

fn model(content: &Content<'_>, signature: Signature) -> Result<ModelProto, ExportError> {
    let card = content.card;
    let size = card.input.size;
    let (height, width) = (i64::from(size.height), i64::from(size.width));
    let mut tensors = content.network.state().tensors();
    if let Some(means) = content.means {
        let tensor = means.tensor().shallow_clone();
        tensors.insert(LabelMeans::TENSOR.to_owned(), tensor);
    }
    let images = match signature {
        Signature::Tensors => IMAGES,
        Signature::Chips => "normalised",
    };
    let mut nodes = Nodes::new(&tensors, images, [3, height, width]);
    let input = match signature {
        Signature::Tensors => ValueInfoProto::batch_of(
            IMAGES,
            FLOAT,
            &[3, height, width],
            "RGB images, (value / scale - mean) / std for each channel, as the model card says",
        ),
        Signature::Chips => {
            preprocess(&mut nodes, content, images);
            let doc = "RGB images, row by row, the three channels of a pixel side by side";
            ValueInfoProto::batch_of(CHIPS, UINT8, &[height, width, 3], doc)
        }
    };
    nodes.add_layers(&content.graph, [FEATURES, LOGITS, SIMILARITIES]);
    let temperature = Tensor::from_slice(&[card.temperature as f32]);
    nodes.constant(TEMPERATURE_KEY, &temperature.view([] as [i64; 0]));
    nodes.node("Div", &[LOGITS, TEMPERATURE_KEY], "cooled", Vec::new());
    let axis = AttributeProto::int("axis", -1);
    nodes.node("Softmax", &["cooled"], PROBABILITIES, vec![axis]);
    let labels = [card.labels.len() as i64];
    let output = |name, doc| ValueInfoProto::batch_of(name, FLOAT, &labels, doc);
    let mut graph = nodes.graph;
    graph.name = Some(card.architecture.clone());
    graph.input = vec![input];
    if signature == Signature::Tensors {
        graph.output = vec![output(LOGITS, "one number a label, in their order")];
    }
    let doc = "the softmax of the logits at the model card's temperature";
    graph.output.push(output(PROBABILITIES, doc));
    if content.graph.similarities().is_some() {
        let doc = "how alike the face is to the images of each label: the cosine with their centre";
        graph.output.push(output(SIMILARITIES, doc));
    }
    let version = env!("CARGO_PKG_VERSION");
    Ok(ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("facepipe".to_owned()),
        producer_version: Some(version.to_owned()),
        doc_string: Some(format!("{}: whose face it is", card.name)),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: metadata(content)?,
        ..ModelProto::default()
    })
}

/// The file's metadata, by key.
fn metadata(content: &Content<'_>) -> Result<Vec<StringStringEntryProto>, ExportError> {
    let entries = [
        (LABELS_KEY, content.labels_json()?),
        (CARD_KEY, content.card_json()?),
        (TEMPERATURE_KEY, format!("{:?}", content.card.temperature)),
    ];
    let entry = |(key, value): (&str, String)| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value),
    };
    Ok(entries.map(entry).into())
}

/// `(value / scale - mean) / std` of bytes `[batch, height, width, 3]`.
fn preprocess(nodes: &mut Nodes<'_>, content: &Content<'_>, images: &str) {
    let input = &content.card.input;
    let to = AttributeProto::int("to", i64::from(FLOAT));
    nodes.node("Cast", &[CHIPS], "numbers", vec![to]);
    let order = AttributeProto::ints("perm", &[0, 3, 1, 2]);
    nodes.node("Transpose", &["numbers"], "pixels", vec![order]);
    let scale = Tensor::from_slice(&[input.scale]).view([] as [i64; 0]);
    nodes.constant("input_scale", &scale);
    nodes.node("Div", &["pixels", "input_scale"], "scaled", Vec::new());
    for (name, numbers) in [("input_mean", input.mean), ("input_std", input.std)] {
        nodes.constant(name, &Tensor::from_slice(&numbers).view([3, 1, 1]));
    }
    nodes.node("Sub", &["scaled", "input_mean"], "centred", Vec::new());
    nodes.node("Div", &["centred", "input_std"], images, Vec::new());
}
