//! Faces that are kept and look like somebody else's, as pictures to check by eye.

use std::collections::HashMap;

use maud::{Markup, html};

use super::not_shown;
use super::pictures::{Pictures, names};
use crate::items::Item;
use crate::{Decision, IdentityRecord};
use facepipe_core::words::counted;

/// Faces that are shown.
const MOST_SHOWN: usize = 24;

/// The label whose person it is taken for.
fn theirs(record: &IdentityRecord) -> Option<&str> {
    let is_theirs = record.decision == Decision::NearerToOtherLabel;
    record.other_label.as_deref().filter(|_| is_theirs)
}

/// The faces, the clearest first.
pub(super) struct LookLikeOthers<'a> {
    count: usize,
    shown: Vec<(&'a IdentityRecord, &'a Item)>,
}

impl<'a> LookLikeOthers<'a> {
    pub(super) fn of(records: &'a [IdentityRecord], images: &HashMap<&str, &'a Item>) -> Self {
        let with_image =
            |record: &'a IdentityRecord| Some((record, *images.get(record.item.as_str())?));
        Self {
            count: records.len(),
            shown: records
                .iter()
                .filter_map(with_image)
                .take(MOST_SHOWN)
                .collect(),
        }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &'a Item> {
        self.shown.iter().map(|(_, item)| *item)
    }

    pub(super) fn markup(&self, pictures: &Pictures<'_>) -> Markup {
        html! {
            @if self.count > 0 {
                h2 { "Who looks like somebody else" }
                p {
                    (counted(self.count, "face")) " of the data set, the clearest first. They are kept: check them by \
                     eye, and remove photos that are under the wrong name."
                }
                div.faces {
                    @for (record, item) in &self.shown {
                        div.face {
                            div.pictures { (pictures.show(item)) }
                            div { b { (record.label) @if let Some(other) = theirs(record) { " or " (other) } "?" } }
                            div { (record.message) }
                            (names(item, ""))
                        }
                    }
                }
                (not_shown(self.count - self.shown.len(), "face"))
            }
        }
    }
}
