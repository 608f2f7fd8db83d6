//! The smallest few of many.

use std::collections::BinaryHeap;

/// A key, and the two indices it belongs to: smaller ones are nearer.
pub(super) type Entry = (u32, u32, u32);

/// The smallest of the entries that were offered.
#[derive(Debug, Clone)]
pub(super) struct Few {
    most: usize,
    /// Larger keys are rejected.
    ceiling: u32,
    /// The largest on top.
    entries: BinaryHeap<Entry>,
}

impl Few {
    /// At most this many entries with keys up to `ceiling`.
    pub(super) fn new(most: usize, ceiling: u32) -> Self {
        Self {
            most,
            ceiling,
            entries: BinaryHeap::with_capacity(most + 1),
        }
    }

    /// The largest key that may still be among the smallest.
    pub(super) fn bound(&self) -> u32 {
        match self.entries.peek() {
            Some((key, ..)) if self.entries.len() == self.most => self.ceiling.min(*key),
            _ => self.ceiling,
        }
    }

    pub(super) fn offer(&mut self, entry: Entry) {
        if self.most == 0 || entry.0 > self.bound() {
            return;
        }
        self.entries.push(entry);
        if self.entries.len() > self.most {
            self.entries.pop();
        }
    }

    /// The entries, smallest first.
    pub(super) fn entries(self) -> Vec<Entry> {
        self.entries.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_stay_and_the_bound_is_the_largest_of_them() {
        let mut few = Few::new(3, 50);
        assert_eq!(few.bound(), 50);
        for key in [60, 9, 7, 30, 8, 51, 8] {
            few.offer((key, key, 0));
        }
        few.offer((8, 1, 0));
        assert_eq!(few.bound(), 8);
        assert_eq!(few.entries(), [(7, 7, 0), (8, 1, 0), (8, 8, 0)]);
        let mut none = Few::new(0, u32::MAX);
        none.offer((1, 0, 0));
        assert!(none.entries().is_empty());
    }
}
