//! The constants of a graph: initializers, and what nodes make of quantised ones.

use std::collections::BTreeMap;

use super::messages::{FLOAT, INT8, INT64, TensorProto, UINT8};
use super::{Node, TensorData};

/// Most numbers of a constant: 256 million, 1 GB.
const MOST_VALUES: usize = 1 << 28;

/// All constants by name, and the nodes that are left. Kinds of numbers that no weights have are left out. What
/// nodes make has `most` numbers at most.
pub(super) fn take(
    initializers: Vec<TensorProto>,
    nodes: impl Iterator<Item = Node>,
    mut most: usize,
) -> Result<(BTreeMap<String, TensorData>, Vec<Node>), String> {
    let mut tensors = BTreeMap::new();
    for initializer in initializers {
        if let Some((name, tensor)) = tensor(initializer)? {
            tensors.insert(name, tensor);
        }
    }
    let mut left = Vec::new();
    for node in nodes {
        let constant = match node.operation.as_str() {
            "DequantizeLinear" => dequantised(&node, &tensors)?,
            "Reshape" => reshaped(&node, &tensors)?,
            _ => None,
        };
        match (constant, node.outputs.first()) {
            (Some(constant), Some(name)) => {
                most = most
                    .checked_sub(constant.values.len())
                    .ok_or("its nodes make more constants than a file of its size has")?;
                tensors.insert(name.clone(), constant);
            }
            _ => left.push(node),
        }
    }
    Ok((tensors, left))
}

/// An initializer with its name; `None` for a kind of numbers that is not read.
pub(super) fn tensor(initializer: TensorProto) -> Result<Option<(String, TensorData)>, String> {
    let name = initializer.name.unwrap_or_default();
    let shape = shape_of(&initializer.dims)
        .ok_or_else(|| format!("tensor `{name}` has a negative or huge size"))?;
    let bytes = initializer.raw_data.unwrap_or_default();
    let values: Vec<f32> = match initializer.data_type {
        Some(FLOAT) if bytes.is_empty() => initializer.float_data,
        Some(FLOAT) => {
            let numbers = bytes.as_chunks::<4>().0.iter();
            numbers.map(|number| f32::from_le_bytes(*number)).collect()
        }
        Some(UINT8) => bytes.iter().map(|byte| f32::from(*byte)).collect(),
        Some(INT8) => bytes
            .iter()
            .map(|byte| f32::from(byte.cast_signed()))
            .collect(),
        // Shapes.
        Some(INT64) if bytes.is_empty() => initializer
            .int64_data
            .iter()
            .map(|number| *number as f32)
            .collect(),
        Some(INT64) => {
            let numbers = bytes.as_chunks::<8>().0.iter();
            numbers
                .map(|number| i64::from_le_bytes(*number) as f32)
                .collect()
        }
        _ => return Ok(None),
    };
    if values.len() != shape.iter().product::<usize>() {
        return Err(format!(
            "tensor `{name}` has {} numbers for the shape {shape:?}",
            values.len()
        ));
    }
    Ok(Some((name, TensorData { shape, values })))
}

/// Sides that are not negative and have a product within [`MOST_VALUES`].
fn shape_of(sides: &[i64]) -> Option<Vec<usize>> {
    let shape: Vec<usize> = sides
        .iter()
        .map(|side| usize::try_from(*side).ok())
        .collect::<Option<_>>()?;
    let product = shape
        .iter()
        .try_fold(1_usize, |product, side| product.checked_mul(*side))?;
    (product <= MOST_VALUES).then_some(shape)
}

/// `(q - zero_point) * scale`, scale and zero point for blocks along one axis; `None` where the input is no constant.
pub(super) fn dequantised(
    node: &Node,
    tensors: &BTreeMap<String, TensorData>,
) -> Result<Option<TensorData>, String> {
    let name = node.outputs.first().map_or("", String::as_str);
    let constant = |at: usize| node.inputs.get(at).and_then(|name| tensors.get(name));
    let (Some(quantised), Some(scales)) = (constant(0), constant(1)) else {
        return Ok(None);
    };
    let zeros = constant(2);
    let odd = |what: &str| format!("node that gives `{name}`: {what}");
    let axis = node.int("axis").unwrap_or(1);
    let block = node.int("block_size").unwrap_or(0);
    let rank = quantised.shape.len();
    let (Ok(axis), Ok(block)) = (usize::try_from(axis), usize::try_from(block)) else {
        return Err(odd("its axis or block is negative"));
    };
    if block == 0 || axis >= rank {
        return Err(odd("only weights that are quantised by blocks are read"));
    }
    let mut expected = quantised.shape.clone();
    expected[axis] = expected[axis].div_ceil(block);
    if scales.shape != expected || zeros.is_some_and(|zeros| zeros.shape != expected) {
        return Err(odd("its scales are not one for each block"));
    }
    let inner: usize = quantised.shape[axis + 1..].iter().product();
    let (along, blocks) = (quantised.shape[axis], expected[axis]);
    let of_block = |at: usize| {
        let (outer, rest) = (at / (along * inner), at % (along * inner));
        (outer * blocks + rest / inner / block) * inner + rest % inner
    };
    let values = quantised.values.iter().enumerate().map(|(at, value)| {
        let block = of_block(at);
        let zero = zeros.map_or(0.0, |zeros| zeros.values[block]);
        (value - zero) * scales.values[block]
    });
    Ok(Some(TensorData {
        shape: quantised.shape.clone(),
        values: values.collect(),
    }))
}

/// A constant in another shape; `None` where either input is no constant.
fn reshaped(
    node: &Node,
    tensors: &BTreeMap<String, TensorData>,
) -> Result<Option<TensorData>, String> {
    let constant = |at: usize| node.inputs.get(at).and_then(|name| tensors.get(name));
    let (Some(data), Some(shape)) = (constant(0), constant(1)) else {
        return Ok(None);
    };
    let sides: Vec<i64> = shape.values.iter().map(|side| *side as i64).collect();
    let fits = |shape: &Vec<usize>| shape.iter().product::<usize>() == data.values.len();
    let shape = shape_of(&sides).filter(fits).ok_or_else(|| {
        let name = node.outputs.first().map_or("", String::as_str);
        format!(
            "node that gives `{name}`: {sides:?} is no shape for {} numbers",
            data.values.len()
        )
    })?;
    Ok(Some(TensorData {
        shape,
        values: data.values.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::messages::{AttributeProto, NodeProto};

    fn bytes(name: &str, shape: &[i64], kind: i32, raw: Vec<u8>) -> TensorProto {
        TensorProto {
            dims: shape.to_vec(),
            data_type: Some(kind),
            name: Some(name.to_owned()),
            raw_data: Some(raw),
            ..TensorProto::default()
        }
    }

    fn floats(name: &str, shape: &[i64], values: &[f32]) -> TensorProto {
        let raw = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        bytes(name, shape, FLOAT, raw)
    }

    fn node(operation: &str, inputs: &[&str], output: &str, ints: &[(&str, i64)]) -> Node {
        Node::from(NodeProto {
            op_type: Some(operation.to_owned()),
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute: ints
                .iter()
                .map(|(name, value)| AttributeProto::int(name, *value))
                .collect(),
            ..NodeProto::default()
        })
    }

    #[test]
    fn blocks_have_their_own_scale_and_zero_point() {
        let initializers = vec![
            bytes(
                "q",
                &[2, 5],
                INT8,
                vec![1, 2, 3, 4, 5, 255, 254, 253, 252, 251],
            ),
            floats("s", &[2, 3], &[1.0, 10.0, 100.0, 2.0, 20.0, 200.0]),
            bytes("z", &[2, 3], INT8, vec![0, 1, 0, 0, 0, 251]),
            bytes(
                "shape",
                &[3],
                INT64,
                [5_i64, 1, 2]
                    .iter()
                    .flat_map(|side| side.to_le_bytes())
                    .collect(),
            ),
        ];
        let nodes = [
            node(
                "DequantizeLinear",
                &["q", "s", "z"],
                "w",
                &[("axis", 1), ("block_size", 2)],
            ),
            node("Reshape", &["w", "shape"], "weight", &[]),
            node("Relu", &["x"], "y", &[]),
        ];
        let (tensors, left) = take(initializers, nodes.into_iter(), 100).expect("is read");
        let expected = [1.0, 2.0, 20.0, 30.0, 500.0, -2.0, -4.0, -60.0, -80.0, 0.0];
        assert_eq!(tensors["w"].values, expected);
        assert_eq!(tensors["weight"].shape, [5, 1, 2]);
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn blocks_along_the_first_axis_have_a_scale_for_each_column() {
        let initializers = vec![
            bytes("q", &[3, 2], UINT8, vec![1, 2, 3, 4, 5, 6]),
            floats("s", &[2, 2], &[1.0, 10.0, 2.0, 20.0]),
        ];
        let nodes = [node(
            "DequantizeLinear",
            &["q", "s"],
            "w",
            &[("axis", 0), ("block_size", 2)],
        )];
        let (tensors, _) = take(initializers, nodes.into_iter(), 100).expect("is read");
        assert_eq!(tensors["w"].values, [1.0, 20.0, 3.0, 40.0, 10.0, 120.0]);
    }

    #[test]
    fn many_nodes_over_one_tensor_do_not_fill_memory() {
        let initializers = vec![
            bytes("q", &[4], UINT8, vec![1, 2, 3, 4]),
            floats("s", &[1], &[1.0]),
        ];
        let dequantise = |number: usize| {
            let ints = [("axis", 0), ("block_size", 4)];
            node(
                "DequantizeLinear",
                &["q", "s"],
                &format!("w{number}"),
                &ints,
            )
        };
        let error = take(initializers, (0..1000).map(dequantise), 100).expect_err("is too much");
        assert!(error.contains("more constants"), "{error}");
    }

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        for initializer in [
            floats("t", &[3], &[1.0]),
            floats("t", &[-1], &[]),
            floats("t", &[i64::MAX, 4], &[]),
        ] {
            let error = take(vec![initializer], std::iter::empty(), 100).expect_err("does not fit");
            assert!(error.contains("`t`"), "{error}");
        }
        let quantised = || bytes("q", &[2], UINT8, vec![1, 2]);
        let dequantise = |ints: &[(&str, i64)]| node("DequantizeLinear", &["q", "s"], "w", ints);
        for (scales, ints) in [
            (
                floats("s", &[1], &[1.0]),
                vec![("axis", 0), ("block_size", 1)],
            ),
            (
                floats("s", &[2], &[1.0, 1.0]),
                vec![("axis", 3), ("block_size", 1)],
            ),
            (floats("s", &[2], &[1.0, 1.0]), vec![("axis", 0)]),
            (
                floats("s", &[2], &[1.0, 1.0]),
                vec![("axis", -1), ("block_size", 1)],
            ),
        ] {
            let nodes = std::iter::once(dequantise(&ints));
            let error = take(vec![quantised(), scales], nodes, 100).expect_err("does not fit");
            assert!(error.contains("`w`"), "{error}");
        }
    }
}
