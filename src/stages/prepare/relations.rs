//! Which images show the same picture, and which come from one photo: found without comparing all pairs.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use image::GrayImage;
use serde::{Deserialize, Serialize};

use super::embeddings::Embeddings;
use super::items::Item;
use super::union_find::UnionFind;
use super::{PrepareError, Settings, candidates, faces, view};
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::CropPlace;
use facepipe_imaging::detail_comparison::{self, Agreement, Details};
use facepipe_imaging::image_io::{self, DecodeError};
use facepipe_imaging::perceptual_hash::PerceptualHash;
use facepipe_neighbours::hash_join::close_pairs;

/// Distance of the hashes of two aligned faces from which on they are no longer near, in bits of
/// 256. Alignment leaves only the face, so that two shots of one sitting come as near as 10.
pub(super) const SAME_FACE: u32 = 8;
/// Distance of hashes up to which two pictures are one without a comparison of details, in bits of 256:
/// of 1,800 pairs of studio shots of one person, which look alike, none is nearer than 7.
pub(super) const CERTAIN: u32 = 4;

/// Two images that belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Link {
    pub(super) a: usize,
    pub(super) b: usize,
    pub(super) why: Why,
}

/// The evidence that two images belong together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Why {
    /// The decoded pixels are equal.
    SamePixels,
    /// The pictures' hashes are near.
    PictureHash {
        /// Bits of 256 that differ.
        bits: u32,
    },
    /// The hashes of the aligned faces, or of the pictures inside their frames, are near.
    ViewHash {
        /// Bits of 256 that differ.
        bits: u32,
    },
    /// The hashes are near when one is turned or mirrored.
    TurnedHash {
        /// Bits of 256 that differ.
        bits: u32,
    },
    /// The details agree everywhere once one picture is registered to the other.
    Details {
        /// The smallest correlation of a part.
        agreement: f64,
    },
    /// The faces' embeddings are near, and the details of the aligned faces agree everywhere.
    Face {
        /// Euclidean distance of the embeddings.
        embedding: f64,
        /// The smallest correlation of a part.
        agreement: f64,
    },
    /// The hashes are near, but the details differ: two pictures of one series.
    Series {
        /// Bits of 256 that differ.
        bits: u32,
        /// The smallest correlation of a part; `None` where details were not compared.
        agreement: Option<f64>,
    },
    /// They were cut out of one photo.
    SamePhoto,
    /// They were cut out of photos whose hashes are near.
    PhotoHash {
        /// Bits of 256 that differ.
        bits: u32,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = PerceptualHash::BITS;
        match self {
            Self::SamePixels => formatter.write_str("the same pixels"),
            Self::PictureHash { bits } => write!(formatter, "{bits} of {all} bits differ"),
            Self::ViewHash { bits } => {
                write!(
                    formatter,
                    "{bits} of {all} bits of the face, or inside the frame, differ"
                )
            }
            Self::TurnedHash { bits } => {
                write!(formatter, "turned or mirrored, {bits} of {all} bits differ")
            }
            Self::Details { agreement } => {
                write!(formatter, "the details agree by {agreement:.2} or more")
            }
            Self::Face {
                embedding,
                agreement,
            } => write!(
                formatter,
                "the faces' embeddings are {embedding:.2} apart, and the details of the aligned faces \
                 agree by {agreement:.2} or more"
            ),
            Self::Series { bits, .. } => write!(
                formatter,
                "{bits} of {all} bits differ, and the details do: pictures of one series, which stay \
                 together"
            ),
            Self::SamePhoto => formatter.write_str("cut out of one photo"),
            Self::PhotoHash { bits } => {
                write!(
                    formatter,
                    "cut out of photos of which {bits} of {all} bits differ"
                )
            }
        }
    }
}

impl Why {
    /// Whether they show the same picture, rather than parts of one photo.
    pub(super) const fn is_same_picture(self) -> bool {
        !matches!(
            self,
            Self::SamePhoto | Self::PhotoHash { .. } | Self::Series { .. }
        )
    }

    /// Its name, as it is serialized.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SamePixels => "same_pixels",
            Self::PictureHash { .. } => "picture_hash",
            Self::ViewHash { .. } => "view_hash",
            Self::TurnedHash { .. } => "turned_hash",
            Self::Details { .. } => "details",
            Self::Face { .. } => "face",
            Self::Series { .. } => "series",
            Self::SamePhoto => "same_photo",
            Self::PhotoHash { .. } => "photo_hash",
        }
    }

    /// The bits of 256 that differ, where that links them.
    pub(super) const fn bits(self) -> Option<u32> {
        match self {
            Self::PictureHash { bits }
            | Self::ViewHash { bits }
            | Self::TurnedHash { bits }
            | Self::PhotoHash { bits }
            | Self::Series { bits, .. } => Some(bits),
            Self::SamePixels | Self::SamePhoto | Self::Details { .. } | Self::Face { .. } => None,
        }
    }
}

/// All links of images, of which at least enough to join all that belong together.
pub(super) fn find(
    items: &[Item],
    embeddings: &Embeddings,
    settings: &Settings,
    context: &Context,
) -> Result<Vec<Link>, PrepareError> {
    let mut links = equal(items, Why::SamePixels, |item| {
        Some(&item.features.pixel_digest)
    });
    links.extend(equal(items, Why::SamePhoto, |item| {
        item.photo.as_ref().map(|photo| &photo.md5)
    }));
    let Some(distance) = settings.phash_distance else {
        return Ok(links);
    };
    let indices = 0..items.len();
    let mut near_pairs = Vec::new();
    let pictures = indices
        .clone()
        .map(|at| (at, items[at].features.phash.words()));
    near(pictures, distance, &mut near_pairs, |bits| {
        Why::PictureHash { bits }
    });
    for is_face in [false, true] {
        let limit = if is_face {
            distance.min(SAME_FACE)
        } else {
            distance
        };
        let wanted = indices
            .clone()
            .filter(|at| items[*at].place().is_some() == is_face);
        let views = wanted.map(|at| (at, &items[at].features));
        let upright = views
            .clone()
            .map(|(at, features)| (at, features.view.fine.words()));
        near(upright.clone(), limit, &mut near_pairs, |bits| {
            Why::ViewHash { bits }
        });
        if settings.rotations {
            let turned = views.flat_map(|(at, features)| {
                features
                    .turned
                    .iter()
                    .map(move |hashes| (at, hashes.fine.words()))
            });
            near(upright.chain(turned), limit, &mut links, |bits| {
                Why::TurnedHash { bits }
            });
        }
    }
    let photos = indices.filter_map(|at| Some((at, items[at].photo.as_ref()?.phash.words())));
    near(photos, distance, &mut links, |bits| Why::PhotoHash { bits });
    context.interrupt.check()?;
    let (certain, uncertain): (Vec<Link>, Vec<Link>) = near_pairs
        .into_iter()
        .partition(|link| link.why.bits() <= Some(CERTAIN));
    links.extend(certain);
    let candidates = candidates::find(items, &links, &uncertain);
    links.extend(look_again(items, &candidates.pairs, context)?);
    let left_out = candidates.left_out.iter();
    links.extend(left_out.filter_map(|link| {
        let (a, b) = (&items[link.a], &items[link.b]);
        let why = series(a, b, link.why, None)?;
        Some(Link { why, ..*link })
    }));
    links.extend(faces::find(items, embeddings, &links, context)?);
    Ok(links)
}

/// Which of `count` items show the same picture, as the links say.
pub(super) fn pictures(count: usize, links: &[Link]) -> UnionFind {
    joined(count, links, |link| link.why.is_same_picture())
}

/// The items that the links join that are wanted.
pub(super) fn joined(count: usize, links: &[Link], wanted: impl Fn(&Link) -> bool) -> UnionFind {
    let mut sets = UnionFind::new(count);
    for link in links.iter().filter(|link| wanted(link)) {
        sets.join(link.a, link.b);
    }
    sets
}

/// The first of each set of items with an equal key, with the others.
fn equal<'items, Key: Eq + Hash>(
    items: &'items [Item],
    why: Why,
    key: impl Fn(&'items Item) -> Option<Key>,
) -> Vec<Link> {
    let mut first: HashMap<Key, usize> = HashMap::new();
    let mut links = Vec::new();
    for (b, item) in items.iter().enumerate() {
        let Some(key) = key(item) else { continue };
        let a = *first.entry(key).or_insert(b);
        if a != b {
            links.push(Link { a, b, why });
        }
    }
    links
}

/// Links of items whose hashes are near.
fn near<const WORDS: usize>(
    hashes: impl Iterator<Item = (usize, [u64; WORDS])>,
    distance: u32,
    links: &mut Vec<Link>,
    why: impl Fn(u32) -> Why,
) {
    let (owners, hashes): (Vec<usize>, Vec<_>) = hashes.unzip();
    close_pairs(&hashes, distance, |pair| {
        let (a, b) = (owners[pair.first as usize], owners[pair.second as usize]);
        if a != b {
            links.push(Link {
                a: a.min(b),
                b: a.max(b),
                why: why(pair.distance),
            });
        }
    });
}

/// Compares the details of candidates.
fn look_again(
    items: &[Item],
    candidates: &[(usize, Vec<candidates::Other>)],
    context: &Context,
) -> Result<Vec<Link>, PrepareError> {
    let own_details = |at: usize| details(&items[at], items[at].place());
    let look = |a: usize, b: usize, why: Option<Why>, first: &Details| {
        if items[a].place().is_some() != items[b].place().is_some() {
            // A face and a whole picture: their details are not of the same thing.
            return Ok(why.map(|why| Link { a, b, why }));
        }
        let agreement = detail_comparison::agreement(first, &own_details(b)?);
        let found = verdict(&items[a], &items[b], why, agreement);
        Ok(found.map(|why| Link { a, b, why }))
    };
    let pairs: u64 = candidates
        .iter()
        .map(|(_, others)| others.len() as u64)
        .sum();
    let bar = context.progress.start("compare", Some(pairs));
    let mut links = Vec::new();
    parallel::for_each_in_order(
        candidates,
        context.threads,
        || Ok(()),
        |(), _, (a, others)| {
            let first = own_details(*a)?;
            let links = others.iter().map(|(b, why)| look(*a, *b, *why, &first));
            links.collect::<Result<Vec<_>, PrepareError>>()
        },
        |found: Result<Vec<Option<Link>>, PrepareError>| {
            context.interrupt.check()?;
            let found = found?;
            bar.advance(found.len() as u64);
            links.extend(found.into_iter().flatten());
            Ok::<_, PrepareError>(())
        },
    )?;
    Ok(links)
}

/// Whether two images whose hashes are near belong together, and why: nearer than [`CERTAIN`] without another
/// look, else as their details say.
///
/// # Errors
/// [`PrepareError::Changed`] where one can't be read again.
pub(super) fn of_near(a: &Item, b: &Item, near: Why) -> Result<Option<Why>, PrepareError> {
    let is_certain = near.bits() <= Some(CERTAIN);
    if is_certain || a.place().is_some() != b.place().is_some() {
        return Ok(Some(near));
    }
    let [first, second] = [a, b].map(|item| details(item, item.place()));
    let agreement = detail_comparison::agreement(&first?, &second?);
    Ok(verdict(a, b, Some(near), agreement))
}

/// The relation by details of two images whose hashes are near according to `near`.
fn verdict(a: &Item, b: &Item, near: Option<Why>, agreement: Option<Agreement>) -> Option<Why> {
    let Some(agreement) = agreement else {
        // Too few details: only the hashes decide.
        return near;
    };
    if agreement.reaches(needed(a)) {
        let agreement = agreement.large;
        return Some(near.unwrap_or(Why::Details { agreement }));
    }
    series(a, b, near?, Some(agreement.large))
}

/// The link of two pictures whose hashes are near and that are not one: none under two labels.
fn series(a: &Item, b: &Item, near: Why, agreement: Option<f64>) -> Option<Why> {
    let bits = near.bits()?;
    (a.label == b.label).then_some(Why::Series { bits, agreement })
}

/// The agreement from which on an image is one photo with another.
pub(super) fn needed(item: &Item) -> Agreement {
    Agreement::needed(item.place().is_some())
}

/// The details of an image, which is read again: of its aligned face, where a place is given.
pub(super) fn details(item: &Item, place: Option<&CropPlace>) -> Result<Details, PrepareError> {
    let view = || -> Result<GrayImage, DecodeError> {
        let decoded = image_io::decode(&image_io::read_bytes(&item.path)?)?;
        Ok(view::of(&decoded.rgb, place))
    };
    let view = view().map_err(|error| PrepareError::Changed(item.path.clone(), error))?;
    Ok(Details::of(&view))
}
