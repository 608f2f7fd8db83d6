//! Values between layers, and the memory that they are in.

use std::ops::{Deref, DerefMut};

/// Channels are padded to a multiple of this: the numbers of the widest vectors, and those of a cache line.
pub(super) const BLOCK: usize = 16;
/// Bytes of a cache line, which no vector should cross.
const LINE: usize = BLOCK * size_of::<f32>();

/// Numbers that begin at a cache line.
#[derive(Debug, Default)]
pub struct Aligned {
    store: Vec<f32>,
    start: usize,
    length: usize,
}

impl Aligned {
    /// So many numbers, which are zeros or what was in `store`.
    fn within(mut store: Vec<f32>, length: usize) -> Self {
        if store.len() < length + BLOCK {
            store.resize(length + BLOCK, 0.0);
        }
        // Where the address can't be known, any start is right, only slower.
        let start = store.as_ptr().align_offset(LINE).min(BLOCK);
        Self {
            store,
            start,
            length,
        }
    }

    /// The numbers of a slice.
    pub(super) fn of(numbers: &[f32]) -> Self {
        let mut aligned = Self::within(Vec::new(), numbers.len());
        aligned.copy_from_slice(numbers);
        aligned
    }
}

/// Numbers of channels with zeros behind them, up to a multiple of [`BLOCK`].
pub(super) fn padded(numbers: &[f32]) -> Aligned {
    let mut all = numbers.to_vec();
    all.resize(numbers.len().next_multiple_of(BLOCK), 0.0);
    Aligned::of(&all)
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.store[self.start..][..self.length]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.store[self.start..][..self.length]
    }
}

/// The numbers of all points of a picture or of a layer.
#[derive(Debug)]
pub struct Map {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Numbers of a point. Between layers a multiple of 16, of which the last ones may be padding.
    pub channels: usize,
    /// The numbers, `[height][width][channels]`.
    pub values: Aligned,
}

impl Map {
    /// A map of these sides; its numbers are anything.
    pub fn new(memory: &mut Memory, height: usize, width: usize, channels: usize) -> Self {
        Self {
            height,
            width,
            channels,
            values: memory.take(height * width * channels),
        }
    }

    /// A map of these numbers, `[height][width][channels]`.
    pub fn of(height: usize, width: usize, channels: usize, values: &[f32]) -> Self {
        Self {
            height,
            width,
            channels,
            values: Aligned::of(values),
        }
    }

    /// One row, `[width][channels]`.
    pub fn row(&self, y: usize) -> &[f32] {
        let length = self.width * self.channels;
        &self.values[y * length..][..length]
    }

    /// One row, `[width][channels]`.
    pub fn row_mut(&mut self, y: usize) -> &mut [f32] {
        let length = self.width * self.channels;
        &mut self.values[y * length..][..length]
    }
}

/// Memory that is free to be used again: fresh memory of the system costs more time than some layers.
#[derive(Debug, Default)]
pub struct Memory {
    spare: Vec<Vec<f32>>,
}

impl Memory {
    /// So many numbers, of any value.
    pub fn take(&mut self, length: usize) -> Aligned {
        let needed = length + BLOCK;
        let fitting = self.spare.iter().enumerate();
        let fitting = fitting.filter(|(_, store)| store.capacity() >= needed);
        let smallest = fitting.min_by_key(|(_, store)| store.capacity());
        let store = match smallest.map(|(at, _)| at) {
            Some(at) => self.spare.swap_remove(at),
            // A short one is given back to the system.
            None => {
                self.spare.pop();
                Vec::new()
            }
        };
        Aligned::within(store, length)
    }

    /// Takes back what is not needed any more.
    pub fn give(&mut self, numbers: Aligned) {
        self.spare.push(numbers.store);
    }
}
