//! Which images show the same picture, and which come from one photo: found without comparing all pairs.

use std::collections::HashMap;
use std::hash::Hash;

use image::GrayImage;
use serde::Serialize;

use super::items::Item;
use super::second_look::{self, Details, SAME_PHOTO};
use super::{PrepareError, Settings, candidates, view};
use crate::context::Context;
use crate::hash_join::close_pairs;
use crate::image_io::{self, DecodeError};
use crate::parallel;

/// Distance of the hashes of two aligned faces up to which they are one without a second look, in bits of
/// 256. Alignment leaves only the face, so that two shots of one sitting come as near as 10.
pub(super) const SAME_FACE: u32 = 8;

/// Two images that belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Link {
    pub(super) a: usize,
    pub(super) b: usize,
    pub(super) why: Why,
}

/// What says that two images belong together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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
    /// The details agree everywhere once one picture is laid on the other.
    Details {
        /// The smallest correlation of a part.
        agreement: f64,
    },
    /// They were cut out of one photo.
    SamePhoto,
    /// They were cut out of photos whose hashes are near.
    PhotoHash {
        /// Bits of 256 that differ.
        bits: u32,
    },
}

impl Why {
    /// Whether they show the same picture, rather than parts of one photo.
    pub(super) const fn is_same_picture(self) -> bool {
        !matches!(self, Self::SamePhoto | Self::PhotoHash { .. })
    }
}

/// All links of images, of which at least enough to join all that belong together.
pub(super) fn find(
    items: &[Item],
    settings: &Settings,
    context: &Context,
) -> Result<Vec<Link>, PrepareError> {
    let mut links = equal(items, Why::SamePixels, |item| {
        Some(&item.features.pixel_md5)
    });
    links.extend(equal(items, Why::SamePhoto, |item| {
        item.photo.as_ref().map(|photo| &photo.md5)
    }));
    let Some(distance) = settings.phash_distance else {
        return Ok(links);
    };
    let indices = 0..items.len();
    let pictures = indices
        .clone()
        .map(|at| (at, items[at].features.phash.words()));
    near(pictures, distance, &mut links, |bits| Why::PictureHash {
        bits,
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
        near(upright.clone(), limit, &mut links, |bits| Why::ViewHash {
            bits,
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
    let looked_at = look_again(items, &candidates::find(items, &links), context)?;
    links.extend(looked_at);
    Ok(links)
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

/// Distance of views up to which they are one without a second look.
pub(super) fn view_limit(item: &Item, phash_distance: u32) -> u32 {
    if item.place().is_some() {
        phash_distance.min(SAME_FACE)
    } else {
        phash_distance
    }
}

/// Compares the details of candidates.
fn look_again(
    items: &[Item],
    candidates: &[(usize, Vec<usize>)],
    context: &Context,
) -> Result<Vec<Link>, PrepareError> {
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
            let details = details(&items[*a])?;
            let links = others.iter().map(|b| {
                let agreement = second_look::agreement(&details, &self::details(&items[*b])?);
                let why = Why::Details { agreement };
                Ok((agreement >= SAME_PHOTO).then_some(Link { a: *a, b: *b, why }))
            });
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

/// The details of an image, which is read again.
pub(super) fn details(item: &Item) -> Result<Details, PrepareError> {
    let view = || -> Result<GrayImage, DecodeError> {
        let decoded = image_io::decode(&image_io::read_bytes(&item.path)?)?;
        Ok(view::of(&decoded.rgb, item.place()))
    };
    let view = view().map_err(|error| PrepareError::Changed(item.path.clone(), error))?;
    Ok(Details::of(&view))
}
