//! Sets of indices that grow together.

/// Disjoint sets of `0..len`; the smallest member represents its set.
#[derive(Debug, Clone)]
pub(super) struct UnionFind {
    parent: Vec<usize>,
}

impl UnionFind {
    pub(super) fn new(len: usize) -> Self {
        Self {
            parent: (0..len).collect(),
        }
    }

    /// The smallest member of the set that holds `index`.
    pub(super) fn find(&mut self, mut index: usize) -> usize {
        while self.parent[index] != index {
            self.parent[index] = self.parent[self.parent[index]];
            index = self.parent[index];
        }
        index
    }

    /// Makes one set of two.
    pub(super) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_member_represents_its_set() {
        let mut sets = UnionFind::new(6);
        sets.join(5, 3);
        sets.join(4, 5);
        sets.join(3, 1);
        let all: Vec<_> = (0..6).map(|index| sets.find(index)).collect();
        assert_eq!(all, [0, 1, 2, 1, 1, 1]);
    }
}
