//! The bound below which a face is nobody whom a new model knows, found without photos of strangers.

use tch::{Device, Kind};

use super::features::Features;
use facepipe_core::types::{BoundBasis, SimilarityBound, UnknownCard};
use facepipe_models::calibration::OtherPeople;
use facepipe_nn::LabelMeans;

/// The share of strangers that the bound is made for: a quarter of one in a hundred, since strangers around a model are
/// more like its people than those of another data set are. It costs SFace no known faces: of five people from the web
/// and of twelve in hard pose and light as many are found as at twice that share.
const SHARE_NAMED: f64 = 0.0025;
/// The share of known faces of val that may be below the bound, where it is found by these.
const SHARE_LOST: f64 = 0.05;

/// What is known of a network for its bound.
pub(super) struct Known {
    /// Of its features, and other people's: see [`facepipe_nn::Backbone::other_people`].
    pub(super) network: Option<OtherPeople>,
    /// Whether the features were learnt on the model's own people: they separate these better than any others.
    pub(super) learnt: bool,
}

/// The bound of a model with these features of its images, and the centres of all of them.
pub(super) fn bound(
    train: &Features,
    val: &Features,
    centres: &LabelMeans,
    labels: usize,
    known: &Known,
) -> Option<UnknownCard> {
    let all = [similarities(train, centres), similarities(val, centres)].concat();
    let of_others = all.iter().flat_map(SimilaritiesOf::with_others);
    let own = OtherPeople::of(&of_others.collect::<Vec<_>>());
    if let (false, Some(network)) = (known.learnt, known.network) {
        let alike = own.map_or(network, |own| network.with_own(own, labels));
        let of = |alike: OtherPeople| alike.bound(labels, SHARE_NAMED);
        let below = of(network).max(of(alike));
        return Some(card(below, Some(SHARE_NAMED), BoundBasis::OtherPeople));
    }
    // Of these features nothing is known: the model's own people have to tell it, and most have to be found.
    let centres = LabelMeans::of(&train.features, &train.labels, labels);
    let mut of_known: Vec<f64> = similarities(val, &centres)
        .iter()
        .map(SimilaritiesOf::with_its_own)
        .filter(|similarity| similarity.is_finite())
        .collect();
    of_known.sort_by(f64::total_cmp);
    let most_found = *of_known.get((of_known.len() as f64 * SHARE_LOST) as usize)?;
    let Some(own) = own.filter(|_| !known.learnt) else {
        return Some(card(most_found, None, BoundBasis::KnownPeople));
    };
    let few_named = own.bound(labels, SHARE_NAMED);
    let below = few_named.min(most_found);
    let share = own.share(labels, below);
    Some(card(below, Some(share), BoundBasis::OtherPeople))
}

fn card(below: f64, false_accept_rate: Option<f64>, found_by: BoundBasis) -> UnknownCard {
    UnknownCard {
        below: 0.0,
        false_accept_rate,
        impostors: 0,
        found_by,
        similarity: Some(SimilarityBound {
            below,
            false_accept_rate,
        }),
    }
}

/// How alike an image is to each label.
#[derive(Debug, Clone)]
struct SimilaritiesOf {
    label: usize,
    of_labels: Vec<f32>,
}

impl SimilaritiesOf {
    fn with_its_own(&self) -> f64 {
        self.of_labels
            .get(self.label)
            .map_or(f64::NAN, |similarity| f64::from(*similarity))
    }

    fn with_others(&self) -> impl Iterator<Item = f64> {
        let numbered = self.of_labels.iter().enumerate();
        numbered
            .filter(|(label, _)| *label != self.label)
            .map(|(_, similarity)| f64::from(*similarity))
    }
}

fn similarities(images: &Features, centres: &LabelMeans) -> Vec<SimilaritiesOf> {
    let rows = tch::no_grad(|| centres.similarities(&images.features.to_kind(Kind::Float)));
    let rows = rows.to_device(Device::Cpu);
    let labels = images.labels.to_device(Device::Cpu);
    let count = rows.size()[0];
    let row = |index: i64| Vec::<f32>::try_from(rows.get(index)).unwrap_or_default();
    let image = |index: i64| SimilaritiesOf {
        label: labels.int64_value(&[index]) as usize,
        of_labels: row(index),
    };
    (0..count).map(image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    /// Faces at these angles, in degrees, of a circle.
    fn faces(of_label: &[(i64, f32)]) -> Features {
        let numbers = of_label.iter().flat_map(|(_, degrees)| {
            let angle = degrees.to_radians();
            [angle.cos(), angle.sin()]
        });
        let labels: Vec<i64> = of_label.iter().map(|(label, _)| *label).collect();
        Features {
            features: Tensor::from_slice(&numbers.collect::<Vec<_>>()).view([-1, 2]),
            labels: Tensor::from_slice(&labels),
        }
    }

    fn found(known: &Known) -> UnknownCard {
        let train = faces(&[(0, -5.0), (0, 5.0), (1, 85.0), (1, 95.0)]);
        let val = faces(&[(0, 20.0), (1, 90.0)]);
        let all = Tensor::cat(&[&train.features, &val.features], 0);
        let labels = Tensor::cat(&[&train.labels, &val.labels], 0);
        let centres = LabelMeans::of(&all, &labels, 2);
        bound(&train, &val, &centres, 2, known).expect("a bound")
    }

    #[test]
    fn a_known_network_gives_a_bound_that_like_labels_can_only_raise() {
        let network = |mean| Known {
            network: Some(OtherPeople {
                mean,
                deviation: 0.1,
            }),
            learnt: false,
        };
        let low = found(&network(1.45));
        assert_eq!(low.found_by, BoundBasis::OtherPeople);
        assert_eq!((low.below, low.false_accept_rate), (0.0, Some(SHARE_NAMED)));
        let below = |card: &UnknownCard| card.similarity.expect("a bound").below;
        // 3.0 deviations nearer: one in 800 for each of two labels.
        let angle = 1.45 - 3.023 * 0.1;
        assert!(below(&low) >= f64::cos(angle) - 1e-4, "{low:?}");
        assert!(below(&found(&network(1.2))) > below(&low) + 0.2);
    }

    #[test]
    fn learnt_features_give_a_bound_that_known_faces_reach_and_claim_nothing() {
        let card = found(&Known {
            network: None,
            learnt: true,
        });
        assert_eq!(card.found_by, BoundBasis::KnownPeople);
        assert_eq!(card.false_accept_rate, None);
        // The less alike of the two faces of val, to the centre of those of train.
        let expected = f64::from(20.0_f32.to_radians().cos());
        let below = card.similarity.expect("a bound").below;
        assert!((below - expected).abs() < 1e-6, "{below}");
    }

    #[test]
    fn features_of_which_nothing_is_known_name_strangers_rather_than_lose_known_faces() {
        let card = found(&Known {
            network: None,
            learnt: false,
        });
        assert_eq!(card.found_by, BoundBasis::OtherPeople);
        let below = card.similarity.expect("a bound").below;
        assert!(below <= f64::from(20.0_f32.to_radians().cos()) + 1e-6);
        assert!(card.false_accept_rate.is_some_and(|share| share > 0.0));
    }
}
