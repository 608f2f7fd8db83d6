//! What is reported for a photo: its faces with their labels.

use serde::ser::{Serialize, SerializeMap, Serializer};

use facepipe_core::types::{DetectedFace, ModelCard, PixelRect};
use facepipe_nn::most_probable;

/// The label of a face that matches none of the model's labels.
pub const UNKNOWN: &str = "unknown";

/// The result for one image: a line of the output.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The image was processed.
    Named {
        /// The image.
        path: String,
        /// Its faces, largest first.
        faces: Vec<NamedFace>,
    },
    /// The image could not be processed.
    Failed {
        /// The image.
        path: String,
        /// Why.
        error: String,
    },
}

/// A face with its label.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct NamedFace {
    /// Where it is in the upright photo.
    #[serde(rename = "box")]
    pub rect: PixelRect,
    /// The detector's certainty.
    pub score: f32,
    /// The most probable label, or [`UNKNOWN`].
    pub label: String,
    /// The most probable label of a face that is unknown; `None` for one that is known. A model may
    /// have a label named `unknown`: this tells such a face from an unknown one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// The probability of the most probable label.
    pub probability: f32,
    /// The probabilities of labels.
    pub probabilities: Probabilities,
}

impl NamedFace {
    /// Whether no label is probable enough.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.nearest.is_some()
    }
}

/// Probabilities of labels, the most probable first; as JSON an object in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct Probabilities(pub Vec<(String, f32)>);

impl Serialize for Probabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.0.len()))?;
        for (label, probability) in &self.0 {
            object.serialize_entry(label, probability)?;
        }
        object.end()
    }
}

/// How probabilities become a label.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Naming {
    /// A face whose most probable label has a probability below this is unknown; `None`: none is.
    pub unknown_below: Option<f64>,
    /// How many of the most probable labels are reported; `None`: all.
    pub top: Option<usize>,
}

impl Naming {
    /// The same for a model: without a requested bound, its card's applies; a bound of 0 is none.
    #[must_use]
    pub fn for_model(self, card: &ModelCard) -> Self {
        let of_card = card.unknown.as_ref().map(|unknown| unknown.below);
        Self {
            unknown_below: self.unknown_below.or(of_card).filter(|below| *below > 0.0),
            ..self
        }
    }

    /// Labels a face; `probabilities` are those of `labels`, of which there is at least one.
    #[must_use]
    pub fn name(&self, face: &DetectedFace, probabilities: &[f32], labels: &[String]) -> NamedFace {
        let best = most_probable(probabilities);
        let (nearest, probability) = (&labels[best], probabilities[best]);
        let is_unknown = self
            .unknown_below
            .is_some_and(|below| f64::from(probability) < below);
        let (label, nearest) = if is_unknown {
            (UNKNOWN.to_owned(), Some(nearest.clone()))
        } else {
            (nearest.clone(), None)
        };
        NamedFace {
            rect: face.rect,
            score: face.score,
            label,
            nearest,
            probability,
            probabilities: self.most_probable(probabilities, labels),
        }
    }

    /// Equally probable labels stay in the labels' order, so that the first is the face's.
    fn most_probable(&self, probabilities: &[f32], labels: &[String]) -> Probabilities {
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        order.truncate(self.top.unwrap_or(labels.len()));
        let of_label = |index: usize| (labels[index].clone(), probabilities[index]);
        Probabilities(order.into_iter().map(of_label).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(naming: Naming, probabilities: &[f32], labels: &[&str]) -> NamedFace {
        let face = DetectedFace {
            rect: [3, 5, 40, 48].into(),
            score: 0.9,
            landmarks: None,
        };
        let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
        naming.name(&face, probabilities, &labels)
    }

    const LABELS: [&str; 4] = ["ada", "bea", "cem", "dan"];

    #[test]
    fn a_face_below_the_bound_is_unknown_and_one_at_it_is_not() {
        let named = |below| {
            let naming = Naming {
                unknown_below: Some(below),
                top: None,
            };
            name(naming, &[0.125, 0.25, 0.5, 0.125], &LABELS)
        };
        let known = named(0.5);
        assert_eq!(
            (known.label.as_str(), known.nearest.as_ref()),
            ("cem", None)
        );
        assert!(!known.is_unknown());
        let unknown = named(0.51);
        assert_eq!(unknown.label, UNKNOWN);
        assert_eq!(unknown.nearest.as_deref(), Some("cem"));
        assert_eq!(unknown.probability, 0.5);
        assert_eq!(unknown.probabilities, known.probabilities);
        assert!(unknown.is_unknown());
    }

    #[test]
    fn without_a_bound_no_face_is_unknown() {
        let face = name(Naming::default(), &[0.26, 0.25, 0.25, 0.24], &LABELS);
        assert_eq!((face.label.as_str(), face.is_unknown()), ("ada", false));
    }

    #[test]
    fn a_label_named_unknown_differs_from_an_unknown_face() {
        let naming = Naming {
            unknown_below: Some(0.6),
            top: None,
        };
        let labels = ["ada", "unknown"];
        let person = name(naming, &[0.25, 0.75], &labels);
        assert_eq!(
            (person.label.as_str(), person.is_unknown()),
            (UNKNOWN, false)
        );
        let stranger = name(naming, &[0.5, 0.5], &labels);
        assert_eq!(stranger.label, UNKNOWN);
        assert_eq!(stranger.nearest.as_deref(), Some("ada"));
    }

    #[test]
    fn the_requested_number_of_labels_is_given_most_probable_first() {
        for (top, expected) in [
            (None, r#"{"bea":0.5,"ada":0.25,"cem":0.25,"dan":0.0}"#),
            (Some(2), r#"{"bea":0.5,"ada":0.25}"#),
            (Some(1), r#"{"bea":0.5}"#),
            (Some(9), r#"{"bea":0.5,"ada":0.25,"cem":0.25,"dan":0.0}"#),
        ] {
            let naming = Naming {
                unknown_below: None,
                top,
            };
            let face = name(naming, &[0.25, 0.5, 0.25, 0.0], &LABELS);
            let json = serde_json::to_string(&face.probabilities).expect("JSON");
            assert_eq!(json, expected);
        }
    }

    #[test]
    fn a_line_has_the_keys_that_programs_read() {
        let face = name(Naming::default(), &[0.25, 0.75], &["ada", "bea"]);
        let answer = Answer::Named {
            path: "a b.jpg".to_owned(),
            faces: vec![face],
        };
        let line = serde_json::to_value(answer).expect("JSON");
        let expected = serde_json::json!({"path": "a b.jpg", "faces": [{
            "box": [3, 5, 40, 48], "score": 0.9_f32, "label": "bea", "probability": 0.75,
            "probabilities": {"bea": 0.75, "ada": 0.25},
        }]});
        assert_eq!(line, expected);
    }
}
