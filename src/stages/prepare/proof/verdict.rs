//! The proof in words.

use super::{LeakedSet, Nearest, PAIRS_OF_SIDES};
use facepipe_imaging::perceptual_hash::PerceptualHash;

/// Bits in which one picture differs at most when it is saved again or resized (see
/// [`facepipe_imaging::perceptual_hash`]).
const SAVED_AGAIN: u32 = 6;

/// The sentences: whether there is a leak, how far the sides are apart, and what that means.
pub(super) fn of(leaks: &[LeakedSet], nearest: &[Nearest]) -> Vec<String> {
    let mut sentences = vec![match leaks {
        [] => "no leak: no picture and no photo is on two sides, as a copy, a near duplicate or a \
             crop"
            .to_owned(),
        [leak] => format!(
            "1 leak: {} images that are one picture or photo are on several sides",
            leak.images.len()
        ),
        leaks => format!(
            "{} leaks: {} images that are one picture or photo with others are on several sides",
            leaks.len(),
            leaks.iter().map(|leak| leak.images.len()).sum::<usize>()
        ),
    }];
    sentences.extend(doubts(nearest));
    for sides in PAIRS_OF_SIDES {
        sentences.extend(distances(
            &nearest
                .iter()
                .filter(|one| one.sides == sides)
                .collect::<Vec<_>>(),
        ));
    }
    if sentences.len() > 1 {
        let all = PerceptualHash::BITS;
        sentences.push(format!(
            "for comparison: one picture saved again or resized differs in at most {SAVED_AGAIN} of {all} bits"
        ));
    }
    sentences
}

/// Pairs that do not count as one, and that should be checked by eye.
pub(crate) fn doubts(nearest: &[Nearest]) -> Option<String> {
    let of_one = |one: &Nearest| {
        let limit = one.doubtful_below?;
        let near = one.pairs.iter().filter(|pair| pair.distance < limit);
        Some((limit, near.count()))
    };
    let found: Vec<(f64, usize)> = nearest.iter().filter_map(of_one).collect();
    let pairs: usize = found.iter().map(|(_, count)| count).sum();
    let (limit, _) = found.first()?;
    (pairs > 0).then(|| {
        format!(
            "look at the nearest pairs: in {pairs} of them the faces' embeddings are nearer than {limit}, which \
             may be one photo, cut otherwise"
        )
    })
}

/// How far two sides are apart.
fn distances(nearest: &[&Nearest]) -> Option<String> {
    let [first, ..] = nearest else { return None };
    let part = |one: &&Nearest| {
        let (smallest, name) = (one.smallest?, one.measure.name());
        Some(match one.limit {
            Some(limit) if one.pairs.iter().any(|pair| pair.told_apart) => format!(
                "{smallest:.0} bits between {name} (limit {limit}, within which details tell them apart)"
            ),
            Some(limit) => format!("{smallest:.0} bits between {name} (limit {limit})"),
            None => format!("{smallest:.2} between {name}"),
        })
    };
    let parts: Vec<String> = nearest.iter().filter_map(part).collect();
    let [a, b] = first.sides;
    (!parts.is_empty()).then(|| format!("nearest of {a} and {b}: {}", parts.join(", ")))
}
