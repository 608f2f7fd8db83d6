//! Exported files against the trained network, on real images.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, Tensor};

use super::{ExportError, Format};
use facepipe_core::artifacts::model_folder::{SAMPLES_FILE, SAMPLES_TENSOR};
use facepipe_core::types::{InputSpec, ModelCard};
use facepipe_nn::{Network, tensor_file};

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

/// Images of the data set and the trained network's answers for them.
#[derive(Debug)]
pub(super) struct Samples {
    /// `[images, 3, height, width]`, preprocessed.
    images: Tensor,
    /// The same as bytes: `[images, height, width, 3]`.
    chips: Tensor,
    /// `[images, labels]`, at the card's temperature.
    probabilities: Tensor,
    /// The trained network's answers for each compared batch, `[batch, labels]`.
    expected: Vec<Tensor>,
    temperature: f64,
}

impl Samples {
    /// The images that the training kept.
    pub(super) fn read(
        model: &Path,
        network: &Network,
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
        Ok(Self::of(images, network, card))
    }

    /// Preprocessed images `[images, 3, height, width]`, and the network's answers for them.
    pub(super) fn of(images: Tensor, network: &Network, card: &ModelCard) -> Self {
        let ask = |images: &Tensor| {
            let logits = tch::no_grad(|| network.forward(images));
            probabilities(&logits, card.temperature)
        };
        let batches = BATCHES.iter();
        let expected = batches.map(|batch| ask(&chosen(&images, *batch))).collect();
        Self {
            chips: chips_of(&images, &card.input),
            probabilities: ask(&images),
            expected,
            images,
            temperature: card.temperature,
        }
    }

    /// The largest difference of a probability between the network and a file, over batches of
    /// several sizes. Both run on the same batch: a processor may sum a batch of another size
    /// in another order, and the network would then differ from itself. `ask` returns the file's
    /// probabilities, from all of its outputs.
    pub(super) fn compare(
        &self,
        format: Format,
        mut ask: impl FnMut(&Tensor) -> Result<Vec<Tensor>, ExportError>,
    ) -> Result<f64, ExportError> {
        let mut largest: f64 = 0.0;
        let limit = MAX_DIFFERENCE / self.temperature.min(1.0);
        let all = if format.takes_chips() {
            &self.chips
        } else {
            &self.images
        };
        for (batch, expected) in BATCHES.into_iter().zip(&self.expected) {
            for found in tch::no_grad(|| ask(&chosen(all, batch)))? {
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
        [images, chips, (PROBABILITIES, &self.probabilities)]
            .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()))
            .into()
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
        let samples = Samples {
            images: Tensor::zeros([3, 3, 8, 16], (Kind::Float, Device::Cpu)),
            chips: Tensor::zeros([3, 8, 16, 3], (Kind::Uint8, Device::Cpu)),
            probabilities: Tensor::full([3, 2], 0.5, (Kind::Float, Device::Cpu)),
            expected: BATCHES
                .map(|batch| Tensor::full([batch as i64, 2], 0.5, (Kind::Float, Device::Cpu)))
                .into(),
            temperature: 1.0,
        };
        let answer = |rows, value| Tensor::full([rows, 2], value, (Kind::Float, Device::Cpu));
        let same = |images: &Tensor| Ok(vec![answer(images.size()[0], 0.5)]);
        for format in Format::VARIANTS.iter().copied() {
            let difference = samples.compare(format, same).expect("equal");
            assert!(difference < 1e-7, "{difference}");
        }
        let format = Format::Torchscript;
        let fixed_batch = |_: &Tensor| Ok(vec![answer(1, 0.5)]);
        let error = samples
            .compare(format, fixed_batch)
            .expect_err("one answer for seven images");
        assert!(matches!(error, ExportError::Differs { batch: 7, .. }));
        for wrong in [f64::NAN, 0.500_02] {
            let second = |images: &Tensor| {
                let rows = images.size()[0];
                Ok(vec![answer(rows, 0.5), answer(rows, wrong)])
            };
            assert!(samples.compare(format, second).is_err(), "{wrong}");
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
