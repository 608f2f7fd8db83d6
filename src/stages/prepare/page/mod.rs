//! `report.html`: the outcomes of the images, and the proof that the sides share nothing, on one page that
//! needs no other file. It shows some dozens of pictures at most and says how much is not shown.

mod counts;
mod distributions;
mod duplicates;
mod left_out;
mod look_like_others;
mod pictures;
mod proof;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use maud::{Markup, html};

use super::embeddings::Embeddings;
use super::items::Item;
use super::proof::{Joined, PROOF_FILE, Placed, Proof, prove};
use super::relations::Link;
use super::{IdentityRecord, LabelIdentity, PrepareError, Settings, record, split};
use counts::Counts;
use duplicates::{Conflicts, Duplicates};
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::stage::{OpenStage, made_by};
use facepipe_core::context::Context;
use facepipe_core::types::{DataSet, Discarded, Split};
use facepipe_core::words::counted;
use facepipe_drawing::page::{document, number};
use left_out::LeftOut;
use look_like_others::LookLikeOthers;
use pictures::Pictures;
use proof::ProofSection;

/// The page's file, in the output folder.
pub const PAGE_FILE: &str = "report.html";

/// The results of a run.
pub(super) struct Shown<'a> {
    /// All images that could be read.
    pub(super) items: &'a [Item],
    /// Which of them belong together.
    pub(super) links: &'a [Link],
    /// Those of the data set.
    pub(super) images: &'a [split::Placed<'a>],
    pub(super) discarded: &'a [Discarded],
    pub(super) data_set: &'a DataSet,
    /// Whose faces the labels' are, where that was examined.
    pub(super) identities: Option<&'a BTreeMap<String, LabelIdentity>>,
    /// Faces that are kept and look like somebody else's.
    pub(super) look_like_others: &'a [IdentityRecord],
    pub(super) embeddings: &'a Embeddings,
}

/// Proves that the sides share nothing; writes the proof, and the page that shows it with everything else.
pub(super) fn write(
    open: &OpenStage,
    shown: &Shown<'_>,
    settings: &Settings,
    context: &Context,
) -> Result<Proof, PrepareError> {
    let placed: Vec<Placed<'_>> = (shown.images.iter())
        .map(|placed| Placed {
            item: placed.image.item,
            side: placed.side,
            file: record(placed).file,
            group: placed.image.group.clone(),
        })
        .collect();
    let number: HashMap<&str, usize> = (placed.iter().enumerate())
        .map(|(number, image)| (image.item.relative.as_str(), number))
        .collect();
    let placed_at = |at: usize| number.get(shown.items[at].relative.as_str()).copied();
    let joined = shown.links.iter().filter_map(|link| {
        Some(Joined {
            a: placed_at(link.a)?,
            b: placed_at(link.b)?,
            why: link.why,
        })
    });
    let joined = joined.collect();
    let proof = prove(&placed, joined, settings, shown.embeddings, context)?;
    atomic::write_json(&open.path(PROOF_FILE), &proof)?;
    let page = of_run(shown, &proof, &placed, context)?;
    atomic::write(&open.path(PAGE_FILE), page.as_bytes())?;
    Ok(proof)
}

/// Removes the page and the proof of an earlier run.
pub(super) fn remove(open: &OpenStage) -> io::Result<()> {
    for name in [PAGE_FILE, PROOF_FILE] {
        atomic::remove_if_there(&open.path(name))?;
    }
    Ok(())
}

/// The page of a run.
fn of_run(
    shown: &Shown<'_>,
    proof: &Proof,
    placed: &[Placed<'_>],
    context: &Context,
) -> Result<String, PrepareError> {
    let by_name: HashMap<&str, &Item> = (shown.items.iter())
        .map(|item| (item.relative.as_str(), item))
        .collect();
    let section = ProofSection::of(proof, placed, shown.embeddings);
    let left_out = LeftOut::of(shown.discarded, &by_name);
    let duplicates = Duplicates::of(shown.discarded, &by_name);
    let conflicts = Conflicts::of(shown.discarded, &by_name);
    let others = LookLikeOthers::of(shown.look_like_others, &by_name);
    let wanted = (section.items().into_iter())
        .chain(others.items())
        .chain(left_out.items())
        .chain(duplicates.items())
        .chain(conflicts.items());
    let pictures = Pictures::load(wanted, context)?;
    let labels = &shown.data_set.labels;
    let images = shown.images.len();
    let found = images + shown.discarded.len();
    let title = format!(
        "Data set: {}, {}",
        counted(labels.len(), "label"),
        counted(images, "image")
    );
    let of_side = |side: Split| {
        let counts = shown.data_set.images.get(side.folder());
        let counts = counts.into_iter().flat_map(BTreeMap::values);
        counts.sum::<u64>().to_string()
    };
    let body = html! {
        header {
            h1 { (title) }
            p.soft { (images) " of " (counted(found, "image")) " kept, " (shown.discarded.len()) " left out." }
        }
        main {
            div.numbers {
                @for (side, use_) in [(Split::Train, "to learn from"), (Split::Val, "to stop in time"),
                    (Split::Test, "for the figures")] {
                    (number(side.folder(), &of_side(side), use_))
                }
                (number("left out", &shown.discarded.len().to_string(), &format!("of {found}, each with its reason")))
                (section.number())
            }
            (section.markup(&pictures))
            (Counts::of(shown).markup())
            (others.markup(&pictures))
            (left_out.markup(&pictures))
            (duplicates.markup(&pictures))
            (conflicts.markup(&pictures))
            (identities(shown.identities))
            (distributions::markup(shown))
            (section.nearest(&pictures))
        }
        footer {
            "Made by " (made_by()) ". Beside this page: " code { "report.json" } " (counts), "
            code { "proof.json" } " (distances), " code { "manifest.jsonl" } " (each image) and "
            code { "discarded.jsonl" } " (each that was left out)."
        }
    };
    Ok(document(&title, &body))
}

/// The page of an existing split.
pub(super) fn of_check(
    proof: &Proof,
    placed: &[Placed<'_>],
    embeddings: &Embeddings,
    context: &Context,
) -> Result<String, PrepareError> {
    let section = ProofSection::of(proof, placed, embeddings);
    let pictures = Pictures::load(section.items(), context)?;
    let labels: BTreeSet<&str> = placed
        .iter()
        .map(|image| image.item.label.as_str())
        .collect();
    let title = format!(
        "Split: {}, {}",
        counted(labels.len(), "label"),
        counted(placed.len(), "image")
    );
    let body = html! {
        header { h1 { (title) } }
        main {
            div.numbers {
                @for (side, images) in &proof.images { (number(side.folder(), &images.to_string(), "images")) }
                (section.number())
            }
            (section.markup(&pictures))
            (section.nearest(&pictures))
            @if !proof.unreadable.is_empty() {
                h2 { "Not compared" }
                p { (counted(proof.unreadable.len(), "file")) " can't be read as images; they are listed in "
                    code { "proof.json" } "." }
            }
        }
        footer { "Made by " (made_by()) ". Beside this page: " code { "proof.json" } " (all distances)." }
    };
    Ok(document(&title, &body))
}

/// Labels that the table of identities shows; those with most faces set aside come first.
const MOST_LABELS: usize = 200;

/// Whose faces the labels' are, with the sheets that show them.
fn identities(labels: Option<&BTreeMap<String, LabelIdentity>>) -> Markup {
    use super::Decision::{Doubtful, Kept, NearerToOtherLabel, Restored, Stranger};
    use super::identity_sheet::address_of;
    let Some(labels) = labels else {
        return html! {};
    };
    let decided =
        |label: &LabelIdentity, decision| label.decisions.get(&decision).copied().unwrap_or(0);
    let aside =
        |label: &LabelIdentity| decided(label, Stranger) + decided(label, NearerToOtherLabel);
    let mut rows: Vec<(&String, &LabelIdentity)> = labels.iter().collect();
    rows.sort_by_key(|(name, label)| (std::cmp::Reverse(aside(label)), *name));
    html! {
        h2 { "Whose faces they are" }
        p {
            "The faces of each label were compared. The sheets show all of them: kept, doubtful and set aside, \
             with their distances."
        }
        div.table { table {
            thead { tr {
                th { "label" } th { "kept" } th { "doubtful" } th { "restored" } th { "strangers" }
                th { "another label's" } th.left { "remarks" } th.left { "faces" }
            } }
            tbody {
                @for (name, label) in rows.iter().take(MOST_LABELS) {
                    tr {
                        td { (name) }
                        @for decision in [Kept, Doubtful, Restored, Stranger, NearerToOtherLabel] {
                            td { (decided(label, decision)) }
                        }
                        td.left {
                            @if !label.evident { "not evident whom it is about" }
                            @if !label.same_person_as.is_empty() {
                                @if !label.evident { "; " }
                                "same person as " (label.same_person_as.join(", ")) "?"
                            }
                        }
                        td.left { a href=(address_of(name)) { "sheet" } }
                    }
                }
            }
        } }
        (not_shown(rows.len().saturating_sub(MOST_LABELS), "label"))
    }
}

/// Says how many are not shown, if any.
fn not_shown(number: usize, what: &str) -> Markup {
    html! { @if number > 0 { small { (counted(number, &format!("more {what}"))) " not shown." } } }
}
