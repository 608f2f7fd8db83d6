//! Plots as SVG, with colours by class so that a page can be light or dark, and the same as PNG with
//! letters of its own.

mod axis;
mod chart;
#[cfg(feature = "png")]
mod png;

use maud::{Markup, PreEscaped};

pub use axis::{Axis, Scale};
pub use chart::{Bar, Chart, Corner, Mark, Point, Shape, Tone};
#[cfg(feature = "png")]
pub use png::PlotError;

/// A picture of figures.
#[derive(Debug, Clone)]
pub struct Plot {
    /// The file's name without its ending.
    pub name: &'static str,
    /// What it shows, in words: for those who can't see it, and below it.
    pub caption: String,
    /// The picture: an `svg` element without colours.
    pub svg: Markup,
    /// Whether it takes the page's whole width.
    pub wide: bool,
}

/// Colours of plots.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    background: &'static str,
    text: &'static str,
    muted: &'static str,
    grid: &'static str,
    tones: [&'static str; 4],
}

/// Dark on light. The tones are from the Okabe-Ito palette, which colour-blind people can tell apart.
pub const LIGHT: Palette = Palette {
    background: "#ffffff",
    text: "#1f2328",
    muted: "#656d76",
    grid: "#e4e8ec",
    tones: ["#0072b2", "#d55e00", "#009e73", "#c0448f"],
};
/// Light on dark.
pub const DARK: Palette = Palette {
    background: "#161b22",
    text: "#e6edf3",
    muted: "#9198a1",
    grid: "#2d333b",
    tones: ["#58a6ff", "#ff8c4b", "#3fc79a", "#e58bc4"],
};

/// Rules of style for plots in some colours.
#[must_use]
pub fn style(palette: &Palette) -> String {
    let Palette {
        background,
        text,
        muted,
        grid,
        tones,
    } = palette;
    let mut rules = format!(
        ".back{{fill:{background}}}.ink{{fill:{text}}}.soft{{fill:{muted}}}\
         .grid{{stroke:{grid};stroke-width:1}}.frame{{stroke:{muted};stroke-width:1;fill:none}}\
         .line{{fill:none;stroke-width:2;stroke-linejoin:round}}\
         .dash{{stroke-dasharray:5 4;stroke-width:1.5}}\
         .none-stroke{{stroke:{muted}}}.none-fill{{fill:{muted}}}"
    );
    for (number, tone) in tones.iter().enumerate() {
        rules.push_str(&format!(
            ".t{number}-stroke{{stroke:{tone}}}.t{number}-fill{{fill:{tone}}}"
        ));
    }
    rules
}

impl Plot {
    /// A chart with a name and what it shows.
    #[must_use]
    pub fn of(name: &'static str, caption: impl Into<String>, chart: &Chart) -> Self {
        Self {
            name,
            caption: caption.into(),
            svg: chart.svg(),
            wide: false,
        }
    }
}

/// A number of a picture's units, short.
#[must_use]
pub fn unit(value: f64) -> PreEscaped<String> {
    PreEscaped(format!("{:.1}", value + 0.0))
}

/// A name without letters that XML does not allow, cut to a length.
#[must_use]
pub fn shown(name: &str, letters: usize) -> String {
    let plain = name
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    if name.chars().count() <= letters {
        return plain.collect();
    }
    let start: String = plain.take(letters.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}
