//! Convolutions of single pixels.

use pulp::Simd;

use super::map::{Aligned, BLOCK, padded};
use super::product::Product;

/// A convolution of single pixels with its numbers.
#[derive(Debug)]
pub(crate) struct Pointwise {
    /// `[inputs][outputs]`, both padded.
    weights: Aligned,
    /// `[outputs]`, padded.
    bias: Aligned,
}

impl Pointwise {
    /// From weights `[outputs][inputs]` and a bias `[outputs]`.
    pub(crate) fn new(weights: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        let inputs = weights.len() / outputs;
        let all = outputs.next_multiple_of(BLOCK);
        let mut turned = vec![0.0; inputs.next_multiple_of(BLOCK) * all];
        for (output, weights) in weights.chunks_exact(inputs).enumerate() {
            for (input, weight) in weights.iter().enumerate() {
                turned[input * all + output] = *weight;
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

    /// One row: `[width][inputs]` to `[width][outputs]`, both padded.
    #[inline(always)]
    pub(super) fn row<S: Simd>(&self, simd: S, input: &[f32], output: &mut [f32]) {
        let inputs = self.weights.len() / self.bias.len();
        simd.vectorize(Product {
            rows: [input],
            step: inputs,
            taps: inputs,
            weights: &self.weights,
            bias: &self.bias,
            output,
        });
    }
}
