//! The pictures of the page, small.

use std::collections::{BTreeMap, HashMap};

use maud::{Markup, html};

use crate::PrepareError;
use crate::items::Item;
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_drawing::page;
use facepipe_imaging::image_io;

/// Addresses that hold the pictures, by the images' paths.
pub(super) struct Pictures<'items>(HashMap<&'items str, String>);

impl<'items> Pictures<'items> {
    /// Reads the images, each once. An unreadable one has no picture.
    pub(super) fn load(
        wanted: impl IntoIterator<Item = &'items Item>,
        context: &Context,
    ) -> Result<Self, PrepareError> {
        let wanted: BTreeMap<&str, &Item> = (wanted.into_iter())
            .map(|item| (item.relative.as_str(), item))
            .collect();
        let wanted: Vec<(&str, &Item)> = wanted.into_iter().collect();
        let bar = context.progress.start("page", Some(wanted.len() as u64));
        let mut pictures = HashMap::new();
        parallel::for_each(
            &wanted,
            context.threads,
            || Ok(()),
            |(), (_, item)| small(item),
            |index, picture| {
                context.interrupt.check()?;
                bar.advance(1);
                pictures.extend(picture.map(|picture| (wanted[index].0, picture)));
                Ok::<_, PrepareError>(())
            },
        )?;
        Ok(Self(pictures))
    }

    /// An image as a picture with its name.
    pub(super) fn show(&self, item: &Item) -> Markup {
        let alternative = format!("an image of {}", item.label);
        html! {
            @if let Some(address) = self.0.get(item.relative.as_str()) {
                img src=(address) alt=(alternative) title=(item.name) loading="lazy";
            } @else {
                span.missing title=(item.name) { "no picture" }
            }
        }
    }
}

/// The name of an image and, where it was cut from a photo, its path below the input folder; `more` follows it.
pub(super) fn names(item: &Item, more: &str) -> Markup {
    let is_cut = item.name.photo() != item.relative;
    html! {
        div { (page::face_name(&item.name)) @if !is_cut { (more) } }
        @if is_cut { div.soft { (item.relative) (more) } }
    }
}

fn small(item: &Item) -> Option<String> {
    let bytes = image_io::read_bytes(&item.path).ok()?;
    page::picture(&image_io::decode(&bytes).ok()?.rgb).ok()
}
