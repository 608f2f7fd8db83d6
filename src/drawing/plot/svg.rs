//! Figures as SVG for pages: colours by class, so that a page can be light or dark, and letters of the
//! page.

use maud::{Markup, PreEscaped, html};

use super::figure::{Anchor, Area, Element, Figure, Line, Text};
use super::unit;
use crate::text::Weight;

impl Figure {
    /// The picture as an `svg` element.
    #[must_use]
    pub fn svg(&self) -> Markup {
        html! {
            svg viewBox=(format!("0 0 {:.0} {:.0}", self.width, self.height)) role="img" {
                rect.back-fill width=(unit(self.width)) height=(unit(self.height)) {}
                @for element in &self.elements {
                    @match element {
                        Element::Area(area) => (rectangle(area)),
                        Element::Line(line) => (path(line)),
                        Element::Text(text) => (written(text)),
                    }
                }
            }
        }
    }
}

fn rectangle(area: &Area) -> Markup {
    let ([x, y], [width, height]) = (area.corner, area.size);
    let cover = (area.cover < 1.0).then(|| format!("{:.2}", area.cover));
    html! {
        rect class=(area.colour.fill_class()) fill-opacity=[cover] x=(unit(x)) y=(unit(y)) width=(unit(width))
            height=(unit(height)) { @if let Some(hint) = &area.hint { title { (without_controls(hint)) } } }
    }
}

fn path(line: &Line) -> Markup {
    let mut d = String::new();
    for part in &line.parts {
        for ([x, y], letter) in part
            .iter()
            .zip(['M'].into_iter().chain(std::iter::repeat('L')))
        {
            d.push_str(&format!("{letter}{} {}", unit(*x).0, unit(*y).0));
        }
        if part.len() > 1 && part.first() == part.last() {
            d.push('Z');
        }
    }
    html! { path class={ (line.stroke.class()) " " (line.colour.line_class()) } d=(PreEscaped(d)) {} }
}

fn written(text: &Text) -> Markup {
    let [x, y] = text.at.map(|value| unit(value).0);
    let anchor = match text.anchor {
        Anchor::Start => None,
        Anchor::Middle => Some("middle"),
        Anchor::End => Some("end"),
    };
    let weight = (text.weight == Weight::Bold).then_some("bold");
    let turned = text.upwards.then(|| format!("rotate(-90 {x} {y})"));
    html! {
        text class=(text.colour.fill_class()) x=(x) y=(y) font-size=(unit(text.size)) font-weight=[weight]
            text-anchor=[anchor] transform=[turned] { (without_controls(&text.text)) }
    }
}

/// A text without letters that XML does not allow.
fn without_controls(text: &str) -> String {
    text.replace(char::is_control, " ")
}
