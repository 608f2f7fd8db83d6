//! Pages that need no other file, light or dark as the reader has it: the frame of all of them, and what
//! those of reports share. All text is escaped.

use base64::Engine as _;
use image::imageops::{self, FilterType};
use image::{ImageError, RgbImage};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::plot::{DARK, LIGHT, Plot, style};
use facepipe_core::types::PhotoFaceName;
pub use facepipe_core::words::percent;
use facepipe_imaging::image_io;

/// The rules of style that all pages begin with.
pub const FRAME_STYLE: &str = include_str!("frame.css");
/// Those of reports.
const REPORT_STYLE: &str = include_str!("report.css");
/// The longer side of a picture on a page, in pixels.
const PICTURE_SIDE: u32 = 132;
/// Quality of its JPEG.
const PICTURE_QUALITY: u8 = 82;

/// A page.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What the browser calls it.
    pub title: &'a str,
    /// All its rules of style: [`FRAME_STYLE`] and its own.
    pub style: &'a str,
    /// What is seen.
    pub body: &'a Markup,
    /// A script that runs when the page is there.
    pub script: Option<&'a str>,
    /// Whether a server gives it: then it says that it has no icon, or browsers would ask for one.
    pub served: bool,
}

impl Page<'_> {
    /// The whole file. Style and script stand in it as they are, so that a server can allow them by
    /// their digests.
    #[must_use]
    pub fn markup(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if self.served { link rel="icon" href="data:,"; }
                    title { (self.title) }
                    style { (PreEscaped(self.style)) }
                }
                body {
                    (self.body)
                    @if let Some(script) = self.script {
                        script { (PreEscaped(script)) }
                    }
                }
            }
        }
    }
}

/// A report's page, whole.
#[must_use]
pub fn document(title: &str, body: &Markup) -> String {
    let (light, dark) = (style(&LIGHT), style(&DARK));
    let style =
        format!("{FRAME_STYLE}{REPORT_STYLE}{light}@media (prefers-color-scheme:dark){{{dark}}}");
    let page = Page {
        title,
        style: &style,
        body,
        script: None,
        served: false,
    };
    page.markup().into_string()
}

/// A figure that is seen at once: its name, and below it what qualifies it.
#[must_use]
pub fn number(name: &str, value: &str, below: &str) -> Markup {
    html! { div.number { span { (name) } b { (value) } small { (below) } } }
}

/// A face's name; a click selects the whole path of its photo.
#[must_use]
pub fn face_name(name: &PhotoFaceName) -> Markup {
    html! {
        span.file { (name.photo()) }
        @if let Some(number) = name.told_number() { " (face " (number) ")" }
    }
}

/// Plots beside each other.
pub fn plots<'plots>(plots: impl Iterator<Item = &'plots Plot>) -> Markup {
    html! {
        div.plots {
            @for plot in plots {
                figure.wide[plot.wide] {
                    (plot.figure.svg())
                    figcaption { (plot.caption) }
                }
            }
        }
    }
}

/// A picture in the size in which pages show it, as an address that holds it.
///
/// # Errors
/// [`ImageError`] for a picture without pixels.
pub fn picture(image: &RgbImage) -> Result<String, ImageError> {
    let longer = image.width().max(image.height()).max(1);
    let scale = f64::from(PICTURE_SIDE) / f64::from(longer);
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let (width, height) = (side(image.width()), side(image.height()));
    let resized = imageops::resize(image, width, height, FilterType::Triangle);
    let bytes = image_io::encode_jpeg(&resized, PICTURE_QUALITY)?;
    Ok(data_address("jpeg", &bytes))
}

/// Bytes of a picture as an address, so that a page needs no other file. `kind`: `jpeg`, `png`.
#[must_use]
pub fn data_address(kind: &str, bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("data:image/{kind};base64,{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn a_picture_keeps_its_ratio_and_lies_in_its_address() {
        let address = picture(&RgbImage::from_pixel(640, 480, Rgb([200, 30, 30]))).expect("draws");
        let text = address
            .strip_prefix("data:image/jpeg;base64,")
            .expect("an address");
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text)
            .expect("base64");
        let shown = image::load_from_memory(&bytes).expect("a picture");
        assert_eq!((shown.width(), shown.height()), (132, 99));
    }

    #[test]
    fn the_path_of_a_photo_is_selected_without_the_number_of_its_face() {
        let shown = |face, found| {
            face_name(&PhotoFaceName::of_found("a&b/1.jpg", face, found)).into_string()
        };
        assert_eq!(shown(0, 1), "<span class=\"file\">a&amp;b/1.jpg</span>");
        assert!(shown(1, 2).ends_with("</span> (face 2)"));
    }

    #[test]
    fn text_is_escaped_and_no_other_file_is_named() {
        let page = document("<b> & \"c\"", &html! { p { "<script>alert(1)</script>" } });
        assert!(page.contains("<title>&lt;b&gt; &amp; &quot;c&quot;</title>"));
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("<link"));
    }
}
