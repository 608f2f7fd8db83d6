//! Faces on the page.

use maud::{Markup, html};

use super::probability;
use crate::gallery::Tile;
use facepipe_drawing::page::face_name;

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
        div.face.pair[tile.closest.is_some()] {
            div.pictures {
                img src=(tile.address) alt=(alternative) loading="lazy";
                @if let Some(closest) = &tile.closest {
                    img src=(closest.address) alt="the most alike training image of the given name" loading="lazy";
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
            div { (face_name(&tile.name)) }
            @if let Some(file) = &tile.file { div.soft { (file) } }
            @if let Some(closest) = &tile.closest { div { "most alike: " (face_name(&closest.name)) } }
        }
    }
}
