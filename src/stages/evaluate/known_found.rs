//! What the model's own bound for strangers does to the people whom it knows.

use serde::{Deserialize, Serialize};

use super::answers::Prediction;
use super::groups::RecognitionBound;
use super::interval::wilson;
use facepipe_core::types::{BoundBasis, UnknownCard};

/// How many of the side's faces keep their right name at the bound that the model's card has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownFound {
    /// The bound.
    #[serde(flatten)]
    pub bound: RecognitionBound,
    /// What it was found by.
    pub found_by: BoundBasis,
    /// The share of strangers that are expected to get a name; `None` where nothing tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_accept_rate: Option<f64>,
    /// Images with the right name and not below the bound.
    pub found: u64,
    /// Images with the right name that are below it, and so are unknown.
    pub lost: u64,
    /// All images.
    pub images: u64,
    /// The interval that holds the true share of found ones, with 95 % certainty.
    pub interval: [f64; 2],
}

impl KnownFound {
    pub(super) fn new(predictions: &[Prediction], card: &UnknownCard) -> Self {
        let bound = RecognitionBound::of_card(card);
        let right = predictions
            .iter()
            .filter(|prediction| prediction.is_right());
        let (found, lost): (Vec<_>, Vec<_>) =
            right.partition(|prediction| prediction.score(bound.score) >= bound.threshold);
        let (found, images) = (found.len() as u64, predictions.len() as u64);
        let of_similarity = card.similarity.map(|bound| bound.false_accept_rate);
        Self {
            bound,
            found_by: card.found_by,
            false_accept_rate: of_similarity.unwrap_or(card.false_accept_rate),
            found,
            lost: lost.len() as u64,
            images,
            interval: wilson(found, images),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::SimilarityBound;

    #[test]
    fn right_names_below_the_bound_are_lost_and_wrong_ones_count_for_neither() {
        let prediction = |predicted, probability, similarity| Prediction {
            predicted,
            probability,
            similarity: Some(similarity),
            ..Prediction::default()
        };
        let predictions = [
            prediction(0, 0.9, 0.4),
            prediction(0, 0.6, 0.5),
            prediction(0, 0.9, 0.3),
            prediction(1, 0.9, 0.9),
        ];
        let mut card = UnknownCard {
            below: 0.0,
            false_accept_rate: Some(0.5),
            impostors: 0,
            found_by: BoundBasis::OtherPeople,
            similarity: Some(SimilarityBound {
                below: 0.4,
                false_accept_rate: Some(0.005),
            }),
        };
        let found = KnownFound::new(&predictions, &card);
        assert_eq!((found.found, found.lost, found.images), (2, 1, 4));
        assert_eq!(found.false_accept_rate, Some(0.005));
        card.similarity = None;
        card.below = 0.7;
        let found = KnownFound::new(&predictions, &card);
        assert_eq!((found.found, found.lost), (2, 1));
        assert_eq!(found.false_accept_rate, Some(0.5));
    }
}
