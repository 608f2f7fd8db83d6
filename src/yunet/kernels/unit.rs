//! The network's unit: a convolution of single pixels, then one of each channel.

use pulp::{Arch, Simd, WithSimd};

use super::map::{Aligned, Map, Memory};
use super::pool::PoolRow;
use super::rows::{Rows, Source};
use super::{Depthwise, Pointwise, dispatch};

/// Rows of the first convolution's result that the second one sees.
const SEEN: usize = 3;

/// A unit with its numbers.
#[derive(Debug)]
pub(crate) struct Unit {
    /// The convolution of single pixels.
    pub(crate) pointwise: Pointwise,
    /// The one of each channel, with ReLU where there is one.
    pub(crate) depthwise: Depthwise,
    /// Whether the largest of each two by two results follows.
    pub(crate) pooled: bool,
}

impl Unit {
    /// The unit's result: as many rows and columns as the source, or half as many when it is pooled.
    pub(crate) fn forward(&self, arch: Arch, source: Source<'_>, memory: &mut Memory) -> Map {
        let [height, width] = source.size();
        let channels = self.pointwise.channels();
        let sides = [height, width].map(|side| if self.pooled { side / 2 } else { side });
        let mut output = Map::new(memory, sides[0], sides[1], channels);
        let mut row = || {
            let mut row = memory.take((width + 2) * channels);
            row[..channels].fill(0.0);
            row[(width + 1) * channels..].fill(0.0);
            row
        };
        let mut run = Run {
            unit: self,
            height,
            between: [row(), row(), row()],
            outside: row(),
            unpooled: self
                .pooled
                .then(|| [(); 2].map(|()| memory.take(width * channels))),
            rows: source.rows(memory),
            output: &mut output,
        };
        run.outside.fill(0.0);
        dispatch(arch, &mut run);
        run.rows.give_back(memory);
        let rows = run.between.into_iter().chain([run.outside]);
        for row in rows.chain(run.unpooled.into_iter().flatten()) {
            memory.give(row);
        }
        output
    }
}

/// A unit at work.
struct Run<'a> {
    unit: &'a Unit,
    height: usize,
    rows: Rows<'a>,
    /// Row `y` of the first convolution's result is in `y % 3`, `[width + 2][channels]` with zeros at both ends.
    between: [Aligned; SEEN],
    /// A row of zeros.
    outside: Aligned,
    /// The second convolution's results of two rows, when these are pooled.
    unpooled: Option<[Aligned; 2]>,
    output: &'a mut Map,
}

impl WithSimd for &mut Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.mix(simd, 0);
        for y in 0..self.height {
            if y + 1 < self.height {
                self.mix(simd, y + 1);
            }
            self.finish(simd, y);
        }
    }
}

impl Run<'_> {
    /// Row `y` of the first convolution.
    #[inline(always)]
    fn mix<S: Simd>(&mut self, simd: S, y: usize) {
        let input = self.rows.row(simd, y);
        let channels = self.unit.pointwise.channels();
        let row = &mut self.between[y % SEEN];
        let inner = channels..row.len() - channels;
        self.unit.pointwise.row(simd, input, &mut row[inner]);
    }

    /// Row `y` of the second convolution, and of the pool.
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, y: usize) {
        let row = |y: usize| &*self.between[y % SEEN];
        let rows = [
            if y > 0 { row(y - 1) } else { &self.outside },
            row(y),
            if y + 1 < self.height {
                row(y + 1)
            } else {
                &self.outside
            },
        ];
        let depthwise = &self.unit.depthwise;
        let Some(unpooled) = &mut self.unpooled else {
            return depthwise.row(simd, rows, self.output.row_mut(y));
        };
        depthwise.row(simd, rows, &mut unpooled[y % 2]);
        if y % 2 == 1 {
            simd.vectorize(PoolRow {
                rows: unpooled.each_ref().map(|row| &**row),
                channels: self.output.channels,
                output: self.output.row_mut(y / 2),
            });
        }
    }
}
