//! How alike a face is to the images of each label: what tells strangers from people whom a model knows.
//!
//! A softmax spreads all of its probability over the labels that it has, whoever the face is; how far the
//! face's features are from those of the label's own images says whether it is one of them at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use super::network::of_length_one;
use super::tensor_file::{self, TensorFileError};
use facepipe_core::artifacts::digest::sha256_of_file;
use facepipe_core::artifacts::model_folder::LABEL_MEANS_FILE;

/// Why a model's means can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelMeansError {
    /// Their file can't be read.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// It is not the file that the training wrote.
    #[error("`{}` is not the file that the model was trained with", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// The file has others, or numbers that are not finite.
    #[error("`{}` does not hold means of {labels} labels and {features} features", .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// How many labels the model has.
        labels: i64,
        /// How many features its network gives.
        features: i64,
    },
}

/// For each label the direction of the mean of its images' features, each divided by its length before: its centre.
///
/// The product with a face's features of length 1 is the cosine between the face and the centre. How alike strangers
/// are by it hardly depends on how many images the label has; the mean of the cosines with the images would be
/// smaller the more they differ. Files of earlier versions have such means, of length below 1.
#[derive(Debug)]
pub struct LabelMeans(Tensor);

impl LabelMeans {
    /// The name of the tensor in files, `[labels, features]`.
    pub const TENSOR: &str = "label_means";

    /// The centres of some images' features; a label without images has one of zeros, to which nothing is alike.
    ///
    /// # Shapes
    /// `features` is `[images, features]`, `labels` is `[images]` with numbers below `count`.
    #[must_use]
    pub fn of(features: &Tensor, labels: &Tensor, count: usize) -> Self {
        let features = of_length_one(&features.to_kind(Kind::Float));
        let means = (0..count as i64).map(|label| {
            let rows = labels.eq(label).nonzero().flatten(0, -1);
            if rows.numel() == 0 {
                return Tensor::zeros([features.size()[1]], (Kind::Float, features.device()));
            }
            let of_label = features.index_select(0, &rows);
            of_label.mean_dim([0_i64].as_slice(), false, Kind::Float)
        });
        Self(of_length_one(&Tensor::stack(&means.collect::<Vec<_>>(), 0)))
    }

    /// Reads those of a model's folder, whose card knows the file's SHA-256.
    ///
    /// # Errors
    /// [`LabelMeansError`]: the file can't be read, is another one, or is not of this many labels and features.
    pub fn read(
        model: &Path,
        sha256: Option<&str>,
        [labels, features]: [i64; 2],
    ) -> Result<Self, LabelMeansError> {
        let path = model.join(LABEL_MEANS_FILE);
        if let Some(sha256) = sha256
            && sha256 != sha256_of_file(&path).map_err(TensorFileError::from)?
        {
            return Err(LabelMeansError::Other { path });
        }
        let means = tensor_file::read(&path)?.tensors.remove(Self::TENSOR);
        let fits = |means: &Tensor| {
            means.size() == [labels, features]
                && means.kind() == Kind::Float
                && means.isfinite().all().int64_value(&[]) == 1
        };
        match means.filter(fits) {
            Some(means) => Ok(Self(means)),
            None => Err(LabelMeansError::Shape {
                path,
                labels,
                features,
            }),
        }
    }

    /// The same on a device.
    #[must_use]
    pub(super) fn to_device(&self, device: Device) -> Self {
        Self(self.0.to_device(device))
    }

    /// Writes them to a model's folder; returns the file's SHA-256.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&self, model: &Path) -> Result<String, TensorFileError> {
        let tensors = BTreeMap::from([(Self::TENSOR.to_owned(), self.0.shallow_clone())]);
        let path = model.join(LABEL_MEANS_FILE);
        tensor_file::write(&path, &tensors, None)?;
        Ok(sha256_of_file(&path)?)
    }

    /// The tensor.
    ///
    /// # Shapes
    /// `[labels, features]`.
    pub const fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// How alike faces are to the images of each label, from -1 to 1: the cosine with their centre.
    ///
    /// # Shapes
    /// `[faces, features]` to `[faces, labels]`.
    pub fn similarities(&self, features: &Tensor) -> Tensor {
        of_length_one(features).linear(&self.0, None::<&Tensor>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similarity_is_the_cosine_with_the_centre_of_the_labels_images() {
        let features = Tensor::from_slice(&[3.0_f32, 0.0, 0.0, 0.5, 0.0, 2.0]).view([3, 2]);
        let labels = Tensor::from_slice(&[0_i64, 0, 2]);
        let means = LabelMeans::of(&features, &labels, 3);
        assert_eq!(means.tensor().size(), [3, 2]);
        let faces = Tensor::from_slice(&[4.0_f32, 3.0, 0.0, -1.0]).view([2, 2]);
        let found = Vec::<Vec<f32>>::try_from(means.similarities(&faces)).expect("a matrix");
        // The centre of the first label is at 45 degrees; the second has no images.
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let expected = [1.4 * half, 0.0, 0.6, -half, 0.0, -1.0];
        for (found, expected) in found.concat().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn they_are_read_as_written_and_only_where_they_fit() {
        let model = tempfile::tempdir().expect("temporary folder");
        fs_err::create_dir(model.path().join("checkpoints")).expect("creates");
        let features = Tensor::from_slice(&[1.0_f32, 0.0, 0.0, 0.0, 2.0, 0.0]).view([2, 3]);
        let means = LabelMeans::of(&features, &Tensor::from_slice(&[0_i64, 1]), 2);
        let sha256 = means.write(model.path()).expect("writes");
        let read = |shape| LabelMeans::read(model.path(), Some(&sha256), shape);
        assert_eq!(read([2, 3]).expect("fits").tensor(), means.tensor());
        for other in [[3, 3], [2, 4]] {
            let error = read(other).expect_err("they are of another model");
            assert!(matches!(error, LabelMeansError::Shape { .. }), "{error}");
        }
        let no_number = LabelMeans(means.tensor() / 0.0);
        let sha256_of_these = no_number.write(model.path()).expect("writes");
        let error = read([2, 3]).expect_err("it is another file");
        assert!(matches!(error, LabelMeansError::Other { .. }), "{error}");
        let error = LabelMeans::read(model.path(), Some(&sha256_of_these), [2, 3]);
        assert!(matches!(error, Err(LabelMeansError::Shape { .. })));
    }
}
