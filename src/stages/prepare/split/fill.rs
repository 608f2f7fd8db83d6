//! Which side each unit goes to: within each label as much as was requested, with whole units only.

/// Images that go to one side together: a group, or all groups of one source.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Unit {
    /// Labels with their numbers of images.
    pub(super) labels: Vec<(usize, usize)>,
    /// Decides between units of equal size; depends only on the seed and the unit's content.
    pub(super) order: String,
    /// The side that it is on already.
    pub(super) fixed: Option<usize>,
    /// When its newest image was made, in seconds since 1970.
    pub(super) made: Option<i64>,
}

impl Unit {
    /// How many images it has.
    pub(super) fn size(&self) -> usize {
        self.labels.iter().map(|(_, count)| count).sum()
    }
}

/// The requested sizes, and in which order sides get their part.
#[derive(Debug, Clone)]
pub(super) struct Targets {
    /// Images of each label (outer) on each side (inner).
    pub(super) images: Vec<Vec<f64>>,
    /// Fewest images of each label on each side that is to get any.
    pub(super) minimum: usize,
    /// Whether units that no side misses are left out.
    pub(super) leave_out: bool,
    pub(super) how: How,
}

/// How units are given to sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Sides are train, val and test; units by chance.
    ByChance,
    /// The same; the newest units to test, the next to val.
    ByTime,
    /// Sides are folds, which are all alike.
    Folds,
}

/// The result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filled {
    /// The side of each unit; `None` where it is left out.
    pub(super) sides: Vec<Option<usize>>,
    /// Labels that have less than the minimum on a side.
    pub(super) short: Vec<usize>,
}

/// Sides in the order in which those that miss as much are filled: test before val, for the reported
/// figures come from it.
const ORDER: [usize; 3] = [0, 2, 1];
const TRAIN: usize = 0;

/// Finds a side for each unit.
///
/// Without units that have a side already, each side of a label is filled within one unit of its
/// requested size, but where the minimum asks for more. At first the smallest units fill the minimum of val and
/// test; where that leaves too little for a side, the largest go where most of the minimum is missing.
pub(super) fn fill(units: &[Unit], targets: &Targets) -> Filled {
    let labels = targets.images.len();
    let first = Filling::run(units, targets, &vec![false; labels]);
    if first.short.is_empty() {
        return first;
    }
    let mut careful = vec![false; labels];
    first.short.iter().for_each(|label| careful[*label] = true);
    let second = Filling::run(units, targets, &careful);
    if second.short.is_empty() {
        return second;
    }
    // Labels that this does not help are filled as at first.
    second
        .short
        .iter()
        .for_each(|label| careful[*label] = false);
    Filling::run(units, targets, &careful)
}

struct Filling<'units> {
    units: &'units [Unit],
    targets: &'units Targets,
    /// Units of each label without a side, the largest first.
    of_label: Vec<Vec<usize>>,
    missing: Vec<Vec<f64>>,
    missing_of_all: Vec<f64>,
    counts: Vec<Vec<usize>>,
    sides: Vec<Option<usize>>,
}

impl<'units> Filling<'units> {
    fn run(units: &'units [Unit], targets: &'units Targets, careful: &[bool]) -> Filled {
        let sides = targets.images.first().map_or(0, Vec::len);
        let labels = targets.images.len();
        let all = |side: usize| targets.images.iter().map(|label| label[side]).sum();
        let mut filling = Self {
            units,
            targets,
            of_label: vec![Vec::new(); labels],
            missing: targets.images.clone(),
            missing_of_all: (0..sides).map(all).collect(),
            counts: vec![vec![0; sides]; labels],
            sides: vec![None; units.len()],
        };
        for (index, unit) in units.iter().enumerate() {
            if let Some(side) = unit.fixed {
                filling.place(index, side);
            }
        }
        let mut free: Vec<usize> = (0..units.len())
            .filter(|index| units[*index].fixed.is_none())
            .collect();
        free.sort_by(|a, b| {
            let (a, b) = (&units[*a], &units[*b]);
            let by_size = b.size().cmp(&a.size());
            // Folds of all labels together come out alike if labels are filled one after the other.
            let by_label = match targets.how {
                How::Folds => a.labels.cmp(&b.labels),
                How::ByChance | How::ByTime => std::cmp::Ordering::Equal,
            };
            by_size.then(by_label).then_with(|| a.order.cmp(&b.order))
        });
        for index in &free {
            for (label, _) in &units[*index].labels {
                filling.of_label[*label].push(*index);
            }
        }
        match targets.how {
            How::ByTime => (0..labels).for_each(|label| filling.place_by_time(label)),
            How::ByChance => filling.reserve(careful),
            How::Folds => {}
        }
        for index in free {
            if filling.sides[index].is_none() {
                filling.place_where_missed(index);
            }
        }
        filling.finish()
    }

    fn finish(self) -> Filled {
        let is_short = |label: &usize| {
            let (targets, counts) = (&self.targets.images[*label], &self.counts[*label]);
            (targets.iter().zip(counts))
                .any(|(target, count)| *target > 0.0 && *count < self.targets.minimum)
        };
        Filled {
            short: (0..self.counts.len()).filter(is_short).collect(),
            sides: self.sides,
        }
    }

    fn place(&mut self, index: usize, side: usize) {
        self.sides[index] = Some(side);
        for (label, count) in &self.units[index].labels {
            self.counts[*label][side] += count;
            self.missing[*label][side] -= *count as f64;
            self.missing_of_all[side] -= *count as f64;
        }
    }

    /// Fills the minimum of each label: labels with the fewest units first, for they have the least choice.
    fn reserve(&mut self, careful: &[bool]) {
        let mut labels: Vec<usize> = (0..self.of_label.len()).collect();
        labels.sort_by_key(|label| (self.of_label[*label].len(), *label));
        for label in labels {
            if careful[label] {
                self.reserve_by_size(label);
            } else {
                self.reserve_smallest(label);
            }
        }
    }

    fn free(&self, label: usize) -> Vec<usize> {
        let free = self.of_label[label].iter();
        free.copied()
            .filter(|index| self.sides[*index].is_none())
            .collect()
    }

    fn lacks(&self, label: usize, side: usize) -> bool {
        self.targets.images[label][side] > 0.0 && self.counts[label][side] < self.targets.minimum
    }

    /// The smallest units go to val and test; train keeps one at least.
    fn reserve_smallest(&mut self, label: usize) {
        let mut free = self.free(label);
        for side in 1..self.missing_of_all.len() {
            while self.lacks(label, side)
                && free.len() > usize::from(self.counts[label][TRAIN] == 0)
            {
                if let Some(index) = free.pop() {
                    self.place(index, side);
                }
            }
        }
    }

    /// The largest units go where most of the minimum is missing.
    fn reserve_by_size(&mut self, label: usize) {
        for index in self.free(label) {
            let lacking = ORDER.into_iter().filter(|side| self.lacks(label, *side));
            // The first of equal ones.
            let most = lacking.min_by_key(|side| self.counts[label][*side]);
            let Some(side) = most else { return };
            self.place(index, side);
        }
    }

    /// The newest units go to test, the next to val; units without a date count as the oldest.
    fn place_by_time(&mut self, label: usize) {
        let mut free = self.free(label);
        free.sort_by_key(|index| std::cmp::Reverse(self.units[*index].made));
        let targets = &self.targets.images[label];
        let filled_before_train = [2, 1].into_iter().filter(|side| targets[*side] > 0.0);
        let filled_before_train: Vec<usize> = filled_before_train.collect();
        let mut free = free.into_iter().peekable();
        for (at, side) in filled_before_train.iter().enumerate() {
            while let Some(index) = free.peek().copied() {
                let size = self.units[index].size() as f64;
                let later = filled_before_train[at + 1..].iter().chain([&TRAIN]);
                let kept_for_others = later.filter(|side| self.lacks(label, **side)).count();
                let is_due = self.lacks(label, *side) || self.missing[label][*side] > size / 2.0;
                if !is_due || free.len() <= kept_for_others {
                    break;
                }
                self.place(index, *side);
                free.next();
            }
        }
        for index in free {
            let is_over = self.missing[label][TRAIN] < self.units[index].size() as f64 / 2.0;
            if !(self.targets.leave_out && is_over) {
                let rest = ORDER
                    .into_iter()
                    .find(|side| self.targets.images[label][*side] > 0.0);
                self.place(index, rest.unwrap_or(TRAIN));
            }
        }
    }

    /// A unit goes where its labels miss most images.
    fn place_where_missed(&mut self, index: usize) {
        let unit = &self.units[index];
        let size = unit.size() as f64;
        let missed = |side: usize| -> f64 {
            let of_labels = unit.labels.iter();
            of_labels
                .map(|(label, count)| *count as f64 / size * self.missing[*label][side])
                .sum()
        };
        let mut best: Option<(usize, f64)> = None;
        for side in self.order() {
            let missed = missed(side);
            if best.is_none_or(|(_, most)| missed > most) {
                best = Some((side, missed));
            }
        }
        if let Some((side, most)) = best {
            let by_time = self.targets.how == How::ByTime;
            if !(self.targets.leave_out && (by_time || most < size / 2.0)) {
                self.place(index, side);
            }
        }
    }

    /// Sides in the order in which ties between them are decided.
    fn order(&self) -> Vec<usize> {
        if self.targets.how != How::Folds {
            return ORDER.to_vec();
        }
        let mut folds: Vec<usize> = (0..self.missing_of_all.len()).collect();
        folds.sort_by(|a, b| self.missing_of_all[*b].total_cmp(&self.missing_of_all[*a]));
        folds
    }
}

#[cfg(test)]
#[path = "fill_tests.rs"]
mod tests;
