//! What is random in an epoch: a function of seed, epoch and position, and of nothing else.

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// What random numbers are for: each purpose has its own.
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
///
/// No batch has a single image, for which a batch's statistics say nothing: it joins the batch
/// before.
pub(super) fn batches(count: usize, batch: usize, seed: u64, epoch: u32) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut generator(seed, Purpose::Order, epoch, 0));
    in_batches(&order, batch)
}

/// An order in pieces, none of them with a single image where there are more.
pub(super) fn in_batches(order: &[usize], batch: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = order.chunks(batch.max(2)).map(<[usize]>::to_vec).collect();
    if batches.len() > 1 && batches.last().is_some_and(|last| last.len() == 1) {
        let last = batches.pop().unwrap_or_default();
        if let Some(before) = batches.last_mut() {
            before.extend(last);
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_epoch_has_every_image_once_in_an_order_of_its_own() {
        for (count, sizes) in [(9, vec![4, 5]), (10, vec![4, 4, 2]), (3, vec![3])] {
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

    /// The order is part of what a seed means: it must not change with the machine or a library.
    #[test]
    fn the_order_of_a_seed_is_fixed() {
        assert_eq!(batches(6, 6, 0, 1), [[1, 5, 2, 3, 0, 4]]);
    }
}
