//! Faces on the page.

use maud::{Markup, html};

use super::probability;
use crate::gallery::Tile;

/// Faces with what is said of them.
pub(super) fn gallery(tiles: &[Tile]) -> Markup {
    html! { div.faces { @for tile in tiles { (face(tile)) } } }
}

fn face(tile: &Tile) -> Markup {
    let alternative = tile.truth.as_ref().map_or_else(
        || "a stranger".to_owned(),
        |truth| format!("a face of {truth}"),
    );
    html! {
        div.face.pair[tile.closest.is_some()] title=(tile.file) {
            div.pictures {
                img src=(tile.address) alt=(alternative) loading="lazy";
                @if let Some((address, file)) = &tile.closest {
                    img src=(address) alt="the most alike training image of the given name" title=(file) loading="lazy";
                }
            }
            @if let Some(truth) = &tile.truth { div { b { (truth) } } }
            @for (label, share) in &tile.said {
                @let right = tile.truth.as_ref() == Some(label);
                div { span.good[right].bad[!right] { (label) } " " (probability(*share)) }
            }
            @if let Some(similarity) = tile.similarity {
                div.soft { "similarity " (format!("{similarity:.2}")) }
            }
        }
    }
}
