//! Figures as PNG files, in light colours and letters of DejaVu Sans.

use image::error::{LimitError, LimitErrorKind};
use image::{ImageError, RgbImage};
use tiny_skia::{
    Color, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, StrokeDash, Transform,
};

use super::figure::{Anchor, Area, Colour, Element, Figure, Line, Stroke, Text};
use super::palette::LIGHT;
use crate::text;
use facepipe_imaging::image_io;

/// Pixels for each unit.
const PIXELS_PER_UNIT: f32 = 2.0;
/// Most pixels of a side.
const MAX_SIDE: f32 = 4000.0;

impl Figure {
    /// The picture as a file of its own: two pixels to a unit, fewer where a side would have over 4000.
    ///
    /// # Errors
    /// [`ImageError`] for a picture that has no pixels.
    pub fn png(&self) -> Result<Vec<u8>, ImageError> {
        let (width, height) = (self.width as f32, self.height as f32);
        let scale = PIXELS_PER_UNIT.min(MAX_SIDE / width.max(height));
        let [columns, rows] = [width, height].map(|side| (side * scale).ceil() as u32);
        let no_size = || ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError));
        let mut canvas = Canvas {
            pixels: Pixmap::new(columns, rows).ok_or_else(no_size)?,
            transform: Transform::from_scale(scale, scale),
        };
        let [red, green, blue] = LIGHT.of(Colour::Background);
        canvas.pixels.fill(Color::from_rgba8(red, green, blue, 255));
        for element in &self.elements {
            match element {
                Element::Area(area) => canvas.fill_area(area),
                Element::Line(line) => canvas.draw_line(line),
                Element::Text(text) => canvas.write(text),
            }
        }
        // All of it is opaque, as the background is.
        let colours = canvas.pixels.pixels().iter();
        let bytes = colours.flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]);
        let picture = RgbImage::from_raw(columns, rows, bytes.collect()).ok_or_else(no_size)?;
        image_io::encode_png(&picture)
    }
}

/// Where elements are drawn.
struct Canvas {
    pixels: Pixmap,
    /// From units to pixels.
    transform: Transform,
}

impl Canvas {
    fn fill_area(&mut self, area: &Area) {
        let ([x, y], [width, height]) = (area.corner, area.size);
        let rect = Rect::from_xywh(x as f32, y as f32, width as f32, height as f32);
        if let Some(rect) = rect {
            let paint = paint(area.colour, area.cover);
            self.fill(&PathBuilder::from_rect(rect), &paint, Transform::identity());
        }
    }

    fn draw_line(&mut self, line: &Line) {
        let mut path = PathBuilder::new();
        for part in &line.parts {
            for (number, [x, y]) in part.iter().enumerate() {
                if number == 0 {
                    path.move_to(*x as f32, *y as f32);
                } else {
                    path.line_to(*x as f32, *y as f32);
                }
            }
            if part.len() > 1 && part.first() == part.last() {
                path.close();
            }
        }
        let dashes =
            (line.stroke == Stroke::Dashed).then(|| StrokeDash::new(Stroke::DASHES.into(), 0.0));
        let stroke = tiny_skia::Stroke {
            width: line.stroke.width(),
            line_join: LineJoin::Round,
            dash: dashes.flatten(),
            ..tiny_skia::Stroke::default()
        };
        if let Some(path) = path.finish() {
            let paint = paint(line.colour, 1.0);
            self.pixels
                .stroke_path(&path, &paint, &stroke, self.transform, None);
        }
    }

    fn write(&mut self, text: &Text) {
        let line = text::line(&text.text, text.size as f32, text.weight);
        let back = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => line.width / 2.0,
            Anchor::End => line.width,
        };
        let [x, y] = text.at.map(|value| value as f32);
        let turned = Transform::from_rotate(if text.upwards { -90.0 } else { 0.0 });
        let place = turned.post_translate(x, y).pre_translate(-back, 0.0);
        if let Some(outline) = line.outline {
            self.fill(&outline, &paint(text.colour, 1.0), place);
        }
    }

    fn fill(&mut self, path: &Path, paint: &Paint<'_>, place: Transform) {
        let place = place.post_concat(self.transform);
        self.pixels
            .fill_path(path, paint, FillRule::Winding, place, None);
    }
}

/// A colour that covers a share of what is behind it.
fn paint(colour: Colour, cover: f64) -> Paint<'static> {
    let [red, green, blue] = LIGHT.of(colour);
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, (cover * 255.0).round() as u8);
    paint
}
