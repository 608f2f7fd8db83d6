//! ONNX files: their messages, and the nodes and tensors of one that is read.
//!
//! Block-quantised weights (`DequantizeLinear` with `block_size`, opset 21, as the files of the OpenCV Zoo
//! with `int8bq` in their names have them) are read as the numbers that they stand for. No other node is computed.

mod constants;
pub mod messages;
mod simplified;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use prost::Message;

pub use simplified::simplified;

use messages::{AttributeProto, ModelProto, NodeProto};

/// How many numbers nodes make of constants, for each byte of a file: a quantised weight is a byte, becomes a number,
/// and that one in another shape.
const VALUES_OF_BYTE: usize = 3;

/// A file's graph.
#[derive(Debug)]
pub struct OnnxFile {
    /// The nodes in the order in which they can be computed, without those that give constants.
    pub nodes: Vec<Node>,
    /// The constants, by name.
    pub tensors: BTreeMap<String, TensorData>,
    /// The names of its inputs that are no constants.
    pub inputs: Vec<String>,
    /// The names of its outputs.
    pub outputs: Vec<String>,
}

/// An operation of a graph.
#[derive(Debug)]
pub struct Node {
    /// Its kind, such as `Conv`.
    pub operation: String,
    /// The names of its inputs; an optional one that is left out is empty.
    pub inputs: Vec<String>,
    /// The names of its outputs.
    pub outputs: Vec<String>,
    attributes: Vec<AttributeProto>,
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorData {
    /// Its sides, outermost first.
    pub shape: Vec<usize>,
    /// Its numbers, innermost side first.
    pub values: Vec<f32>,
}

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The system's error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no ONNX file.
    #[error("`{}` is no ONNX file", .path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: prost::DecodeError,
    },
    /// It contradicts itself, or has something that is not read.
    #[error("`{}`: {problem}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What, with the name of the node or tensor.
        problem: String,
    },
}

/// Reads a file.
///
/// # Errors
/// [`OnnxError`].
pub fn read(path: &Path) -> Result<OnnxFile, OnnxError> {
    parse(&fs_err::read(path)?, path)
}

/// Reads the bytes of a file; `path` is for errors.
///
/// # Errors
/// [`OnnxError`].
pub fn parse(bytes: &[u8], path: &Path) -> Result<OnnxFile, OnnxError> {
    let model = ModelProto::decode(bytes).map_err(|source| OnnxError::NotOnnx {
        path: path.to_owned(),
        source,
    })?;
    graph_of(model, VALUES_OF_BYTE * bytes.len()).map_err(|problem| OnnxError::Content {
        path: path.to_owned(),
        problem,
    })
}

/// The graph of a model; what is wrong with it, if it can't be read.
fn graph_of(model: ModelProto, most: usize) -> Result<OnnxFile, String> {
    let graph = model.graph.ok_or("it has no graph")?;
    let nodes = graph.node.into_iter().map(Node::from);
    let (tensors, nodes) = constants::take(graph.initializer, nodes, most)?;
    let names =
        |values: Vec<messages::ValueInfoProto>| values.into_iter().filter_map(|value| value.name);
    Ok(OnnxFile {
        inputs: names(graph.input)
            .filter(|name| !tensors.contains_key(name))
            .collect(),
        outputs: names(graph.output).collect(),
        nodes,
        tensors,
    })
}

impl Node {
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// A whole number among its attributes.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.i
    }

    /// A list of whole numbers among its attributes.
    #[must_use]
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        let ints = &self.attribute(name)?.ints;
        (!ints.is_empty()).then_some(ints)
    }

    /// A text among its attributes.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.attribute(name)?.s.as_deref()?).ok()
    }
}

impl From<NodeProto> for Node {
    fn from(node: NodeProto) -> Self {
        Self {
            operation: node.op_type.unwrap_or_default(),
            inputs: node.input,
            outputs: node.output,
            attributes: node.attribute,
        }
    }
}
