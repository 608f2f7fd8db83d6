//! Exported files against the trained network, on real images.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, Tensor};

use super::{ExportError, Format};
use crate::artifacts::model_folder::{SAMPLES_FILE, SAMPLES_TENSOR};
use crate::nn::{Network, tensor_file};

/// The largest difference of a probability that is let pass: single precision's rounding, through
/// all layers of a ResNet in another order of summation, stays an order of magnitude below.
pub const MAX_DIFFERENCE: f64 = 1e-5;
/// Sizes of the batches that are compared: one image, and a number that no other size divides.
const BATCHES: [usize; 2] = [1, 5];
/// The probabilities' name beside the images'.
const PROBABILITIES: &str = "probabilities";

/// Images of the data set and what the trained network says of them.
#[derive(Debug)]
pub(super) struct Samples {
    /// `[images, 3, height, width]`.
    pub(super) images: Tensor,
    /// `[images, labels]`.
    probabilities: Tensor,
}

impl Samples {
    /// The images that the training kept.
    pub(super) fn read(model: &Path, network: &Network) -> Result<Self, ExportError> {
        let path = model.join(SAMPLES_FILE);
        let images = tensor_file::read(&path)?.tensors.remove(SAMPLES_TENSOR);
        let fits = |images: &Tensor| {
            let size = images.size();
            size.len() == 4 && size[0] > 0 && size[1] == 3 && images.kind() == Kind::Float
        };
        let images = images
            .filter(fits)
            .ok_or_else(|| ExportError::Samples { path: path.clone() })?;
        let probabilities = probabilities(&tch::no_grad(|| network.forward(&images)));
        Ok(Self {
            images,
            probabilities,
        })
    }

    /// The largest difference of a probability between the network and `logits_of`, over batches
    /// of several sizes.
    pub(super) fn compare(
        &self,
        format: Format,
        logits_of: impl Fn(&Tensor) -> Result<Tensor, ExportError>,
    ) -> Result<f64, ExportError> {
        let mut largest: f64 = 0.0;
        let count = self.images.size()[0];
        for batch in BATCHES {
            // With fewer images than the batch has, they come more than once.
            let numbers: Vec<i64> = (0..batch as i64).map(|number| number % count).collect();
            let chosen = Tensor::from_slice(&numbers);
            let images = self.images.index_select(0, &chosen);
            let expected = self.probabilities.index_select(0, &chosen);
            let found = probabilities(&tch::no_grad(|| logits_of(&images))?);
            let difference = if found.size() == expected.size() {
                (found - expected).abs().max().double_value(&[])
            } else {
                f64::INFINITY
            };
            if difference.is_nan() || difference > MAX_DIFFERENCE {
                return Err(ExportError::Differs {
                    format,
                    difference,
                    batch,
                });
            }
            largest = largest.max(difference);
        }
        Ok(largest)
    }

    /// Both, by name.
    pub(super) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let images = (SAMPLES_TENSOR, &self.images);
        [images, (PROBABILITIES, &self.probabilities)]
            .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()))
            .into()
    }
}

fn probabilities(logits: &Tensor) -> Tensor {
    logits.softmax(-1, Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn a_difference_is_found_in_the_batch_where_it_is() {
        let samples = Samples {
            images: Tensor::zeros([3, 3, 8, 16], (Kind::Float, Device::Cpu)),
            probabilities: Tensor::from_slice(&[0.5_f32; 6]).view([3, 2]),
        };
        let same = |images: &Tensor| {
            Ok(Tensor::zeros(
                [images.size()[0], 2],
                (Kind::Float, Device::Cpu),
            ))
        };
        let difference = samples.compare(Format::Torchscript, same).expect("equal");
        assert!(difference < 1e-7, "{difference}");
        let fixed_batch = |_: &Tensor| Ok(Tensor::zeros([1, 2], (Kind::Float, Device::Cpu)));
        let error = samples
            .compare(Format::Torchscript, fixed_batch)
            .expect_err("one answer for five images");
        assert!(matches!(error, ExportError::Differs { batch: 5, .. }));
        let not_a_number = |images: &Tensor| Ok(same(images)? / 0.0);
        assert!(samples.compare(Format::Torchscript, not_a_number).is_err());
    }
}
