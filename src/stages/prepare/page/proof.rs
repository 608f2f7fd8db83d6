//! The proof on the page: distances, leaks, and the nearest pairs as pictures.

use std::collections::{BTreeMap, HashMap, HashSet};

use maud::{Markup, html};

use super::not_shown;
use super::pictures::Pictures;
use crate::embeddings::Embeddings;
use crate::items::Item;
use crate::proof::verdict::doubts;
use crate::proof::{LeakedSet, Measure, Nearest, Placed, Proof};
use facepipe_core::types::Split;
use facepipe_core::words::counted;
use facepipe_drawing::page::{face_name, number};

/// Leaks that are shown.
const MOST_LEAKS: usize = 12;
/// Images of a leak that are shown.
const MOST_OF_LEAK: usize = 6;

/// Two near images of two sides.
struct Tile<'a> {
    images: [&'a Placed<'a>; 2],
    /// All measured distances.
    distances: Vec<(Measure, f64)>,
}

/// The proof, with the images that it shows.
pub(super) struct ProofSection<'a> {
    proof: &'a Proof,
    leaks: Vec<(&'a LeakedSet, Vec<&'a Placed<'a>>)>,
    /// The nearest pairs of each two sides, as many of each measure as of others.
    tiles: BTreeMap<[Split; 2], Vec<Tile<'a>>>,
}

impl<'a> ProofSection<'a> {
    pub(super) fn of(proof: &'a Proof, placed: &'a [Placed<'a>], embeddings: &Embeddings) -> Self {
        let by_file: HashMap<&str, &Placed<'_>> = (placed.iter())
            .map(|image| (image.file.as_str(), image))
            .collect();
        let image = |file: &str| by_file.get(file).copied();
        let leaks = proof.leaks.iter().take(MOST_LEAKS).map(|leak| {
            let images = one_of_each_side_first(leak);
            let images = images.iter().filter_map(|one| image(one));
            (leak, images.collect())
        });
        let mut tiles = BTreeMap::new();
        for one in &proof.nearest {
            tiles.entry(one.sides).or_insert_with(|| {
                let of_sides = proof
                    .nearest
                    .iter()
                    .filter(|other| other.sides == one.sides);
                let pairs = in_turn(&of_sides.collect::<Vec<_>>());
                let tile = |[a, b]: [&str; 2]| {
                    let images = [image(a)?, image(b)?];
                    let items = images.map(|image| image.item);
                    let faces = items.map(|item| embeddings.of(&item.features.md5));
                    let measures = Measure::ALL.into_iter();
                    let distances = measures
                        .filter_map(|measure| Some((measure, measure.distance(items, faces)?)))
                        .collect();
                    Some(Tile { images, distances })
                };
                pairs.into_iter().filter_map(tile).collect()
            });
        }
        Self {
            proof,
            leaks: leaks.collect(),
            tiles,
        }
    }

    pub(super) fn items(&self) -> Vec<&'a Item> {
        let leaks = self
            .leaks
            .iter()
            .flat_map(|(_, images)| images.iter().take(MOST_OF_LEAK));
        let tiles = self.tiles.values().flatten().flat_map(|tile| &tile.images);
        leaks.chain(tiles).map(|image| image.item).collect()
    }

    /// The figure among the first ones of the page.
    pub(super) fn number(&self) -> Markup {
        let below = "images of one picture or photo on several sides";
        number("leaks", &self.proof.leaks.len().to_string(), below)
    }

    pub(super) fn markup(&self, pictures: &Pictures<'_>) -> Markup {
        let proof = self.proof;
        html! {
            h2 { @if proof.leak_free { "No leak" } @else { "Leaks" } }
            // The distances between them are in the table.
            @if let [first, .., last] = proof.verdict.as_slice() {
                p.bad[!proof.leak_free].good[proof.leak_free] { (as_sentence(first)) }
                @if let Some(doubts) = doubts(&proof.nearest) { p.bad { (as_sentence(&doubts)) } }
                p { (as_sentence(last)) }
            }
            (self.leaks(pictures))
            (self.table())
        }
    }

    /// The nearest pairs, as pictures.
    pub(super) fn nearest(&self, pictures: &Pictures<'_>) -> Markup {
        html! {
            @for (sides, tiles) in &self.tiles {
                @if !tiles.is_empty() {
                    h3 { "The nearest of " (sides[0]) " and " (sides[1]) }
                    p.soft {
                        "Some by each measure. Other photos of one person are near by nature; one photo on both \
                         sides would be a leak."
                    }
                    div.faces { @for tile in tiles { (self.tile(tile, pictures)) } }
                }
            }
        }
    }

    fn leaks(&self, pictures: &Pictures<'_>) -> Markup {
        html! {
            @for (leak, images) in &self.leaks {
                div.set {
                    @for image in images.iter().take(MOST_OF_LEAK) {
                        div.face {
                            div.pictures { (pictures.show(image.item)) }
                            div.bad { (image.side) }
                            div { b { (image.item.label) } }
                            (names(image))
                            @for link in leak.links.iter().filter(|link| link.to == image.file).take(1) {
                                div { (link.why) }
                            }
                        }
                    }
                    (not_shown(leak.images.len().saturating_sub(MOST_OF_LEAK), "image"))
                }
            }
            (not_shown(self.proof.leaks.len().saturating_sub(self.leaks.len()), "leak"))
        }
    }

    /// The smallest distance by measure and pair of sides.
    fn table(&self) -> Markup {
        let nearest = &self.proof.nearest;
        let mut measures: Vec<Measure> = nearest.iter().map(|one| one.measure).collect();
        measures.sort_unstable();
        measures.dedup();
        let of = |measure: Measure, sides: [Split; 2]| {
            let mut all = nearest.iter();
            all.find(|one| one.measure == measure && one.sides == sides)
        };
        let compared: u64 = nearest.iter().map(|one| one.compared).sum();
        html! {
            @if !measures.is_empty() {
                p {
                    "The smallest distances, found by comparing every image of one side with every image of the other: "
                    (counted(compared as usize, "comparison")) ". Up to the limit two images count as one, unless \
                     their details differ. Embeddings have no limit: they distinguish persons, not photos."
                }
                div.table { table {
                    thead { tr {
                        th { "compared" }
                        @for sides in self.tiles.keys() { th { (sides[0]) " – " (sides[1]) } }
                        th { "limit" } th.left { "unit" }
                    } }
                    tbody {
                        @for measure in measures {
                            @let limit = nearest.iter().find(|one| one.measure == measure).and_then(|one| one.limit);
                            tr {
                                td { (measure.name()) }
                                @for sides in self.tiles.keys() {
                                    @let nearest = of(measure, *sides);
                                    @let smallest = nearest.and_then(|one| one.smallest);
                                    @let leaks = nearest.is_some_and(Nearest::leaks);
                                    td.bad[leaks] { @match smallest {
                                        Some(distance) => (text(measure, distance)),
                                        None => "–",
                                    } }
                                }
                                td { @match limit { Some(limit) => (limit), None => "–" } }
                                td.left { @if measure.is_hash() { "bits of 256" } @else { "distance of embeddings" } }
                            }
                        }
                    }
                } }
            }
        }
    }

    fn tile(&self, tile: &Tile<'_>, pictures: &Pictures<'_>) -> Markup {
        let limit = |measure: Measure| {
            let mut all = self.proof.nearest.iter();
            let found = all.find(|one| one.measure == measure)?;
            Some((found.limit.map(f64::from), found.doubtful_below))
        };
        let [a, b] = tile.images.map(|image| image.item.label.as_str());
        html! {
            div.face.pair {
                div.pictures { @for image in tile.images { (pictures.show(image.item)) } }
                div { b { (a) @if a != b { " and " (b) } } }
                @for (measure, distance) in &tile.distances {
                    @let (one, doubtful) = limit(*measure).unwrap_or_default();
                    @let is_near = one.is_some_and(|limit| *distance <= limit)
                        || doubtful.is_some_and(|limit| *distance < limit);
                    div.bad[is_near] { (measure.name()) ": " (text(*measure, *distance)) }
                }
                @for image in tile.images { (names(image)) }
            }
        }
    }
}

/// The name of an image and, where it is not the file of the data set, that one.
fn names(image: &Placed<'_>) -> Markup {
    html! {
        div { (face_name(&image.item.name)) }
        @if image.item.name.photo() != image.file { div.soft { (image.file) } }
    }
}

/// A line of the terminal as a sentence of the page.
fn as_sentence(line: &str) -> String {
    let mut letters = line.chars();
    let first = letters.next().map(char::to_uppercase);
    let first = first.into_iter().flatten();
    first.chain(letters).chain(['.']).collect()
}

/// A distance as it is written.
fn text(measure: Measure, distance: f64) -> String {
    if measure.is_hash() {
        format!("{distance:.0}")
    } else {
        format!("{distance:.2}")
    }
}

/// The files of a leak, so that the first ones are on different sides.
fn one_of_each_side_first(leak: &LeakedSet) -> Vec<&str> {
    let mut seen = HashSet::new();
    let (first, others): (Vec<_>, Vec<_>) = leak
        .images
        .iter()
        .partition(|image| seen.insert(image.split));
    first
        .into_iter()
        .chain(others)
        .map(|image| image.file.as_str())
        .collect()
}

/// The pairs of several measures: the nearest of each, then the second of each, and so on, each pair once;
/// as many as one measure has.
fn in_turn<'a>(nearest: &[&'a Nearest]) -> Vec<[&'a str; 2]> {
    let most = nearest.iter().map(|one| one.pairs.len()).max().unwrap_or(0);
    let mut seen = HashSet::new();
    let mut pairs = Vec::new();
    for at in 0..most {
        for pair in nearest.iter().filter_map(|one| one.pairs.get(at)) {
            let files = [pair.a.file.as_str(), pair.b.file.as_str()];
            if seen.insert(files) {
                pairs.push(files);
            }
        }
    }
    pairs.truncate(most);
    pairs
}
