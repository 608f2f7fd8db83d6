//! Images that were left out, by reason, with examples.

use std::collections::{BTreeMap, HashMap};

use maud::{Markup, html};

use super::pictures::{Pictures, names};
use crate::items::Item;
use facepipe_core::types::{Discarded, PhotoFaceName, Reason};
use facepipe_drawing::page::face_name;

/// Examples of each reason.
const MOST_EXAMPLES: usize = 4;

/// Images that were left out for one reason.
struct OfReason<'a> {
    reason: Reason,
    count: usize,
    /// The first few, with their images where these can be read.
    examples: Vec<(&'a Discarded, Option<&'a Item>)>,
}

/// All images that were left out.
pub(super) struct LeftOut<'a> {
    reasons: Vec<OfReason<'a>>,
}

impl<'a> LeftOut<'a> {
    pub(super) fn of(discarded: &'a [Discarded], images: &HashMap<&str, &'a Item>) -> Self {
        let mut by_reason: BTreeMap<Reason, Vec<&Discarded>> = BTreeMap::new();
        for one in discarded {
            by_reason.entry(one.reason).or_default().push(one);
        }
        let of_reason = |(reason, all): (Reason, Vec<&'a Discarded>)| {
            // Duplicates and conflicts have parts of the page of their own.
            let has_own_part = matches!(
                reason,
                Reason::ExactDuplicate | Reason::NearDuplicate | Reason::LabelConflict
            );
            let most = if has_own_part { 0 } else { MOST_EXAMPLES };
            let example = |one: &&'a Discarded| (*one, images.get(one.item.as_str()).copied());
            OfReason {
                reason,
                count: all.len(),
                examples: all.iter().take(most).map(example).collect(),
            }
        };
        let mut reasons: Vec<OfReason<'_>> = by_reason.into_iter().map(of_reason).collect();
        reasons.sort_by_key(|one| (std::cmp::Reverse(one.count), one.reason));
        Self { reasons }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &'a Item> {
        let examples = self.reasons.iter().flat_map(|one| &one.examples);
        examples.filter_map(|(_, item)| *item)
    }

    pub(super) fn markup(&self, pictures: &Pictures<'_>) -> Markup {
        let with_examples = || self.reasons.iter().filter(|one| !one.examples.is_empty());
        html! {
            h2 { "Left out" }
            @if self.reasons.is_empty() {
                p { "Nothing: every file is an image of its own, and part of the data set." }
            } @else {
                div.table { table {
                    thead { tr { th { "reason" } th { "images" } th.left { "what it means" } } }
                    tbody {
                        @for one in &self.reasons {
                            tr { td { code { (one.reason) } } td { (one.count) } td.left.wrap { (meaning(one.reason)) } }
                        }
                    }
                } }
                @if with_examples().next().is_some() {
                    div.faces {
                        @for one in with_examples() {
                            @for (discarded, item) in &one.examples {
                                div.face {
                                    div.pictures {
                                        @match item {
                                            Some(item) => (pictures.show(item)),
                                            None => span.missing { "no picture" },
                                        }
                                    }
                                    div { b { (one.reason) } }
                                    div { (discarded.message) }
                                    @match item {
                                        Some(item) => (names(item, "")),
                                        None => (without_picture(discarded)),
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The name of an item that can't be read.
fn without_picture(discarded: &Discarded) -> Markup {
    let photo = discarded.photo.as_ref();
    let name = PhotoFaceName::of_file(photo.unwrap_or(&discarded.item));
    html! {
        div { (face_name(&name)) }
        @if photo.is_some() { div.soft { (discarded.item) } }
    }
}

/// A reason in words.
const fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::Unreadable => "not an image, damaged, over the limits, or can't be opened",
        Reason::NoLabel => "in no label's folder",
        Reason::SetAside => "set aside by you",
        Reason::ExactDuplicate => "the same bytes or pixels as another image",
        Reason::NearDuplicate => {
            "the same picture as another image, saved, resized or cut otherwise"
        }
        Reason::LabelConflict => "the same picture or photo is under two labels",
        Reason::Stranger => "the face is not that of the label's person",
        Reason::NearerToOtherLabel => "the face is that of another label's person",
        Reason::SplitLeak => "the same picture or photo is on a side farther from training",
        Reason::ClassTooSmall => "its label has too few images",
        Reason::OverLimit => "more images of its label than were requested",
        _ => "see discarded.jsonl",
    }
}
