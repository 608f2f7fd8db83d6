//! One file: written, opened again by its own route, compared with the network.

use std::num::NonZeroUsize;
use std::path::Path;

use super::check::{Given, Samples};
use super::content::{Content, embedded, embedded_with_preprocessing, embedded_with_tensors};
use super::torchscript::Signature;
use super::{ExportError, Format, onnx, pth, torchscript};
use facepipe_core::artifacts::digest;
use facepipe_core::types::{ExportCard, ModelCard};
use facepipe_nn::{LabelMeans, Network, Outputs, WITH_SIMILARITIES, card_in_archive, tensor_file};

/// Makes files of a network.
pub(super) struct Writer<'a> {
    pub(super) network: &'a Network,
    pub(super) means: Option<&'a LabelMeans>,
    pub(super) card: &'a ModelCard,
    pub(super) samples: &'a Samples,
    pub(super) threads: NonZeroUsize,
}

impl Writer<'_> {
    /// Writes a file, and returns the size, digest and difference of its copy on the disk.
    pub(super) fn make(&self, format: Format, path: &Path) -> Result<ExportCard, ExportError> {
        let means = self.means.filter(|_| format.has_layers());
        let card = match format {
            Format::Torchscript | Format::Onnx => embedded(self.card),
            Format::TorchscriptU8 | Format::OnnxU8 => embedded_with_preprocessing(self.card),
            Format::Pth | Format::Safetensors => embedded_with_tensors(self.card),
        };
        let content = Content {
            network: self.network,
            means,
            graph: self.network.graph(means),
            card: &card,
        };
        match format {
            Format::Torchscript => torchscript::write(path, &content, Signature::Tensors)?,
            Format::TorchscriptU8 => torchscript::write(path, &content, Signature::Chips)?,
            Format::Onnx => onnx::write(path, &content, Signature::Tensors)?,
            Format::OnnxU8 => onnx::write(path, &content, Signature::Chips)?,
            Format::Pth => pth::write(path, &content)?,
            Format::Safetensors => {
                let text = content.card_json()?;
                tensor_file::write(path, &self.network.state().tensors(), Some(text))?;
            }
        }
        Ok(ExportCard {
            file: format.file().to_owned(),
            max_difference: self.check(format, path, &content)?,
            bytes: fs_err::metadata(path)?.len(),
            sha256: digest::sha256_of_file(path)?,
        })
    }

    /// Opens a written file; the largest difference of a probability or similarity from the network's.
    fn check(
        &self,
        format: Format,
        path: &Path,
        content: &Content<'_>,
    ) -> Result<f64, ExportError> {
        let samples = self.samples;
        let (card, difference) = match format {
            Format::Torchscript => {
                let again = torchscript::open(path)?;
                let difference = samples.compare(format, |images| {
                    let Outputs {
                        logits,
                        similarities,
                        ..
                    } = again.outputs(images)?;
                    Ok(Given {
                        probabilities: vec![samples.probabilities_of(&logits)],
                        similarities,
                    })
                })?;
                (again.card().clone(), difference)
            }
            Format::TorchscriptU8 => {
                let again = torchscript::open_program(path)?;
                let card = card_in_archive(path)?;
                let difference = samples.compare(format, |chips| {
                    let mut given = Given {
                        probabilities: vec![again.forward_ts(&[chips])?],
                        similarities: None,
                    };
                    if card.similarities {
                        let chips = tch::IValue::Tensor(chips.shallow_clone());
                        let both = again.method_is(WITH_SIMILARITIES, &[chips])?;
                        let (probabilities, similarities) = both.try_into()?;
                        given.probabilities.push(probabilities);
                        given.similarities = Some(similarities);
                    }
                    Ok(given)
                })?;
                (card, difference)
            }
            Format::Onnx | Format::OnnxU8 => {
                let again = onnx::Opened::open(path, self.threads)?;
                let difference = samples.compare(format, |input| {
                    let mut outputs = again.ask(path, input)?;
                    let of_logits = outputs.remove(onnx::LOGITS);
                    let of_logits = of_logits.map(|logits| samples.probabilities_of(&logits));
                    let probabilities = outputs.remove(onnx::PROBABILITIES);
                    Ok(Given {
                        probabilities: [probabilities, of_logits].into_iter().flatten().collect(),
                        similarities: outputs.remove(onnx::SIMILARITIES),
                    })
                })?;
                (parse(format, again.card)?, difference)
            }
            Format::Pth | Format::Safetensors => {
                let again = pth::open(path, content)?;
                let difference = samples.compare(format, |images| {
                    Ok(Given {
                        probabilities: vec![samples.probabilities_of(&again.forward(images))],
                        similarities: None,
                    })
                })?;
                let card = if format == Format::Pth {
                    card_in_archive(path)?
                } else {
                    parse(format, tensor_file::read(path)?.text)?
                };
                (card, difference)
            }
        };
        if card == *content.card {
            Ok(difference)
        } else {
            Err(ExportError::CardDiffers { format })
        }
    }
}

fn parse(format: Format, text: Option<String>) -> Result<ModelCard, ExportError> {
    let card = text.and_then(|text| serde_json::from_str(&text).ok());
    card.ok_or(ExportError::CardDiffers { format })
}
