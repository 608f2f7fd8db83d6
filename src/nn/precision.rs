//! In which numbers a trunk calculates: 32 bits, or 16 where the machine is faster with them.
//!
//! Weights, normalisations' statistics, features, logits and the loss stay in 32 bits; convolutions
//! and the layers between them use the kind of the trunk's input (P. Micikevicius et al., "Mixed
//! precision training", ICLR 2018). libtorch's own autocast is no help: tch reaches only that of
//! CUDA.

use std::process::Command;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// The numbers of a trunk's convolutions.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
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
    pub fn name(self) -> &'static str {
        self.into()
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

/// The requested precision.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "lowercase")]
pub enum PrecisionChoice {
    /// bf16 where the processor or GPU has instructions for it (twice as fast), else f32.
    #[default]
    Auto,
    /// 32 bits.
    F32,
    /// 16 bits with the range of 32.
    Bf16,
    /// 16 bits with a smaller range, for older GPUs.
    Fp16,
}

/// A device does not calculate in a precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("16-bit floats (fp16) are for GPUs: oneDNN does not train with them on a processor")]
pub struct PrecisionError;

impl PrecisionChoice {
    /// The precision on a device. `auto` takes bfloat16 where the device has instructions for it.
    ///
    /// # Errors
    /// [`PrecisionError`] for fp16 on a processor.
    pub fn on(self, device: Device) -> Result<Precision, PrecisionError> {
        match self {
            Self::F32 => Ok(Precision::F32),
            Self::Bf16 => Ok(Precision::Bf16),
            Self::Fp16 if device.is_cuda() => Ok(Precision::Fp16),
            Self::Fp16 => Err(PrecisionError),
            Self::Auto if has_bf16(device) => Ok(Precision::Bf16),
            Self::Auto => Ok(Precision::F32),
        }
    }
}

impl Precision {
    /// Why it is used on a device, and which other one would be faster.
    #[must_use]
    pub fn reason(self, device: Device) -> &'static str {
        let (fast, gpu) = (has_bf16(device), device.is_cuda());
        match self {
            Self::Fp16 => "as requested; the loss is scaled",
            Self::Bf16 if fast && gpu => "this GPU has instructions for it",
            Self::Bf16 if fast => "this processor has instructions for it",
            Self::Bf16 if gpu => "as requested; GPUs before NVIDIA's Ampere are slower with it",
            Self::Bf16 => "as requested; this processor has no instructions for it and is slower",
            Self::F32 if fast && gpu => "as requested; bf16 is faster on this GPU",
            Self::F32 if fast => "as requested; bf16 is faster on this processor",
            Self::F32 if gpu => {
                "no compute capability of 8.0, which bfloat16 needs, is reported for this GPU"
            }
            Self::F32 => "this processor has no instructions for bfloat16",
        }
    }
}

/// Whether a device has instructions for bfloat16.
#[must_use]
pub fn has_bf16(device: Device) -> bool {
    if device.is_cuda() {
        gpus_have_bf16()
    } else {
        processor_has_bf16()
    }
}

/// Whether the processor has AVX512-BF16; every one with AMX-BF16 has it too. (Processors by ARM were
/// not measured: for them it is false.)
fn processor_has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Whether all GPUs of this machine have it. libtorch's C interface does not give a GPU's compute
/// capability, so `nvidia-smi` is queried; where it is missing, 32 bits are the safe choice.
fn gpus_have_bf16() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let listed = Command::new("nvidia-smi")
            .args(["--query-gpu=compute_cap", "--format=csv,noheader"])
            .output();
        listed.is_ok_and(|listed| {
            listed.status.success() && all_have_bf16(&String::from_utf8_lossy(&listed.stdout))
        })
    })
}

/// Whether each line is a compute capability of 8.0 (Ampere) or more, from which on GPUs have
/// instructions for bfloat16 (NVIDIA, CUDA C++ Programming Guide, "Compute Capabilities").
fn all_have_bf16(capabilities: &str) -> bool {
    let has = |line: &str| line.trim().parse::<f32>().is_ok_and(|number| number >= 8.0);
    !capabilities.trim().is_empty() && capabilities.trim().lines().all(has)
}

/// A layer's tensor in the kind of its input. Gradients go back to the tensor itself, in its own kind.
pub(super) fn in_kind_of(input: &Tensor, tensor: &Tensor) -> Tensor {
    // Without this check a traced module would have an operation that does nothing.
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
    fn choices_have_a_reason_and_never_replaced_silently() {
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
        assert!("half".parse::<PrecisionChoice>().is_err());
        assert_eq!(
            PrecisionChoice::Fp16.on(Device::Cuda(0)),
            Ok(Precision::Fp16)
        );
    }

    #[test]
    fn gpus_have_bf16_from_ampere_on() {
        for fast in ["8.0\n", "9.0\n8.6\n", "12.0\r\n"] {
            assert!(all_have_bf16(fast), "{fast:?}");
        }
        for slow in ["", "7.5\n", "8.0\n7.0\n", "[N/A]\n"] {
            assert!(!all_have_bf16(slow), "{slow:?}");
        }
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
