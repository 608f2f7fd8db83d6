//! The mean of some faces.

/// The numbers of a face.
pub(super) type Point<'faces> = &'faces [f32];

/// The mean of some faces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Centre {
    numbers: Vec<f64>,
    faces: usize,
}

impl Centre {
    /// The mean of the points with these indices; sums are taken in their order.
    pub(super) fn of(points: &[Point<'_>], members: &[usize]) -> Self {
        let length = members.first().map_or(0, |member| points[*member].len());
        let mut numbers = vec![0.0; length];
        for member in members {
            for (sum, number) in numbers.iter_mut().zip(points[*member]) {
                *sum += f64::from(*number);
            }
        }
        let faces = members.len();
        for sum in &mut numbers {
            *sum /= faces.max(1) as f64;
        }
        Self { numbers, faces }
    }

    /// The number of its faces.
    pub(super) fn faces(&self) -> usize {
        self.faces
    }

    /// The Euclidean distance of a face.
    pub(super) fn distance(&self, point: Point<'_>) -> f64 {
        let pairs = self.numbers.iter().zip(point);
        let squares = pairs.map(|(a, b)| (a - f64::from(*b)).powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// The distance of one of its own faces from the mean of the others, without that face's own
    /// pull on the mean. 0 where there are no others.
    pub(super) fn distance_of_member(&self, point: Point<'_>) -> f64 {
        if self.faces < 2 {
            return 0.0;
        }
        self.distance(point) * self.faces as f64 / (self.faces - 1) as f64
    }

    /// The Euclidean distance of another centre.
    pub(super) fn distance_to(&self, other: &Self) -> f64 {
        let pairs = self.numbers.iter().zip(&other.numbers);
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// The numbers of a face relative to this centre.
    pub(super) fn offset(&self, point: Point<'_>) -> impl Iterator<Item = f64> {
        let pairs = point.iter().zip(&self.numbers);
        pairs.map(|(number, middle)| f64::from(*number) - middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_measured_from_the_mean_of_the_others() {
        let faces: Vec<Vec<f32>> = [0.0, 0.3, 0.9]
            .map(|first| {
                let mut numbers = vec![0.5; 128];
                numbers[7] = first;
                numbers
            })
            .to_vec();
        let points: Vec<Point<'_>> = faces.iter().map(Vec::as_slice).collect();
        let all = Centre::of(&points, &[0, 1, 2]);
        let others = Centre::of(&points, &[0, 1]);
        assert!((all.distance(points[2]) - 0.5).abs() < 1e-6);
        let direct = others.distance(points[2]);
        assert!((all.distance_of_member(points[2]) - direct).abs() < 1e-6);
        assert!((all.distance_to(&others) - 0.25).abs() < 1e-6);
        let alone = Centre::of(&points, &[2]);
        assert_eq!(alone.distance_of_member(points[2]), 0.0);
    }
}
