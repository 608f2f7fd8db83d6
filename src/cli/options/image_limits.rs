//! Limits of the quality of faces, of `crop` and `run`.

use clap::{Args, ValueEnum};

use facepipe_crop::QualityLimits;

/// What the overall quality is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QualityBy {
    /// Size, sharpness, light, pose and what is cut off: takes no time
    Pixels,
    /// The length of SFace's embedding: a third of the errors after the worst faces are left out, 13 ms a face
    Embedding,
}

/// Which faces are good enough.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Quality of faces")]
pub(crate) struct LimitOptions {
    /// What the overall quality is made of
    #[arg(long, value_enum, default_value = "pixels")]
    pub(crate) quality_by: QualityBy,
    /// Leave out faces of less overall quality, 0 to 1: people who are far out of focus in the
    /// background, and boxes without a face
    #[arg(long, value_name = "Q", default_value_t = QualityLimits::MIN_QUALITY, value_parser = share)]
    pub(crate) min_quality: f64,
    /// Leave out faces of which the detector is less certain, on its own scale
    #[arg(long, value_name = "SCORE", value_parser = number, allow_negative_numbers = true)]
    pub(crate) min_score: Option<f64>,
    /// Leave out blurred faces: variance of the Laplacian; below 15 most look blurred
    #[arg(long, value_name = "VARIANCE", value_parser = not_negative)]
    pub(crate) min_sharpness: Option<f64>,
    /// Leave out faces that are darker or paler: mean luma, 0 to 1
    #[arg(long, value_name = "LOW..HIGH", value_parser = range)]
    pub(crate) brightness: Option<Range>,
    /// Leave out flat faces: standard deviation of the luma, 0 to 0.5
    #[arg(long, value_name = "DEVIATION", value_parser = share)]
    pub(crate) min_contrast: Option<f64>,
    /// Leave out faces with more of their square outside the photo, 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) max_outside: Option<f64>,
    /// Leave out faces that are turned further to a side
    #[arg(long, value_name = "DEGREES", value_parser = not_negative)]
    pub(crate) max_yaw: Option<f64>,
    /// Leave out faces that look further up or down, where the detector's points show it
    #[arg(long, value_name = "DEGREES", value_parser = not_negative)]
    pub(crate) max_pitch: Option<f64>,
    /// Leave out faces that lean further over
    #[arg(long, value_name = "DEGREES", value_parser = not_negative)]
    pub(crate) max_roll: Option<f64>,
}

/// Numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    low: f64,
    high: f64,
}

impl LimitOptions {
    /// The limits of the stage's settings.
    pub(crate) fn limits(&self) -> QualityLimits {
        QualityLimits {
            min_quality: Some(self.min_quality),
            min_score: self.min_score,
            min_sharpness: self.min_sharpness,
            min_brightness: self.brightness.map(|range| range.low),
            max_brightness: self.brightness.map(|range| range.high),
            min_contrast: self.min_contrast,
            max_outside: self.max_outside,
            max_yaw: self.max_yaw,
            max_pitch: self.max_pitch,
            max_roll: self.max_roll,
        }
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if f64::is_finite(number) => Ok(number),
        _ => Err("not a number".to_owned()),
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match number(text) {
        Ok(number) if number >= 0.0 => Ok(number),
        _ => Err("not a number from 0 on".to_owned()),
    }
}

pub(crate) fn share(text: &str) -> Result<f64, String> {
    match number(text) {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err("not a number from 0 to 1".to_owned()),
    }
}

fn range(text: &str) -> Result<Range, String> {
    let message = "not two numbers from 0 to 1, such as 0.2..0.8";
    let (low, high) = text.split_once("..").ok_or(message)?;
    let (low, high) = (share(low), share(high));
    match (low, high) {
        (Ok(low), Ok(high)) if low <= high => Ok(Range { low, high }),
        _ => Err(message.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_two_ends_in_order() {
        let wanted = Range {
            low: 0.2,
            high: 0.85,
        };
        assert_eq!(range("0.2..0.85"), Ok(wanted));
        for wrong in [
            "",
            "0.2",
            "0.8..0.2",
            "0..2",
            "a..b",
            "0.1..0.2..0.3",
            "nan..1",
        ] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn meaningless_numbers_are_refused() {
        assert_eq!((share("1"), not_negative("17.5")), (Ok(1.0), Ok(17.5)));
        assert_eq!(number("-2.5"), Ok(-2.5));
        for wrong in ["nan", "inf", "-1", ""] {
            assert!(share(wrong).is_err() && not_negative(wrong).is_err());
        }
    }
}
