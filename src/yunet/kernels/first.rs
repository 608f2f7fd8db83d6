//! The first convolution: three by three pixels of a picture, every second pixel, then ReLU.

use pulp::Simd;

use super::map::{Aligned, BLOCK, Memory, padded};
use super::product::Product;
use super::vectors_mut;

/// Channels of a picture.
const COLOURS: usize = 3;
/// Pixels from one result to the next.
const STRIDE: usize = 2;
/// The side of what a result is made of.
const SIDE: usize = 3;

/// The convolution with its numbers.
#[derive(Debug)]
pub(crate) struct First {
    /// `[row][column][colour][outputs]`, the last padded.
    weights: Aligned,
    /// `[outputs]`, padded.
    bias: Aligned,
}

impl First {
    /// From weights `[outputs][colour][row][column]`, colours in the order of the picture's, and a bias `[outputs]`.
    pub(crate) fn new(weights: &[f32], bias: &[f32]) -> Self {
        let all = bias.len().next_multiple_of(BLOCK);
        let area = SIDE * SIDE;
        let mut turned = vec![0.0; area * COLOURS * all];
        for (output, weights) in weights.chunks_exact(COLOURS * area).enumerate() {
            for (colour, weights) in weights.chunks_exact(area).enumerate() {
                for (place, weight) in weights.iter().enumerate() {
                    turned[(place * COLOURS + colour) * all + output] = *weight;
                }
            }
        }
        Self {
            weights: Aligned::of(&turned),
            bias: padded(bias),
        }
    }

    /// Channels of the result, padded.
    pub(crate) fn channels(&self) -> usize {
        self.bias.len()
    }
}

/// The first convolution's rows, one after the other.
pub(super) struct FirstRows<'a> {
    first: &'a First,
    /// `[height][width][3]`.
    picture: &'a [u8],
    width: usize,
    /// The rows above, at and below the next result, each with a black pixel before it.
    seen: [Aligned; SIDE],
    output: Aligned,
}

impl<'a> FirstRows<'a> {
    /// Of a picture `[height][width][3]`, both sides even.
    pub(super) fn new(
        first: &'a First,
        picture: &'a [u8],
        width: usize,
        memory: &mut Memory,
    ) -> Self {
        let mut row = || {
            let mut row = memory.take((width + 1) * COLOURS);
            row.fill(0.0);
            row
        };
        Self {
            first,
            picture,
            width,
            seen: [row(), row(), row()],
            output: memory.take(width / STRIDE * first.channels()),
        }
    }

    /// Row `y`, `[width / 2][channels]`. Rows must be asked for in order.
    #[inline(always)]
    pub(super) fn row<S: Simd>(&mut self, simd: S, y: usize) -> &[f32] {
        let [above, at, below] = &mut self.seen;
        // The last row of the result before: zeros at first.
        std::mem::swap(above, below);
        let length = self.width * COLOURS;
        for (row, y) in [at, below].into_iter().zip(STRIDE * y..) {
            let bytes = &self.picture[y * length..][..length];
            for (number, byte) in row[COLOURS..].iter_mut().zip(bytes) {
                *number = f32::from(*byte);
            }
        }
        simd.vectorize(Product {
            rows: self.seen.each_ref().map(|row| &**row),
            step: STRIDE * COLOURS,
            taps: SIDE * COLOURS,
            weights: &self.first.weights,
            bias: &self.first.bias,
            output: &mut self.output,
        });
        rectify(simd, &mut self.output);
        &self.output
    }

    pub(super) fn give_back(self, memory: &mut Memory) {
        for row in self.seen {
            memory.give(row);
        }
        memory.give(self.output);
    }
}

/// Negative numbers become 0.
#[inline(always)]
fn rectify<S: Simd>(simd: S, numbers: &mut [f32]) {
    let zero = simd.splat_f32s(0.0);
    for vector in vectors_mut::<S>(numbers) {
        *vector = simd.max_f32s(*vector, zero);
    }
}
