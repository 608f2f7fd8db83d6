//! Layers that several backbones are made of.

use tch::{Kind, Tensor};

use super::graph::Layer;
use super::precision::in_kind_of;
use super::state::{Role, State};

/// Share of a batch's statistics in the running ones: PyTorch's default.
const NORM_MOMENTUM: f64 = 0.1;

/// A convolution without a bias, and with as many zeros around its input as keep its size at stride 1.
#[derive(Debug)]
pub(super) struct Convolution {
    name: String,
    pub(super) weight: Tensor,
    pub(super) stride: i64,
    pub(super) padding: i64,
    /// Into how many groups the channels are divided; each sees only its own.
    pub(super) groups: i64,
}

impl Convolution {
    /// He's initialisation for ReLU by the number of outputs (`kaiming_normal_`, `fan_out`).
    pub(super) fn new(
        state: &mut State,
        name: &str,
        (from, to): (i64, i64),
        kernel: i64,
        stride: i64,
    ) -> Self {
        Self::in_groups(state, name, [to, from, kernel, kernel], stride, 1)
    }

    /// One that looks at each channel alone.
    pub(super) fn depthwise(
        state: &mut State,
        name: &str,
        channels: i64,
        kernel: i64,
        stride: i64,
    ) -> Self {
        let shape = [channels, 1, kernel, kernel];
        Self::in_groups(state, name, shape, stride, channels)
    }

    fn in_groups(state: &mut State, name: &str, shape: [i64; 4], stride: i64, groups: i64) -> Self {
        let [to, _, kernel, _] = shape;
        let deviation = (2.0 * groups as f64 / (to * kernel * kernel) as f64).sqrt();
        Self {
            name: name.to_owned(),
            weight: state.normal_weight(&format!("{name}.weight"), &shape, deviation),
            stride,
            padding: kernel / 2,
            groups,
        }
    }

    pub(super) fn forward(&self, input: &Tensor) -> Tensor {
        self.convolve(input, &self.weight, None)
    }

    /// The same with its output's channels multiplied by `scale`, and `shift` added then.
    pub(super) fn forward_scaled(&self, input: &Tensor, scale: &Tensor, shift: &Tensor) -> Tensor {
        let scaled = &self.weight * scale.view([-1, 1, 1, 1]).to_kind(self.weight.kind());
        self.convolve(input, &scaled, Some(shift))
    }

    fn convolve(&self, input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let weight = in_kind_of(input, weight);
        let bias = bias.map(|bias| in_kind_of(input, bias));
        input.conv2d(&weight, bias.as_ref(), stride, padding, [1, 1], self.groups)
    }

    pub(super) fn layer(&self) -> Layer {
        Layer::Convolution {
            weight: format!("{}.weight", self.name),
            bias: None,
            stride: self.stride,
            padding: self.padding,
            groups: self.groups,
            channels: None,
        }
    }
}

/// A batch normalisation.
#[derive(Debug)]
pub(super) struct BatchNorm {
    name: String,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    batches: Tensor,
    epsilon: f64,
}

impl BatchNorm {
    /// `epsilon` is added to variances.
    pub(super) fn new(state: &mut State, name: &str, channels: i64, epsilon: f64) -> Self {
        let mut constant = |part: &str, value, role| {
            state.constant(&format!("{name}.{part}"), &[channels], value, role)
        };
        Self {
            name: name.to_owned(),
            weight: constant("weight", 1.0, Role::Offset),
            bias: constant("bias", 0.0, Role::Offset),
            running_mean: constant("running_mean", 0.0, Role::Buffer),
            running_var: constant("running_var", 1.0, Role::Buffer),
            batches: state.counter(&format!("{name}.num_batches_tracked")),
            epsilon,
        }
    }

    pub(super) fn forward(&self, input: &Tensor, training: bool) -> Tensor {
        if training {
            let _ = self.batches.shallow_clone().g_add_scalar_(1);
        }
        input.batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            training,
            NORM_MOMENTUM,
            self.epsilon,
            true,
        )
    }

    /// What each channel is multiplied by in inference, and what is added to it then, in double precision.
    ///
    /// # Shapes
    /// `[channels]` both.
    pub(super) fn scale_and_shift(&self) -> (Tensor, Tensor) {
        let double = |tensor: &Tensor| tensor.to_kind(Kind::Double);
        let scale = double(&self.weight) / (double(&self.running_var) + self.epsilon).sqrt();
        let shift = double(&self.bias) - double(&self.running_mean) * &scale;
        (scale, shift)
    }

    pub(super) fn layer(&self) -> Layer {
        Layer::BatchNorm {
            name: self.name.clone(),
            momentum: NORM_MOMENTUM,
            epsilon: self.epsilon,
        }
    }
}
