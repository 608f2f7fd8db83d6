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
use facepipe_core::artifacts::image_folder::ImageFolder;
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::artifacts::{atomic, given_split};
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
    let folder = list(input)?;
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
            side: side_of(&item.relative),
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
    let known = |md5: &str| embeddings.of(md5);
    let mut proof = prove(&placed, joined.collect(), settings, &known, context)?;
    proof.unreadable = read
        .discarded
        .iter()
        .map(|file| file.item.clone())
        .collect();
    atomic::write_json(&out.join(PROOF_FILE), &proof)?;
    let page = out.join(CHECK_PAGE_FILE);
    let text = page::of_check(&proof, &placed, &known, context)?;
    atomic::write(&page, text.as_bytes())?;
    Ok(Check {
        proof,
        page,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The files of all sides, by their paths below the data set's folder.
fn list(input: &Path) -> Result<ImageFolder, PrepareError> {
    if !input.is_dir() {
        return Err(PrepareError::NoInput(input.to_owned()));
    }
    let sides: Vec<Split> = (Split::ALL.into_iter())
        .filter(|side| input.join(side.folder()).is_dir())
        .collect();
    if sides.len() < 2 {
        return Err(PrepareError::NothingToCheck(input.to_owned()));
    }
    let all = given_split::list_sides(input, sides.into_iter().map(Split::folder))?;
    if all.files.is_empty() {
        return Err(PrepareError::NoImages(input.to_owned()));
    }
    Ok(all)
}

/// The side of a listed file: the first part of its path.
fn side_of(file: &str) -> Split {
    let side = file.split('/').next().and_then(|side| side.parse().ok());
    side.unwrap_or(Split::Train)
}
