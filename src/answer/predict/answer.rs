//! What is reported for a photo: its faces with their labels.

use serde::ser::{Serialize, SerializeMap, Serializer};

use facepipe_core::types::{DetectedFace, ModelCard, PixelRect, Size};
use facepipe_faces::face_choice::main_face;
use facepipe_nn::{Answer as ModelAnswer, most_probable};

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
    /// How alike the face is to the images of the most probable label, from -1 to 1: the cosine with their centre. `None`
    /// where the model does not say that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// The probabilities of labels.
    pub probabilities: Probabilities,
    /// Whether the photo is about it; left out where it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub main: bool,
}

impl NamedFace {
    /// Marks the main one of a photo's faces.
    pub fn mark_main(faces: &mut [Self], photo: Size) {
        if let Some(main) = main_face(faces.iter().map(|face| face.rect), photo) {
            faces[main].main = true;
        }
    }

    /// Whether it is nobody whom the model knows.
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

/// How a model's answer becomes a label.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Naming {
    /// When a face is unknown; `None`: as the model's card says.
    pub unknown: Option<UnknownBelow>,
    /// How many of the most probable labels are reported; `None`: all.
    pub top: Option<usize>,
}

/// Below which bounds a face is unknown: below one of them is enough.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UnknownBelow {
    /// The probability of the most probable label.
    pub probability: Option<f64>,
    /// The similarity with that label's images.
    pub similarity: Option<f64>,
}

impl UnknownBelow {
    /// What a model's card says. The bound of the similarity takes the place of the other one.
    #[must_use]
    pub fn of_card(card: &ModelCard) -> Self {
        let Some(unknown) = &card.unknown else {
            return Self::default();
        };
        match unknown.similarity {
            Some(bound) if card.similarities => Self {
                probability: None,
                similarity: Some(bound.below),
            },
            _ => Self {
                probability: Some(unknown.below),
                similarity: None,
            },
        }
    }

    /// Whether there is any bound.
    #[must_use]
    pub const fn is_some(&self) -> bool {
        self.probability.is_some() || self.similarity.is_some()
    }
}

impl Naming {
    /// The same for a model: bounds that were requested take the place of all of its card's, and a probability of 0
    /// is none.
    #[must_use]
    pub fn for_model(self, card: &ModelCard) -> Self {
        let mut unknown = self.unknown.unwrap_or_else(|| UnknownBelow::of_card(card));
        unknown.probability = unknown.probability.filter(|below| *below > 0.0);
        Self {
            unknown: Some(unknown),
            ..self
        }
    }

    /// Labels a face; `answer` is about `labels`, of which there is at least one.
    #[must_use]
    pub fn name(&self, face: &DetectedFace, answer: &ModelAnswer, labels: &[String]) -> NamedFace {
        let probabilities = &answer.probabilities;
        let best = most_probable(probabilities);
        let (nearest, probability) = (&labels[best], probabilities[best]);
        let similarity = answer.similarities.get(best).copied();
        let unknown = self.unknown.unwrap_or_default();
        let is_below = |value: Option<f32>, below: Option<f64>| {
            let both = value.zip(below);
            // A number that is none says nothing for a face.
            both.is_some_and(|(value, below)| value.is_nan() || f64::from(value) < below)
        };
        let is_unknown = is_below(Some(probability), unknown.probability)
            || is_below(similarity, unknown.similarity);
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
            similarity,
            probabilities: self.most_probable(probabilities, labels),
            main: false,
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
        name_alike(naming, probabilities, &[], labels)
    }

    fn name_alike(
        naming: Naming,
        probabilities: &[f32],
        similarities: &[f32],
        labels: &[&str],
    ) -> NamedFace {
        let face = DetectedFace {
            rect: [3, 5, 40, 48].into(),
            score: 0.9,
            landmarks: None,
        };
        let answer = ModelAnswer {
            probabilities: probabilities.to_vec(),
            similarities: similarities.to_vec(),
        };
        let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
        naming.name(&face, &answer, &labels)
    }

    /// Unknown below a probability.
    fn below(probability: f64) -> Naming {
        Naming {
            unknown: Some(UnknownBelow {
                probability: Some(probability),
                similarity: None,
            }),
            top: None,
        }
    }

    const LABELS: [&str; 4] = ["ada", "bea", "cem", "dan"];

    #[test]
    fn a_face_below_the_bound_is_unknown_and_one_at_it_is_not() {
        let named = |bound| name(below(bound), &[0.125, 0.25, 0.5, 0.125], &LABELS);
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
    fn a_face_that_is_not_alike_is_unknown_however_probable_its_label() {
        let naming = |similarity| Naming {
            unknown: Some(UnknownBelow {
                probability: None,
                similarity: Some(similarity),
            }),
            top: None,
        };
        let named = |bound| {
            let similarities = [0.5, 0.75, 0.25, 0.0];
            name_alike(
                naming(bound),
                &[0.99, 0.01, 0.0, 0.0],
                &similarities,
                &LABELS,
            )
        };
        let known = named(0.5);
        assert_eq!((known.label.as_str(), known.similarity), ("ada", Some(0.5)));
        // What is likest does not matter: the label is the most probable one.
        let unknown = named(0.6);
        assert_eq!(unknown.label, UNKNOWN);
        assert_eq!(unknown.nearest.as_deref(), Some("ada"));
        // A model without similarities has no such bound.
        let silent = name(naming(0.6), &[0.99, 0.01, 0.0, 0.0], &LABELS);
        assert_eq!((silent.is_unknown(), silent.similarity), (false, None));
    }

    #[test]
    fn without_a_bound_no_face_is_unknown() {
        let face = name(Naming::default(), &[0.26, 0.25, 0.25, 0.24], &LABELS);
        assert_eq!((face.label.as_str(), face.is_unknown()), ("ada", false));
    }

    #[test]
    fn a_label_named_unknown_differs_from_an_unknown_face() {
        let naming = below(0.6);
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
            let naming = Naming { unknown: None, top };
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
        let face = name_alike(
            Naming::default(),
            &[0.25, 0.75],
            &[0.0, 0.5],
            &["ada", "bea"],
        );
        let face = serde_json::to_value(face).expect("JSON");
        assert_eq!(face["similarity"], 0.5);
    }
}
