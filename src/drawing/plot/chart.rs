//! One chart: axes, lines, bars and their names.

use super::axis::Axis;
use super::figure::{Area, Colour, Figure, Line, Point, Stroke, Text};
use crate::text::{self, Weight};

/// The picture's sides in units.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 380.0;
/// Space around the plot's frame: left, top, right, bottom.
const SPACE: [f64; 4] = [58.0, 38.0, 22.0, 48.0];
/// Size of letters.
const LETTERS: f64 = 12.0;
/// Size of the title's letters.
const TITLE_LETTERS: f64 = 14.0;
/// From the middle of a line of text down to its baseline.
const TO_BASELINE: f64 = 4.0;
/// Height of a line of the legend.
const LEGEND_LINE: f64 = 17.0;
/// Space between the legend and the frame, and above and below its lines together.
const LEGEND_SPACE: f64 = 8.0;
/// Where the legend's texts begin, beside the samples of the marks.
const LEGEND_TEXT: f64 = 30.0;
/// How much the legend covers what is behind it.
const LEGEND_COVER: f64 = 0.85;

/// A bar from `low` to `high` across, and from `from` to `to` upwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Its left end.
    pub low: f64,
    /// Its right end.
    pub high: f64,
    /// Its lower end.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A line through points.
    Line(Vec<Point>),
    /// The same with gaps.
    Dashed(Vec<Point>),
    /// Bars, with how much they cover what is behind them.
    Bars(Vec<Bar>, f64),
    /// A line upwards, with gaps.
    Upright(f64),
}

/// A shape with colour and name.
#[derive(Debug, Clone)]
pub struct Mark {
    /// What the legend says; `None` leaves it out there.
    pub name: Option<String>,
    /// Its colour.
    pub colour: Colour,
    /// What is drawn.
    pub shape: Shape,
}

impl Mark {
    /// A mark with a name.
    #[must_use]
    pub fn new(name: impl Into<String>, colour: Colour, shape: Shape) -> Self {
        Self {
            name: Some(name.into()),
            colour,
            shape,
        }
    }

    /// A mark that the legend does not name.
    #[must_use]
    pub const fn unnamed(colour: Colour, shape: Shape) -> Self {
        Self {
            name: None,
            colour,
            shape,
        }
    }
}

/// Where the legend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corner {
    /// Upper left.
    TopLeft,
    /// Upper right.
    TopRight,
    /// In the middle of the upper side.
    TopMiddle,
    /// Lower left.
    BottomLeft,
    /// Lower right.
    BottomRight,
}

/// A chart.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// The axis across.
    pub x: Axis,
    /// The axis upwards.
    pub y: Axis,
    /// What is drawn, from back to front.
    pub marks: Vec<Mark>,
    /// Where the legend is.
    pub legend: Corner,
}

impl Chart {
    /// The chart as a picture.
    #[must_use]
    pub fn figure(&self) -> Figure {
        let [left, top, right, bottom] = SPACE;
        let (x_end, y_end) = (WIDTH - right, HEIGHT - bottom);
        let mut figure = Figure::new(WIDTH, HEIGHT);
        let grid = |ends: [Point; 2]| Line::new(ends, Colour::Grid, Stroke::Thin);
        let ink = |text: &str, at| Text::new(text, at, LETTERS, Colour::Text);
        let soft = |text: String, at| Text::new(text, at, LETTERS, Colour::Muted);
        let title = Text::new(&self.title, [left, 22.0], TITLE_LETTERS, Colour::Text);
        figure.add(title.bold());
        for (value, text) in self.x.ticks() {
            let x = self.across(value);
            figure.add(grid([[x, top], [x, y_end]]));
            figure.add(soft(text, [x, y_end + 16.0]).centred());
        }
        for (value, text) in self.y.ticks() {
            let y = self.up(value);
            figure.add(grid([[left, y], [x_end, y]]));
            figure.add(soft(text, [left - 7.0, y + TO_BASELINE]).ending());
        }
        for mark in &self.marks {
            self.draw(mark, &mut figure);
        }
        figure.add(Line::frame([left, top], [x_end - left, y_end - top]));
        let middle = [f64::midpoint(left, x_end), f64::midpoint(top, y_end)];
        figure.add(ink(&self.x.label, [middle[0], HEIGHT - 10.0]).centred());
        figure.add(ink(&self.y.label, [14.0, middle[1]]).centred().upwards());
        self.draw_legend(&mut figure);
        figure
    }

    fn across(&self, value: f64) -> f64 {
        SPACE[0] + self.x.place(value) * (WIDTH - SPACE[0] - SPACE[2])
    }

    fn up(&self, value: f64) -> f64 {
        HEIGHT - SPACE[3] - self.y.place(value) * (HEIGHT - SPACE[1] - SPACE[3])
    }

    fn draw(&self, mark: &Mark, figure: &mut Figure) {
        let line = |points: &[Point], stroke| {
            let finite = points
                .iter()
                .filter(|[x, y]| x.is_finite() && y.is_finite());
            let places = finite.map(|[x, y]| [self.across(*x), self.up(*y)]);
            Line::new(places, mark.colour, stroke)
        };
        match &mark.shape {
            Shape::Line(points) => figure.add(line(points, Stroke::Thick)),
            Shape::Dashed(points) => figure.add(line(points, Stroke::Dashed)),
            Shape::Upright(value) => {
                let ends = [[*value, self.y.low], [*value, self.y.high]];
                figure.add(line(&ends, Stroke::Dashed));
            }
            Shape::Bars(bars, cover) => {
                for bar in bars {
                    let (low, high) = (self.across(bar.low), self.across(bar.high));
                    let (from, to) = (self.up(bar.from), self.up(bar.to));
                    let size = [(high - low - 1.0).max(1.0), (from - to).abs()];
                    if from != to {
                        figure.add(Area {
                            cover: *cover,
                            ..Area::new([low, from.min(to)], size, mark.colour)
                        });
                    }
                }
            }
        }
    }

    fn draw_legend(&self, figure: &mut Figure) {
        let named = self
            .marks
            .iter()
            .filter_map(|mark| Some((mark, mark.name.as_ref()?)));
        let named: Vec<(&Mark, &String)> = named.collect();
        if named.is_empty() {
            return;
        }
        let widths =
            (named.iter()).map(|(_, name)| text::width(name, LETTERS as f32, Weight::Regular));
        let width = LEGEND_TEXT + f64::from(widths.fold(0.0, f32::max)) + 6.0;
        let height = named.len() as f64 * LEGEND_LINE + LEGEND_SPACE;
        let [left, top, right, bottom] = SPACE;
        let x = match self.legend {
            Corner::TopLeft | Corner::BottomLeft => left + LEGEND_SPACE,
            Corner::TopRight | Corner::BottomRight => WIDTH - right - LEGEND_SPACE - width,
            Corner::TopMiddle => f64::midpoint(left, WIDTH - right) - width / 2.0,
        };
        let y = match self.legend {
            Corner::TopLeft | Corner::TopRight | Corner::TopMiddle => top + LEGEND_SPACE,
            Corner::BottomLeft | Corner::BottomRight => HEIGHT - bottom - LEGEND_SPACE - height,
        };
        figure.add(Area {
            cover: LEGEND_COVER,
            ..Area::new([x, y], [width, height], Colour::Background)
        });
        for (row, (mark, name)) in named.into_iter().enumerate() {
            let middle = y + LEGEND_SPACE / 2.0 + (row as f64 + 0.5) * LEGEND_LINE;
            draw_sample(mark, [x + 6.0, middle], figure);
            let at = [x + LEGEND_TEXT, middle + TO_BASELINE];
            figure.add(Text::new(name, at, LETTERS, Colour::Text));
        }
    }
}

/// The sample of a mark in the legend, from a point to the right.
fn draw_sample(mark: &Mark, [x, y]: Point, figure: &mut Figure) {
    let line = |stroke| Line::new([[x, y], [x + 18.0, y]], mark.colour, stroke);
    match &mark.shape {
        Shape::Line(_) => figure.add(line(Stroke::Thick)),
        Shape::Dashed(_) | Shape::Upright(_) => figure.add(line(Stroke::Dashed)),
        Shape::Bars(_, cover) => figure.add(Area {
            cover: *cover,
            ..Area::new([x + 3.0, y - 5.0], [12.0, 10.0], mark.colour)
        }),
    }
}
