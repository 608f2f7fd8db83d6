//! Pages for people: one file each, with everything in it.

mod description;
mod picture;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use maud::{Markup, html};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::answers::Prediction;
use super::problem::Problem;
use facepipe_core::types::ModelCard;
use facepipe_core::words::counted;
use facepipe_drawing::page::{FRAME_STYLE, Page, data_address};
use facepipe_imaging::image_io::encode_jpeg;
use facepipe_predict::NamedFace;

pub(super) use description::docs;
pub(super) use picture::Picture;

/// The rules of style of all pages.
static STYLE: LazyLock<String> =
    LazyLock::new(|| format!("{FRAME_STYLE}{}", include_str!("style.css")));
const SCRIPT: &str = include_str!("photo.js");
const OPENAPI: &str = include_str!("openapi.json");

/// Quality of the picture in an answer's page, of 100.
const JPEG_QUALITY: u8 = 85;

/// The description of all routes, for programs.
pub(super) fn openapi() -> Value {
    let mut description: Value = serde_json::from_str(OPENAPI).unwrap_or_default();
    description["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    description
}

/// What the pages may load: their own style and script, by digest, and pictures that they hold.
pub(super) fn policy() -> String {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src blob: data:; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            hash(&STYLE),
            hash(SCRIPT),
        )
    });
    POLICY.clone()
}

fn frame(title: &str, body: &Markup, script: Option<&str>) -> Markup {
    let page = Page {
        title,
        style: &STYLE,
        body,
        script,
        served: true,
    };
    page.markup()
}

/// Where people drop a photo and see who is in it.
pub(super) fn photo(card: &ModelCard, needs_key: bool) -> Markup {
    let body = html! {
        header {
            h1 { "Who is in the photo?" }
            p.soft {
                "Model " b { (card.name) } ", " (counted(card.labels.len(), "label")) ". The photo goes to this server \
                 and is not kept."
            }
        }
        main {
            form #form method="post" action="/predict" enctype="multipart/form-data" {
                div #drop.drop {
                    label.button for="image" { "Choose a photo" }
                    input #image type="file" name="image" accept="image/*" required;
                    p.hint { "or drop one here, or paste it" }
                    noscript {
                        @if needs_key {
                            p { "A key is sent by this page's script alone, which your browser does not run." }
                        } @else {
                            button { "Name its faces" }
                        }
                    }
                }
                @if needs_key {
                    p.key {
                        label for="key" { "Key of this server" }
                        input #key type="password" autocomplete="off" spellcheck="false";
                    }
                }
            }
            p #status role="status" aria-live="polite" {}
            section #result hidden aria-label="Result" {
                div.stage {
                    img #photo alt="";
                    div #boxes aria-hidden="true" {}
                }
                div.table {
                    table {
                        caption { "Faces, largest first" }
                        thead { tr { th scope="col" { "Face" } th scope="col" { "Label" }
                            th scope="col" { "Probability" } th scope="col" { "Similarity" }
                            th.next scope="col" { "Next" } } }
                        tbody #faces {}
                    }
                }
            }
        }
        (footer())
    };
    frame(
        &format!("{}: who is in the photo?", card.name),
        &body,
        Some(SCRIPT),
    )
}

fn footer() -> Markup {
    html! {
        footer { a href="/" { "Photo" } " " a href="/docs" { "For programs" } " "
            a href="/openapi.json" { "OpenAPI" } }
    }
}

/// The answer to a form that was sent without a script.
pub(super) fn answer(prediction: &Prediction, marked: Option<&RgbImage>) -> Markup {
    let picture = marked.and_then(|marked| encode_jpeg(marked, JPEG_QUALITY).ok());
    let body = html! {
        header { h1 { "Who is in the photo?" } }
        main {
            p role="status" { (summary(&prediction.faces)) }
            @if let Some(bytes) = picture {
                div.stage {
                    img alt="The photo with its faces marked"
                        src=(data_address("jpeg", &bytes));
                }
            }
            @if !prediction.faces.is_empty() {
                div.table {
                    table {
                        caption { "Faces, largest first" }
                        thead { tr { th scope="col" { "Face" } th scope="col" { "Label" }
                            th scope="col" { "Probability" } th scope="col" { "Similarity" } } }
                        tbody { @for (number, face) in (1..).zip(&prediction.faces) { (row(number, face)) } }
                    }
                }
            }
            p { a.button href="/" { "Another photo" } }
        }
        (footer())
    };
    frame("Who is in the photo?", &body, None)
}

fn row(number: usize, face: &NamedFace) -> Markup {
    html! {
        tr {
            th scope="row" { (number) }
            td.known[!face.is_unknown()].nobody[face.is_unknown()] {
                (face.label)
                @if let Some(nearest) = &face.nearest { " " span.soft { "(nearest: " (nearest) ")" } }
            }
            td.share { (format!("{:.1} %", face.probability * 100.0)) }
            td.share { @if let Some(similarity) = face.similarity { (format!("{similarity:.2}")) } }
        }
    }
}

/// What the faces are, in one sentence.
fn summary(faces: &[NamedFace]) -> String {
    let names: Vec<&str> = faces.iter().map(|face| face.label.as_str()).collect();
    match names.len() {
        0 => "No face was found.".to_owned(),
        1 => format!("One face: {}.", names[0]),
        count => format!("{count} faces: {}.", names.join(", ")),
    }
}

/// What is said where there is no answer.
pub(super) fn problem(problem: &Problem) -> Markup {
    let body = html! {
        header { h1 { "That did not work" } }
        main {
            p.problem role="alert" { (problem.message) }
            p { a.button href="/" { "Another photo" } }
        }
        (footer())
    };
    frame("That did not work", &body, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::Size;
    use facepipe_predict::Probabilities;

    #[test]
    fn names_are_text_and_never_markup() {
        let face = NamedFace {
            rect: [3, 5, 40, 48].into(),
            score: 0.9,
            label: "<b>ada</b>".to_owned(),
            nearest: None,
            probability: 0.874,
            similarity: Some(0.925),
            probabilities: Probabilities(Vec::new()),
            main: false,
        };
        let prediction = Prediction {
            size: Size::new(64, 48),
            pred_index: Some(0),
            pred_label: Some(face.label.clone()),
            probabilities: vec![0.874],
            faces: vec![face],
        };
        let page = answer(&prediction, Some(&RgbImage::new(64, 48))).into_string();
        assert!(page.contains("&lt;b&gt;ada&lt;/b&gt;") && !page.contains("<b>ada"));
        assert!(page.contains("87.4 %") && page.contains("data:image/jpeg;base64,/9j/"));
    }

    #[test]
    fn pages_load_nothing_from_elsewhere() {
        for text in [STYLE.as_str(), SCRIPT] {
            assert!(!text.contains("http://") && !text.contains("https://"));
            assert!(!text.contains("</") && !text.contains("@import"));
        }
        assert!(policy().starts_with("default-src 'none'; style-src 'sha256-"));
    }

    #[test]
    fn the_description_is_json_of_this_version() {
        let description = openapi();
        assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
        assert!(
            description["paths"]
                .as_object()
                .is_some_and(|paths| paths.len() >= 15)
        );
    }
}
