//! The randomness of an epoch: a function of seed, epoch and position only.

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// Purposes of random numbers: each has its own stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// The order of the images.
    Order = 1,
    /// Changes to one image.
    Augmentation = 2,
    /// Which view of an image a frozen trunk is shown, and how it differs.
    View = 3,
    /// Which images of a batch are mixed, and how much.
    Mixup = 4,
}

/// The generator for one purpose at one place of the training.
pub(super) fn generator(seed: u64, purpose: Purpose, epoch: u32, position: usize) -> impl Rng {
    let mut key = [0; 32];
    let parts = [seed, purpose as u64, u64::from(epoch), position as u64];
    for (bytes, part) in key.chunks_mut(8).zip(parts) {
        bytes.copy_from_slice(&part.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The batches of one epoch: each image once, in another order each epoch.
pub(super) fn batches(count: usize, batch: usize, seed: u64, epoch: u32) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut generator(seed, Purpose::Order, epoch, 0));
    in_batches(&order, batch)
}

/// An order in as few batches as images fit into, all of about the same size.
///
/// Batch normalisation takes mean and deviation from a batch. A last batch of the two images that were left
/// over gave statistics, and steps, that undid an epoch: on 18 images in batches of 8 the loss of the last
/// epoch was anything from 0.01 to 2.9, and rounding decided which. For the same reason no batch has a single
/// image where there are more; a batch is larger than `batch` by one where only that prevents it.
pub(super) fn in_batches(order: &[usize], batch: usize) -> Vec<Vec<usize>> {
    let count = batch_count(order.len(), batch);
    let (size, larger) = (order.len() / count, order.len() % count);
    let mut rest = order;
    let mut batches = Vec::with_capacity(count);
    for number in 0..count {
        let (chosen, left) = rest.split_at(size + usize::from(number < larger));
        batches.push(chosen.to_vec());
        rest = left;
    }
    batches
}

/// The number of batches of an epoch.
pub(super) fn batch_count(images: usize, batch: usize) -> usize {
    images.div_ceil(batch.max(2)).min(images / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_epoch_has_every_image_once_in_an_order_of_its_own() {
        let cases = [
            (3, vec![3]),
            (5, vec![3, 2]),
            (8, vec![4, 4]),
            (9, vec![3, 3, 3]),
            (10, vec![4, 3, 3]),
        ];
        for (count, sizes) in cases {
            let first = batches(count, 4, 7, 1);
            assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
            let mut all = first.concat();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
            assert_eq!(first, batches(count, 4, 7, 1));
        }
        assert_ne!(batches(10, 4, 7, 1), batches(10, 4, 7, 2));
        assert_ne!(batches(10, 4, 7, 1), batches(10, 4, 8, 1));
    }

    #[test]
    fn no_batch_has_a_single_image_where_there_are_more() {
        for (count, batch) in (2..40).flat_map(|count| (1..9).map(move |batch| (count, batch))) {
            let sizes: Vec<usize> = batches(count, batch, 0, 1).iter().map(Vec::len).collect();
            let (least, most) = (sizes.iter().min(), sizes.iter().max());
            assert!(
                least.is_some_and(|least| *least > 1),
                "{count} in {batch}: {sizes:?}"
            );
            assert!(
                most.is_some_and(|most| *most <= batch.max(2) + 1),
                "{count} in {batch}: {sizes:?}"
            );
            assert_eq!(sizes.iter().sum::<usize>(), count);
        }
        assert!(batches(0, 4, 0, 1).concat().is_empty());
    }

    /// The order is part of what a seed means: it must not change with the machine or a library.
    #[test]
    fn the_order_of_a_seed_is_fixed() {
        assert_eq!(batches(6, 6, 0, 1), [[1, 5, 2, 3, 0, 4]]);
    }
}
