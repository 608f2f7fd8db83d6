//! Plots: a figure of areas, lines and texts, which becomes SVG on a page and a PNG file.

mod axis;
mod chart;
mod figure;
mod palette;
mod png;
mod svg;
#[cfg(test)]
mod tests;

use maud::PreEscaped;

pub use axis::{Axis, Scale};
pub use chart::{Bar, Chart, Corner, Mark, Shape};
pub use figure::{Anchor, Area, Colour, Element, Figure, Line, Point, Stroke, Text};
pub use palette::{DARK, LIGHT, Palette, style};

/// A picture of numbers.
#[derive(Debug, Clone)]
pub struct Plot {
    /// The file's name without its ending.
    pub name: &'static str,
    /// What it shows, in words: for those who can't see it, and below it.
    pub caption: String,
    /// The picture.
    pub figure: Figure,
    /// Whether it takes the page's whole width.
    pub wide: bool,
}

impl Plot {
    /// A chart with a name and what it shows.
    #[must_use]
    pub fn of(name: &'static str, caption: impl Into<String>, chart: &Chart) -> Self {
        Self {
            name,
            caption: caption.into(),
            figure: chart.figure(),
            wide: false,
        }
    }
}

/// A number of a picture's units, short.
#[must_use]
pub fn unit(value: f64) -> PreEscaped<String> {
    PreEscaped(format!("{:.1}", value + 0.0))
}

/// A name cut to a number of letters.
#[must_use]
pub fn shown(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    let start: String = name.chars().take(letters.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}
