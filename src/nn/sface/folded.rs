//! The network for inference: its normalisations are folded into the layers beside them.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::published::{self, SFaceError};
use super::{EMBEDDING_LENGTH, INPUT_SIDE, LAST_CHANNELS, SFace, Unit, few_at_a_time};
use crate::layers::Convolution;
use crate::state::State;

/// A byte becomes `(byte - MIDDLE) / HALF`.
const MIDDLE: f64 = 127.5;
const HALF: f64 = 128.0;

/// A convolution and its activation.
#[derive(Debug)]
struct Layer {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
    groups: i64,
    /// What negative numbers of each channel are multiplied by.
    slope: Tensor,
}

/// SFace with its published weights, without gradients.
#[derive(Debug)]
pub struct FoldedSFace {
    layers: Vec<Layer>,
    weight: Tensor,
    bias: Tensor,
}

impl FoldedSFace {
    /// The file of its weights, as the OpenCV Zoo publishes it.
    pub const FILE: &str = "face_recognition_sface_2021dec_int8bq.onnx";
    /// Side of its chips, in pixels.
    pub const SIDE: u32 = INPUT_SIDE as u32;
    /// How many numbers it makes of a face.
    pub const EMBEDDING_LENGTH: usize = EMBEDDING_LENGTH as usize;

    /// Reads the OpenCV Zoo's file.
    ///
    /// # Errors
    /// [`SFaceError`].
    pub fn open(path: &Path, device: Device) -> Result<Self, SFaceError> {
        let mut state = State::new(Device::Cpu);
        let network = SFace::new(&mut state);
        published::load(path, &state)?;
        Ok(Self::of(&network).each(|tensor| {
            let tensor = tensor.detach().to_kind(Kind::Float);
            tensor.to_device(device).set_requires_grad(false)
        }))
    }

    fn of(network: &SFace) -> Self {
        let _guard = tch::no_grad_guard();
        let (before, shift_before) = network.last_norm.scale_and_shift();
        let (behind, shift_behind) = network.embedding_norm.scale_and_shift();
        let weight = network.weight.to_kind(Kind::Double);
        let places = weight.view([EMBEDDING_LENGTH, LAST_CHANNELS, -1]);
        let channels = |tensor: &Tensor| tensor.view([1, -1, 1]);
        let shifts = (&places * channels(&shift_before)).sum_dim_intlist(
            [1_i64, 2].as_slice(),
            false,
            Kind::Double,
        );
        let weight = (places * channels(&before)).view_as(&weight) * behind.view([-1, 1]);
        let bias = (network.bias.to_kind(Kind::Double) + shifts) * behind + shift_behind;
        Self {
            layers: network.units.iter().map(Layer::of).collect(),
            weight,
            bias,
        }
    }

    /// The same network with the same weights in memory, for another thread.
    #[must_use]
    pub fn shared(&self) -> Self {
        self.each(Tensor::shallow_clone)
    }

    fn each(&self, change: impl Fn(&Tensor) -> Tensor) -> Self {
        let layer = |layer: &Layer| Layer {
            weight: change(&layer.weight),
            bias: change(&layer.bias),
            slope: change(&layer.slope),
            ..*layer
        };
        Self {
            layers: self.layers.iter().map(layer).collect(),
            weight: change(&self.weight),
            bias: change(&self.bias),
        }
    }

    /// Where its weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.weight.device()
    }

    /// Embeddings of chips, of the length that the network gives them.
    ///
    /// # Shapes
    /// `[batch, 3, 112, 112]`, as [`FoldedSFace::input`] gives it, to `[batch, 128]`.
    pub fn forward(&self, images: &Tensor) -> Tensor {
        few_at_a_time(images, |images| self.few(images))
    }

    fn few(&self, images: &Tensor) -> Tensor {
        let input = images.shallow_clone();
        let output = self
            .layers
            .iter()
            .fold(input, |input, layer| layer.forward(&input));
        let features = output.contiguous().flatten(1, -1);
        features.linear(&self.weight, Some(&self.bias))
    }

    /// Pixels as the network takes them in: `(value - 127.5) / 128`.
    ///
    /// # Shapes
    /// `[batch, height, width, 3]` of bytes to `[batch, 3, height, width]`.
    pub fn input(pixels: &Tensor) -> Tensor {
        let values = (pixels.to_kind(Kind::Float) - MIDDLE) / HALF;
        values.permute([0, 3, 1, 2])
    }
}

impl Layer {
    fn of(unit: &Unit) -> Self {
        let Convolution {
            weight,
            stride,
            padding,
            groups,
            ..
        } = &unit.convolution;
        let (scale, shift) = unit.norm.scale_and_shift();
        Self {
            weight: weight.to_kind(Kind::Double) * scale.view([-1, 1, 1, 1]),
            bias: shift,
            stride: *stride,
            padding: *padding,
            groups: *groups,
            slope: unit.slope.to_kind(Kind::Double),
        }
    }

    fn forward(&self, input: &Tensor) -> Tensor {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let (weight, bias) = (&self.weight, Some(&self.bias));
        let output = input.conv2d(weight, bias, stride, padding, [1, 1], self.groups);
        output.prelu(&self.slope)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
