//! The formats of exported files: their names, inputs and outputs.

use serde::{Deserialize, Serialize};

/// Formats of exported files.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Format {
    /// A program for libtorch and PyTorch: preprocessed images in, logits out.
    Torchscript,
    /// The same from bytes: RGB chips in, probabilities out.
    #[serde(rename = "torchscript-u8")]
    #[strum(serialize = "torchscript-u8")]
    TorchscriptU8,
    /// For ONNX Runtime and others: preprocessed images in, logits and probabilities out.
    Onnx,
    /// The same from bytes: RGB chips in, probabilities out.
    #[serde(rename = "onnx-u8")]
    #[strum(serialize = "onnx-u8")]
    OnnxU8,
    /// PyTorch's own file of tensors, by torchvision's names where the network is torchvision's.
    Pth,
    /// The same tensors for all other programs.
    Safetensors,
}

impl Format {
    /// The default formats: for libtorch and PyTorch, and for all other programs.
    pub const DEFAULT: [Self; 2] = [Self::Torchscript, Self::Onnx];

    /// The name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The file in the model's `export` folder.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Torchscript => "model.pt",
            Self::TorchscriptU8 => "model_u8.pt",
            Self::Onnx => "model.onnx",
            Self::OnnxU8 => "model_u8.onnx",
            Self::Pth => "model.pth",
            Self::Safetensors => "model.safetensors",
        }
    }

    /// Whether files have the network's layers, and with them the similarities of a model that gives these; else
    /// they hold nothing but its tensors.
    #[must_use]
    pub const fn has_layers(self) -> bool {
        !matches!(self, Self::Pth | Self::Safetensors)
    }

    /// Whether the preprocessing is inside: chips as bytes `[batch, height, width, 3]` go in, and
    /// probabilities come out.
    #[must_use]
    pub const fn takes_chips(self) -> bool {
        matches!(self, Self::TorchscriptU8 | Self::OnnxU8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray as _;

    #[test]
    fn a_format_has_one_name_everywhere_and_a_file_of_its_own() {
        for format in Format::VARIANTS.iter().copied() {
            assert_eq!(format.name().parse(), Ok(format));
            let text = serde_json::to_value(format).expect("serialises");
            assert_eq!(text, format.name());
            let same = |other: &&Format| other.file() == format.file();
            assert_eq!(Format::VARIANTS.iter().filter(same).count(), 1);
        }
        assert!("tflite".parse::<Format>().is_err());
    }
}
