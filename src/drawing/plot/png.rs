//! Plots as PNG files.

use std::sync::Arc;

use resvg::{tiny_skia, usvg};

use super::{LIGHT, Plot, style};

/// Pixels of a PNG for each unit of the SVG.
const PIXELS_PER_UNIT: f32 = 2.0;
/// Most pixels of a PNG's side.
const MAX_SIDE: f32 = 4000.0;

/// A plot can't be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw the plot `{name}`: {reason}")]
pub struct PlotError {
    /// The plot's name.
    pub name: &'static str,
    /// Why.
    pub reason: String,
}

impl Plot {
    /// The picture as a file of its own, in light colours and with letters of its own.
    ///
    /// # Errors
    /// [`PlotError`] where the picture is no SVG or has no size.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let failed = |reason: String| PlotError {
            name: self.name,
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
