//! The largest of each two by two.

use pulp::{Arch, Simd, WithSimd};

use super::map::{Map, Memory};
use super::{dispatch, vectors, vectors_mut};

/// The largest of each two by two points of a map with even sides: `[height / 2][width / 2][channels]`.
pub(crate) fn pool(arch: Arch, input: &Map, memory: &mut Memory) -> Map {
    let mut output = Map::new(memory, input.height / 2, input.width / 2, input.channels);
    for y in 0..output.height {
        dispatch(
            arch,
            PoolRow {
                rows: [input.row(2 * y), input.row(2 * y + 1)],
                channels: input.channels,
                output: output.row_mut(y),
            },
        );
    }
    output
}

/// One row.
pub(super) struct PoolRow<'a> {
    /// `[width][channels]`.
    pub(super) rows: [&'a [f32]; 2],
    /// A multiple of [`super::BLOCK`].
    pub(super) channels: usize,
    /// `[width / 2][channels]`.
    pub(super) output: &'a mut [f32],
}

impl WithSimd for PoolRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let all = self.channels / S::F32_LANES;
        let [above, below] = self.rows.map(|row| vectors::<S>(row).chunks_exact(2 * all));
        let output = vectors_mut::<S>(self.output).chunks_exact_mut(all);
        for ((above, below), output) in above.zip(below).zip(output) {
            let ((a, b), (c, d)) = (above.split_at(all), below.split_at(all));
            for at in 0..all {
                let upper = simd.max_f32s(a[at], b[at]);
                let lower = simd.max_f32s(c[at], d[at]);
                output[at] = simd.max_f32s(upper, lower);
            }
        }
    }
}
