//! Which images an epoch shows, and how often: each once, or those of rare labels more often.

use rand::RngExt;
use rand::seq::SliceRandom;

use super::order::{Purpose, generator, in_batches};

/// The batches of one epoch over as many images as there are. `balance` is the power by which a label's
/// share falls with the number of its images: at 0 each image comes once, at 1 each label equally often,
/// and between them rare labels come more often than their share.
///
/// Labels get their share of the images, rounded so that it is right in the mean of many
/// epochs; a label's images come equally often, or once more.
pub(super) fn batches(
    labels: &[usize],
    balance: f64,
    batch: usize,
    seed: u64,
    epoch: u32,
) -> Vec<Vec<usize>> {
    if balance == 0.0 {
        return super::order::batches(labels.len(), batch, seed, epoch);
    }
    let mut random = generator(seed, Purpose::Order, epoch, 0);
    let count = labels.iter().max().map_or(0, |most| most + 1);
    let mut images = vec![Vec::new(); count];
    for (index, label) in labels.iter().enumerate() {
        images[*label].push(index);
    }
    images.retain(|of_label| !of_label.is_empty());
    let mut order = Vec::with_capacity(labels.len());
    let offset = random.random_range(0.0..1.0);
    let counts: Vec<usize> = images.iter().map(Vec::len).collect();
    for (of_label, due) in images.iter_mut().zip(due(&counts, balance, offset)) {
        of_label.shuffle(&mut random);
        order.extend(of_label.iter().cycle().take(due));
    }
    order.shuffle(&mut random);
    in_batches(&order, batch)
}

/// How many images each label gets, by how many it has; as many together as there are.
fn due(counts: &[usize], balance: f64, offset: f64) -> Vec<usize> {
    let weights: Vec<f64> = counts
        .iter()
        .map(|count| (*count as f64).powf(1.0 - balance))
        .collect();
    let all: usize = counts.iter().sum();
    let sum: f64 = weights.iter().sum();
    let (mut reached, mut given) = (0.0, 0);
    let last = counts.len().saturating_sub(1);
    let mut result = Vec::with_capacity(counts.len());
    for (index, weight) in weights.iter().enumerate() {
        reached += weight;
        let until = if index == last {
            all
        } else {
            (reached / sum * all as f64 + offset) as usize
        };
        result.push(until.min(all) - given);
        given = until.min(all);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2, 10 and 38 images of three labels, and none of a fourth between them.
    fn labels() -> Vec<usize> {
        [vec![0; 2], vec![2; 10], vec![3; 38]].concat()
    }

    fn counts(balance: f64, epoch: u32) -> [usize; 4] {
        let labels = labels();
        let mut counts = [0; 4];
        for index in batches(&labels, balance, 8, 7, epoch).concat() {
            counts[labels[index]] += 1;
        }
        counts
    }

    #[test]
    fn balance_decides_how_often_labels_come() {
        assert_eq!(counts(0.0, 1), [2, 0, 10, 38]);
        for epoch in 1..20 {
            let [rare, none, some, many] = counts(1.0, epoch);
            assert_eq!((none, rare + some + many), (0, 50));
            assert!(
                [rare, some, many]
                    .iter()
                    .all(|count| (16..=17).contains(count))
            );
            let [rare, _, some, many] = counts(0.5, epoch);
            assert!((6..=7).contains(&rare) && (14..=15).contains(&some) && many > 27);
        }
    }

    #[test]
    fn a_labels_images_come_equally_often_and_the_seed_decides_which() {
        let of = |seed, epoch| batches(&labels(), 1.0, 8, seed, epoch);
        let order = of(7, 1).concat();
        for index in 0..12 {
            let times = order.iter().filter(|other| **other == index).count();
            let expected = if index < 2 { 8..=9 } else { 1..=2 };
            assert!(expected.contains(&times), "{index}: {times}");
        }
        assert_eq!(of(7, 1), of(7, 1));
        assert_ne!(of(7, 1), of(7, 2));
        assert_ne!(of(7, 1), of(8, 1));
    }
}
