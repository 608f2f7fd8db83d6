//! The requested size of a side: a share, or a number of images.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Numbers of images leave at least this share of a label to the sides that get shares: a label with few
/// images would have next to nothing to learn from.
const MOST_BY_NUMBER: f64 = 0.5;

/// How much of each label a side is to get.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SideSize {
    /// A share, 0 to 1: of all images of a label or, beside sides that get numbers, of what these leave.
    Share(f64),
    /// A number of images of each label.
    Images {
        /// The number.
        images: u32,
    },
}

impl SideSize {
    /// Whether the side is to get anything.
    #[must_use]
    pub fn is_something(self) -> bool {
        match self {
            Self::Share(share) => share > 0.0,
            Self::Images { images } => images > 0,
        }
    }

    /// The share, where it is one.
    #[must_use]
    pub const fn share(self) -> Option<f64> {
        match self {
            Self::Share(share) => Some(share),
            Self::Images { .. } => None,
        }
    }

    /// The number of images, where it is one.
    #[must_use]
    pub const fn images(self) -> Option<u32> {
        match self {
            Self::Share(_) => None,
            Self::Images { images } => Some(images),
        }
    }
}

impl FromStr for SideSize {
    type Err = String;

    /// A share has a point or a percent sign (`0.7`, `1.0`, `70%`); a number of images is a whole number
    /// (`20`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let teach = || {
            format!(
                "`{text}` is neither a share, such as 0.2 or 20%, nor a number of images, such as 20"
            )
        };
        if let Ok(images) = text.parse() {
            return Ok(Self::Images { images });
        }
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map_err(|_| teach())? / 100.0,
            None => text.parse().map_err(|_| teach())?,
        };
        if (0.0..=1.0).contains(&share) {
            Ok(Self::Share(share))
        } else {
            Err(format!(
                "a share is at most 1 (100%); without the point, `{text}` would be images"
            ))
        }
    }
}

impl std::fmt::Display for SideSize {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Share(share) => write!(formatter, "{share:?}"),
            Self::Images { images } => write!(formatter, "{images}"),
        }
    }
}

/// How many images of a label of `images` each side is to get. Numbers are made smaller in proportion where
/// a label has too few images for them.
pub(super) fn of_label(sizes: &[SideSize], images: usize) -> Vec<f64> {
    let all = images as f64;
    let shares: f64 = sizes.iter().filter_map(|size| size.share()).sum();
    let numbers: f64 = (sizes.iter().filter_map(|size| size.images()))
        .map(f64::from)
        .sum();
    if numbers == 0.0 {
        return sizes
            .iter()
            .map(|size| size.share().unwrap_or_default() * all)
            .collect();
    }
    let most = if shares > 0.0 {
        all * MOST_BY_NUMBER
    } else {
        all
    };
    let shrink = (most / numbers).min(1.0);
    let rest = all - numbers * shrink;
    let of_one = |size: &SideSize| match size {
        SideSize::Share(share) => share / shares.max(f64::MIN_POSITIVE) * rest,
        SideSize::Images { images } => f64::from(*images) * shrink,
    };
    sizes.iter().map(of_one).collect()
}

/// Whether a label has too few images for the requested numbers.
pub(super) fn is_short_of(sizes: &[SideSize], images: usize) -> bool {
    let got = of_label(sizes, images);
    sizes
        .iter()
        .zip(got)
        .any(|(size, got)| size.images().is_some_and(|images| got < f64::from(images)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_a_point_and_numbers_have_none() {
        for (text, expected) in [
            ("0.7", SideSize::Share(0.7)),
            ("70%", SideSize::Share(0.7)),
            ("1.0", SideSize::Share(1.0)),
            ("100 %", SideSize::Share(1.0)),
            ("20", SideSize::Images { images: 20 }),
            ("1", SideSize::Images { images: 1 }),
            ("0", SideSize::Images { images: 0 }),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["1.5", "-1", "120%", "many", "", "NaN", "0,7"] {
            let error = text.parse::<SideSize>().expect_err(text);
            assert!(error.contains("share"), "{error}");
        }
    }

    #[test]
    fn numbers_come_first_and_shares_take_what_they_leave() {
        let (share, images) = (SideSize::Share, |images| SideSize::Images { images });
        let of_100 = of_label(&[share(0.7), share(0.15), images(20)], 100);
        assert!((of_100[0] - 80.0 * 0.7 / 0.85).abs() < 1e-9, "{of_100:?}");
        assert!((of_100.iter().sum::<f64>() - 100.0).abs() < 1e-9);
        assert_eq!(of_100[2], 20.0);
        // Twelve images can't give twenty to test and leave something to learn from.
        let few = [share(1.0), share(0.0), images(20)];
        assert_eq!(of_label(&few, 12), [6.0, 0.0, 6.0]);
        assert!(is_short_of(&few, 12) && !is_short_of(&few, 40));
        let numbers = [images(50), images(10), images(20)];
        assert_eq!(of_label(&numbers, 200), [50.0, 10.0, 20.0]);
        assert_eq!(of_label(&numbers, 40), [25.0, 5.0, 10.0]);
    }

    #[test]
    fn settings_files_keep_their_form() {
        let sizes: Vec<SideSize> = serde_json::from_str(r#"[0.7, {"images": 20}]"#).expect("reads");
        assert_eq!(
            sizes,
            [SideSize::Share(0.7), SideSize::Images { images: 20 }]
        );
        let text = serde_json::to_string(&sizes).expect("writes");
        assert_eq!(text, r#"[0.7,{"images":20}]"#);
    }
}
