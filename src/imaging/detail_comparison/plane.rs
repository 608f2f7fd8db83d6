//! Small pictures of floating-point values: blurring, sampling, correlation, and four linear equations.

/// A square picture of numbers, row by row.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    /// Pixels on each side.
    pub(super) side: u32,
    pub(super) values: Vec<f32>,
}

/// Mean squares about the means, and the mean product.
pub(super) struct Moments {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) product: f64,
}

impl Moments {
    pub(super) fn of(pairs: &[[f64; 2]]) -> Self {
        let count = pairs.len().max(1) as f64;
        let mean = |at: usize| pairs.iter().map(|pair| pair[at]).sum::<f64>() / count;
        let means = [mean(0), mean(1)];
        let product = |i: usize, j: usize| {
            let products = pairs
                .iter()
                .map(|pair| (pair[i] - means[i]) * (pair[j] - means[j]));
            products.sum::<f64>() / count
        };
        Self {
            a: product(0, 0),
            b: product(1, 1),
            product: product(0, 1),
        }
    }

    pub(super) fn correlation(&self) -> f64 {
        let scale = (self.a * self.b).sqrt();
        if scale > 0.0 {
            self.product / scale
        } else {
            -1.0
        }
    }
}

impl Plane {
    /// The mean square of its numbers.
    pub(super) fn strength(&self) -> f64 {
        let squares = self.values.iter().map(|value| f64::from(*value).powi(2));
        squares.sum::<f64>() / self.values.len() as f64
    }

    pub(super) fn get(&self, x: u32, y: u32) -> f64 {
        f64::from(self.values[(y * self.side + x) as usize])
    }

    /// The value between pixels, and how it changes across and down.
    pub(super) fn with_slopes(&self, [x, y]: [f64; 2]) -> (f64, [f64; 2]) {
        let (column, row) = (x.floor() as u32, y.floor() as u32);
        let (right, below) = (x - x.floor(), y - y.floor());
        let [top_left, top_right] = [self.get(column, row), self.get(column + 1, row)];
        let [low_left, low_right] = [self.get(column, row + 1), self.get(column + 1, row + 1)];
        let top = top_left + (top_right - top_left) * right;
        let low = low_left + (low_right - low_left) * right;
        let across = (top_right - top_left) * (1.0 - below) + (low_right - low_left) * below;
        (top + (low - top) * below, [across, low - top])
    }

    /// Blurred by a Gaussian; outside pixels repeat the edge.
    pub(super) fn blurred(&self, sigma: f32) -> Self {
        let reach = (sigma * 3.0).ceil() as usize;
        let weight = |at: usize| {
            let offset = at as f32 - reach as f32;
            (-offset * offset / (2.0 * sigma * sigma)).exp()
        };
        let weights: Vec<f32> = (0..=2 * reach).map(weight).collect();
        let sum: f32 = weights.iter().sum();
        let (side, last) = (self.side as usize, self.side as usize - 1);
        let inside = |place: usize, offset: usize| (place + offset).saturating_sub(reach).min(last);
        let mut values = vec![0.0; self.values.len()];
        for (row, blurred) in values.chunks_exact_mut(side).enumerate() {
            // Whole rows at a time, which the compiler can vectorise.
            let mut down = vec![0.0; side];
            for (offset, weight) in weights.iter().enumerate() {
                let other = &self.values[inside(row, offset) * side..][..side];
                add(&mut down, other, *weight);
            }
            let edges = |value: f32| std::iter::repeat_n(value, reach);
            let middle = down.iter().copied();
            let wide: Vec<f32> = (edges(down[0]).chain(middle).chain(edges(down[last]))).collect();
            for (offset, weight) in weights.iter().enumerate() {
                add(blurred, &wide[offset..][..side], *weight);
            }
            for value in blurred {
                *value /= sum * sum;
            }
        }
        Self {
            side: self.side,
            values,
        }
    }

    /// The means of squares of pixels.
    pub(super) fn shrunk(&self, side: u32) -> Self {
        let factor = self.side / side;
        let mean = |x: u32, y: u32| {
            let pixels = (0..factor * factor)
                .map(|at| self.get(x * factor + at % factor, y * factor + at / factor));
            (pixels.sum::<f64>() / f64::from(factor * factor)) as f32
        };
        let places = (0..side * side).map(|at| mean(at % side, at / side));
        Self {
            side,
            values: places.collect(),
        }
    }
}

/// Adds numbers times a weight to others.
fn add(to: &mut [f32], numbers: &[f32], weight: f32) {
    for (sum, number) in to.iter_mut().zip(numbers) {
        *sum += weight * number;
    }
}

/// Smallest pivot: below it, the equations do not determine a number.
const SMALLEST_PIVOT: f64 = 1e-12;

/// Solves four linear equations; `None` where they have no single solution.
pub(super) fn solve(mut matrix: [[f64; 4]; 4], mut right: [f64; 4]) -> Option<[f64; 4]> {
    for column in 0..4 {
        let pivot = (column..4).max_by(|a, b| {
            matrix[*a][column]
                .abs()
                .total_cmp(&matrix[*b][column].abs())
        })?;
        if matrix[pivot][column].abs() < SMALLEST_PIVOT {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..4 {
            let above = matrix[column];
            let factor = matrix[row][column] / above[column];
            for (number, above) in matrix[row].iter_mut().zip(above) {
                *number -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    let mut solution = [0.0; 4];
    for row in (0..4).rev() {
        let known: f64 = (row + 1..4).map(|at| matrix[row][at] * solution[at]).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved() {
        let matrix = [
            [0.0, 2.0, 0.0, 1.0],
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 4.0, 0.0],
            [0.0, 1.0, 0.0, 1.0],
        ];
        assert_eq!(
            solve(matrix, [8.0, 1.0, 12.0, 6.0]),
            Some([1.0, 2.0, 3.0, 4.0])
        );
        assert_eq!(solve([[1.0; 4]; 4], [1.0; 4]), None);
    }
}
