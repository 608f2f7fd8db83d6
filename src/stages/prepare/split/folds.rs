//! Folds for cross-validation: parts of the images outside test, of the same size in each label.

use super::fill::{How, Targets, Unit, fill};
use super::units::Units;
use super::{Placed, Source};
use facepipe_core::types::Split;

/// Gives each image that is not test a fold from 1 to `count`; gives how many images each fold has.
///
/// Groups (and sources, where the split goes by them) are never parted, and images keep the fold that they
/// had.
pub(super) fn assign(images: &mut [Placed<'_>], count: u32, source: Source<'_>) -> Vec<u64> {
    let folds = count as usize;
    let learnt: Vec<usize> = (0..images.len())
        .filter(|index| images[*index].side != Split::Test)
        .collect();
    let placed: Vec<_> = (learnt.iter())
        .map(|index| (images[*index].image.clone(), images[*index].origin.clone()))
        .collect();
    let mut units = Units::of(&placed, source);
    keep_folds(
        &mut units.units,
        &units.unit_of,
        images,
        &learnt,
        source,
        folds,
    );
    let share = |images: &usize| vec![*images as f64 / f64::from(count); folds];
    let targets = Targets {
        images: units.images.iter().map(share).collect(),
        minimum: 0,
        leave_out: false,
        how: How::Folds,
    };
    let filled = fill(&units.units, &targets);
    let mut counts = vec![0; folds];
    for (index, unit) in learnt.iter().zip(&units.unit_of) {
        let fold = filled.sides[*unit].unwrap_or_default();
        images[*index].fold = Some(fold as u32 + 1);
        counts[fold] += 1;
    }
    counts
}

/// Units keep their fold; where a unit was in several folds, the first.
fn keep_folds(
    units: &mut [Unit],
    unit_of: &[usize],
    images: &[Placed<'_>],
    learnt: &[usize],
    source: Source<'_>,
    folds: usize,
) {
    units.iter_mut().for_each(|unit| unit.fixed = None);
    if source.earlier.is_empty() {
        return;
    }
    let mut of_set = std::collections::HashMap::new();
    for (item, set) in source.items.iter().zip(source.sets) {
        let fold = source.earlier.of(item).and_then(|known| known.fold);
        if let Some(fold) = fold.filter(|fold| (1..=folds).contains(&(*fold as usize))) {
            let first = of_set.entry(*set).or_insert(fold);
            *first = fold.min(*first);
        }
    }
    for (index, unit) in learnt.iter().zip(unit_of) {
        let fold = of_set
            .get(&images[*index].image.set)
            .map(|fold| *fold as usize - 1);
        let fixed = units[*unit].fixed;
        units[*unit].fixed = fixed.into_iter().chain(fold).min();
    }
}
