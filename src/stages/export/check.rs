//! Exported files against the trained network, on real images.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, Tensor};

use super::{ExportError, Format};
use facepipe_core::artifacts::model_folder::{SAMPLES_FILE, SAMPLES_TENSOR};
use facepipe_core::types::{InputSpec, ModelCard};
use facepipe_nn::{LabelMeans, Network, tensor_file};

/// The largest difference of a probability that is accepted, at temperature 1: single precision's
/// rounding, through all layers of a ResNet in another order of summation, stays an order of magnitude
/// below. A smaller temperature enlarges the rounding of the logits as it does the logits, and as much
/// more is accepted.
pub const MAX_DIFFERENCE: f64 = 1e-5;
/// Sizes of the batches that are compared: one image, and a number that no other size divides.
const BATCHES: [usize; 2] = [1, 7];
/// Names beside the preprocessed images'.
const CHIPS: &str = "chips";
const PROBABILITIES: &str = "probabilities";
const SIMILARITIES: &str = "similarities";

/// Images of the data set and the trained network's answers for them.
#[derive(Debug)]
pub(super) struct Samples {
    /// `[images, 3, height, width]`, preprocessed.
    images: Tensor,
    /// The same as bytes: `[images, height, width, 3]`.
    chips: Tensor,
    /// `[images, labels]`, at the card's temperature.
    probabilities: Tensor,
    /// `[images, labels]`, of a network with means of its labels.
    similarities: Option<Tensor>,
    /// The trained network's answers for each compared batch, `[batch, labels]`.
    expected: Vec<Expected>,
    temperature: f64,
}

/// The trained network's probabilities and similarities for a batch, each `[batch, labels]`.
type Expected = (Tensor, Option<Tensor>);

/// What a file gives for a batch.
#[derive(Debug)]
pub(super) struct Given {
    /// Probabilities, from all outputs that give or lead to them: `[batch, labels]` each.
    pub(super) probabilities: Vec<Tensor>,
    /// Similarities with the images of each label, `[batch, labels]`, of a file that gives them.
    pub(super) similarities: Option<Tensor>,
}

impl Samples {
    /// The images that the training kept.
    pub(super) fn read(
        model: &Path,
        network: &Network,
        means: Option<&LabelMeans>,
        card: &ModelCard,
    ) -> Result<Self, ExportError> {
        let path = model.join(SAMPLES_FILE);
        let images = tensor_file::read(&path)?.tensors.remove(SAMPLES_TENSOR);
        let fits = |images: &Tensor| {
            let size = images.size();
            size.len() == 4 && size[0] > 0 && size[1] == 3 && images.kind() == Kind::Float
        };
        let images = images
            .filter(fits)
            .ok_or_else(|| ExportError::Samples { path: path.clone() })?;
        Ok(Self::of(images, network, means, card))
    }

    /// Preprocessed images `[images, 3, height, width]`, and the network's answers for them.
    pub(super) fn of(
        images: Tensor,
        network: &Network,
        means: Option<&LabelMeans>,
        card: &ModelCard,
    ) -> Self {
        let ask = |images: &Tensor| -> Expected {
            let _guard = tch::no_grad_guard();
            let features = network.features(images, false);
            let probabilities = probabilities(&network.classify(&features), card.temperature);
            (
                probabilities,
                means.map(|means| means.similarities(&features)),
            )
        };
        let batches = BATCHES.iter();
        let expected = batches.map(|batch| ask(&chosen(&images, *batch))).collect();
        let (probabilities, similarities) = ask(&images);
        Self {
            chips: chips_of(&images, &card.input),
            probabilities,
            similarities,
            expected,
            images,
            temperature: card.temperature,
        }
    }

    /// The largest difference of a probability or similarity between the network and a file, over batches of
    /// several sizes. Both run on the same batch: a processor may sum a batch of another size
    /// in another order, and the network would then differ from itself. `ask` returns what the
    /// file gives.
    pub(super) fn compare(
        &self,
        format: Format,
        mut ask: impl FnMut(&Tensor) -> Result<Given, ExportError>,
    ) -> Result<f64, ExportError> {
        let mut largest: f64 = 0.0;
        let limit = MAX_DIFFERENCE / self.temperature.min(1.0);
        let all = if format.takes_chips() {
            &self.chips
        } else {
            &self.images
        };
        for (batch, (probabilities, similarities)) in BATCHES.into_iter().zip(&self.expected) {
            let given = tch::no_grad(|| ask(&chosen(all, batch)))?;
            let mut pairs: Vec<(&Tensor, &Tensor, f64)> = given
                .probabilities
                .iter()
                .map(|found| (found, probabilities, limit))
                .collect();
            // Similarities are cosines: their rounding is that of probabilities at a temperature of 1.
            let missing = Tensor::default();
            if let Some(expected) = similarities.as_ref().filter(|_| format.has_layers()) {
                let found = given.similarities.as_ref().unwrap_or(&missing);
                pairs.push((found, expected, MAX_DIFFERENCE));
            }
            for (found, expected, limit) in pairs {
                let difference = if found.size() == expected.size() {
                    (found - expected).abs().max().double_value(&[])
                } else {
                    f64::INFINITY
                };
                if difference.is_nan() || difference > limit {
                    return Err(ExportError::Differs {
                        format,
                        difference,
                        batch,
                    });
                }
                largest = largest.max(difference);
            }
        }
        Ok(largest)
    }

    /// Probabilities of logits at the model's temperature.
    pub(super) fn probabilities_of(&self, logits: &Tensor) -> Tensor {
        probabilities(logits, self.temperature)
    }

    /// All of them, by name.
    pub(super) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let images = (SAMPLES_TENSOR, &self.images);
        let chips = (CHIPS, &self.chips);
        let similarities = self.similarities.iter();
        [images, chips, (PROBABILITIES, &self.probabilities)]
            .into_iter()
            .chain(similarities.map(|tensor| (SIMILARITIES, tensor)))
            .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()))
            .collect()
    }
}

fn probabilities(logits: &Tensor, temperature: f64) -> Tensor {
    (logits / temperature).softmax(-1, Kind::Float)
}

/// A batch of the images; with fewer than the batch has, they come more than once.
fn chosen(images: &Tensor, batch: usize) -> Tensor {
    let count = images.size()[0];
    let numbers: Vec<i64> = (0..batch as i64).map(|number| number % count).collect();
    images.index_select(0, &Tensor::from_slice(&numbers))
}

/// The bytes that preprocessed images were: preprocessing does not round, so they come back exactly.
fn chips_of(images: &Tensor, input: &InputSpec) -> Tensor {
    let numbers = |values: [f32; 3]| Tensor::from_slice(&values).view([3, 1, 1]);
    let values = (images * numbers(input.std) + numbers(input.mean)) * f64::from(input.scale);
    let bytes = values.round().clamp(0.0, 255.0).to_kind(Kind::Uint8);
    bytes.permute([0, 2, 3, 1]).contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::Size;
    use facepipe_faces::preprocess::{dlib_input, imagenet_input, preprocess};
    use facepipe_nn::input_tensor;
    use image::{Rgb, RgbImage};
    use strum::VariantArray as _;
    use tch::Device;

    #[test]
    fn a_difference_is_found_in_the_batch_where_it_is() {
        let answer = |rows, value| Tensor::full([rows, 2], value, (Kind::Float, Device::Cpu));
        let samples = Samples {
            images: Tensor::zeros([3, 3, 8, 16], (Kind::Float, Device::Cpu)),
            chips: Tensor::zeros([3, 8, 16, 3], (Kind::Uint8, Device::Cpu)),
            probabilities: answer(3, 0.5),
            similarities: Some(answer(3, 0.25)),
            expected: BATCHES
                .map(|batch| (answer(batch as i64, 0.5), Some(answer(batch as i64, 0.25))))
                .into(),
            temperature: 1.0,
        };
        let given = |rows: i64, values: &[f64]| Given {
            probabilities: values.iter().map(|value| answer(rows, *value)).collect(),
            similarities: Some(answer(rows, 0.25)),
        };
        let same = |images: &Tensor| Ok(given(images.size()[0], &[0.5]));
        for format in Format::VARIANTS.iter().copied() {
            let difference = samples.compare(format, same).expect("equal");
            assert!(difference < 1e-7, "{difference}");
        }
        let format = Format::Torchscript;
        let fixed_batch = |_: &Tensor| Ok(given(1, &[0.5]));
        let error = samples
            .compare(format, fixed_batch)
            .expect_err("one answer for seven images");
        assert!(matches!(error, ExportError::Differs { batch: 7, .. }));
        for wrong in [f64::NAN, 0.500_02] {
            let second = |images: &Tensor| Ok(given(images.size()[0], &[0.5, wrong]));
            assert!(samples.compare(format, second).is_err(), "{wrong}");
        }
        for wrong in [Some(0.250_02), None] {
            let other = |images: &Tensor| {
                let rows = images.size()[0];
                let similarities = wrong.map(|value| answer(rows, value));
                Ok(Given {
                    similarities,
                    ..given(rows, &[0.5])
                })
            };
            assert!(samples.compare(format, other).is_err(), "{wrong:?}");
            // A file of tensors gives none.
            assert!(samples.compare(Format::Pth, other).is_ok(), "{wrong:?}");
        }
    }

    #[test]
    fn chips_are_the_bytes_that_were_preprocessed() {
        let size = Size::new(64, 48);
        let image = RgbImage::from_fn(64, 48, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, 255]));
        let expected = Tensor::from_slice(image.as_raw()).view([1, 48, 64, 3]);
        for input in [imagenet_input(size), dlib_input(size)] {
            let images = input_tensor(&[preprocess(&image, &input)], &input);
            assert_eq!(chips_of(&images, &input), expected);
        }
    }
}
