//! The formats of exported files: their names, and what goes in and comes out.

use serde::{Deserialize, Serialize};

/// Formats of exported files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A program for libtorch and PyTorch: preprocessed images in, logits out.
    Torchscript,
    /// The same from bytes: RGB chips in, probabilities out.
    #[serde(rename = "torchscript-u8")]
    TorchscriptU8,
    /// For ONNX Runtime and others: preprocessed images in, logits and probabilities out.
    Onnx,
    /// The same from bytes: RGB chips in, probabilities out.
    #[serde(rename = "onnx-u8")]
    OnnxU8,
    /// PyTorch's own file of tensors, by torchvision's names where the network is torchvision's.
    Pth,
    /// The same tensors for everybody else.
    Safetensors,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Torchscript,
        Self::TorchscriptU8,
        Self::Onnx,
        Self::OnnxU8,
        Self::Pth,
        Self::Safetensors,
    ];

    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torchscript => "torchscript",
            Self::TorchscriptU8 => "torchscript-u8",
            Self::Onnx => "onnx",
            Self::OnnxU8 => "onnx-u8",
            Self::Pth => "pth",
            Self::Safetensors => "safetensors",
        }
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

    /// Whether the preprocessing is inside: chips as bytes `[batch, height, width, 3]` go in, and
    /// probabilities come out.
    #[must_use]
    pub const fn takes_chips(self) -> bool {
        matches!(self, Self::TorchscriptU8 | Self::OnnxU8)
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!("`{text}` is not one of {names}")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_has_one_name_everywhere_and_a_file_of_its_own() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            let text = serde_json::to_value(format).expect("serialises");
            assert_eq!(text, format.name());
            let same = |other: &&Format| other.file() == format.file();
            assert_eq!(Format::ALL.iter().filter(same).count(), 1);
        }
        let error = "tflite".parse::<Format>().expect_err("unknown");
        assert!(
            error.contains("`tflite`") && error.contains("onnx-u8"),
            "{error}"
        );
    }
}
