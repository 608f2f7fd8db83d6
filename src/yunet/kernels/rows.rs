//! What units take, row by row.

use pulp::Simd;

use super::first::{First, FirstRows};
use super::map::{Aligned, Map, Memory};
use super::{vectors, vectors_mut};

/// What a unit takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// The first convolution of a picture, `[height][width][3]` of bytes, both sides even.
    Picture {
        /// The convolution.
        first: &'a First,
        /// The bytes.
        bytes: &'a [u8],
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// A map as it is.
    Map(&'a Map),
    /// A map plus one of half its sides, each point of which counts for two by two.
    Sum(&'a Map, &'a Map),
}

impl<'a> Source<'a> {
    /// Rows and columns of what the unit sees.
    pub(super) fn size(&self) -> [usize; 2] {
        match self {
            Self::Picture { height, width, .. } => [height / 2, width / 2],
            Self::Map(map) | Self::Sum(map, _) => [map.height, map.width],
        }
    }

    pub(super) fn rows(self, memory: &mut Memory) -> Rows<'a> {
        match self {
            Self::Picture {
                first,
                bytes,
                width,
                ..
            } => Rows::Picture(FirstRows::new(first, bytes, width, memory)),
            Self::Map(map) => Rows::Map(map),
            Self::Sum(fine, coarse) => Rows::Sum {
                fine,
                coarse,
                row: memory.take(fine.width * fine.channels),
            },
        }
    }
}

/// The rows of a [`Source`], one after the other.
pub(super) enum Rows<'a> {
    Picture(FirstRows<'a>),
    Map(&'a Map),
    Sum {
        fine: &'a Map,
        coarse: &'a Map,
        row: Aligned,
    },
}

impl Rows<'_> {
    /// Row `y`, `[width][channels]`. Rows must be asked for in order.
    #[inline(always)]
    pub(super) fn row<S: Simd>(&mut self, simd: S, y: usize) -> &[f32] {
        match self {
            Self::Picture(rows) => rows.row(simd, y),
            Self::Map(map) => map.row(y),
            Self::Sum { fine, coarse, row } => {
                add(simd, fine.row(y), coarse.row(y / 2), fine.channels, row);
                row
            }
        }
    }

    pub(super) fn give_back(self, memory: &mut Memory) {
        match self {
            Self::Picture(rows) => rows.give_back(memory),
            Self::Map(_) => {}
            Self::Sum { row, .. } => memory.give(row),
        }
    }
}

/// `[width][channels]` plus `[width / 2][channels]`.
#[inline(always)]
fn add<S: Simd>(simd: S, fine: &[f32], coarse: &[f32], channels: usize, output: &mut [f32]) {
    let all = channels / S::F32_LANES;
    let fine = vectors::<S>(fine).chunks_exact(2 * all);
    let coarse = vectors::<S>(coarse).chunks_exact(all);
    let output = vectors_mut::<S>(output).chunks_exact_mut(2 * all);
    for ((fine, coarse), output) in fine.zip(coarse).zip(output) {
        let (left, right) = output.split_at_mut(all);
        let (fine_left, fine_right) = fine.split_at(all);
        for at in 0..all {
            left[at] = simd.add_f32s(fine_left[at], coarse[at]);
            right[at] = simd.add_f32s(fine_right[at], coarse[at]);
        }
    }
}
