//! Axes: from values to places, and the values that are written beside them.

/// How values lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Even,
    /// By their logarithm.
    Logarithmic,
}

/// One axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// Its first value.
    pub low: f64,
    /// Its last value.
    pub high: f64,
    /// How values lie between.
    pub scale: Scale,
    /// Whether values are shares, written in percent.
    pub percent: bool,
}

impl Axis {
    /// An axis of shares from 0 to 1.
    #[must_use]
    pub fn shares(label: &str) -> Self {
        Self::even(label, 0.0, 1.0, true)
    }

    /// An axis with even distances.
    #[must_use]
    pub fn even(label: &str, low: f64, high: f64, percent: bool) -> Self {
        Self {
            label: label.to_owned(),
            low,
            // Of a single value there is no scale.
            high: if high > low { high } else { low + 1.0 },
            scale: Scale::Even,
            percent,
        }
    }

    /// An axis of shares from a small one to 1, with even distances between powers of ten.
    #[must_use]
    pub fn logarithmic(label: &str, low: f64) -> Self {
        Self {
            scale: Scale::Logarithmic,
            ..Self::even(label, low, 1.0, true)
        }
    }

    /// An axis from one power of ten to another, with even distances between the powers.
    #[must_use]
    pub fn powers(label: &str, low: f64, high: f64) -> Self {
        Self {
            scale: Scale::Logarithmic,
            ..Self::even(label, low, high, false)
        }
    }

    /// Where a value lies, from 0 to 1; what lies outside is moved to the ends.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Even => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => {
                (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
            }
        };
        place.clamp(0.0, 1.0)
    }

    /// Values that are written, with their texts.
    #[must_use]
    pub fn ticks(&self) -> Vec<(f64, String)> {
        /// Parts between ticks, about.
        const PARTS: f64 = 5.0;
        if self.scale == Scale::Logarithmic {
            let first = (self.low.log10() - 1e-9).ceil() as i32;
            let last = (self.high.log10() + 1e-9).floor() as i32;
            let tick = |power: i32| {
                let value = 10_f64.powi(power);
                let text = if self.percent {
                    self.text(value, 1.0)
                } else {
                    format!("1e{power}")
                };
                (value, text)
            };
            return (first..=last).map(tick).collect();
        }
        let rough = (self.high - self.low) / PARTS;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= rough * (1.0 - 1e-9))
            .unwrap_or(rough);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last)
            .map(|number| number as f64 * step)
            .map(|value| (value, self.text(value, step)))
            .collect()
    }

    fn text(&self, value: f64, step: f64) -> String {
        if self.percent {
            let digits = (1.0 - (value.abs().max(1e-9) * 1000.0).log10().floor()).clamp(0.0, 3.0);
            let value = value * 100.0;
            return if value.fract().abs() < 1e-9 || self.scale == Scale::Even {
                format!("{value:.0} %")
            } else {
                format!("{value:.*} %", digits as usize)
            };
        }
        let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        format!("{value:.digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_values() {
        assert_eq!(
            texts(&Axis::shares("x")),
            ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
        );
        assert_eq!(
            texts(&Axis::even("x", 0.0, 0.37, false)),
            ["0.0", "0.1", "0.2", "0.3"]
        );
        assert_eq!(
            texts(&Axis::even("x", 1.0, 20.0, false)),
            ["5", "10", "15", "20"]
        );
        assert_eq!(texts(&Axis::even("x", 3.0, 3.0, false)).len(), 6);
        let powers = texts(&Axis::logarithmic("x", 0.0005));
        assert_eq!(powers, ["0.1 %", "1 %", "10 %", "100 %"]);
        assert_eq!(
            texts(&Axis::logarithmic("x", 1e-5))[..2],
            ["0.001 %", "0.01 %"]
        );
        assert_eq!(
            texts(&Axis::powers("x", 1e-3, 0.1)),
            ["1e-3", "1e-2", "1e-1"]
        );
    }

    #[test]
    fn values_outside_are_moved_to_the_ends() {
        let axis = Axis::even("x", -1.0, 1.0, false);
        assert_eq!(
            [-2.0, -1.0, 0.5, 3.0].map(|value| axis.place(value)),
            [0.0, 0.0, 0.75, 1.0]
        );
        let axis = Axis::logarithmic("x", 0.01);
        assert!((axis.place(0.1) - 0.5).abs() < 1e-12);
        assert_eq!(axis.place(0.0), 0.0);
    }
}
