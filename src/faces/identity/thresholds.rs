//! All distance thresholds, with their sources. They are Euclidean distances of embeddings
//! of both sides of a face (see `facepipe_adapters::embedders::both_sides`), of length 1.42.
//!
//! "Measured" is on 1,383 photos of 79 people of LFW (press photos) and 418 of 12 people in harder
//! pose and light, whose faces were found by MTCNN.

/// Two faces nearer than this are one person, by dlib's own embeddings of one side: the distance that
/// its network was trained for, at which it reaches 99.38 % on LFW.
pub const SAME_PERSON_DISTANCE: f32 = 0.6;

/// Standard deviation of one person's faces around their common centre, over all directions
/// together: half of LFW's pairs of one person are nearer than 0.422, which is the square root of 2
/// times this. Measured.
const SPREAD: f64 = 0.30;

/// Faces nearer than this count as neighbours in the search for the densest place of a label.
/// Measured: of all pairs of two people fewer than one in a thousand are as near, of the pairs of
/// one person more than 60 % even in hard pose and light.
pub(super) const NEIGHBOUR: f64 = 0.5;

/// From this much below the limit on, a face is kept, but doubtful. Measured: 1 % of the right
/// faces of LFW and 3 % of the harder ones are there or beyond, and half of the strangers that are
/// within the limit.
pub(super) const DOUBTFUL_ZONE: f64 = 0.07;

/// A face well within the limit is only set aside if it is this much nearer to another identity.
/// Less is within the noise: the centre of ten faces is uncertain by 0.1.
pub(super) const CLEARLY_NEARER: f64 = 0.05;

/// Two centres nearer than this are one person. Measured: the centres of five faces each of one person
/// are 0.26 apart at most; those of the most alike two people, 0.345.
pub(super) const SAME_IDENTITY: f64 = 0.28;
/// Fewest faces of a centre that is compared by [`SAME_IDENTITY`]: those of three faces of one person
/// may be 0.35 apart.
pub(super) const FACES_TO_COMPARE: usize = 5;

/// A group is two people's if the centres of its halves are further apart than this after what
/// chance adds. Measured: halves of one person's faces 0.34 at most (but one: with and without
/// sunglasses); two people who are alike, 0.36 to 0.5.
pub(super) const TWO_PEOPLE: f64 = 0.36;
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
/// For one face it is [`SAME_PERSON_DISTANCE`]. The square of
/// that distance holds the spread of both faces; the centre of many has less of it, and so the limit
/// falls to 0.52.
pub(super) fn limit(faces: usize) -> f64 {
    let pair = f64::from(SAME_PERSON_DISTANCE);
    let without = SPREAD * SPREAD * (1.0 - 1.0 / faces.max(1) as f64);
    (pair * pair - without).sqrt()
}

/// The square of the distance that chance puts between the centres of two groups of one person's
/// faces.
pub(super) fn by_chance(one: usize, other: usize) -> f64 {
    SPREAD * SPREAD * (1.0 / one.max(1) as f64 + 1.0 / other.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_falls_from_that_of_a_pair_as_the_centre_gets_certain() {
        assert!((limit(1) - 0.6).abs() < 1e-6);
        assert!(limit(3) < limit(1) && limit(10) < limit(3));
        assert!((limit(1_000_000) - 0.5196).abs() < 1e-4);
    }
}
