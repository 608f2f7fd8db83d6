//! Options of `fetch` for limits of images and for timeouts.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use facepipe_fetch::{Keep, Timeouts};

/// Limits of images, and timeouts.
#[derive(Debug, Clone, Args)]
pub(crate) struct FetchLimits {
    /// Smallest shorter side of an image in pixels
    #[arg(help_heading = "Fetch: images", long, value_name = "PIXELS", default_value_t = Keep::default().min_size)]
    min_size: u32,
    /// Largest longer side of an image in pixels
    #[arg(help_heading = "Fetch: images", long, value_name = "PIXELS")]
    max_size: Option<NonZeroU32>,
    /// Leave out images whose longer side is more than this many times the shorter
    #[arg(help_heading = "Fetch: images", long, value_name = "RATIO", value_parser = ratio)]
    max_aspect: Option<f64>,
    /// Make larger images smaller before they are stored: to this many pixels on the longer side, upright
    #[arg(help_heading = "Fetch: images", long, value_name = "PIXELS")]
    resize: Option<NonZeroU32>,
    /// Seconds to wait for a connection
    #[arg(help_heading = "Fetch: network", long, value_name = "SECONDS", default_value = in_seconds(Timeouts::default().connect), value_parser = seconds)]
    connect_timeout: Duration,
    /// Seconds to wait for the next piece of an answer
    #[arg(help_heading = "Fetch: network", long, value_name = "SECONDS", default_value = in_seconds(Timeouts::default().read), value_parser = seconds)]
    read_timeout: Duration,
    /// Seconds that one whole answer may take
    #[arg(help_heading = "Fetch: network", long, value_name = "SECONDS", default_value = in_seconds(Timeouts::default().total), value_parser = seconds)]
    timeout: Duration,
    /// Fetch images also where robots.txt or X-Robots-Tag opts them out of data sets (noai,
    /// noimageai, noindex, noimageindex)
    #[arg(help_heading = "Fetch: images", long)]
    pub(crate) ignore_opt_out: bool,
}

impl FetchLimits {
    pub(crate) fn keep(&self) -> Keep {
        Keep {
            min_size: self.min_size,
            max_size: self.max_size.map(NonZeroU32::get),
            max_aspect: self.max_aspect,
            resize: self.resize.map(NonZeroU32::get),
        }
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect_timeout,
            read: self.read_timeout,
            total: self.timeout,
            ..Timeouts::default()
        }
    }
}

/// A longer side is at least as long as the shorter.
fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok();
    ratio
        .filter(|ratio: &f64| ratio.is_finite() && *ratio >= 1.0)
        .ok_or_else(|| "not a number from 1 on".to_owned())
}

fn in_seconds(time: Duration) -> String {
    time.as_secs_f64().to_string()
}

fn seconds(text: &str) -> Result<Duration, String> {
    /// No one waits longer than a day.
    const LONGEST: f64 = 86_400.0;
    let seconds = text.parse().ok();
    seconds
        .filter(|seconds: &f64| *seconds > 0.0 && *seconds <= LONGEST)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "not a number of seconds above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meaningless_numbers_are_refused() {
        assert_eq!(ratio("1"), Ok(1.0));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["nan", "inf", "0.5", "-1", "", "x"] {
            assert!(ratio(wrong).is_err(), "{wrong}");
        }
        for wrong in ["nan", "inf", "0", "-1", "", "86401"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
