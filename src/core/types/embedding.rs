//! A face as a point in space: near points are one person.

use serde::{Deserialize, Serialize};

/// 128 numbers that dlib's network makes of a face chip.
///
/// dlib's network was trained on their Euclidean distance, so they are not brought to length 1: their
/// lengths are about 1.4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>")]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// How many numbers an embedding has.
    pub const LENGTH: usize = 128;

    /// An embedding from its numbers.
    #[must_use]
    pub fn new(numbers: [f32; Self::LENGTH]) -> Self {
        Self(numbers.to_vec())
    }

    /// Its numbers.
    #[must_use]
    pub fn numbers(&self) -> &[f32] {
        &self.0
    }

    /// The Euclidean distance to another one.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f32 {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    }
}

impl TryFrom<Vec<f32>> for Embedding {
    type Error = String;

    fn try_from(numbers: Vec<f32>) -> Result<Self, Self::Error> {
        if numbers.len() == Self::LENGTH {
            return Ok(Self(numbers));
        }
        let found = numbers.len();
        Err(format!(
            "an embedding has {} numbers, not {found}",
            Self::LENGTH
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_euclidean_and_decide() {
        let mut numbers = [0.1; Embedding::LENGTH];
        let one = Embedding::new(numbers);
        (numbers[3], numbers[90]) = (0.4, 0.5);
        let other = Embedding::new(numbers);
        assert!((one.distance(&other) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn on_disk_it_is_a_list_of_the_right_length() {
        let one = Embedding::new(std::array::from_fn(|index| index as f32 / 8.0));
        let text = serde_json::to_string(&one).expect("JSON");
        assert!(text.starts_with("[0.0,0.125,"), "{text}");
        assert_eq!(
            serde_json::from_str::<Embedding>(&text).expect("reads"),
            one
        );
        assert!(serde_json::from_str::<Embedding>("[0.0, 1.0]").is_err());
    }
}
