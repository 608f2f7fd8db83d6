//! Convolutions of three by three pixels in each channel.

use pulp::{Simd, WithSimd};

use super::map::{Aligned, BLOCK, padded};
use super::{mul_add, vectors, vectors_mut};

/// The side of what a result is made of.
const SIDE: usize = 3;

/// A convolution of each channel with its numbers, padded with zeros at the edges.
#[derive(Debug)]
pub(crate) struct Depthwise {
    /// `[row][column][channels]`, the last padded.
    weights: Aligned,
    /// `[channels]`, padded.
    bias: Aligned,
    /// What smaller results become: 0 for ReLU.
    least: f32,
}

impl Depthwise {
    /// From weights `[channels][row][column]` and a bias `[channels]`.
    pub(crate) fn new(weights: &[f32], bias: &[f32], rectified: bool) -> Self {
        let all = bias.len().next_multiple_of(BLOCK);
        let mut turned = vec![0.0; SIDE * SIDE * all];
        for (channel, weights) in weights.chunks_exact(SIDE * SIDE).enumerate() {
            for (place, weight) in weights.iter().enumerate() {
                turned[place * all + channel] = *weight;
            }
        }
        Self {
            weights: Aligned::of(&turned),
            bias: padded(bias),
            least: if rectified { 0.0 } else { f32::NEG_INFINITY },
        }
    }

    /// One row, `[width][channels]`, from the three around it, `[width + 2][channels]` with what is beyond the edges.
    #[inline(always)]
    pub(super) fn row<S: Simd>(&self, simd: S, rows: [&[f32]; SIDE], output: &mut [f32]) {
        simd.vectorize(DepthwiseRow {
            layer: self,
            rows,
            output,
        });
    }
}

struct DepthwiseRow<'a> {
    layer: &'a Depthwise,
    rows: [&'a [f32]; SIDE],
    output: &'a mut [f32],
}

impl WithSimd for DepthwiseRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // With numbers that the compiler knows, indices need no checks.
        match self.layer.bias.len() / S::F32_LANES {
            1 => self.sized::<S, 1>(simd),
            2 => self.sized::<S, 2>(simd),
            4 => self.sized::<S, 4>(simd),
            8 => self.sized::<S, 8>(simd),
            16 => self.sized::<S, 16>(simd),
            _ => self.sized::<S, 0>(simd),
        }
    }
}

impl DepthwiseRow<'_> {
    /// `ALL` is how many vectors the channels are, or 0 when the compiler does not know it.
    #[inline(always)]
    fn sized<S: Simd, const ALL: usize>(self, simd: S) {
        let bias = vectors::<S>(&self.layer.bias);
        let all = if ALL > 0 { ALL } else { bias.len() };
        let weights = vectors::<S>(&self.layer.weights);
        let output = vectors_mut::<S>(self.output);
        let width = output.len() / all;
        for channel in 0..all {
            let mut column = Column::<S, ALL> {
                simd,
                rows: self.rows.map(|row| vectors::<S>(row)),
                all,
                channel,
                weights: [[simd.splat_f32s(0.0); SIDE]; SIDE],
                bias: bias[channel],
                least: simd.splat_f32s(self.layer.least),
            };
            for y in 0..SIDE {
                for x in 0..SIDE {
                    column.weights[y][x] = weights[(y * SIDE + x) * all + channel];
                }
            }
            let mut x = 0;
            while x + 4 <= width {
                column.tile::<4>(x, output);
                x += 4;
            }
            while x < width {
                column.tile::<1>(x, output);
                x += 1;
            }
        }
    }
}

/// One vector of channels, along the row.
struct Column<'a, S: Simd, const ALL: usize> {
    simd: S,
    rows: [&'a [S::f32s]; SIDE],
    all: usize,
    channel: usize,
    weights: [[S::f32s; SIDE]; SIDE],
    bias: S::f32s,
    least: S::f32s,
}

impl<S: Simd, const ALL: usize> Column<'_, S, ALL> {
    /// Some pixels from `x` on: each number is loaded once for the pixels that see it.
    #[inline(always)]
    fn tile<const PIXELS: usize>(&self, x: usize, output: &mut [S::f32s]) {
        let simd = self.simd;
        let all = if ALL > 0 { ALL } else { self.all };
        let mut sums = [self.bias; PIXELS];
        for (row, weights) in self.rows.iter().zip(&self.weights) {
            let seen = &row[x * all + self.channel..][..(PIXELS + 1) * all + 1];
            for at in 0..PIXELS + 2 {
                let number = seen[at * all];
                for (place, weight) in weights.iter().enumerate() {
                    if at >= place && at - place < PIXELS {
                        let sum = &mut sums[at - place];
                        *sum = mul_add(simd, number, *weight, *sum);
                    }
                }
            }
        }
        let output = &mut output[x * all + self.channel..][..(PIXELS - 1) * all + 1];
        for (at, sum) in sums.iter().enumerate() {
            output[at * all] = simd.max_f32s(*sum, self.least);
        }
    }
}
