//! A network's layers as a list, for the writers of other formats.
//!
//! The list is made by the same objects that compute, from the numbers that they compute with; the
//! check behind each export compares the two.

/// The input or output of a layer: the images, or another layer's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(usize);

impl Value {
    /// The images: `[batch, 3, height, width]`.
    pub const IMAGES: Self = Self(0);

    /// Its number: 0 for the images, then one after the other.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }
}

/// A layer of a network in inference. Texts are names of the network's tensors.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A convolution, with the same stride and zeros on each side.
    Convolution {
        /// `[to, from, side, side]`.
        weight: String,
        /// `[to]`.
        bias: Option<String>,
        /// Pixels from one place to the next.
        stride: i64,
        /// Rows and columns of zeros on each side.
        padding: i64,
        /// Into how many groups channels are divided; each sees its own only. `from` is the channels of one.
        groups: i64,
        /// What its channels are scaled and shifted by; it has a bias then.
        channels: Option<Channels>,
    },
    /// A batch normalisation by its running statistics. Its tensors are `{name}.weight`, `.bias`,
    /// `.running_mean` and `.running_var`.
    BatchNorm {
        /// Begins the names of its tensors.
        name: String,
        /// Share of a batch's statistics in the running ones, while it is trained.
        momentum: f64,
        /// Added to variances.
        epsilon: f64,
    },
    /// Negative numbers become 0.
    Relu,
    /// Negative numbers are multiplied by a slope for each channel.
    PRelu {
        /// `[channels]`.
        slope: String,
    },
    /// The largest number of each square; borders count as less than everything.
    MaxPool {
        /// The square's side.
        side: i64,
        /// Pixels from one square to the next.
        stride: i64,
        /// Rows and columns on each side.
        padding: i64,
    },
    /// The mean of each square that lies wholly inside; squares touch.
    AveragePool {
        /// The square's side, and the step from one to the next.
        side: i64,
    },
    /// The first with zeros at the end of its channels, rows and columns where the second has more.
    FillUp,
    /// The sum of two.
    Add,
    /// The mean of each channel: `[batch, channels]`.
    Mean,
    /// Channels, rows and columns behind each other: `[batch, channels * height * width]`.
    Flatten,
    /// Each image's numbers divided by their length (the root of the sum of their squares).
    UnitLength {
        /// Least length that is divided by.
        smallest: f64,
    },
    /// A matrix product with the transposed weight.
    Linear {
        /// `[to, from]`.
        weight: String,
        /// `[to]`.
        bias: Option<String>,
    },
}

/// Scale and shift of a convolution's channels. They are folded into it before it is computed: the weight
/// is multiplied by the scale, and the bias, too, before the shift is added. So the numbers are rounded
/// as the network itself rounds them.
#[derive(Debug, Clone, PartialEq)]
pub struct Channels {
    /// `[to]`.
    pub scale: String,
    /// `[to]`.
    pub shift: String,
}

/// A layer with its inputs and output.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The layer.
    pub layer: Layer,
    /// Its inputs: two for [`Layer::FillUp`] and [`Layer::Add`], else one.
    pub inputs: Vec<Value>,
    /// Its output.
    pub output: Value,
}

/// The layers of a network in the order in which they are computed: first all that the logits need.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    steps: Vec<Step>,
    /// How many of them the features need.
    for_features: usize,
    /// How many of them the logits need.
    for_logits: usize,
}

impl Graph {
    /// The layers.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The layers that the logits need.
    #[must_use]
    pub fn steps_for_logits(&self) -> &[Step] {
        &self.steps[..self.for_logits]
    }

    /// What the head makes logits of: `[batch, features]`.
    #[must_use]
    pub const fn features(&self) -> Value {
        Value(self.for_features)
    }

    /// The logits: `[batch, labels]`.
    #[must_use]
    pub const fn logits(&self) -> Value {
        Value(self.for_logits)
    }

    /// The similarities with the images of each label, `[batch, labels]`, where the network gives them.
    #[must_use]
    pub const fn similarities(&self) -> Option<Value> {
        if self.steps.len() > self.for_logits {
            Some(Value(self.steps.len()))
        } else {
            None
        }
    }

    /// Takes a layer's output, that of the last one so far, as the features.
    pub(crate) const fn end_features(&mut self) {
        self.for_features = self.steps.len();
    }

    /// Takes a layer's output, that of the last one so far, as the logits.
    pub(crate) const fn end_logits(&mut self) {
        self.for_logits = self.steps.len();
    }

    /// Adds a layer and returns its output.
    pub(crate) fn add(&mut self, layer: Layer, inputs: &[Value]) -> Value {
        let output = Value(self.steps.len() + 1);
        self.steps.push(Step {
            layer,
            inputs: inputs.to_vec(),
            output,
        });
        output
    }
}
