//! Networks as dlib writes them: the version of each layer, then the contents of each layer.
//!
//! The layers are written innermost first, the versions outermost first. Tags and skips, which only
//! say how layers are connected, have a version but no body.

use super::reader::{ReadError, Reader, TensorView};

/// The innermost layer's version: that of the network's input.
const INNERMOST_VERSION: i64 = 3;
/// The version of other layers.
const LAYER_VERSION: i64 = 2;
/// The version of tags and skips.
const TAG_VERSION: i64 = 1;
/// Multipliers of learning rate and weight decay, for weights and for biases.
const MULTIPLIERS: usize = 4;
/// Numbers of a pooling layer: rows, columns, strides and paddings.
const POOLING_NUMBERS: usize = 6;
/// Channel means that are subtracted from pixels, red first: of ImageNet, as dlib has them.
pub const CHANNEL_MEANS: [f32; 3] = [122.782, 117.001, 104.298];

/// Reads the channel means of a network's input: all of dlib's face networks have the same.
///
/// # Errors
/// [`ReadError`] where they are others.
pub(super) fn expect_channel_means(reader: &mut Reader<'_>) -> Result<(), ReadError> {
    for mean in CHANNEL_MEANS {
        let start = reader.offset();
        let found = reader.finite_f32("a channel's mean")?;
        if found != mean {
            return Err(Reader::unexpected(
                start,
                format!("a mean of {mean}"),
                found,
            ));
        }
    }
    Ok(())
}

/// The order in which layers with a body follow each other, and with what version.
#[derive(Debug)]
pub struct Versions(Vec<i64>);

impl Versions {
    /// Reads as many versions as there are layers.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(reader: &mut Reader<'_>, layers: usize) -> Result<Self, ReadError> {
        let mut versions = Vec::new();
        for index in 0..layers {
            let start = reader.offset();
            let version = reader.integer("a layer's version")?;
            let expected: &[i64] = if index + 1 == layers {
                &[INNERMOST_VERSION]
            } else {
                &[LAYER_VERSION, TAG_VERSION]
            };
            if !expected.contains(&version) {
                let expected = format!("a layer's version, one of {expected:?}");
                return Err(Reader::unexpected(start, expected, version));
            }
            versions.push(version);
        }
        Ok(Self(versions))
    }

    /// How many layers have a body.
    #[must_use]
    pub fn bodies(&self) -> usize {
        let bodies = self.0.iter().filter(|version| **version != TAG_VERSION);
        bodies.count()
    }
}

/// A convolution.
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionView<'a> {
    /// Weights `[to, from, rows, columns]`, then one bias for each output channel.
    pub parameters: TensorView<'a>,
    /// Output channels, input channels, rows, columns.
    pub filters: [usize; 4],
    /// Pixels from one place of the filter to the next, both ways.
    pub stride: usize,
    /// Zeros around the input, both ways.
    pub padding: usize,
}

/// The shape that a convolution of the file must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// Output channels, input channels, rows, columns.
    pub filters: [usize; 4],
    /// Pixels from one place of the filter to the next, both ways.
    pub stride: usize,
    /// Zeros around the input, both ways.
    pub padding: usize,
}

impl ConvolutionShape {
    /// A square filter.
    #[must_use]
    pub const fn square(
        from: usize,
        to: usize,
        side: usize,
        stride: usize,
        padding: usize,
    ) -> Self {
        Self {
            filters: [to, from, side, side],
            stride,
            padding,
        }
    }
}

/// A scale and a shift for each channel: `y = x * scale + shift`.
#[derive(Debug, Clone, Copy)]
pub struct AffineView<'a> {
    /// The scales, then the shifts.
    pub parameters: TensorView<'a>,
}

/// Reads a convolution of the expected shape, with its body.
///
/// # Errors
/// [`ReadError`].
pub fn convolution<'a>(
    reader: &mut Reader<'a>,
    expected: ConvolutionShape,
    innermost: bool,
) -> Result<ConvolutionView<'a>, ReadError> {
    reader.exact_string("con_4", "the layer")?;
    let start = reader.offset();
    let parameters = reader.tensor("a convolution's weights")?;
    let [to, from, rows, columns] = expected.filters;
    for (number, what) in [
        (to, "output channels"),
        (rows, "rows of a filter"),
        (columns, "columns of a filter"),
        (expected.stride, "rows of a stride"),
        (expected.stride, "columns of a stride"),
        (expected.padding, "rows of padding"),
        (expected.padding, "columns of padding"),
    ] {
        reader.exactly(number as i64, what)?;
    }
    expect_shape(reader, expected.filters, "the filters' shape")?;
    expect_shape(reader, [1, to, 1, 1], "the biases' shape")?;
    multipliers(reader)?;
    expect_length(start, &parameters, to * from * rows * columns + to)?;
    body_end(reader, innermost)?;
    Ok(ConvolutionView {
        parameters,
        filters: expected.filters,
        stride: expected.stride,
        padding: expected.padding,
    })
}

/// Reads an affine layer of this many channels, with its body.
///
/// # Errors
/// [`ReadError`].
pub fn affine<'a>(reader: &mut Reader<'a>, channels: usize) -> Result<AffineView<'a>, ReadError> {
    reader.exact_string("affine_", "the layer")?;
    let start = reader.offset();
    let parameters = reader.tensor("scales and shifts")?;
    expect_shape(reader, [1, channels, 1, 1], "the scales' shape")?;
    expect_shape(reader, [1, channels, 1, 1], "the shifts' shape")?;
    reader.exactly(0, "the mode of a scale for each channel")?;
    expect_length(start, &parameters, 2 * channels)?;
    body_end(reader, false)?;
    Ok(AffineView { parameters })
}

/// Reads a batch normalisation of this many channels, with its body, as the scale and shift that it
/// amounts to after training: `[scales, shifts]`.
///
/// # Errors
/// [`ReadError`].
pub fn normalisation(reader: &mut Reader<'_>, channels: usize) -> Result<[Vec<f32>; 2], ReadError> {
    reader.exact_string("bn_con2", "the layer")?;
    let start = reader.offset();
    let parameters = reader.tensor("scales and shifts")?;
    expect_shape(reader, [1, channels, 1, 1], "the scales' shape")?;
    expect_shape(reader, [1, channels, 1, 1], "the shifts' shape")?;
    expect_length(start, &parameters, 2 * channels)?;
    // Statistics of the last batch, then of the whole training.
    for what in ["means of a batch", "deviations of a batch"] {
        reader.tensor(what)?;
    }
    let mut statistic = |what| {
        let start = reader.offset();
        let statistic = reader.tensor(what)?;
        expect_length(start, &statistic, channels)?;
        Ok(statistic.values())
    };
    let (means, variances) = (statistic("means")?, statistic("variances")?);
    for what in ["the number of updates", "the window of statistics"] {
        reader.unsigned(what)?;
    }
    multipliers(reader)?;
    let epsilon = reader.finite_f32("what is added to variances")?;
    body_end(reader, false)?;
    let parameters = parameters.values();
    let (gammas, betas) = parameters.split_at(channels);
    let scales: Vec<f32> = gammas
        .iter()
        .zip(&variances)
        .map(|(gamma, variance)| gamma / (variance + epsilon).sqrt())
        .collect();
    let shifts = betas.iter().zip(means.iter().zip(&scales));
    let shifts = shifts.map(|(beta, (mean, scale))| beta - mean * scale);
    Ok([scales.clone(), shifts.collect()])
}

/// Reads a layer that has only its name: `relu_`, `add_prev_`.
///
/// # Errors
/// [`ReadError`].
pub fn plain(reader: &mut Reader<'_>, name: &str) -> Result<(), ReadError> {
    reader.exact_string(name, "the layer")?;
    body_end(reader, false)
}

/// Reads a pooling layer: rows, columns, strides and paddings must be the given ones.
///
/// # Errors
/// [`ReadError`].
pub fn pooling(
    reader: &mut Reader<'_>,
    name: &str,
    expected: [i64; POOLING_NUMBERS],
) -> Result<(), ReadError> {
    reader.exact_string(name, "the layer")?;
    for number in expected {
        reader.exactly(number, "a pooling layer's number")?;
    }
    body_end(reader, false)
}

/// Reads a fully connected layer without biases: its weights are `[inputs, outputs]`.
///
/// # Errors
/// [`ReadError`].
pub fn fully_connected<'a>(
    reader: &mut Reader<'a>,
    inputs: usize,
    outputs: usize,
) -> Result<TensorView<'a>, ReadError> {
    /// dlib's `FC_NO_BIAS`.
    const NO_BIAS: i64 = 1;
    reader.exact_string("fc_2", "the layer")?;
    reader.exactly(outputs as i64, "outputs")?;
    reader.exactly(inputs as i64, "inputs")?;
    let start = reader.offset();
    let weights = reader.tensor("a fully connected layer's weights")?;
    expect_shape(reader, [inputs, outputs, 1, 1], "the weights' shape")?;
    reader.alias_tensor("the biases' shape")?;
    reader.exactly(NO_BIAS, "the mode without biases")?;
    multipliers(reader)?;
    expect_length(start, &weights, inputs * outputs)?;
    body_end(reader, false)?;
    Ok(weights)
}

fn multipliers(reader: &mut Reader<'_>) -> Result<(), ReadError> {
    for _ in 0..MULTIPLIERS {
        reader.float("a multiplier of the learning rate or weight decay")?;
    }
    Ok(())
}

/// What follows every layer: flags, and tensors that only a running network fills.
fn body_end(reader: &mut Reader<'_>, innermost: bool) -> Result<(), ReadError> {
    for what in [
        "whether the layer is set up",
        "whether its gradient is stale",
        "whether its output or gradient is disabled",
    ] {
        reader.boolean(what)?;
    }
    for what in [
        "the input's gradient",
        "the output",
        "the parameters' gradient",
    ] {
        reader.tensor(what)?;
    }
    if innermost {
        reader.unsigned("how many samples an input makes")?;
    }
    Ok(())
}

fn expect_shape(
    reader: &mut Reader<'_>,
    expected: [usize; 4],
    what: &str,
) -> Result<(), ReadError> {
    let start = reader.offset();
    let found = reader.alias_tensor(what)?;
    if found == expected {
        return Ok(());
    }
    let (expected, found) = (format!("{what} {expected:?}"), format!("{found:?}"));
    Err(Reader::unexpected(start, expected, found))
}

fn expect_length(start: usize, tensor: &TensorView<'_>, expected: usize) -> Result<(), ReadError> {
    if tensor.len() == expected {
        return Ok(());
    }
    let expected = format!("a tensor of {expected} numbers");
    Err(Reader::unexpected(start, expected, tensor.len()))
}
