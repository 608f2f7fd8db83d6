//! One block of bits: the strings sorted by it, and those that are close in it.

use super::plan::size;

/// Bits that one pass of the sort uses: a table of 2,048 counts stays in the L1 cache.
const DIGIT_BITS: u32 = 11;

/// Some of the bits of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Which bits; neighbouring bits go to different blocks, because they are correlated.
    places: Vec<u32>,
    /// How many of them may differ.
    pub(super) tolerance: u32,
}

impl Block {
    /// Distributes the bits over as many blocks as there are tolerances.
    pub(super) fn deal(bits: u32, tolerances: &[u32]) -> Vec<Self> {
        let blocks = tolerances.len() as u32;
        let block = |(block, tolerance): (usize, &u32)| {
            let count = size(bits, blocks, block as u32);
            Self {
                places: (0..count).map(|at| block as u32 + at * blocks).collect(),
                tolerance: *tolerance,
            }
        };
        tolerances.iter().enumerate().map(block).collect()
    }

    fn bits(&self) -> u32 {
        self.places.len() as u32
    }

    /// The block's bits of a string, side by side.
    fn value<const WORDS: usize>(&self, string: &[u64; WORDS]) -> u32 {
        self.places.iter().fold(0, |value, place| {
            let bit = string[(place / 64) as usize] >> (place % 64) & 1;
            value << 1 | bit as u32
        })
    }

    /// Whether two strings are close in this block.
    pub(super) fn finds<const WORDS: usize>(&self, a: &[u64; WORDS], b: &[u64; WORDS]) -> bool {
        (self.value(a) ^ self.value(b)).count_ones() <= self.tolerance
    }
}

/// The strings sorted by a block.
#[derive(Debug, Clone)]
pub(super) struct Sorted<const WORDS: usize> {
    /// The block's bits in the upper half, the string's index in the lower.
    keys: Vec<u64>,
    spare: Vec<u64>,
    /// In the order of `keys`.
    strings: Vec<[u64; WORDS]>,
    /// A bit for each value of the block: whether a string has it.
    occurs: Vec<u64>,
    /// Where the strings of a value begin, by value; only for values that occur.
    starts: Vec<u32>,
    bits: u32,
}

impl<const WORDS: usize> Default for Sorted<WORDS> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            spare: Vec::new(),
            strings: Vec::new(),
            occurs: Vec::new(),
            starts: Vec::new(),
            bits: 0,
        }
    }
}

impl<const WORDS: usize> Sorted<WORDS> {
    /// Sorts `count` strings by a block.
    pub(super) fn sort<'strings>(
        &mut self,
        block: &Block,
        count: usize,
        of: impl Fn(u32) -> &'strings [u64; WORDS],
    ) {
        self.bits = block.bits();
        self.keys.clear();
        let key = |index: u32| u64::from(block.value(of(index))) << 32 | u64::from(index);
        self.keys.extend((0..count as u32).map(key));
        sort_by_upper_half(&mut self.keys, &mut self.spare, self.bits);
        self.strings.clear();
        self.strings
            .extend(self.keys.iter().map(|key| *of(*key as u32)));
        let values = 1_usize << self.bits;
        self.occurs.clear();
        self.occurs.resize(values.div_ceil(64), 0);
        self.starts.resize(values, 0);
        let mut before = None;
        for (at, key) in self.keys.iter().enumerate() {
            let value = key >> 32;
            if before != Some(value) {
                self.occurs[(value / 64) as usize] |= 1 << (value % 64);
                self.starts[value as usize] = at as u32;
                before = Some(value);
            }
        }
    }

    /// Gives each pair of strings whose blocks differ in at most `tolerance` bits once, by their
    /// indices and themselves.
    pub(super) fn for_each_neighbours(
        &self,
        tolerance: u32,
        mut take: impl FnMut(u32, &[u64; WORDS], u32, &[u64; WORDS]),
    ) {
        let masks = masks(self.bits, tolerance);
        let mut start = 0;
        for run in self.keys.chunk_by(|a, b| a >> 32 == b >> 32) {
            let strings = &self.strings[start..][..run.len()];
            start += run.len();
            let value = (run[0] >> 32) as u32;
            for (at, (b, b_string)) in run.iter().zip(strings).enumerate() {
                for (a, a_string) in run[..at].iter().zip(strings) {
                    take(*a as u32, a_string, *b as u32, b_string);
                }
            }
            for mask in &masks {
                let other = value ^ mask;
                // From the smaller value only, so that each two values meet once.
                if other < value || !self.occurs(other) {
                    continue;
                }
                let from = self.starts[other as usize] as usize;
                let equal = self.keys[from..].iter();
                let equal = equal.take_while(|key| (**key >> 32) as u32 == other);
                for (b, b_string) in equal.zip(&self.strings[from..]) {
                    for (a, a_string) in run.iter().zip(strings) {
                        take(*a as u32, a_string, *b as u32, b_string);
                    }
                }
            }
        }
    }

    fn occurs(&self, value: u32) -> bool {
        self.occurs[(value / 64) as usize] >> (value % 64) & 1 == 1
    }
}

/// All numbers of `bits` bits of which 1 to `tolerance` are set.
fn masks(bits: u32, tolerance: u32) -> Vec<u32> {
    let mut masks = vec![0];
    let mut newest = 0..1;
    for _ in 0..tolerance {
        let end = masks.len();
        for at in newest {
            let mask: u32 = masks[at];
            // Each from the one without its highest bit.
            let free = 32 - mask.leading_zeros();
            masks.extend((free..bits).map(|bit| mask | 1 << bit));
        }
        newest = end..masks.len();
    }
    masks.remove(0);
    masks
}

/// Sorts numbers by `bits` bits of their upper halves and keeps the order of equal ones.
fn sort_by_upper_half(keys: &mut Vec<u64>, spare: &mut Vec<u64>, bits: u32) {
    spare.resize(keys.len(), 0);
    for shift in (0..bits).step_by(DIGIT_BITS as usize) {
        let digit = |key: u64| (key >> (32 + shift)) as usize & ((1 << DIGIT_BITS) - 1);
        let mut starts = vec![0; 1 << DIGIT_BITS];
        for key in &*keys {
            starts[digit(*key)] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        for key in &*keys {
            let at = &mut starts[digit(*key)];
            spare[*at] = *key;
            *at += 1;
        }
        std::mem::swap(keys, spare);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_all_and_once() {
        let mut found = masks(7, 3);
        found.sort_unstable();
        let expected: Vec<u32> = (1_u32..128).filter(|mask| mask.count_ones() <= 3).collect();
        assert_eq!(found, expected);
        assert!(masks(7, 0).is_empty());
    }

    #[test]
    fn blocks_hold_every_bit_once() {
        let blocks = Block::deal(256, &[1; 11]);
        let mut places: Vec<u32> = blocks
            .iter()
            .flat_map(|block| block.places.clone())
            .collect();
        places.sort_unstable();
        assert_eq!(places, (0..256).collect::<Vec<_>>());
    }

    #[test]
    fn sorting_uses_the_upper_half_and_is_stable() {
        let mut keys: Vec<u64> = (0..5000_u64)
            .map(|at| (at * 7919 % 3001) << 32 | at)
            .collect();
        let mut expected = keys.clone();
        expected.sort_unstable();
        sort_by_upper_half(&mut keys, &mut Vec::new(), 24);
        assert_eq!(keys, expected);
    }
}
