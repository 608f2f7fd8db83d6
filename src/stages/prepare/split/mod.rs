//! Which side, and which fold, each image goes to.

mod earlier;
mod fill;
mod folds;
mod leaks;
mod origins;
mod report;
mod units;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::items::Item;
use super::relations::Link;
use super::{Grouped, PrepareError, Settings, side_size, without_small_classes};
use facepipe_core::artifacts::given_split::GivenSides;
use facepipe_core::context::Context;
use facepipe_core::types::{Discarded, Reason, Split};
use facepipe_core::words::counted;

use earlier::{Known, Moved};
use fill::{How, Targets, fill};
use units::Units;

pub(super) use earlier::{Earlier, digest};
pub(super) use origins::Origin;

pub use earlier::SIDES_FILE;
pub use leaks::Leak;
pub use report::{MovedImage, SplitReport};

/// How images are chosen for test.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum SplitBy {
    /// The seed.
    #[default]
    Chance,
    /// Dates (EXIF, else the download, else the file): the newest of each label to test, the next to val.
    Time,
    /// The seed, with all images of a web host, author or folder on one side.
    Source,
}

/// How the sides that an input folder has already are treated.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum GivenSplit {
    /// They stay, without leaks: of a picture or photo on two sides, test keeps its images before val, and
    /// val before train; those of the other side are left out.
    #[default]
    Clean,
    /// They stay as they are; leaks are reported.
    Keep,
    /// They are ignored, and the images are split again.
    Ignore,
}

/// Most images that are named as the reason of one move.
const MOST_REASONS: usize = 10;

/// The sides that images have already, where they are to stay: those of folders or, of crops, those that
/// of their photos.
pub(super) fn given(
    of_folders: Option<GivenSides>,
    items: &[Item],
    settings: &Settings,
) -> Option<GivenSides> {
    if settings.given_split == GivenSplit::Ignore {
        return None;
    }
    of_folders.or_else(|| {
        GivenSides::of_photos(items.iter().map(|item| {
            let photo = item.photo.as_ref().map(|photo| photo.file.as_str());
            (item.relative.as_str(), item.label.as_str(), photo)
        }))
    })
}

/// The input of a split.
#[derive(Clone, Copy)]
pub(super) struct Source<'run> {
    pub(super) input: &'run Path,
    pub(super) items: &'run [Item],
    pub(super) links: &'run [Link],
    /// The set of each item that belongs together.
    pub(super) sets: &'run [usize],
    pub(super) given: Option<&'run GivenSides>,
    pub(super) earlier: &'run Earlier,
    pub(super) settings: &'run Settings,
    pub(super) context: &'run Context,
}

/// An image with its place.
#[derive(Debug, Clone)]
pub(super) struct Placed<'items> {
    pub(super) image: Grouped<'items>,
    pub(super) side: Split,
    pub(super) fold: Option<u32>,
    pub(super) origin: Origin,
}

/// The result of a split.
pub(super) struct Division<'items> {
    pub(super) images: Vec<Placed<'items>>,
    pub(super) discarded: Vec<Discarded>,
    /// For [`Earlier::write`].
    pub(super) known: Vec<Known>,
    pub(super) report: SplitReport,
}

/// Finds a side for each image, and leaves out those that can't have one.
pub(super) fn divide<'items>(
    mut images: Vec<Grouped<'items>>,
    source: Source<'_>,
) -> Result<Division<'items>, PrepareError> {
    let settings = source.settings;
    let mut report = SplitReport::new(source);
    let mut discarded = Vec::new();
    if let Some(given) = source.given {
        report.leaks = leaks::find(source.items, source.links, given);
        if settings.given_split == GivenSplit::Clean {
            let (kept, left_out) = leaks::without(images, given);
            images = kept;
            discarded.extend(left_out);
        }
    }
    let (images, too_small) = without_small_classes(images, settings.min_per_class);
    discarded.extend(too_small);
    let origins = origins::of_images(source.input, &images, settings.split_by, source.context)?;
    let mut placed: Vec<(Grouped<'items>, Origin)> = images.into_iter().zip(origins).collect();
    let sides = loop {
        let (sides, short) = sides_of(&placed, source, &mut report);
        if settings.min_per_side == 0 || short.is_empty() {
            report.short_labels = short;
            break sides;
        }
        let (stay, leave): (Vec<_>, Vec<_>) = placed
            .into_iter()
            .partition(|(image, _)| !short.contains_key(&image.item.label));
        discarded.extend(leave.iter().map(|(image, _)| {
            let message = short[&image.item.label].clone();
            image
                .item
                .discarded(Reason::ClassTooSmall, message, Vec::new())
        }));
        placed = stay;
    };
    let mut images = Vec::with_capacity(placed.len());
    for ((image, origin), side) in placed.into_iter().zip(sides) {
        let Some(side) = side else {
            let message = "train, val and test have enough images of its label".to_owned();
            discarded.push(image.item.discarded(Reason::OverLimit, message, Vec::new()));
            continue;
        };
        images.push(Placed {
            image,
            side,
            fold: None,
            origin,
        });
    }
    if let Some(count) = settings.folds {
        report.folds = Some(folds::assign(&mut images, count, source));
    }
    report.look_at(&images);
    let known = what_is_known(&images, source);
    report.tell_moves(&images, &known, source.earlier);
    Ok(Division {
        images,
        discarded,
        known,
        report,
    })
}

/// The side of each image, and labels that lack images on a side, with a message.
fn sides_of(
    placed: &[(Grouped<'_>, Origin)],
    source: Source<'_>,
    report: &mut SplitReport,
) -> (Vec<Option<Split>>, BTreeMap<String, String>) {
    let settings = source.settings;
    let images: Vec<&Grouped<'_>> = placed.iter().map(|(image, _)| image).collect();
    if let Some(given) = source.given {
        let side = |image: &&Grouped<'_>| given.of(&image.item.relative).unwrap_or(Split::Train);
        let sides: Vec<Split> = images.iter().map(side).collect();
        let short = short_of_given(&images, &sides, given, settings.min_per_side);
        return (sides.into_iter().map(Some).collect(), short);
    }
    let sizes = [settings.train, settings.val, settings.test];
    let units = Units::of(placed, source);
    report.shrunk_labels = units.labels_with(|images| side_size::is_short_of(&sizes, images));
    let targets = Targets {
        images: units
            .images
            .iter()
            .map(|images| side_size::of_label(&sizes, *images))
            .collect(),
        minimum: settings.min_per_side.max(1),
        leave_out: sizes.iter().all(|size| size.images().is_some()),
        how: match settings.split_by {
            SplitBy::Time => How::ByTime,
            SplitBy::Chance | SplitBy::Source => How::ByChance,
        },
    };
    let filled = fill(&units.units, &targets);
    let sides = units
        .unit_of
        .iter()
        .map(|unit| filled.sides[*unit].map(|side| Split::ALL[side]));
    let message = |label: &usize| {
        (
            units.labels[*label].to_owned(),
            units.shortage(*label, &targets),
        )
    };
    (sides.collect(), filled.short.iter().map(message).collect())
}

/// Labels of a folder with sides that have too few images on one of them.
fn short_of_given(
    images: &[&Grouped<'_>],
    sides: &[Split],
    given: &GivenSides,
    min_per_side: usize,
) -> BTreeMap<String, String> {
    let mut counts: BTreeMap<&str, BTreeMap<Split, usize>> = BTreeMap::new();
    for (image, side) in images.iter().zip(sides) {
        let of_label = counts.entry(&image.item.label).or_default();
        *of_label.entry(*side).or_default() += 1;
    }
    let minimum = min_per_side.max(1);
    let is_short = |of_label: &BTreeMap<Split, usize>| {
        let mut wanted = given.folders().map(|(_, side)| side);
        wanted.find(|side| of_label.get(side).copied().unwrap_or_default() < minimum)
    };
    let short = counts.into_iter().filter_map(|(label, of_label)| {
        let side = is_short(&of_label)?;
        let count = of_label.get(&side).copied().unwrap_or_default();
        Some((
            label.to_owned(),
            format!(
                "its label has {} on {side}, less than {minimum}",
                counted(count, "image")
            ),
        ))
    });
    short.collect()
}

/// The side of each image now, with its duplicates that were left out: one of them may replace it later.
fn what_is_known(images: &[Placed<'_>], source: Source<'_>) -> Vec<Known> {
    let placed: HashMap<usize, &Placed<'_>> = images
        .iter()
        .map(|placed| (placed.image.set, placed))
        .collect();
    let mut members: HashMap<usize, Vec<&Item>> = HashMap::new();
    if !source.earlier.is_empty() {
        for (item, set) in source.items.iter().zip(source.sets) {
            members.entry(*set).or_default().push(item);
        }
    }
    let known = (source.items.iter().zip(source.sets)).filter_map(|(item, set)| {
        let place = placed.get(set)?;
        let side = match source.given {
            Some(given) => given.of(&item.relative)?,
            None => place.side,
        };
        let before = source.earlier.of(item);
        let moved = match before.filter(|_| source.given.is_none()) {
            Some(before) if before.split != side => Some(Moved {
                from: before.split,
                because: reasons(item, &members[set], source.earlier),
            }),
            Some(before) => before.moved.clone(),
            None => None,
        };
        Some(Known {
            md5: item.features.md5.clone(),
            split: side,
            photo_md5: item.photo.as_ref().map(|photo| photo.md5.clone()),
            fold: place.fold,
            moved,
        })
    });
    known.collect()
}

/// Which images made one move: new ones of its group, else those that were elsewhere.
fn reasons(item: &Item, group: &[&Item], earlier: &Earlier) -> Vec<String> {
    let own = earlier.of(item).map(|known| known.split);
    let is_new = |other: &&&Item| earlier.of(other).is_none();
    let is_elsewhere = |other: &&&Item| earlier.of(other).map(|known| known.split) != own;
    let new: Vec<_> = group.iter().filter(is_new).take(MOST_REASONS).collect();
    let others: Vec<_> = group
        .iter()
        .filter(is_elsewhere)
        .take(MOST_REASONS)
        .collect();
    let named = if new.is_empty() { others } else { new };
    named
        .into_iter()
        .map(|item| item.relative.clone())
        .collect()
}

#[cfg(test)]
mod tests;
