//! MTCNN's three networks as tables of layers.

/// Step of every pooling.
pub(super) const POOL_STEP: i64 = 2;

/// The layers of a network. They are named `conv1`, `prelu1`, `conv2`, ...; a dense layer and the
/// heads continue the numbering.
pub(super) struct Plan {
    /// Its file in the folder of weights.
    pub(super) file: &'static str,
    pub(super) convolutions: &'static [Convolution],
    /// Numbers into and out of the dense layer behind the convolutions; P-Net has none, so that it
    /// takes in pictures of any size.
    pub(super) dense: Option<(i64, i64)>,
    /// The last layers, all on the same input: how many numbers each gives.
    pub(super) heads: &'static [i64],
}

/// A convolution without padding, then PReLU, then perhaps pooling.
pub(super) struct Convolution {
    pub(super) inputs: i64,
    pub(super) outputs: i64,
    /// Side of its window in pixels.
    pub(super) kernel: i64,
    /// Side of the maximum pooling's window; its step is [`POOL_STEP`], and windows that reach
    /// over the edge count.
    pub(super) pool: Option<i64>,
}

const fn convolution(inputs: i64, outputs: i64, kernel: i64, pool: Option<i64>) -> Convolution {
    Convolution {
        inputs,
        outputs,
        kernel,
        pool,
    }
}

/// Numbers that each head gives: scores of "no face" and "face"; offsets of the box's left, top,
/// right and bottom edge; five landmarks' x, then their y.
const SCORES: i64 = 2;
const OFFSETS: i64 = 4;
const LANDMARKS: i64 = 10;

/// Proposes squares of [`super::pyramid::CELL`] pixels.
pub(super) const P_NET: Plan = Plan {
    file: "mtcnn_pnet.pt",
    convolutions: &[
        convolution(3, 10, 3, Some(2)),
        convolution(10, 16, 3, None),
        convolution(16, 32, 3, None),
    ],
    dense: None,
    heads: &[SCORES, OFFSETS],
};

/// Classifies pictures of 24x24 pixels.
pub(super) const R_NET: Plan = Plan {
    file: "mtcnn_rnet.pt",
    convolutions: &[
        convolution(3, 28, 3, Some(3)),
        convolution(28, 48, 3, Some(3)),
        convolution(48, 64, 2, None),
    ],
    dense: Some((576, 128)),
    heads: &[SCORES, OFFSETS],
};

/// Decides on pictures of 48x48 pixels and gives landmarks.
pub(super) const O_NET: Plan = Plan {
    file: "mtcnn_onet.pt",
    convolutions: &[
        convolution(3, 32, 3, Some(3)),
        convolution(32, 64, 3, Some(3)),
        convolution(64, 64, 3, Some(2)),
        convolution(64, 128, 2, None),
    ],
    dense: Some((1152, 256)),
    heads: &[SCORES, OFFSETS, LANDMARKS],
};
