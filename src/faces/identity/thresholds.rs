//! Thresholds that do not depend on the embedder, and what follows from those that do ([`Distances`]).

use facepipe_core::types::Distances;

/// Fewest faces of a centre that is compared by [`Distances::same_identity`]: those of three faces of one person may
/// be far apart.
pub(super) const FACES_TO_COMPARE: usize = 5;

/// Smallest share of the smaller half for two people. Below that the larger half determines the
/// centre, and the limit is enough; and it may be one person's photos with sunglasses.
pub(super) const SMALLER_HALF: f64 = 0.3;

/// Fewest faces that must agree where others of the label don't: two may be alike by chance.
pub(super) const FEWEST_FACES: usize = 3;
/// The identity of a label is on at least one photo in this many. With faces of the background
/// among the crops, and strangers on just under half of the photos, it is on more.
pub(super) const ONE_PHOTO_IN: usize = 3;

/// Most faces of a label whose pairs are all compared: the time grows with the square (5,000: a
/// second). Of more, this many determine the centre, and all are compared with it.
pub(super) const MOST_FACES: usize = 5_000;

/// How far a face may be from the centre of `faces` other faces of one person.
///
/// For one face it is the distance of one person. The square of
/// that distance holds the spread of both faces; the centre of many has less of it, and so the limit
/// falls.
pub(super) fn limit(distances: &Distances, faces: usize) -> f64 {
    let pair = f64::from(distances.same_person);
    let without = distances.spread.powi(2) * (1.0 - 1.0 / faces.max(1) as f64);
    (pair * pair - without).max(0.0).sqrt()
}

/// The square of the distance that chance puts between the centres of two groups of one person's
/// faces.
pub(super) fn by_chance(distances: &Distances, one: usize, other: usize) -> f64 {
    distances.spread.powi(2) * (1.0 / one.max(1) as f64 + 1.0 / other.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::DISTANCES;
    use super::*;

    #[test]
    fn the_limit_falls_from_that_of_a_pair_as_the_centre_gets_certain() {
        let limit = |faces| limit(&DISTANCES, faces);
        assert!((limit(1) - 0.6).abs() < 1e-6);
        assert!(limit(3) < limit(1) && limit(10) < limit(3));
        assert!((limit(1_000_000) - 0.5196).abs() < 1e-4);
    }
}
