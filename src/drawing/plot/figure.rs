//! What plots are drawn of: areas, lines and texts, in colours that light and dark pages and PNG files
//! each have their own of.

use crate::text::Weight;

/// A place in the picture, in units: from the left, from the top. In a chart: a value of each axis.
pub type Point = [f64; 2];

/// A picture: what it is made of, from back to front.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its width in units: pixels of a page that shows it at its own size.
    pub width: f64,
    /// Its height in units.
    pub height: f64,
    /// What is drawn on the background.
    pub elements: Vec<Element>,
}

/// A colour by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// What everything lies on.
    Background,
    /// Text.
    Text,
    /// Text and lines that stand back.
    Muted,
    /// Lines to read values by.
    Grid,
    /// One of the four tones that tell things apart.
    Tone(usize),
}

/// Something that is drawn.
#[derive(Debug, Clone)]
pub enum Element {
    /// A filled rectangle.
    Area(Area),
    /// Lines.
    Line(Line),
    /// A line of text.
    Text(Text),
}

/// A filled rectangle.
#[derive(Debug, Clone)]
pub struct Area {
    /// Its upper left corner.
    pub corner: Point,
    /// Width and height in units.
    pub size: [f64; 2],
    /// What it is filled with.
    pub colour: Colour,
    /// How much it covers what is behind it, 0 to 1.
    pub cover: f64,
    /// What a page says where the pointer rests on it.
    pub hint: Option<String>,
}

/// Lines of one kind; a part whose last point is its first is closed.
#[derive(Debug, Clone)]
pub struct Line {
    /// The lines' points.
    pub parts: Vec<Vec<Point>>,
    /// Their colour.
    pub colour: Colour,
    /// How they are drawn.
    pub stroke: Stroke,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// For frames and grids.
    Thin,
    /// For curves.
    Thick,
    /// With gaps.
    Dashed,
}

impl Stroke {
    /// Gaps of a dashed line: units drawn, units left out.
    pub(super) const DASHES: [f32; 2] = [5.0, 4.0];

    /// Its width in units.
    pub(super) const fn width(self) -> f32 {
        match self {
            Self::Thin => 1.0,
            Self::Thick => 2.0,
            Self::Dashed => 1.5,
        }
    }
}

/// A line of text.
#[derive(Debug, Clone)]
pub struct Text {
    /// What it says.
    pub text: String,
    /// Where it stands: on the baseline, at what `anchor` says.
    pub at: Point,
    /// The size of its letters in units.
    pub size: f64,
    /// How heavy they are.
    pub weight: Weight,
    /// Their colour.
    pub colour: Colour,
    /// Which part of the text is at `at`.
    pub anchor: Anchor,
    /// Whether it is written from below upwards.
    pub upwards: bool,
}

/// Which part of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Where it begins.
    Start,
    /// Its middle.
    Middle,
    /// Where it ends.
    End,
}

impl Figure {
    /// An empty picture of a size in units.
    #[must_use]
    pub const fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            elements: Vec::new(),
        }
    }

    /// Draws on top of what is there.
    pub fn add(&mut self, element: impl Into<Element>) {
        self.elements.push(element.into());
    }
}

impl Area {
    /// An area that hides what is behind it.
    #[must_use]
    pub const fn new(corner: Point, size: [f64; 2], colour: Colour) -> Self {
        Self {
            corner,
            size,
            colour,
            cover: 1.0,
            hint: None,
        }
    }
}

impl Line {
    /// One line through points; what is not finite is left out.
    #[must_use]
    pub fn new(points: impl IntoIterator<Item = Point>, colour: Colour, stroke: Stroke) -> Self {
        let points = points.into_iter();
        let finite = points.filter(|point| point.iter().all(|value| value.is_finite()));
        Self {
            parts: vec![finite.collect()],
            colour,
            stroke,
        }
    }

    /// A thin frame around a rectangle.
    #[must_use]
    pub fn frame([left, top]: Point, [width, height]: [f64; 2]) -> Self {
        let (right, bottom) = (left + width, top + height);
        let corners = [
            [left, top],
            [right, top],
            [right, bottom],
            [left, bottom],
            [left, top],
        ];
        Self::new(corners, Colour::Muted, Stroke::Thin)
    }
}

impl Text {
    /// Regular letters, from left to right.
    #[must_use]
    pub fn new(text: impl Into<String>, at: Point, size: f64, colour: Colour) -> Self {
        Self {
            text: text.into(),
            at,
            size,
            weight: Weight::Regular,
            colour,
            anchor: Anchor::Start,
            upwards: false,
        }
    }

    /// The same in bold letters: a title.
    #[must_use]
    pub fn bold(self) -> Self {
        Self {
            weight: Weight::Bold,
            ..self
        }
    }

    /// The same with its middle at its place.
    #[must_use]
    pub fn centred(self) -> Self {
        Self {
            anchor: Anchor::Middle,
            ..self
        }
    }

    /// The same with its end at its place.
    #[must_use]
    pub fn ending(self) -> Self {
        Self {
            anchor: Anchor::End,
            ..self
        }
    }

    /// The same from below upwards.
    #[must_use]
    pub fn upwards(self) -> Self {
        Self {
            upwards: true,
            ..self
        }
    }
}

impl From<Area> for Element {
    fn from(area: Area) -> Self {
        Self::Area(area)
    }
}

impl From<Line> for Element {
    fn from(line: Line) -> Self {
        Self::Line(line)
    }
}

impl From<Text> for Element {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}
