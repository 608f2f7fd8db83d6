//! The product of pixels and weights that both kinds of dense convolutions are made of.

use pulp::{Simd, WithSimd};

use super::{mul_add, vectors, vectors_mut};

/// One row of a convolution: for each pixel the sum of weights times numbers that lie next to each other in each of
/// `ROWS` rows.
pub(super) struct Product<'a, const ROWS: usize> {
    /// Where the numbers are: pixel `x` sees `[x * step .. x * step + taps]`.
    pub(super) rows: [&'a [f32]; ROWS],
    pub(super) step: usize,
    pub(super) taps: usize,
    /// `[ROWS][taps][channels]`.
    pub(super) weights: &'a [f32],
    /// `[channels]`, a multiple of [`super::BLOCK`].
    pub(super) bias: &'a [f32],
    /// `[width][channels]`.
    pub(super) output: &'a mut [f32],
}

impl<const ROWS: usize> WithSimd for Product<'_, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // With sizes that the compiler knows, addresses need no registers and indices no checks.
        match (self.step, self.taps) {
            (16, 16) => self.sized::<S, 16, 16>(simd),
            (32, 32) => self.sized::<S, 32, 32>(simd),
            (64, 64) => self.sized::<S, 64, 64>(simd),
            (6, 9) => self.sized::<S, 6, 9>(simd),
            _ => self.sized::<S, 0, 0>(simd),
        }
    }
}

impl<const ROWS: usize> Product<'_, ROWS> {
    #[inline(always)]
    fn sized<S: Simd, const STEP: usize, const TAPS: usize>(self, simd: S) {
        let bias = vectors::<S>(self.bias);
        let mut tiles = Tiles::<S, ROWS, STEP, TAPS> {
            simd,
            rows: self.rows,
            step: self.step,
            taps: self.taps,
            weights: vectors::<S>(self.weights),
            bias,
            output: vectors_mut::<S>(self.output),
        };
        let many = S::REGISTER_COUNT >= 32;
        let mut from = 0;
        while from < bias.len() {
            from += match bias.len() - from {
                4.. if many => tiles.four(from),
                2.. if many && S::F32_LANES == 16 => tiles.two(from),
                2.. if S::F32_LANES < 16 => tiles.two_of_few(from),
                _ => tiles.one(from),
            };
        }
    }
}

/// The row in pieces of some pixels and some vectors of channels, whose sums stay in registers.
///
/// `STEP` and `TAPS` are 0 when the compiler does not know them.
struct Tiles<'a, S: Simd, const ROWS: usize, const STEP: usize, const TAPS: usize> {
    simd: S,
    rows: [&'a [f32]; ROWS],
    step: usize,
    taps: usize,
    weights: &'a [S::f32s],
    bias: &'a [S::f32s],
    output: &'a mut [S::f32s],
}

impl<S: Simd, const ROWS: usize, const STEP: usize, const TAPS: usize>
    Tiles<'_, S, ROWS, STEP, TAPS>
{
    #[inline(always)]
    fn four(&mut self, from: usize) -> usize {
        let mut x = 0;
        x = self.run::<6, 4>(from, x);
        x = self.run::<4, 4>(from, x);
        x = self.run::<2, 4>(from, x);
        self.run::<1, 4>(from, x);
        4
    }

    #[inline(always)]
    fn two(&mut self, from: usize) -> usize {
        let mut x = 0;
        x = self.run::<12, 2>(from, x);
        x = self.run::<8, 2>(from, x);
        x = self.run::<4, 2>(from, x);
        self.run::<1, 2>(from, x);
        2
    }

    #[inline(always)]
    fn two_of_few(&mut self, from: usize) -> usize {
        let mut x = 0;
        x = self.run::<6, 2>(from, x);
        x = self.run::<4, 2>(from, x);
        x = self.run::<2, 2>(from, x);
        self.run::<1, 2>(from, x);
        2
    }

    #[inline(always)]
    fn one(&mut self, from: usize) -> usize {
        let mut x = 0;
        x = self.run::<16, 1>(from, x);
        x = self.run::<8, 1>(from, x);
        x = self.run::<4, 1>(from, x);
        self.run::<1, 1>(from, x);
        1
    }

    /// As many pieces as fit behind pixel `x`; the pixel behind them.
    #[inline(always)]
    fn run<const PIXELS: usize, const VECTORS: usize>(&mut self, from: usize, x: usize) -> usize {
        let width = self.output.len() / self.bias.len();
        let mut x = x;
        while x + PIXELS <= width {
            self.tile::<PIXELS, VECTORS>(from, x);
            x += PIXELS;
        }
        x
    }

    #[inline(always)]
    fn tile<const PIXELS: usize, const VECTORS: usize>(&mut self, from: usize, x: usize) {
        let simd = self.simd;
        let step = if STEP > 0 { STEP } else { self.step };
        let taps = if TAPS > 0 { TAPS } else { self.taps };
        let all = self.bias.len();
        let bias = &self.bias[from..][..VECTORS];
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; PIXELS];
        for pixel in &mut sums {
            for (sum, bias) in pixel.iter_mut().zip(bias) {
                *sum = *bias;
            }
        }
        for (at, row) in self.rows.iter().enumerate() {
            let seen = &row[x * step..][..(PIXELS - 1) * step + taps];
            let weights = &self.weights[at * taps * all..][..taps * all];
            for (tap, weights) in weights.chunks_exact(all).enumerate() {
                let weights = &weights[from..][..VECTORS];
                for pixel in 0..PIXELS {
                    let number = simd.splat_f32s(seen[pixel * step + tap]);
                    for vector in 0..VECTORS {
                        let sum = &mut sums[pixel][vector];
                        *sum = mul_add(simd, number, weights[vector], *sum);
                    }
                }
            }
        }
        for (pixel, sums) in sums.iter().enumerate() {
            self.output[(x + pixel) * all + from..][..VECTORS].copy_from_slice(sums);
        }
    }
}
