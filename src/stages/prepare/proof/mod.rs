//! The proof that nothing of one side of a split is on another: how far apart the nearest images of each
//! two sides are, found by comparing all of them, beside what the grouping found before. Whether two near images
//! are one picture is decided as the grouping decides it.

mod check;
mod leaks;
mod measure;
pub(super) mod verdict;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::embeddings::Embeddings;
use super::explain::Step;
use super::items::Item;
use super::relations::{self, Why};
use super::{PrepareError, Settings};
use facepipe_core::context::Context;
use facepipe_core::types::Split;
use facepipe_neighbours::nearest::{Faces, NearPair, nearest_faces, nearest_hashes};

pub(super) use leaks::Joined;

pub use check::{CHECK_PAGE_FILE, Check, check};
pub use measure::Measure;

/// The proof's file.
pub const PROOF_FILE: &str = "proof.json";

/// The pairs of sides between which nothing may be shared.
const PAIRS_OF_SIDES: [[Split; 2]; 3] = [
    [Split::Train, Split::Test],
    [Split::Train, Split::Val],
    [Split::Val, Split::Test],
];

/// Whether a split leaks, and how far apart its sides are: `proof.json`.
///
/// It depends only on the images and settings: equal runs write equal files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    /// Whether no image is the same picture, or comes from the same photo, as one of another side.
    pub leak_free: bool,
    /// The same in words, a sentence each.
    pub verdict: Vec<String>,
    /// Images by side.
    pub images: BTreeMap<Split, u64>,
    /// Sets of images that are one picture or come from one photo and are on more than one side.
    pub leaks: Vec<LeakedSet>,
    /// The nearest pairs, by pair of sides and measure.
    pub nearest: Vec<Nearest>,
    /// Files that can't be read, and so were not compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

/// Images that belong together and are on more than one side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeakedSet {
    /// All of them.
    pub images: Vec<PlacedImage>,
    /// The links between those of different sides.
    pub links: Vec<Step>,
}

/// An image and its side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlacedImage {
    /// Its path below the data set's folder.
    pub file: String,
    /// Its label.
    pub label: String,
    /// Its side.
    pub split: Split,
    /// Its path below the folder that `prepare` read, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What people are told of it: its photo, and which face of it where that has several.
    pub name: String,
    /// The photo that it was cut from, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// Which face of the photo it is, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face: Option<u32>,
}

/// The nearest images of two sides by one measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nearest {
    /// The two sides.
    pub sides: [Split; 2],
    /// The measure.
    pub measure: Measure,
    /// How many pairs were compared: all there are of images for which it is known.
    pub compared: u64,
    /// Distance up to which two images are one; `None` where the measure does not decide that.
    pub limit: Option<u32>,
    /// Distance below which two images that do not count as one should be checked by eye.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubtful_below: Option<f64>,
    /// The smallest distance: bits of 256 that differ or, of embeddings, the Euclidean distance.
    pub smallest: Option<f64>,
    /// The nearest pairs, nearest first.
    pub pairs: Vec<Pair>,
}

impl Nearest {
    /// Whether a pair of them is one picture or photo.
    pub(crate) fn leaks(&self) -> bool {
        let is_near = |pair: &Pair| {
            self.limit
                .is_some_and(|limit| pair.distance <= f64::from(limit))
        };
        self.pairs
            .iter()
            .any(|pair| is_near(pair) && !pair.told_apart)
    }
}

/// Two images that are near each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The one of the first side.
    pub a: PlacedImage,
    /// The one of the second side.
    pub b: PlacedImage,
    /// Their distance.
    pub distance: f64,
    /// Whether their details tell them apart, though their distance is within the limit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub told_apart: bool,
}

/// An image of the split, as it is compared.
#[derive(Debug, Clone)]
pub(super) struct Placed<'items> {
    pub(super) item: &'items Item,
    pub(super) side: Split,
    /// Its path below the data set's folder.
    pub(super) file: String,
    /// Images of one group belong together.
    pub(super) group: String,
}

impl Placed<'_> {
    fn image(&self) -> PlacedImage {
        let source = &self.item.relative;
        PlacedImage {
            file: self.file.clone(),
            label: self.item.label.clone(),
            split: self.side,
            source: (*source != self.file).then(|| source.clone()),
            name: self.item.name.to_string(),
            photo: self.item.photo.as_ref().map(|photo| photo.file.clone()),
            face: self.item.photo.as_ref().and_then(|photo| photo.face),
        }
    }
}

/// Compares the sides of a split. `links` are known links between two of the images, by their numbers.
pub(super) fn prove(
    placed: &[Placed<'_>],
    links: Vec<leaks::Joined>,
    settings: &Settings,
    embeddings: &Embeddings,
    context: &Context,
) -> Result<Proof, PrepareError> {
    let search = Search {
        placed,
        settings,
        context,
    };
    let mut found = Vec::new();
    for sides in PAIRS_OF_SIDES {
        for measure in Measure::HASHES {
            found.extend(search.by_hash(sides, measure)?);
        }
        found.extend(search.by_embedding(sides, embeddings)?);
    }
    let mut joined = links;
    for one in &mut found {
        joined.extend(one.join(placed)?);
    }
    let leaks = leaks::find(placed, &joined);
    let mut images: BTreeMap<Split, u64> = BTreeMap::new();
    for image in placed {
        *images.entry(image.side).or_default() += 1;
    }
    let nearest: Vec<Nearest> = found.into_iter().map(|one| one.reported(placed)).collect();
    Ok(Proof {
        leak_free: leaks.is_empty(),
        verdict: verdict::of(&leaks, &nearest),
        images,
        leaks,
        nearest,
        unreadable: Vec::new(),
    })
}

/// The nearest pairs of two sides by one measure, by the images' numbers.
struct Found {
    sides: [Split; 2],
    measure: Measure,
    compared: u64,
    limit: Option<u32>,
    doubtful_below: Option<f64>,
    pairs: Vec<(usize, usize, f64)>,
    /// Those within the limit that are not one picture all the same.
    told_apart: HashSet<(usize, usize)>,
}

impl Found {
    /// The pairs that are one picture or come from one photo: by the same definition as `relations` has, of
    /// pairs that were found by comparing all.
    fn join(&mut self, placed: &[Placed<'_>]) -> Result<Vec<leaks::Joined>, PrepareError> {
        let limit = self.limit.map(f64::from);
        let near = self.pairs.iter();
        let near = near.filter(|pair| limit.is_some_and(|limit| pair.2 <= limit));
        let mut joined = Vec::new();
        for (a, b, distance) in near {
            let (first, second) = (placed[*a].item, placed[*b].item);
            let same_pixels = first.features.pixel_digest == second.features.pixel_digest;
            let Some(why) = self.measure.why(*distance as u32, same_pixels) else {
                continue;
            };
            let why = match why {
                Why::PictureHash { .. } | Why::ViewHash { .. } => {
                    relations::of_near(first, second, why)?
                }
                why => Some(why),
            };
            match why {
                Some(why) => joined.push(leaks::Joined { a: *a, b: *b, why }),
                None => {
                    self.told_apart.insert((*a, *b));
                }
            }
        }
        Ok(joined)
    }

    fn reported(self, placed: &[Placed<'_>]) -> Nearest {
        let pair = |(a, b, distance): &(usize, usize, f64)| Pair {
            a: placed[*a].image(),
            b: placed[*b].image(),
            distance: (distance * 1e4).round() / 1e4,
            told_apart: self.told_apart.contains(&(*a, *b)),
        };
        let pairs: Vec<Pair> = self.pairs.iter().map(pair).collect();
        Nearest {
            sides: self.sides,
            measure: self.measure,
            compared: self.compared,
            limit: self.limit,
            doubtful_below: self.doubtful_below,
            smallest: pairs.first().map(|pair| pair.distance),
            pairs,
        }
    }
}

/// The input of a search.
struct Search<'a> {
    placed: &'a [Placed<'a>],
    settings: &'a Settings,
    context: &'a Context,
}

impl Search<'_> {
    fn of_side(&self, side: Split) -> impl Iterator<Item = usize> + '_ {
        (0..self.placed.len()).filter(move |index| self.placed[*index].side == side)
    }

    fn by_hash(&self, sides: [Split; 2], measure: Measure) -> Result<Option<Found>, PrepareError> {
        if !measure.is_used(self.placed.iter().map(|image| image.item)) {
            return Ok(None);
        }
        let [left, right] = sides.map(|side| -> (Vec<usize>, Vec<[u64; 4]>) {
            let hash = |index: usize| Some((index, measure.hash(self.placed[index].item)?.words()));
            self.of_side(side).filter_map(hash).unzip()
        });
        if left.0.is_empty() || right.0.is_empty() {
            return Ok(None);
        }
        let most = self.settings.nearest_pairs.max(1);
        let pairs = nearest_hashes(&left.1, &right.1, most, self.context)?;
        Ok(Some(Found {
            sides,
            measure,
            compared: left.0.len() as u64 * right.0.len() as u64,
            limit: measure.limit(self.settings),
            doubtful_below: None,
            pairs: numbered(pairs, &left.0, &right.0),
            told_apart: HashSet::new(),
        }))
    }

    fn by_embedding(
        &self,
        sides: [Split; 2],
        embeddings: &Embeddings,
    ) -> Result<Vec<Found>, PrepareError> {
        let mut labels: HashMap<&str, u32> = HashMap::new();
        let mut of_label = [BTreeMap::new(), BTreeMap::new()];
        let mut packed = [Faces::default(), Faces::default()];
        let mut numbers = [Vec::new(), Vec::new()];
        for (at, side) in sides.into_iter().enumerate() {
            for index in self.of_side(side) {
                let item = self.placed[index].item;
                let Some(embedding) = embeddings.of(&item.features.md5) else {
                    continue;
                };
                let next = labels.len() as u32;
                let label = *labels.entry(&item.label).or_insert(next);
                *of_label[at].entry(label).or_insert(0_u64) += 1;
                packed[at].push(embedding, label);
                numbers[at].push(index);
            }
        }
        if packed.iter().any(Faces::is_empty) {
            return Ok(Vec::new());
        }
        let most = self.settings.nearest_pairs.max(1);
        let found = nearest_faces(&packed[0], &packed[1], most, self.context)?;
        let all = packed[0].len() as u64 * packed[1].len() as u64;
        let right = |label: &u32| of_label[1].get(label).copied().unwrap_or_default();
        let same: u64 = (of_label[0].iter())
            .map(|(label, count)| count * right(label))
            .sum();
        let kinds = Measure::EMBEDDINGS.into_iter().zip([same, all - same]);
        Ok(kinds
            .zip(found)
            .map(|((measure, compared), pairs)| Found {
                sides,
                measure,
                compared,
                limit: None,
                doubtful_below: embeddings.distances().map(|distances| distances.alike),
                pairs: numbered(pairs, &numbers[0], &numbers[1]),
                told_apart: HashSet::new(),
            })
            .collect())
    }
}

/// Pairs by the images' numbers instead of those within their sides.
fn numbered(pairs: Vec<NearPair>, left: &[usize], right: &[usize]) -> Vec<(usize, usize, f64)> {
    let pair = |pair: NearPair| (left[pair.left], right[pair.right], pair.distance);
    pairs.into_iter().map(pair).collect()
}
