//! Numbers as people read them.

use std::fmt::Display;

/// Significant digits of a percentage.
const DIGITS: i32 = 3;
/// Those of one below [`SMALL`].
const FEW_DIGITS: i32 = 1;
/// A percentage of which no more than the size matters.
const SMALL: f64 = 0.01;
/// What is shown in the place of a share that is nearly, but not wholly, all.
const NEARLY_ALL: &str = "99.9 %";

/// A number with its noun, whose plural ends in `s`: `1 image`, `2 images`.
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    counted_as(number, noun, &format!("{noun}s"))
}

/// A number with a noun of another plural: `1 person`, `2 people`.
#[must_use]
pub fn counted_as<N: Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    let noun = if number == N::from(1) { one } else { many };
    format!("{number} {noun}")
}

/// A share in percent, with three significant digits at most (one below 0.01 %) and no zeros at the end: `98.7 %`,
/// `10 %`, `0.0729 %`, `0.001 %`. Less than all is never `100 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 {
        return "0 %".to_owned();
    }
    if !percent.is_finite() {
        return "–".to_owned();
    }
    let before_point = percent.abs().log10().floor() as i32 + 1;
    let significant = if percent.abs() < SMALL {
        FEW_DIGITS
    } else {
        DIGITS
    };
    let digits = usize::try_from(significant - before_point).unwrap_or(0);
    let text = format!("{percent:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if text == "100" && share < 1.0 {
        return NEARLY_ALL.to_owned();
    }
    format!("{text} %")
}

/// An interval of shares in percent: `87.5 to 100 %`.
#[must_use]
pub fn percent_range([low, high]: [f64; 2]) -> String {
    let low = percent(low);
    format!("{} to {}", low.trim_end_matches(" %"), percent(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_no_plural() {
        assert_eq!(counted(1_u64, "image"), "1 image");
        assert_eq!(counted(0_usize, "image"), "0 images");
        assert_eq!(counted(2_u32, "image"), "2 images");
        assert_eq!(counted_as(1_u64, "person", "people"), "1 person");
        assert_eq!(counted_as(12_u64, "person", "people"), "12 people");
    }

    #[test]
    fn percentages_have_three_digits_at_most() {
        for (share, text) in [
            (0.0, "0 %"),
            (0.000_729_395, "0.0729 %"),
            (0.000_003_59, "0.0004 %"),
            (1e-5, "0.001 %"),
            (1e-7, "0.00001 %"),
            (0.01, "1 %"),
            (0.015, "1.5 %"),
            (0.1, "10 %"),
            (0.123_45, "12.3 %"),
            (0.987_49, "98.7 %"),
            (0.999_96, "99.9 %"),
            (1.0, "100 %"),
            (1.25, "125 %"),
            (0.999_999_999, "99.9 %"),
            (0.009_999_9, "1 %"),
            (-0.5, "-50 %"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(percent(share), text, "{share}");
        }
        assert_eq!(percent_range([0.875, 1.0]), "87.5 to 100 %");
    }
}
