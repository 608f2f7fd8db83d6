//! Batches of images, decoded and preprocessed in threads while the network works.

use std::num::NonZeroUsize;

use image::RgbImage;
use tch::{Device, Tensor};

use super::input_tensor::input_tensor;
use facepipe_core::parallel;
use facepipe_core::types::{Alignment, ChipForm, CropPlace, InputSpec, Size};
use facepipe_faces::alignment::square_for;
use facepipe_faces::face_chip;
use facepipe_faces::preprocess::preprocess;
use facepipe_imaging::data_set::Example;
use facepipe_imaging::image_io::{self, DecodeError};

/// Some images with their labels.
#[derive(Debug)]
pub struct Batch {
    /// `[batch, 3, height, width]`, on the loader's device.
    pub images: Tensor,
    /// Indices of labels, `[batch]`, on the loader's device.
    pub labels: Tensor,
    /// Which examples they are.
    pub examples: Vec<usize>,
}

impl Batch {
    /// How many images it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.examples.len()
    }
}

/// An image that could be decoded before and no longer can.
#[derive(Debug, thiserror::Error)]
#[error("the image `{file}` of the data set can no longer be read")]
pub struct LoaderError {
    /// The image, below the data set's folder.
    pub file: String,
    /// Why.
    #[source]
    pub source: DecodeError,
}

/// A decoded image of the data set, before it is cut and preprocessed.
#[derive(Debug)]
pub struct Picture {
    /// Its pixels.
    pub image: RgbImage,
    /// Where the face is in it, with the square of the network's alignment; `None`: the whole image is the
    /// chip.
    pub place: Option<CropPlace>,
    /// The network's input.
    pub size: Size,
}

impl Picture {
    /// Decodes an image for a network that takes chips of a form.
    ///
    /// # Errors
    /// A [`LoaderError`].
    pub fn read(example: &Example, form: ChipForm) -> Result<Self, LoaderError> {
        let aligned = |place: &CropPlace| CropPlace {
            square: square_for(form.alignment, place),
            ..*place
        };
        Ok(Self {
            image: decode(example)?,
            place: example.place.as_ref().map(aligned),
            size: form.size,
        })
    }

    /// The face without augmentation: its chip in the network's size, or the whole image in its own
    /// size, which is resized last, so that augmentation costs no sharpness.
    #[must_use]
    pub fn chip(self) -> RgbImage {
        match &self.place {
            Some(place) => face_chip::chip(&self.image, Some(place), self.size).into_owned(),
            None => self.image,
        }
    }
}

/// How batches are made.
#[derive(Debug)]
pub struct Loader<'a> {
    /// The network's input.
    pub input: &'a InputSpec,
    /// How faces lie in it.
    pub alignment: Alignment,
    /// How many threads decode.
    pub threads: NonZeroUsize,
    /// The device of the tensors.
    pub device: Device,
}

impl Loader<'_> {
    /// Hands batches of examples to `take`, in order, on the calling thread.
    ///
    /// `alter` changes an image before it is preprocessed (the chip, where a face's place in the image
    /// is known); it gets the image's number in the order of all batches. At most a few batches a thread are in memory.
    ///
    /// # Errors
    /// A [`LoaderError`], or the first error of `take`.
    pub fn each<E: From<LoaderError> + Send>(
        &self,
        examples: &[Example],
        batches: &[Vec<usize>],
        alter: impl Fn(usize, RgbImage) -> RgbImage + Sync,
        take: impl FnMut(Batch) -> Result<(), E>,
    ) -> Result<(), E> {
        let cut_and_alter = |position, picture: Picture| alter(position, picture.chip());
        self.each_picture(examples, batches, cut_and_alter, take)
    }

    /// The same, but `cut` makes the chip from the decoded image itself.
    ///
    /// # Errors
    /// As [`Loader::each`].
    pub fn each_picture<E: From<LoaderError> + Send>(
        &self,
        examples: &[Example],
        batches: &[Vec<usize>],
        cut: impl Fn(usize, Picture) -> RgbImage + Sync,
        mut take: impl FnMut(Batch) -> Result<(), E>,
    ) -> Result<(), E> {
        let starts: Vec<usize> = batches
            .iter()
            .scan(0, |start, batch| {
                *start += batch.len();
                Some(*start - batch.len())
            })
            .collect();
        let form = ChipForm {
            alignment: self.alignment,
            size: self.input.size,
        };
        let work = |(): &mut (), number: usize, batch: &Vec<usize>| {
            batch
                .iter()
                .zip(starts[number]..)
                .map(|(index, position)| {
                    let example = &examples[*index];
                    let picture = Picture::read(example, form)?;
                    Ok(preprocess(&cut(position, picture), self.input))
                })
                .collect::<Result<Vec<_>, LoaderError>>()
        };
        let mut order = batches.iter();
        parallel::for_each_in_order(
            batches,
            self.threads,
            || Ok(()),
            work,
            |images| {
                let images = input_tensor(&images?, self.input).to_device(self.device);
                let chosen = order.next().cloned().unwrap_or_default();
                let labels: Vec<i64> = chosen
                    .iter()
                    .map(|index| examples[*index].label as i64)
                    .collect();
                take(Batch {
                    images,
                    labels: Tensor::from_slice(&labels).to_device(self.device),
                    examples: chosen,
                })
            },
        )
    }
}

fn decode(example: &Example) -> Result<RgbImage, LoaderError> {
    image_io::read_bytes(&example.path)
        .and_then(|bytes| image_io::decode(&bytes))
        .map(|decoded| decoded.rgb)
        .map_err(|source| LoaderError {
            file: example.file.clone(),
            source,
        })
}

/// Consecutive batches over `count` examples; the last may be smaller.
#[must_use]
pub fn consecutive_batches(count: usize, batch: usize) -> Vec<Vec<usize>> {
    let all: Vec<usize> = (0..count).collect();
    all.chunks(batch.max(1)).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::Size;
    use facepipe_faces::preprocess::imagenet_input;
    use image::Rgb;

    #[test]
    fn batches_do_not_depend_on_the_number_of_threads() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let examples: Vec<Example> = (0..11_u8)
            .map(|number| {
                let path = folder.path().join(format!("{number}.png"));
                let image = RgbImage::from_pixel(64, 48, Rgb([number * 20, 0, 0]));
                let bytes = image_io::encode_png(&image).expect("encodes");
                fs_err::write(&path, bytes).expect("writes");
                Example {
                    label: usize::from(number % 3),
                    file: format!("train/a/{number}.png"),
                    path,
                    place: None,
                }
            })
            .collect();
        let input = imagenet_input(Size::new(16, 8));
        let batches = vec![vec![3, 0, 7, 1], vec![10, 2, 5, 9], vec![4, 6, 8]];
        let run = |threads| {
            let loader = Loader {
                input: &input,
                alignment: Alignment::Dlib,
                threads: NonZeroUsize::new(threads).expect("not zero"),
                device: Device::Cpu,
            };
            let mut taken = Vec::new();
            let brighten = |position: usize, mut image: RgbImage| {
                image
                    .pixels_mut()
                    .for_each(|pixel| pixel.0[1] = position as u8);
                image
            };
            loader
                .each(&examples, &batches, brighten, |batch| {
                    taken.push((batch.images, batch.labels, batch.examples));
                    Ok::<(), LoaderError>(())
                })
                .expect("all images are there");
            taken
        };
        let one = run(1);
        assert_eq!(one[2].0.size(), [3, 3, 8, 16]);
        assert_eq!(one[1].1, Tensor::from_slice(&[1_i64, 2, 2, 0]));
        assert_eq!(one, run(3));
    }
}
