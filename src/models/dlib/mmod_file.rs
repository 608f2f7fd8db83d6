//! `mmod_human_face_detector.dat`: the weights of dlib's CNN face detector.

use std::path::Path;

use super::error::{ModelFileError, read_file};
use super::network_file::{
    ConvolutionShape, ConvolutionView, Versions, convolution, expect_channel_means, normalisation,
    plain,
};
use super::reader::{ReadError, Reader};

/// Layers of the network; all have a body.
const LAYERS: usize = 19;
/// The convolutions from the input on. Behind each but the last are a normalisation and a ReLU.
pub const CONVOLUTIONS: [ConvolutionShape; 7] = [
    ConvolutionShape::square(3, 16, 5, 2, 0),
    ConvolutionShape::square(16, 32, 5, 2, 0),
    ConvolutionShape::square(32, 32, 5, 2, 0),
    ConvolutionShape::square(32, 45, 5, 1, 2),
    ConvolutionShape::square(45, 45, 5, 1, 2),
    ConvolutionShape::square(45, 45, 5, 1, 2),
    ConvolutionShape::square(45, 1, 9, 1, 4),
];
/// Width and height of the window that the network scores, in pixels.
const WINDOW_SIDE: i64 = 80;
/// Boxes that share more than this (intersection over union) are one face.
pub const SAME_FACE_IOU: f64 = 0.338_276_135_110_995_5;

/// A convolution with the layers behind it.
#[derive(Debug)]
pub struct UnitView<'a> {
    /// The convolution.
    pub convolution: ConvolutionView<'a>,
    /// Scales and shifts of the output's channels; the last convolution has none.
    pub scales_and_shifts: Option<[Vec<f32>; 2]>,
}

/// Reads the file and hands its weights to `take`.
///
/// # Errors
/// [`ModelFileError`].
pub fn open<T>(path: &Path, take: impl FnOnce(&[UnitView<'_>]) -> T) -> Result<T, ModelFileError> {
    read_file(path, |reader| read(reader).map(|units| take(&units)))
}

/// Finds the weights in the file's bytes.
///
/// # Errors
/// [`ReadError`] where the bytes are not those of this network.
pub fn read<'a>(reader: &mut Reader<'a>) -> Result<Vec<UnitView<'a>>, ReadError> {
    read_header(reader)?;
    let mut units = Vec::with_capacity(CONVOLUTIONS.len());
    for (number, shape) in CONVOLUTIONS.into_iter().enumerate() {
        let convolution = convolution(reader, shape, number == 0)?;
        let is_last = number + 1 == CONVOLUTIONS.len();
        let scales_and_shifts = if is_last {
            None
        } else {
            let read = normalisation(reader, shape.filters[0])?;
            plain(reader, "relu_")?;
            Some(read)
        };
        units.push(UnitView {
            convolution,
            scales_and_shifts,
        });
    }
    Ok(units)
}

fn read_header(reader: &mut Reader<'_>) -> Result<(), ReadError> {
    reader.exactly(1, "the version of the loss")?;
    reader.exact_string("loss_mmod_", "the loss")?;
    reader.exactly(1, "the version of the detector's options")?;
    reader.exactly(WINDOW_SIDE, "the window's width")?;
    reader.exactly(WINDOW_SIDE, "the window's height")?;
    for what in [
        "the loss of a false alarm",
        "the loss of a miss",
        "the share of a box that counts as found",
        "the overlap of boxes that are one face",
        "the cover of boxes that are one face",
        "the overlap with boxes to be ignored",
        "the cover by boxes to be ignored",
    ] {
        reader.float(what)?;
    }
    Versions::read(reader, LAYERS)?;
    reader.exact_string("input_rgb_image_pyramid", "the input")?;
    expect_channel_means(reader)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlib::MMOD_FILE;
    use crate::dlib::shape_predictor::tests::model_file;

    #[test]
    fn the_published_file_is_read_to_its_end_and_every_truncation_is_an_error() {
        let Some(bytes) = model_file(MMOD_FILE) else {
            return;
        };
        let mut reader = Reader::new(&bytes);
        let units = read(&mut reader).expect("reads");
        reader.end().expect("nothing is left");
        assert_eq!(units.len(), 7);
        assert_eq!(units[6].convolution.parameters.len(), 45 * 81 + 1);
        for end in (0..bytes.len()).step_by(37) {
            let error = read(&mut Reader::new(&bytes[..end])).expect_err("cut off");
            assert!(!matches!(error, ReadError::Trailing { .. }), "{end}");
        }
    }
}
