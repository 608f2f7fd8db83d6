//! The similarity between two sets of points: rotation, scale and shift.

/// A similarity transform: `to = [[a, -b], [b, a]] * from + shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Scale times the cosine of the angle.
    pub a: f64,
    /// Scale times the sine of the angle.
    pub b: f64,
    /// The translation, `[x, y]`.
    pub shift: [f64; 2],
}

impl Similarity {
    /// The similarity that brings `from` closest to `to` in the sense of least squares, in double
    /// precision. Where all points of `from` are the same it is a shift without rotation and scale.
    ///
    /// Source: S. Umeyama, "Least-squares estimation of transformation parameters between two point
    /// patterns", IEEE PAMI 13 (1991), in its closed form for the plane.
    #[must_use]
    pub fn between<const N: usize>(from: &[[f64; 2]; N], to: &[[f64; 2]; N]) -> Self {
        let (mean_from, mean_to) = (mean(from), mean(to));
        let mut spread = 0.0;
        let mut covariance = [[0.0; 2]; 2];
        for (from, to) in from.iter().zip(to) {
            let from = [from[0] - mean_from[0], from[1] - mean_from[1]];
            let to = [to[0] - mean_to[0], to[1] - mean_to[1]];
            spread += from[0] * from[0] + from[1] * from[1];
            for (row, to) in covariance.iter_mut().zip(to) {
                row[0] += to * from[0];
                row[1] += to * from[1];
            }
        }
        let count = N as f64;
        spread /= count;
        let [[c00, c01], [c10, c11]] = covariance.map(|row| row.map(|sum| sum / count));
        let (a, b) = if spread > 0.0 {
            ((c00 + c11) / spread, (c10 - c01) / spread)
        } else {
            (1.0, 0.0)
        };
        Self {
            a,
            b,
            shift: [
                mean_to[0] - (a * mean_from[0] - b * mean_from[1]),
                mean_to[1] - (b * mean_from[0] + a * mean_from[1]),
            ],
        }
    }

    /// The image of a point.
    #[must_use]
    pub fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [
            self.a * x - self.b * y + self.shift[0],
            self.b * x + self.a * y + self.shift[1],
        ]
    }
}

fn mean<const N: usize>(points: &[[f64; 2]; N]) -> [f64; 2] {
    let mut sum = [0.0; 2];
    for point in points {
        sum[0] += point[0];
        sum[1] += point[1];
    }
    sum.map(|sum| sum / N as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_enlarged_and_shifted_figure_is_found_again() {
        let from = [[0.0, 0.0], [3.0, 0.5], [1.0, 4.0], [-2.0, 1.0]];
        let known = Similarity {
            a: 1.5,
            b: -0.7,
            shift: [20.0, -3.0],
        };
        let found = Similarity::between(&from, &from.map(|point| known.apply(point)));
        assert!((found.a - known.a).abs() < 1e-12 && (found.b - known.b).abs() < 1e-12);
        assert!((found.shift[0] - 20.0).abs() < 1e-12 && (found.shift[1] + 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_figure_without_extent_is_only_shifted() {
        let found = Similarity::between(&[[1.0, 2.0]; 3], &[[4.0, 6.0]; 3]);
        assert_eq!(found.apply([1.0, 2.0]), [4.0, 6.0]);
        assert_eq!((found.a, found.b), (1.0, 0.0));
    }
}
