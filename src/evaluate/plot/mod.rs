//! Plots as SVG, with colours by class so that a page can be light or dark, and the same as PNG with
//! letters of its own.

mod axis;
mod chart;
mod charts;
mod matrix;
mod shares;

use std::sync::Arc;

use base64::Engine as _;
use maud::{Markup, PreEscaped};
use resvg::{tiny_skia, usvg};

use super::EvaluateError;
pub(super) use charts::all;
pub(super) use matrix::confusion;

/// Pixels of a PNG for each unit of the SVG.
const PIXELS_PER_UNIT: f32 = 2.0;
/// Most pixels of a PNG's side.
const MAX_SIDE: f32 = 4000.0;

/// A picture of figures.
pub(super) struct Plot {
    /// The file's name without its ending.
    pub(super) name: &'static str,
    /// What it shows, in words: for those who can't see it, and below it.
    pub(super) caption: String,
    /// The picture: an `svg` element without colours.
    pub(super) svg: Markup,
    /// Whether it takes the page's whole width.
    pub(super) wide: bool,
}

/// Colours of plots.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    background: &'static str,
    text: &'static str,
    muted: &'static str,
    grid: &'static str,
    tones: [&'static str; 4],
}

/// Dark on light. The tones are from the Okabe-Ito palette, which colour-blind people can tell apart.
pub(super) const LIGHT: Palette = Palette {
    background: "#ffffff",
    text: "#1f2328",
    muted: "#656d76",
    grid: "#e4e8ec",
    tones: ["#0072b2", "#d55e00", "#009e73", "#c0448f"],
};
/// Light on dark.
pub(super) const DARK: Palette = Palette {
    background: "#161b22",
    text: "#e6edf3",
    muted: "#9198a1",
    grid: "#2d333b",
    tones: ["#58a6ff", "#ff8c4b", "#3fc79a", "#e58bc4"],
};

/// Rules of style for plots in some colours.
pub(super) fn style(palette: &Palette) -> String {
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
    /// The picture as a file of its own, in light colours.
    pub(super) fn png(&self) -> Result<Vec<u8>, EvaluateError> {
        let failed = |reason: String| EvaluateError::Plot {
            name: self.name.to_owned(),
            reason,
        };
        let text = self.svg.0.replacen(
            '>',
            &format!(
                " xmlns=\"http://www.w3.org/2000/svg\" font-family=\"DejaVu Sans\">\
                 <style>{}</style>",
                style(&LIGHT)
            ),
            1,
        );
        let mut fonts = usvg::fontdb::Database::new();
        for font in [dejavu::sans::regular(), dejavu::sans::bold()] {
            fonts.load_font_source(usvg::fontdb::Source::Binary(Arc::new(font)));
        }
        let options = usvg::Options {
            fontdb: Arc::new(fonts),
            ..usvg::Options::default()
        };
        let tree =
            usvg::Tree::from_str(&text, &options).map_err(|error| failed(error.to_string()))?;
        let size = tree.size();
        let scale = PIXELS_PER_UNIT.min(MAX_SIDE / size.width().max(size.height()));
        let [width, height] =
            [size.width(), size.height()].map(|side| (side * scale).ceil() as u32);
        let mut canvas = tiny_skia::Pixmap::new(width, height)
            .ok_or_else(|| failed("it has no size".to_owned()))?;
        let transform = tiny_skia::Transform::from_scale(scale, scale);
        resvg::render(&tree, transform, &mut canvas.as_mut());
        canvas
            .encode_png()
            .map_err(|error| failed(error.to_string()))
    }
}

/// Bytes of a picture as an address, so that a page needs no other file.
pub(super) fn data_address(kind: &str, bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("data:image/{kind};base64,{text}")
}

/// A number of the picture's units, short.
fn unit(value: f64) -> PreEscaped<String> {
    PreEscaped(format!("{:.1}", value + 0.0))
}

/// A name without letters that XML does not allow, cut to a length.
fn shown(name: &str, letters: usize) -> String {
    let plain = name
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    if name.chars().count() <= letters {
        return plain.collect();
    }
    let start: String = plain.take(letters.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}
