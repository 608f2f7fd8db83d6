//! Outlines of letters, beside each other.

use std::sync::LazyLock;

use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// A line of text: it begins at `[0, 0]`, on the baseline; y grows downwards.
pub(crate) struct Line {
    /// What is filled; `None` where nothing has ink.
    pub(crate) outline: Option<Path>,
    /// Where the next letter would begin, in the units of the size.
    pub(crate) width: f32,
}

/// How heavy letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// For text.
    Regular,
    /// For titles.
    Bold,
}

impl Weight {
    /// The font.
    pub(super) fn face(self) -> &'static Face<'static> {
        static REGULAR: LazyLock<Face<'static>> = LazyLock::new(|| read(dejavu::sans::regular()));
        static BOLD: LazyLock<Face<'static>> = LazyLock::new(|| read(dejavu::sans::bold()));
        match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        }
    }
}

fn read(font: &'static [u8]) -> Face<'static> {
    Face::parse(font, 0).expect("the font that is part of the program can be read")
}

/// How far letters of a size reach above and below the baseline.
pub(super) fn extent(face: &Face<'_>, size: f32) -> (f32, f32) {
    let scale = size / f32::from(face.units_per_em());
    (
        f32::from(face.ascender()) * scale,
        -f32::from(face.descender()) * scale,
    )
}

/// Sets letters that the font has beside each other.
pub(super) fn set(face: &Face<'_>, text: &str, size: f32) -> Line {
    let mut pen = Pen::default();
    let mut last = None;
    for glyph in text.chars().filter_map(|letter| face.glyph_index(letter)) {
        pen.x += last.map_or(0.0, |last| kerning(face, last, glyph));
        face.outline_glyph(glyph, &mut pen);
        pen.x += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0));
        last = Some(glyph);
    }
    let scale = size / f32::from(face.units_per_em());
    Line {
        width: pen.x * scale,
        outline: (pen.path.finish())
            .and_then(|path| path.transform(Transform::from_scale(scale, scale))),
    }
}

/// How far apart the font's `kern` table moves two letters, in units of the font; negative is nearer.
fn kerning(face: &Face<'_>, left: GlyphId, right: GlyphId) -> f32 {
    let tables = face.tables().kern.into_iter();
    let mut tables = tables.flat_map(|kern| kern.subtables).filter(|table| {
        table.horizontal && !table.variable && !table.has_cross_stream && !table.has_state_machine
    });
    let distance = tables.find_map(|table| table.glyphs_kerning(left, right));
    f32::from(distance.unwrap_or(0))
}

/// Draws outlines at `x`, in units of the font; fonts have y upwards, pictures downwards.
#[derive(Default)]
struct Pen {
    path: PathBuilder,
    x: f32,
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, -y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, -y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, -y1, self.x + x, -y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path
            .cubic_to(self.x + x1, -y1, self.x + x2, -y2, self.x + x, -y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
