//! The proof of an existing split, of any origin.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::leaks::Joined;
use super::{PROOF_FILE, Placed, Proof, prove};
use crate::cache::Cache;
use crate::duplicates::Sets;
use crate::embeddings::{Embeddings, Source};
use crate::{PrepareError, Settings, items, page, relations};
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::given_split::{self, GivenSides};
use facepipe_core::artifacts::image_folder::ImageFolder;
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::context::Context;
use facepipe_core::types::Split;
use facepipe_faces::embed_images::ImageEmbedder;

/// The page that shows the proof of a given split.
pub const CHECK_PAGE_FILE: &str = "proof.html";

/// The result of checking a given split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The proof, as it is in [`PROOF_FILE`].
    #[serde(flatten)]
    pub proof: Proof,
    /// The page that shows it.
    #[serde(serialize_with = "facepipe_core::artifacts::path_text::as_text::serialize")]
    pub page: PathBuf,
    /// How long it took.
    pub seconds: f64,
}

/// Compares the sides of a folder with `train`, `val` and `test`, of which one may be missing, and a folder
/// for each label in each; writes [`PROOF_FILE`] and [`CHECK_PAGE_FILE`] to `out`, and nothing else.
///
/// The records of `prepare` about crops and photos are used.
///
/// # Errors
/// [`PrepareError`], such as [`PrepareError::NothingToCheck`]. A leak is no error.
pub fn check(
    input: &Path,
    out: &Path,
    settings: &Settings,
    embedder: Option<&ImageEmbedder>,
    context: &Context,
) -> Result<Check, PrepareError> {
    let started = Instant::now();
    let (folder, sides) = list(input)?;
    for note in folder.notes() {
        context.progress.note(&note);
    }
    let manifest = input.join(MANIFEST_FILE);
    let cache = Cache::look_into(input, settings.rotations)?;
    let read = items::read(
        &folder,
        &manifest,
        &cache,
        None,
        settings.rotations,
        context,
    )?;
    drop(cache);
    context.interrupt.check()?;
    let source = Source::new(settings, embedder, |tools| Source::Read(tools, Some(input)))?;
    let embeddings = Embeddings::find(&read.items, source, context)?;
    let links = relations::find(&read.items, &embeddings, settings, context)?;
    let groups = Sets::of(&read.items, &links).groups;
    let placed: Vec<Placed<'_>> = (read.items.iter().zip(&groups))
        .map(|(item, group)| Placed {
            side: sides.of(&item.relative).unwrap_or(Split::Train),
            file: item.relative.clone(),
            group: group.to_string(),
            item,
        })
        .collect();
    let joined = links.iter().map(|link| Joined {
        a: link.a,
        b: link.b,
        why: link.why,
    });
    fs_err::create_dir_all(out)?;
    let mut proof = prove(&placed, joined.collect(), settings, &embeddings, context)?;
    let unreadable = read.discarded.iter().map(|file| file.item.clone());
    let passed_over = folder.discarded().filter(|entry| entry.reason.is_error());
    proof.unreadable = unreadable
        .chain(passed_over.map(|entry| entry.item))
        .collect();
    atomic::write_json(&out.join(PROOF_FILE), &proof)?;
    let page = out.join(CHECK_PAGE_FILE);
    let text = page::of_check(&proof, &placed, &embeddings, context)?;
    atomic::write(&page, text.as_bytes())?;
    Ok(Check {
        proof,
        page,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The files of all sides, by their paths below the data set's folder.
fn list(input: &Path) -> Result<(ImageFolder, GivenSides), PrepareError> {
    if !input.is_dir() {
        return Err(PrepareError::NoInput(input.to_owned()));
    }
    let (folder, Some(sides)) = given_split::list(input)? else {
        return Err(PrepareError::NothingToCheck(input.to_owned()));
    };
    if folder.files.is_empty() {
        return Err(PrepareError::NoImages(input.to_owned()));
    }
    Ok((folder, sides))
}
