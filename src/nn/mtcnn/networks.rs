//! MTCNN's networks with their weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tch::{TchError, Tensor};

use super::plan::{POOL_STEP, Plan};
use crate::pth::{self, PthReadError};

/// Which axis of `[batch, channels, height, width]` goes from top to bottom.
pub(super) const HEIGHT_AXIS: i64 = 2;
/// Which axis goes from left to right.
pub(super) const WIDTH_AXIS: i64 = 3;

/// Why a network's weights can't be used.
#[derive(Debug, thiserror::Error)]
pub enum MtcnnError {
    /// The file can't be read.
    #[error(transparent)]
    Read(#[from] PthReadError),
    /// A tensor is not in the file.
    #[error("`{}` has no tensor `{name}`", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape than the network's.
    #[error("tensor `{name}` in `{}` is {found:?} instead of {expected:?}", .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Shape in the file.
        found: Vec<i64>,
        /// Shape in the network.
        expected: Vec<i64>,
    },
}

/// A network with its weights.
#[derive(Debug)]
pub(super) struct Network {
    /// With the side of the pooling's window.
    convolutions: Vec<(Layer, Option<i64>)>,
    dense: Option<Layer>,
    /// All heads in one.
    head: Linear,
}

/// Weights and bias.
#[derive(Debug)]
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

/// The same with the slopes of the PReLU behind it.
#[derive(Debug)]
struct Layer {
    linear: Linear,
    slope: Tensor,
}

impl Network {
    /// Reads a network's file in a folder of weights.
    pub(super) fn read(plan: &Plan, weights: &Path) -> Result<Self, MtcnnError> {
        let path = weights.join(plan.file);
        Self::from_tensors(plan, pth::read(&path)?, path)
    }

    /// A network made from the tensors of a state dict.
    pub(super) fn from_tensors(
        plan: &Plan,
        tensors: BTreeMap<String, Tensor>,
        path: PathBuf,
    ) -> Result<Self, MtcnnError> {
        let mut source = Source { tensors, path };
        let mut convolutions = Vec::new();
        for (shape, number) in plan.convolutions.iter().zip(1..) {
            let size = [shape.outputs, shape.inputs, shape.kernel, shape.kernel];
            let mut layer = source.layer(&format!("conv{number}"), number, &size)?;
            layer.linear.weight = channels_last(&layer.linear.weight);
            convolutions.push((layer, shape.pool));
        }
        let mut number = plan.convolutions.len() + 1;
        let mut dense = None;
        if let Some((inputs, outputs)) = plan.dense {
            dense = Some(source.layer(&format!("dense{number}"), number, &[outputs, inputs])?);
            number += 1;
        }
        let last = plan.convolutions.last().map_or(0, |last| last.outputs);
        let mut heads = Vec::new();
        for (outputs, place) in plan.heads.iter().zip(1..) {
            heads.push(match plan.dense {
                Some((_, inputs)) => {
                    source.linear(&format!("dense{number}_{place}"), &[*outputs, inputs])?
                }
                None => source.linear(&format!("conv{number}_{place}"), &[*outputs, last, 1, 1])?,
            });
        }
        let (weights, biases): (Vec<_>, Vec<_>) = heads
            .into_iter()
            .map(|head| (head.weight, head.bias))
            .unzip();
        let mut head = Linear {
            weight: Tensor::cat(&weights, 0),
            bias: Tensor::cat(&biases, 0),
        };
        if dense.is_none() {
            head.weight = channels_last(&head.weight);
        }
        Ok(Self {
            convolutions,
            dense,
            head,
        })
    }

    /// The same network; the weights are shared.
    pub(super) fn share(&self) -> Self {
        Self {
            convolutions: self
                .convolutions
                .iter()
                .map(|(layer, pool)| (layer.share(), *pool))
                .collect(),
            dense: self.dense.as_ref().map(Layer::share),
            head: self.head.share(),
        }
    }

    /// The output of all heads: scores (not yet probabilities), offsets and, of O-Net, landmarks.
    ///
    /// # Shapes
    /// `pictures` is `[batch, 3, height, width]`. The result is `[batch, numbers]`; of P-Net, which
    /// has no dense layer, it is `[batch, rows, columns, numbers]`.
    pub(super) fn forward(&self, pictures: &Tensor) -> Result<Tensor, TchError> {
        let mut values = pictures.shallow_clone();
        for (layer, pool) in &self.convolutions {
            values = layer.linear.convolve(&values)?.f_prelu(&layer.slope)?;
            if let Some(side) = *pool {
                values = pooled(&pooled(&values, HEIGHT_AXIS, side)?, WIDTH_AXIS, side)?;
            }
        }
        let Some(dense) = &self.dense else {
            return self.head.convolve(&values)?.f_permute([0, 2, 3, 1]);
        };
        // The weights were made for columns before rows before channels.
        let flat = values.f_permute([0, 3, 2, 1])?.f_flatten(1, -1)?;
        let hidden = dense.linear.multiply(&flat)?.f_prelu(&dense.slope)?;
        self.head.multiply(&hidden)
    }
}

/// The largest of each `side` values along an axis, every [`POOL_STEP`] values; at the end of the axis
/// of as many as there are.
///
/// With channels innermost in memory this is several times as fast as libtorch's own pooling, which
/// also notes where each largest value was.
fn pooled(values: &Tensor, axis: i64, side: i64) -> Result<Tensor, TchError> {
    let length = values.size()[axis as usize];
    let outputs = ((length - side).max(0) + POOL_STEP - 1) / POOL_STEP + 1;
    let nth = |first: i64| values.f_slice(axis, first, length, POOL_STEP);
    let mut largest = nth(0)?.f_narrow(axis, 0, outputs)?;
    for first in 1..side {
        let others = nth(first)?;
        let others = others.f_narrow(axis, 0, others.size()[axis as usize].min(outputs))?;
        let both = others.size()[axis as usize];
        let of_both = largest.f_narrow(axis, 0, both)?.f_maximum(&others)?;
        largest = if both == outputs {
            of_both
        } else {
            let rest = largest.f_narrow(axis, both, outputs - both)?;
            Tensor::f_cat(&[of_both, rest], axis)?
        };
    }
    Ok(largest)
}

impl Linear {
    fn convolve(&self, values: &Tensor) -> Result<Tensor, TchError> {
        values.f_conv2d(&self.weight, Some(&self.bias), [1, 1], [0, 0], [1, 1], 1)
    }

    fn multiply(&self, values: &Tensor) -> Result<Tensor, TchError> {
        values.f_linear(&self.weight, Some(&self.bias))
    }

    fn share(&self) -> Self {
        Self {
            weight: self.weight.shallow_clone(),
            bias: self.bias.shallow_clone(),
        }
    }
}

impl Layer {
    fn share(&self) -> Self {
        Self {
            linear: self.linear.share(),
            slope: self.slope.shallow_clone(),
        }
    }
}

/// The same weights with channels innermost in memory, as the pictures have them: libtorch is two
/// to three times as fast on such small networks then.
pub(crate) fn channels_last(weight: &Tensor) -> Tensor {
    weight
        .permute([0, 2, 3, 1])
        .contiguous()
        .permute([0, 3, 1, 2])
}

/// The tensors of a file.
struct Source {
    tensors: BTreeMap<String, Tensor>,
    path: PathBuf,
}

impl Source {
    /// A layer's weights, whose shape begins with its outputs, and those of the PReLU behind it.
    fn layer(&mut self, name: &str, number: usize, shape: &[i64]) -> Result<Layer, MtcnnError> {
        Ok(Layer {
            linear: self.linear(name, shape)?,
            slope: self.take(format!("prelu{number}.weight"), &shape[..1])?,
        })
    }

    fn linear(&mut self, name: &str, shape: &[i64]) -> Result<Linear, MtcnnError> {
        Ok(Linear {
            weight: self.take(format!("{name}.weight"), shape)?,
            bias: self.take(format!("{name}.bias"), &shape[..1])?,
        })
    }

    fn take(&mut self, name: String, expected: &[i64]) -> Result<Tensor, MtcnnError> {
        let path = || self.path.clone();
        match self.tensors.remove(&name) {
            None => Err(MtcnnError::Missing { path: path(), name }),
            Some(tensor) if tensor.size() != expected => Err(MtcnnError::Shape {
                path: path(),
                name,
                found: tensor.size(),
                expected: expected.to_vec(),
            }),
            Some(tensor) => Ok(tensor.to_kind(tch::Kind::Float)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::plan::{O_NET, P_NET, R_NET};
    use super::*;
    use tch::{Device, Kind};

    /// Names and shapes of all tensors of a network's file.
    fn shapes(plan: &Plan) -> Vec<(String, Vec<i64>)> {
        let mut shapes = Vec::new();
        let mut add = |name: String, weight: Vec<i64>, prelu: Option<usize>| {
            shapes.push((format!("{name}.bias"), vec![weight[0]]));
            if let Some(number) = prelu {
                shapes.push((format!("prelu{number}.weight"), vec![weight[0]]));
            }
            shapes.push((format!("{name}.weight"), weight));
        };
        let count = plan.convolutions.len();
        for (layer, number) in plan.convolutions.iter().zip(1..) {
            let size = vec![layer.outputs, layer.inputs, layer.kernel, layer.kernel];
            add(format!("conv{number}"), size, Some(number));
        }
        if let Some((inputs, outputs)) = plan.dense {
            let number = count + 1;
            add(
                format!("dense{number}"),
                vec![outputs, inputs],
                Some(number),
            );
            for (head, place) in plan.heads.iter().zip(1..) {
                let name = format!("dense{}_{place}", number + 1);
                add(name, vec![*head, outputs], None);
            }
        } else {
            let inputs = plan.convolutions[count - 1].outputs;
            for (head, place) in plan.heads.iter().zip(1..) {
                let size = vec![*head, inputs, 1, 1];
                add(format!("conv{}_{place}", count + 1), size, None);
            }
        }
        shapes
    }

    /// A network of small random weights.
    pub(in crate::mtcnn) fn random(plan: &Plan) -> Network {
        tch::set_num_threads(1);
        tch::manual_seed(7);
        let tensors = shapes(plan).into_iter().map(|(name, shape)| {
            let values = Tensor::randn(shape.as_slice(), (Kind::Float, Device::Cpu)) * 0.1;
            (name, values)
        });
        Network::from_tensors(plan, tensors.collect(), PathBuf::from(plan.file))
            .expect("the shapes are those of the plan")
    }

    fn pictures(batch: i64, height: i64, width: i64) -> Tensor {
        Tensor::randn([batch, 3, height, width], (Kind::Float, Device::Cpu))
    }

    #[test]
    fn results_have_the_documented_shapes() {
        let size = |plan, input: &Tensor| random(plan).forward(input).expect("runs").size();
        // 12 pixels give one cell, two more the next; height and width keep their places.
        assert_eq!(size(&P_NET, &pictures(1, 12, 12)), [1, 1, 1, 6]);
        assert_eq!(size(&P_NET, &pictures(1, 48, 64)), [1, 19, 27, 6]);
        assert_eq!(size(&R_NET, &pictures(5, 24, 24)), [5, 6]);
        assert_eq!(size(&O_NET, &pictures(2, 48, 48)), [2, 16]);
    }

    #[test]
    fn the_answer_for_a_picture_does_not_depend_on_its_batch() {
        for (plan, side) in [(&R_NET, 24), (&O_NET, 48)] {
            let (network, all) = (random(plan), pictures(3, side, side));
            let together = network.forward(&all).expect("runs");
            for index in 0..3 {
                let alone = network.share().forward(&all.narrow(0, index, 1));
                let difference = (alone.expect("runs") - together.narrow(0, index, 1)).abs();
                let share = difference.max() / together.abs().max();
                assert!(share.double_value(&[]) < 1e-5, "{}", plan.file);
            }
        }
    }

    #[test]
    fn a_tensor_that_is_missing_or_misshaped_is_named() {
        for plan in [&P_NET, &R_NET, &O_NET] {
            for (left_out, _) in shapes(plan) {
                let tensors = |keep: bool| {
                    let all = shapes(plan).into_iter().map(|(name, shape)| {
                        let shape = if name == left_out {
                            vec![1, 2, 3]
                        } else {
                            shape
                        };
                        let zeros = Tensor::zeros(shape.as_slice(), (Kind::Float, Device::Cpu));
                        (name, zeros)
                    });
                    all.filter(|(name, _)| keep || *name != left_out).collect()
                };
                let make = |keep| {
                    Network::from_tensors(plan, tensors(keep), PathBuf::from(plan.file))
                        .expect_err(&left_out)
                        .to_string()
                };
                assert!(make(false).contains(&format!("no tensor `{left_out}`")));
                assert!(make(true).contains(&format!("tensor `{left_out}`")));
            }
        }
    }
}
