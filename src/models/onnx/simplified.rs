//! A file made simpler for engines: block-quantised weights are written out as the numbers that they stand for, and
//! what no node takes is no input, and what the file has itself (files before version 4 of the format list constants);
//! no node has the name of a value, which MXNet's files have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use prost::Message;

use super::messages::{FLOAT, GraphProto, ModelProto, NodeProto, TensorProto};
use super::{Node, OnnxError, TensorData, VALUES_OF_BYTE, constants};

/// Most operations: engines go through them one inside the other, and networks for faces have hundreds.
const MOST_NODES: usize = 8000;
/// The operation that makes numbers of quantised weights.
const DEQUANTISE: &str = "DequantizeLinear";
/// Its attribute that only block-quantised weights have.
const BLOCK: &str = "block_size";

/// The simpler file; one that is simple already is returned as it is. `path` is for errors.
///
/// # Errors
/// [`OnnxError`].
pub fn simplified(bytes: Vec<u8>, path: &Path) -> Result<Vec<u8>, OnnxError> {
    let mut model = ModelProto::decode(&*bytes).map_err(|source| OnnxError::NotOnnx {
        path: path.to_owned(),
        source,
    })?;
    let content = |problem: &str| OnnxError::Content {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let graph = model
        .graph
        .as_mut()
        .ok_or_else(|| content("it has no graph"))?;
    if graph.node.len() > MOST_NODES {
        return Err(content("it has more operations than any network for faces"));
    }
    let is_outside = |one: &TensorProto| one.data_location.is_some_and(|place| place != 0);
    if graph.initializer.iter().any(is_outside) {
        return Err(content(
            "its weights are in another file (external data): save it as one file, such as with `onnx.save`",
        ));
    }
    let inputs = graph.input.len();
    let constants = graph.initializer.iter().filter_map(|one| one.name.as_ref());
    let constants: BTreeSet<&String> = constants.collect();
    let taken: BTreeSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
    graph.input.retain(|input| {
        let name = input.name.as_ref();
        name.is_none_or(|name| taken.contains(name) && !constants.contains(name))
    });
    let values: BTreeSet<String> = graph
        .node
        .iter()
        .flat_map(|node| node.output.clone())
        .collect();
    let mut is_changed = graph.input.len() < inputs;
    for node in &mut graph.node {
        if node.name.take_if(|name| values.contains(name)).is_some() {
            is_changed = true;
        }
    }
    if graph.node.iter().any(is_of_blocks) {
        is_changed = true;
        write_out(graph, VALUES_OF_BYTE * bytes.len()).map_err(|problem| content(&problem))?;
    }
    Ok(if is_changed {
        model.encode_to_vec()
    } else {
        bytes
    })
}

fn is_of_blocks(node: &NodeProto) -> bool {
    let attributes = node.attribute.iter();
    let mut blocks = attributes.filter(|attribute| attribute.name.as_deref() == Some(BLOCK));
    node.op_type.as_deref() == Some(DEQUANTISE)
        && blocks.any(|attribute| attribute.i.is_some_and(|size| size != 0))
}

/// Puts initializers in the place of nodes that make numbers of blocks, `most` numbers together.
fn write_out(graph: &mut GraphProto, mut most: usize) -> Result<(), String> {
    let (of_blocks, others): (Vec<_>, Vec<_>) = std::mem::take(&mut graph.node)
        .into_iter()
        .partition(is_of_blocks);
    let wanted: BTreeSet<&String> = of_blocks.iter().flat_map(|node| &node.input).collect();
    let mut tensors: BTreeMap<String, TensorData> = BTreeMap::new();
    for initializer in &graph.initializer {
        if initializer
            .name
            .as_ref()
            .is_some_and(|name| wanted.contains(name))
        {
            tensors.extend(constants::tensor(initializer.clone())?);
        }
    }
    let still_used: BTreeSet<&String> = others.iter().flat_map(|node| &node.input).collect();
    graph.initializer.retain(|initializer| {
        let name = initializer.name.as_ref();
        name.is_none_or(|name| !wanted.contains(name) || still_used.contains(name))
    });
    for node in &of_blocks {
        let node = Node::from(node.clone());
        let name = node.outputs.first().cloned().unwrap_or_default();
        let plain = constants::dequantised(&node, &tensors)?
            .ok_or_else(|| format!("node that gives `{name}`: its weights are no constants"))?;
        most = most
            .checked_sub(plain.values.len())
            .ok_or("its nodes make more constants than a file of its size has")?;
        graph.initializer.push(TensorProto {
            dims: plain.shape.iter().map(|side| *side as i64).collect(),
            data_type: Some(FLOAT),
            name: Some(name),
            raw_data: Some(
                plain
                    .values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            ),
            ..TensorProto::default()
        });
    }
    graph.node = others;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::messages::{AttributeProto, INT8, ValueInfoProto};

    fn node(operation: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            op_type: Some(operation.to_owned()),
            ..NodeProto::default()
        }
    }

    fn initializer(name: &str, dims: &[i64], kind: i32, raw: Vec<u8>) -> TensorProto {
        TensorProto {
            dims: dims.to_vec(),
            data_type: Some(kind),
            name: Some(name.to_owned()),
            raw_data: Some(raw),
            ..TensorProto::default()
        }
    }

    fn model(nodes: Vec<NodeProto>, inputs: &[&str]) -> Vec<u8> {
        let scales = [2.0_f32, 0.5].iter().flat_map(|scale| scale.to_le_bytes());
        let graph = GraphProto {
            node: nodes,
            input: inputs
                .iter()
                .map(|name| ValueInfoProto::batch_of(name, FLOAT, &[4], ""))
                .collect(),
            initializer: vec![
                initializer("q", &[4], INT8, vec![1, 2, 3, 255]),
                initializer("s", &[2], FLOAT, scales.collect()),
            ],
            ..GraphProto::default()
        };
        ModelProto {
            graph: Some(graph),
            ..ModelProto::default()
        }
        .encode_to_vec()
    }

    #[test]
    fn blocks_become_numbers_and_all_else_stays() {
        let mut of_blocks = node(DEQUANTISE, &["q", "s"], "w");
        of_blocks.attribute = vec![
            AttributeProto::int("axis", 0),
            AttributeProto::int(BLOCK, 2),
        ];
        let bytes = model(vec![of_blocks, node("Mul", &["x", "w"], "y")], &["x"]);
        let written = simplified(bytes, Path::new("x.onnx")).expect("is read");
        let graph = ModelProto::decode(&*written)
            .expect("ONNX")
            .graph
            .expect("a graph");
        assert_eq!(graph.node, [node("Mul", &["x", "w"], "y")]);
        let [weights] = graph.initializer.as_slice() else {
            panic!("{:?}", graph.initializer);
        };
        let plain = constants::tensor(weights.clone())
            .expect("a tensor")
            .expect("numbers");
        assert_eq!(
            (plain.0.as_str(), plain.1.values),
            ("w", vec![2.0, 4.0, 1.5, -0.5])
        );
    }

    #[test]
    fn constants_and_what_nothing_takes_are_no_inputs() {
        let bytes = model(vec![node("Mul", &["x", "s"], "y")], &["x", "q", "s", "z"]);
        let written = simplified(bytes, Path::new("x.onnx")).expect("is read");
        let graph = ModelProto::decode(&*written)
            .expect("ONNX")
            .graph
            .expect("a graph");
        let names: Vec<_> = graph
            .input
            .iter()
            .flat_map(|input| input.name.as_deref())
            .collect();
        assert_eq!((names, graph.initializer.len()), (vec!["x"], 2));
    }

    #[test]
    fn a_node_and_a_value_never_share_a_name() {
        let mut nodes = vec![node("Relu", &["x"], "y"), node("Relu", &["y"], "z")];
        nodes[0].name = Some("y".to_owned());
        nodes[1].name = Some("last".to_owned());
        let written = simplified(model(nodes, &["x"]), Path::new("x.onnx")).expect("is read");
        let graph = ModelProto::decode(&*written)
            .expect("ONNX")
            .graph
            .expect("a graph");
        let names: Vec<_> = graph.node.iter().map(|node| node.name.as_deref()).collect();
        assert_eq!(names, [None, Some("last")]);
    }

    #[test]
    fn a_simple_file_is_returned_as_it_is() {
        let nodes = vec![
            node(DEQUANTISE, &["x", "s"], "w"),
            node("Mul", &["x", "w"], "y"),
        ];
        let bytes = model(nodes, &["x"]);
        let written = simplified(bytes.clone(), Path::new("x.onnx")).expect("is read");
        assert_eq!(written, bytes);
        let mut of_blocks = node(DEQUANTISE, &["x", "s"], "w");
        of_blocks.attribute = vec![AttributeProto::int(BLOCK, 2)];
        let error = simplified(model(vec![of_blocks], &["x"]), Path::new("x.onnx"));
        assert!(error.expect_err("no constants").to_string().contains("`w`"));
    }
}
