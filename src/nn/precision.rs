//! In which numbers a trunk calculates: 32 bits, or 16 where the machine is faster with them.
//!
//! Weights, normalisations' statistics, features, logits and the loss stay in 32 bits; convolutions and
//! what lies between them have the kind of the trunk's input (P. Micikevicius et al., "Mixed precision
//! training", ICLR 2018). libtorch's own autocast is no help: tch reaches only that of CUDA.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use facepipe_core::errors::Hint;

/// The numbers of a trunk's convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits with the range of 32.
    Bf16,
    /// 16 bits with a smaller range, and more digits: the loss is scaled, so that gradients fit.
    Fp16,
}

impl Precision {
    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
        }
    }

    /// A trunk's input in this precision, channels last in memory: oneDNN's and cuDNN's convolutions
    /// need no reordering then. Two threads trained ResNet-18 1.3 times as fast with it, in 32 bits
    /// and in 16.
    ///
    /// # Shapes
    /// `[batch, 3, height, width]`, and the same.
    pub fn input(self, images: &Tensor) -> Tensor {
        let kind = match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::Fp16 => Kind::Half,
        };
        let channels_last = images.to_kind(kind).permute([0, 2, 3, 1]).contiguous();
        channels_last.permute([0, 3, 1, 2])
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A precision, or the one that is best here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// What the device is fastest with, without loss of accuracy.
    Auto,
    /// This one, or an error.
    Fixed(Precision),
}

impl std::str::FromStr for PrecisionChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::Fixed(Precision::F32)),
            "bf16" => Ok(Self::Fixed(Precision::Bf16)),
            "fp16" => Ok(Self::Fixed(Precision::Fp16)),
            _ => Err(format!("`{text}` is not one of auto, f32, bf16, fp16")),
        }
    }
}

/// A device does not calculate in a precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("16-bit floats (fp16) are for GPUs: oneDNN does not train with them on a processor")]
pub struct PrecisionError;

impl Hint for PrecisionError {
    fn hint(&self) -> Option<String> {
        Some("use `--precision auto`, or `bf16`, or give a GPU with `--device cuda`".to_owned())
    }
}

impl PrecisionChoice {
    /// The precision on a device. `auto` takes bfloat16 where the device has instructions for it.
    ///
    /// # Errors
    /// [`PrecisionError`] for fp16 on a processor.
    pub fn on(self, device: Device) -> Result<Precision, PrecisionError> {
        match self {
            Self::Fixed(Precision::Fp16) if !device.is_cuda() => Err(PrecisionError),
            Self::Fixed(precision) => Ok(precision),
            Self::Auto if device.is_cuda() || processor_has_bf16() => Ok(Precision::Bf16),
            Self::Auto => Ok(Precision::F32),
        }
    }
}

impl Precision {
    /// What is to be said of it on a device: why it is used, and what else there is.
    #[must_use]
    pub fn reason(self, device: Device) -> &'static str {
        let fast = processor_has_bf16();
        match self {
            Self::Bf16 if device.is_cuda() => "GPUs since NVIDIA's Ampere have instructions for it",
            Self::F32 if device.is_cuda() => "as asked for; bf16 is faster on a GPU",
            Self::Fp16 => "as asked for; the loss is scaled",
            Self::Bf16 if fast => "this processor has instructions for it",
            Self::Bf16 => "as asked for; this processor has no instructions for it and is slower",
            Self::F32 if fast => "as asked for; bf16 is faster on this processor",
            Self::F32 => "this processor has no instructions for bfloat16",
        }
    }
}

/// Whether the processor has AVX512-BF16; every one with AMX-BF16 has it too. (Processors by ARM were
/// not measured: for them it is false.)
#[must_use]
pub fn processor_has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// A layer's tensor in the kind of its input. Gradients go back to the tensor itself, in its own kind.
pub(super) fn in_kind_of(input: &Tensor, tensor: &Tensor) -> Tensor {
    // Without the question a traced module would have an operation that does nothing.
    if tensor.kind() == input.kind() {
        tensor.shallow_clone()
    } else {
        tensor.to_kind(input.kind())
    }
}

/// A trunk's last output in 32 bits, for what follows.
pub(super) fn in_single(tensor: &Tensor) -> Tensor {
    if tensor.kind() == Kind::Float {
        tensor.shallow_clone()
    } else {
        tensor.to_kind(Kind::Float)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backbone, Network};

    #[test]
    fn the_input_has_the_kind_and_its_channels_last_in_memory() {
        let images = Tensor::rand([2, 3, 48, 64], (Kind::Float, Device::Cpu));
        for (precision, kind) in [
            (Precision::F32, Kind::Float),
            (Precision::Bf16, Kind::BFloat16),
        ] {
            let input = precision.input(&images);
            assert_eq!((input.size(), input.kind()), (images.size(), kind));
            assert_eq!(input.stride(), [3 * 48 * 64, 1, 64 * 3, 3]);
            assert_eq!(
                input.to_kind(Kind::Float),
                images.to_kind(kind).to_kind(Kind::Float)
            );
        }
    }

    #[test]
    fn choices_are_told_with_a_reason_and_never_replaced_silently() {
        let on_cpu = |text: &str| {
            text.parse::<PrecisionChoice>()
                .expect("a name")
                .on(Device::Cpu)
        };
        let fast = if processor_has_bf16() {
            Precision::Bf16
        } else {
            Precision::F32
        };
        assert_eq!(on_cpu("auto"), Ok(fast));
        assert!(fast.reason(Device::Cpu).starts_with("this processor has"));
        for (text, precision) in [("f32", Precision::F32), ("bf16", Precision::Bf16)] {
            assert_eq!(on_cpu(text), Ok(precision));
            assert_eq!(precision.to_string(), text);
        }
        assert_eq!(on_cpu("fp16"), Err(PrecisionError));
        assert!(
            PrecisionError
                .hint()
                .is_some_and(|hint| hint.contains("--precision"))
        );
        assert!("half".parse::<PrecisionChoice>().is_err());
        let gpu = PrecisionChoice::Auto.on(Device::Cuda(0)).expect("has it");
        assert_eq!(gpu, Precision::Bf16);
    }

    #[test]
    fn a_network_in_16_bits_is_the_one_in_32_but_for_rounding() {
        crate::use_threads(std::num::NonZeroUsize::MIN);
        for backbone in [Backbone::Resnet18, Backbone::DlibResnet29] {
            tch::manual_seed(8);
            let network = Network::new(backbone, 3, Device::Cpu);
            let images = Tensor::rand([4, 3, 112, 128], (Kind::Float, Device::Cpu));
            let run = |precision: Precision| {
                let features = network.features(&precision.input(&images), true);
                assert_eq!(features.kind(), Kind::Float);
                let weights: Vec<&Tensor> = network
                    .state()
                    .entries()
                    .iter()
                    .filter(|entry| entry.name.ends_with("weight") && entry.is_parameter())
                    .map(|entry| &entry.tensor)
                    .take(1)
                    .collect();
                let loss = features.square().sum(Kind::Float);
                let gradient = Tensor::run_backward(&[loss], &weights, false, false).remove(0);
                assert_eq!(gradient.kind(), Kind::Float);
                (features.detach(), gradient)
            };
            let (single, plain) = (run(Precision::F32), run_plain(&network, &images));
            assert!(
                far(&single.0, &plain) < 1e-4,
                "{backbone}: the layout changes nothing"
            );
            let half = run(Precision::Bf16);
            let features = far(&half.0, &single.0);
            assert!(features > 0.0 && features < 0.1, "{backbone}: {features}");
            // Batches' statistics blow up rounding on its way back: PyTorch's autocast is as far from 32 bits
            // with the same random ResNet-18, 0.47.
            let gradient = far(&half.1, &single.1);
            assert!(gradient < 0.6, "{backbone}: {gradient}");
        }
    }

    fn run_plain(network: &Network, images: &Tensor) -> Tensor {
        tch::no_grad(|| network.features(images, true))
    }

    /// The distance of one tensor to another as a share of its length.
    fn far(one: &Tensor, other: &Tensor) -> f64 {
        ((one - other).norm() / other.norm()).double_value(&[])
    }
}
