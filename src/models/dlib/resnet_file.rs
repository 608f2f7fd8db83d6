//! `dlib_face_recognition_resnet_model_v1.dat`: the weights of dlib's face recognition network.

use std::path::Path;

use super::error::{ModelFileError, read_file};
use super::network_file::{
    AffineView, ConvolutionShape, ConvolutionView, Versions, affine, convolution,
    expect_channel_means, fully_connected, plain, pooling,
};
use super::reader::{ReadError, Reader, TensorView};

/// Layers of the network, tags and skips among them.
const LAYERS: usize = 130;
/// Layers with contents.
const BODIES: usize = 108;
/// The loss layer's version.
const LOSS_VERSION: i64 = 1;
/// Width and height of the input in pixels.
const INPUT_SIDE: i64 = 150;
/// The first convolution: 7x7, every second pixel, no padding.
const STEM: ConvolutionShape = ConvolutionShape::square(3, 32, 7, 2, 0);
/// The blocks behind the first convolution and its pooling: channels in, channels out, and whether
/// the picture's sides are halved.
pub const BLOCKS: [(usize, usize, bool); 14] = [
    (32, 32, false),
    (32, 32, false),
    (32, 32, false),
    (32, 64, true),
    (64, 64, false),
    (64, 64, false),
    (64, 64, false),
    (64, 128, true),
    (128, 128, false),
    (128, 128, false),
    (128, 256, true),
    (256, 256, false),
    (256, 256, false),
    (256, 256, true),
];
/// Features behind the last block.
pub const FEATURES: usize = 256;
/// How many numbers it makes of a face.
pub const EMBEDDING_LENGTH: usize = 128;

/// A convolution and the scale and shift behind it.
#[derive(Debug)]
pub struct UnitView<'a> {
    /// Its name in the network: `stem`, `block0.first`, `block0.second`, …
    pub name: String,
    /// The convolution.
    pub convolution: ConvolutionView<'a>,
    /// The scale and shift.
    pub affine: AffineView<'a>,
}

/// The network's weights, inside the file's bytes.
#[derive(Debug)]
pub struct ResNetView<'a> {
    /// All convolutions with their scales and shifts, from the input on.
    pub units: Vec<UnitView<'a>>,
    /// The matrix that makes embeddings of features: `[256, 128]`.
    pub embedding: TensorView<'a>,
}

/// Reads the file and hands its weights to `take`.
///
/// # Errors
/// [`ModelFileError`].
pub fn open<T>(path: &Path, take: impl FnOnce(&ResNetView<'_>) -> T) -> Result<T, ModelFileError> {
    read_file(path, |reader| {
        ResNetView::read(reader).map(|network| take(&network))
    })
}

impl<'a> ResNetView<'a> {
    /// Finds the weights in the file's bytes; nothing is copied.
    ///
    /// # Errors
    /// [`ReadError`] where the bytes are not those of this network.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, ReadError> {
        read_header(reader)?;
        let mut units = read_stem(reader)?;
        for number in 0..BLOCKS.len() {
            units.extend(read_block(reader, number)?);
        }
        let embedding = read_top(reader)?;
        Ok(Self { units, embedding })
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<(), ReadError> {
    reader.exactly(LOSS_VERSION, "the version of the loss")?;
    reader.exact_string("loss_metric_2", "the loss")?;
    for what in ["the loss's margin", "the loss's distance"] {
        reader.float(what)?;
    }
    let start = reader.offset();
    let versions = Versions::read(reader, LAYERS)?;
    if versions.bodies() != BODIES {
        let expected = format!("{BODIES} layers that are no tags");
        return Err(Reader::unexpected(start, expected, versions.bodies()));
    }
    reader.exact_string("input_rgb_image_sized", "the input")?;
    expect_channel_means(reader)?;
    reader.exactly(INPUT_SIDE, "rows of the input")?;
    reader.exactly(INPUT_SIDE, "columns of the input")
}

fn read_stem<'a>(reader: &mut Reader<'a>) -> Result<Vec<UnitView<'a>>, ReadError> {
    let unit = read_unit(reader, "stem".to_owned(), STEM)?;
    plain(reader, "relu_")?;
    pooling(reader, "max_pool_2", [3, 3, 2, 2, 0, 0])?;
    Ok(vec![unit])
}

fn read_block<'a>(reader: &mut Reader<'a>, number: usize) -> Result<[UnitView<'a>; 2], ReadError> {
    let (from, to, halves) = BLOCKS[number];
    let (stride, padding) = if halves { (2, 0) } else { (1, 1) };
    let first = ConvolutionShape::square(from, to, 3, stride, padding);
    let first = read_unit(reader, format!("block{number}.first"), first)?;
    plain(reader, "relu_")?;
    let second = ConvolutionShape::square(to, to, 3, 1, 1);
    let second = read_unit(reader, format!("block{number}.second"), second)?;
    if halves {
        pooling(reader, "avg_pool_2", [2, 2, 2, 2, 0, 0])?;
    }
    plain(reader, "add_prev_")?;
    plain(reader, "relu_")?;
    Ok([first, second])
}

fn read_top<'a>(reader: &mut Reader<'a>) -> Result<TensorView<'a>, ReadError> {
    // Rows and columns of 0: the mean of all.
    pooling(reader, "avg_pool_2", [0, 0, 1, 1, 0, 0])?;
    fully_connected(reader, FEATURES, EMBEDDING_LENGTH)
}

fn read_unit<'a>(
    reader: &mut Reader<'a>,
    name: String,
    shape: ConvolutionShape,
) -> Result<UnitView<'a>, ReadError> {
    let innermost = shape == STEM;
    Ok(UnitView {
        name,
        convolution: convolution(reader, shape, innermost)?,
        affine: affine(reader, shape.filters[0])?,
    })
}

#[cfg(test)]
#[path = "resnet_file_tests.rs"]
mod tests;
