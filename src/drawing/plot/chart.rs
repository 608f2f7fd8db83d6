//! One chart: axes, lines, bars and their names.

use maud::{Markup, PreEscaped, html};

use super::axis::Axis;
use super::unit;

/// A place by the values of both axes.
pub type Point = [f64; 2];

/// The picture's sides in units.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 380.0;
/// Space around the plot's frame: left, top, right, bottom.
const SPACE: [f64; 4] = [58.0, 38.0, 18.0, 48.0];
/// Height of a line of the legend, and about the width of a letter.
const LEGEND_LINE: f64 = 17.0;
const LETTER_WIDTH: f64 = 6.6;

/// The colour of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// One of the palette's tones.
    Colour(usize),
    /// Grey.
    Plain,
}

impl Tone {
    /// The class of things that are drawn in it.
    pub(super) fn class(self, kind: &str) -> String {
        match self {
            Self::Colour(number) => format!("t{number}-{kind}"),
            Self::Plain => format!("none-{kind}"),
        }
    }
}

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
    pub tone: Tone,
    /// What is drawn.
    pub shape: Shape,
}

impl Mark {
    /// A mark with a name.
    #[must_use]
    pub fn new(name: impl Into<String>, tone: Tone, shape: Shape) -> Self {
        Self {
            name: Some(name.into()),
            tone,
            shape,
        }
    }

    /// A mark that the legend does not name.
    #[must_use]
    pub const fn unnamed(tone: Tone, shape: Shape) -> Self {
        Self {
            name: None,
            tone,
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
    /// The chart as an `svg` element.
    #[must_use]
    pub fn svg(&self) -> Markup {
        let [left, top, right, bottom] = SPACE;
        let (x_end, y_end) = (WIDTH - right, HEIGHT - bottom);
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" font-size="12" {
                rect.back width=(WIDTH) height=(HEIGHT) {}
                text.ink x=(left) y="22" font-size="14" font-weight="bold" { (self.title) }
                @for (value, text) in self.x.ticks() {
                    @let x = self.across(value);
                    line.grid x1=(unit(x)) x2=(unit(x)) y1=(top) y2=(y_end) {}
                    text.soft x=(unit(x)) y=(y_end + 16.0) text-anchor="middle" { (text) }
                }
                @for (value, text) in self.y.ticks() {
                    @let y = self.up(value);
                    line.grid x1=(left) x2=(x_end) y1=(unit(y)) y2=(unit(y)) {}
                    text.soft x=(left - 7.0) y=(unit(y + 4.0)) text-anchor="end" { (text) }
                }
                @for mark in &self.marks { (self.shape(mark)) }
                rect.frame x=(left) y=(top) width=(x_end - left) height=(y_end - top) {}
                text.ink x=(unit(f64::midpoint(left, x_end))) y=(HEIGHT - 10.0) text-anchor="middle" {
                    (self.x.label)
                }
                @let middle = f64::midpoint(top, y_end);
                text.ink x="14" y=(middle) text-anchor="middle" transform=(format!("rotate(-90 14 {middle})")) {
                    (self.y.label)
                }
                (self.legend())
            }
        }
    }

    fn across(&self, value: f64) -> f64 {
        SPACE[0] + self.x.place(value) * (WIDTH - SPACE[0] - SPACE[2])
    }

    fn up(&self, value: f64) -> f64 {
        HEIGHT - SPACE[3] - self.y.place(value) * (HEIGHT - SPACE[1] - SPACE[3])
    }

    fn shape(&self, mark: &Mark) -> Markup {
        let stroke = mark.tone.class("stroke");
        match &mark.shape {
            Shape::Line(points) => {
                html! { path class={ "line " (stroke) } d=(self.path(points)) {} }
            }
            Shape::Dashed(points) => {
                html! { path class={ "line dash " (stroke) } d=(self.path(points)) {} }
            }
            Shape::Upright(value) => {
                let ends = [[*value, self.y.low], [*value, self.y.high]];
                html! { path class={ "line dash " (stroke) } d=(self.path(&ends)) {} }
            }
            Shape::Bars(bars, cover) => html! {
                g class=(mark.tone.class("fill")) fill-opacity=(cover) {
                    @for bar in bars {
                        @let (low, high) = (self.across(bar.low), self.across(bar.high));
                        @let (from, to) = (self.up(bar.from), self.up(bar.to));
                        @if from != to {
                            rect x=(unit(low)) y=(unit(from.min(to))) width=(unit((high - low - 1.0).max(1.0)))
                                height=(unit((from - to).abs())) {}
                        }
                    }
                }
            },
        }
    }

    fn path(&self, points: &[Point]) -> PreEscaped<String> {
        let mut text = String::new();
        let finite = points
            .iter()
            .filter(|point| point.iter().all(|value| value.is_finite()));
        for (index, [x, y]) in finite.enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            text.push_str(&format!(
                "{letter}{:.1} {:.1}",
                self.across(*x),
                self.up(*y)
            ));
        }
        PreEscaped(text)
    }

    fn legend(&self) -> Markup {
        let named: Vec<(&Mark, &String)> = self
            .marks
            .iter()
            .filter_map(|mark| Some((mark, mark.name.as_ref()?)))
            .collect();
        let letters = named
            .iter()
            .map(|(_, name)| name.chars().count())
            .max()
            .unwrap_or(0);
        let width = 34.0 + letters as f64 * LETTER_WIDTH;
        let height = named.len() as f64 * LEGEND_LINE + 8.0;
        let [left, top, right, bottom] = SPACE;
        let x = match self.legend {
            Corner::TopLeft | Corner::BottomLeft => left + 8.0,
            Corner::TopRight | Corner::BottomRight => WIDTH - right - 8.0 - width,
            Corner::TopMiddle => f64::midpoint(left, WIDTH - right) - width / 2.0,
        };
        let y = match self.legend {
            Corner::TopLeft | Corner::TopRight | Corner::TopMiddle => top + 8.0,
            Corner::BottomLeft | Corner::BottomRight => HEIGHT - bottom - 8.0 - height,
        };
        html! {
            @if !named.is_empty() {
                rect.back x=(unit(x)) y=(unit(y)) width=(unit(width)) height=(unit(height)) rx="4" fill-opacity="0.85" {}
                @for (row, (mark, name)) in named.iter().enumerate() {
                    @let middle = y + 4.0 + (row as f64 + 0.5) * LEGEND_LINE;
                    (sign(mark, x + 6.0, middle))
                    text.ink x=(unit(x + 30.0)) y=(unit(middle + 4.0)) { (name) }
                }
            }
        }
    }
}

/// The sample of a mark in the legend.
fn sign(mark: &Mark, x: f64, y: f64) -> Markup {
    let stroke = mark.tone.class("stroke");
    let ends = PreEscaped(format!("M{x:.1} {y:.1}L{:.1} {y:.1}", x + 18.0));
    match &mark.shape {
        Shape::Line(_) => html! { path class={ "line " (stroke) } d=(ends) {} },
        Shape::Dashed(_) | Shape::Upright(_) => {
            html! { path class={ "line dash " (stroke) } d=(ends) {} }
        }
        Shape::Bars(_, cover) => html! {
            rect class=(mark.tone.class("fill")) fill-opacity=(cover) x=(unit(x + 3.0)) y=(unit(y - 5.0))
                width="12" height="10" {}
        },
    }
}
