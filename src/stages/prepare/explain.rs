//! Why two images are one, belong together, or don't.

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use serde::Serialize;

use super::cache::Cache;
use super::duplicates::{Sets, SortedOut, sort_out};
use super::embeddings::{Embeddings, Source};
use super::items::{self, Item};
use super::relations::{self, Link, Why};
use super::split::{Division, Earlier, Placed};
use super::{PrepareError, Settings, candidates, split};
use facepipe_core::artifacts::given_split;
use facepipe_core::artifacts::image_folder::ImageFolder;
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::context::Context;
use facepipe_core::types::{CropPlace, Discarded, Size, Split};
use facepipe_faces::embed_images::ImageEmbedder;
use facepipe_imaging::detail_comparison::{self, Agreement};

/// The facts about two images, and the conclusion from them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// One image.
    pub a: ImageFacts,
    /// The other.
    pub b: ImageFacts,
    /// Whether they count as the same picture.
    pub duplicates: bool,
    /// Whether they are in one group, which never crosses sides.
    pub same_group: bool,
    /// Whether their files are equal.
    pub same_bytes: bool,
    /// Whether their pixels are equal.
    pub same_pixels: bool,
    /// Bits of 256 in which the hashes of the whole pictures differ.
    pub picture_distance: u32,
    /// The same of the aligned faces, or of the pictures inside their frames.
    pub view_distance: u32,
    /// The smallest such distance when one is turned or mirrored, where that is compared.
    pub turned_distance: Option<u32>,
    /// Bits of 256 that may differ; `None` where only equal pixels count.
    pub distance_limit: Option<u32>,
    /// How well their details agree, each -1 to 1; `None` where there are too few to decide.
    pub details: Option<Agreement>,
    /// From which agreement on they are one photo, if their hashes are near enough to compare details.
    pub details_limit: Agreement,
    /// Whether their hashes are near enough to compare details.
    #[serde(rename = "second_look")]
    pub compared_by_details: bool,
    /// Euclidean distance of their faces' embeddings, where these are compared and both have a face.
    pub embedding_distance: Option<f64>,
    /// Up to which distance the details of the aligned faces are compared.
    pub embedding_limit: Option<f64>,
    /// How well the aligned faces agree, where embeddings are compared and both have a face.
    pub face_details: Option<Agreement>,
    /// From which agreement on they are of one photo.
    pub face_details_limit: Agreement,
    /// Whether they were cut out of one photo; `None` where the photos are not known.
    pub same_photo: Option<bool>,
    /// Bits of 256 in which the hashes of these photos differ.
    pub photo_distance: Option<u32>,
    /// What joins one to the other, step by step; empty where nothing does.
    pub steps: Vec<Step>,
}

/// The facts about one image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageFacts {
    /// Its path below the folder.
    pub file: String,
    /// Its label.
    pub label: String,
    /// MD5 of its bytes.
    pub md5: String,
    /// Digest of its pixels.
    pub pixel_digest: String,
    /// Its size.
    pub size: Size,
    /// The photo that it was cut out of, where that is known.
    pub photo: Option<String>,
    /// What people are told of it: that photo, and which face of it where that has several.
    pub name: String,
    /// How many images its group has.
    pub group_images: usize,
    /// The side that it goes to; `None` where it is left out.
    pub split: Option<Split>,
    /// Why it is left out.
    pub discarded: Option<Discarded>,
}

/// One link of a chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// From this image
    pub from: String,
    /// to this one,
    pub to: String,
    /// because of this.
    pub why: Why,
    /// What people are told of the first
    pub from_name: String,
    /// and of the second.
    pub to_name: String,
}

/// Says why two images of a folder are one, belong together, or don't. Nothing is written.
///
/// The images are named by their paths, or by those below the folder. The cache of an earlier run
/// in `out` is used.
///
/// # Errors
/// [`PrepareError`], such as [`PrepareError::NoSuchImage`].
pub fn explain(
    input: &Path,
    out: Option<&Path>,
    names: [&Path; 2],
    settings: &Settings,
    embedder: Option<&ImageEmbedder>,
    context: &Context,
) -> Result<Explanation, PrepareError> {
    if !input.is_dir() {
        return Err(PrepareError::NoInput(input.to_owned()));
    }
    let (folder, sides) = given_split::list(input)?;
    let files = [
        file_of(&folder, input, names[0])?,
        file_of(&folder, input, names[1])?,
    ];
    let cache = match out {
        Some(out) => Cache::look_into(out, settings.rotations)?,
        None => Cache::empty(settings.rotations),
    };
    let manifest = input.join(MANIFEST_FILE);
    let read = items::read(
        &folder,
        &manifest,
        &cache,
        None,
        settings.rotations,
        context,
    )?;
    let items = read.items;
    let given = split::given(sides, &items, settings);
    let position = |file: &String| {
        let found = items.binary_search_by(|item| item.relative.cmp(file)).ok();
        found.ok_or_else(|| {
            let reason = read.discarded.iter().find(|record| record.item == *file);
            PrepareError::NotComparable {
                file: file.clone(),
                message: reason.map_or_else(String::new, |record| record.message.clone()),
            }
        })
    };
    let [a, b] = [position(&files[0])?, position(&files[1])?];
    let source = Source::new(settings, embedder, |tools| Source::Read(tools, out))?;
    let embeddings = Embeddings::find(&items, source, context)?;
    let links = relations::find(&items, &embeddings, settings, context)?;
    let sets = Sets::of(&items, &links);
    let earlier = match out {
        Some(out) => Earlier::read(out, settings)?,
        None => Earlier::default(),
    };
    let SortedOut {
        kept,
        discarded,
        sets: groups,
    } = sort_out(&items, &links, given.as_ref(), settings);
    let source = split::Source {
        input,
        items: &items,
        links: &links,
        sets: &groups,
        given: given.as_ref(),
        earlier: &earlier,
        settings,
        context,
    };
    let fates = Fates::of(split::divide(kept, source)?, discarded);
    let facts = |index: usize| fates.facts(index, &items, &sets);
    let (first, second) = (&items[a], &items[b]);
    let agreement = |a: Option<&CropPlace>, b: Option<&CropPlace>| {
        let (a, b) = (
            relations::details(first, a)?,
            relations::details(second, b)?,
        );
        Ok::<_, PrepareError>(detail_comparison::agreement(&a, &b))
    };
    let [a_face, b_face] = [first, second].map(|item| embeddings.face(&item.features.md5));
    let faces = a_face.zip(b_face);
    let face_details = faces.map(|(a, b)| agreement(Some(&a.place), Some(&b.place)));
    let photos = first.photo.as_ref().zip(second.photo.as_ref());
    Ok(Explanation {
        a: facts(a),
        b: facts(b),
        duplicates: sets.pictures[a] == sets.pictures[b],
        same_group: sets.groups[a] == sets.groups[b],
        same_bytes: first.features.md5 == second.features.md5,
        same_pixels: first.features.pixel_digest == second.features.pixel_digest,
        picture_distance: first.features.phash.distance(second.features.phash),
        view_distance: first.features.view.fine.distance(second.features.view.fine),
        turned_distance: turned_distance(first, second),
        distance_limit: settings.phash_distance,
        details: agreement(first.place(), second.place())?,
        details_limit: relations::needed(first),
        compared_by_details: settings.phash_distance.is_some()
            && candidates::needs_detail_comparison(first, second),
        embedding_distance: faces.map(|(a, b)| f64::from(a.embedding.distance(&b.embedding))),
        embedding_limit: embeddings
            .distances()
            .map(|distances| f64::from(distances.one_photo)),
        face_details: face_details.transpose()?.flatten(),
        face_details_limit: Agreement::needed(true),
        same_photo: photos.map(|(a, b)| a.md5 == b.md5),
        photo_distance: photos.map(|(a, b)| a.phash.distance(b.phash)),
        steps: chain(&items, &links, a, b),
    })
}

/// An image's path below the folder, from the name that a person gave.
fn file_of(folder: &ImageFolder, input: &Path, name: &Path) -> Result<String, PrepareError> {
    let real = fs_err::canonicalize(name).ok();
    let found = folder.files.iter().find(|file| {
        Path::new(&file.relative) == name
            || file.path == name
            || real.is_some() && fs_err::canonicalize(&file.path).ok() == real
    });
    let no_such_image = || PrepareError::NoSuchImage {
        name: name.to_owned(),
        input: input.to_owned(),
    };
    found
        .map(|file| file.relative.clone())
        .ok_or_else(no_such_image)
}

fn turned_distance(a: &Item, b: &Item) -> Option<u32> {
    let turned = a.features.turned.iter();
    turned
        .map(|hashes| hashes.fine.distance(b.features.view.fine))
        .min()
}

/// The outcome of each image.
struct Fates {
    sides: HashMap<String, Split>,
    discarded: HashMap<String, Discarded>,
}

impl Fates {
    fn of(division: Division<'_>, discarded: Vec<Discarded>) -> Self {
        let side = |placed: &Placed<'_>| (placed.image.item.relative.clone(), placed.side);
        let discarded = discarded.into_iter().chain(division.discarded);
        Self {
            sides: division.images.iter().map(side).collect(),
            discarded: discarded
                .map(|record| (record.item.clone(), record))
                .collect(),
        }
    }

    fn facts(&self, index: usize, items: &[Item], sets: &Sets) -> ImageFacts {
        let item = &items[index];
        let group = sets.groups[index];
        ImageFacts {
            file: item.relative.clone(),
            label: item.label.clone(),
            md5: item.features.md5.clone(),
            pixel_digest: item.features.pixel_digest.clone(),
            size: item.features.size,
            photo: item.photo.as_ref().map(|photo| photo.file.clone()),
            name: item.name.to_string(),
            group_images: sets.groups.iter().filter(|other| **other == group).count(),
            split: self.sides.get(&item.relative).copied(),
            discarded: self.discarded.get(&item.relative).cloned(),
        }
    }
}

/// The shortest chain of links from one image to another.
fn chain(items: &[Item], links: &[Link], from: usize, to: usize) -> Vec<Step> {
    let mut neighbours: HashMap<usize, Vec<(usize, Why)>> = HashMap::new();
    for link in links {
        neighbours
            .entry(link.a)
            .or_default()
            .push((link.b, link.why));
        neighbours
            .entry(link.b)
            .or_default()
            .push((link.a, link.why));
    }
    let mut came_from: HashMap<usize, (usize, Why)> = HashMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for (next, why) in neighbours.get(&at).into_iter().flatten() {
            if *next != from && !came_from.contains_key(next) {
                came_from.insert(*next, (at, *why));
                queue.push_back(*next);
            }
        }
    }
    let mut steps = Vec::new();
    let mut at = to;
    while at != from {
        let Some((before, why)) = came_from.get(&at) else {
            return Vec::new();
        };
        steps.push(Step {
            from: items[*before].relative.clone(),
            to: items[at].relative.clone(),
            why: *why,
            from_name: items[*before].name.to_string(),
            to_name: items[at].name.to_string(),
        });
        at = *before;
    }
    steps.reverse();
    steps
}
