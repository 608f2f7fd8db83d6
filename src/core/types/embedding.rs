//! A face as a point in space: near points are one person.

use serde::{Deserialize, Serialize};

/// The numbers that a network makes of a face chip. Only those of one network can be compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>")]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// An embedding from its numbers.
    #[must_use]
    pub fn new(numbers: impl Into<Vec<f32>>) -> Self {
        Self(numbers.into())
    }

    /// Its numbers.
    #[must_use]
    pub fn numbers(&self) -> &[f32] {
        &self.0
    }

    /// The Euclidean distance to another one of the same network.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f32 {
        debug_assert_eq!(self.0.len(), other.0.len(), "of two networks");
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    }

    /// The root of the sum of the squares of its numbers.
    #[must_use]
    pub fn length(&self) -> f32 {
        self.0
            .iter()
            .map(|number| number * number)
            .sum::<f32>()
            .sqrt()
    }

    /// The same direction with another length; one without a direction stays as it is.
    #[must_use]
    pub fn of_length(&self, length: f32) -> Self {
        let own = self.length();
        if own == 0.0 {
            return self.clone();
        }
        let numbers = self.0.iter().map(|number| number / own * length);
        Self(numbers.collect())
    }
}

impl TryFrom<Vec<f32>> for Embedding {
    type Error = &'static str;

    fn try_from(numbers: Vec<f32>) -> Result<Self, Self::Error> {
        if numbers.is_empty() {
            return Err("an embedding has no numbers");
        }
        Ok(Self(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_euclidean() {
        let mut numbers = [0.1; 128];
        let one = Embedding::new(numbers);
        (numbers[3], numbers[90]) = (0.4, 0.5);
        let other = Embedding::new(numbers);
        assert!((one.distance(&other) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn lengths_are_changed_and_directions_are_not() {
        let one = Embedding::new([3.0, 0.0, -4.0]);
        assert_eq!(one.length(), 5.0);
        assert_eq!(one.of_length(10.0), Embedding::new([6.0, 0.0, -8.0]));
        let nothing = Embedding::new([0.0; 3]);
        assert_eq!(nothing.of_length(1.0), nothing);
    }

    #[test]
    fn on_disk_it_is_a_list_of_numbers() {
        let one = Embedding::new([0.0, 0.125]);
        let text = serde_json::to_string(&one).expect("JSON");
        assert_eq!(text, "[0.0,0.125]");
        assert_eq!(
            serde_json::from_str::<Embedding>(&text).expect("reads"),
            one
        );
        assert!(serde_json::from_str::<Embedding>("[]").is_err());
    }
}
