//! The faces of the images, each content embedded once: for duplicates, for identities, and for any caller.

use std::collections::HashMap;
use std::path::Path;

use super::items::Item;
use super::{PrepareError, Settings};
use facepipe_core::artifacts::given_split::CACHE_FOLDER;
use facepipe_core::context::Context;
use facepipe_core::types::{Distances, Embedding};
use facepipe_faces::embed_images::{FaceImage, ImageEmbedder, embed_images};
use facepipe_faces::embedding_cache::{EmbeddingCache, FoundFace};

/// The file of the cache folder that holds them.
pub(super) const EMBEDDINGS_FILE: &str = "embeddings.bin";

/// The embedder, and the folder of its cache.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'tools> {
    /// No faces are compared.
    None,
    /// Embeddings are stored in an output folder.
    Kept(&'tools ImageEmbedder, &'tools Path),
    /// The embeddings of an output folder are used, and nothing is written.
    Read(&'tools ImageEmbedder, Option<&'tools Path>),
}

impl<'tools> Source<'tools> {
    /// The cache that `of` makes for the embedder, where the settings need one.
    ///
    /// # Errors
    /// [`PrepareError::NoEmbedder`] where they do and there is none.
    pub(super) fn new(
        settings: &Settings,
        embedder: Option<&'tools ImageEmbedder>,
        of: impl FnOnce(&'tools ImageEmbedder) -> Self,
    ) -> Result<Self, PrepareError> {
        if !settings.needs_embeddings() {
            return Ok(Self::None);
        }
        embedder.map(of).ok_or(PrepareError::NoEmbedder)
    }
}

/// The faces of images, by their content.
#[derive(Debug, Default)]
pub(super) struct Embeddings {
    faces: HashMap<String, FoundFace>,
    /// What their distances mean; `None` where no faces are compared.
    distances: Option<Distances>,
}

impl Embeddings {
    /// Of each content the face that it is about: at its known place, or looked for in the whole picture.
    pub(super) fn find(
        items: &[Item],
        source: Source<'_>,
        context: &Context,
    ) -> Result<Self, PrepareError> {
        let file = |out: &Path| out.join(CACHE_FOLDER).join(EMBEDDINGS_FILE);
        let (tools, mut cache) = match source {
            Source::None => return Ok(Self::default()),
            Source::Kept(tools, out) => (
                tools,
                EmbeddingCache::open(&file(out), &tools.made_by(), tools.length())?,
            ),
            Source::Read(tools, Some(out)) => (
                tools,
                EmbeddingCache::look_into(&file(out), &tools.made_by(), tools.length())?,
            ),
            Source::Read(tools, None) => (tools, EmbeddingCache::empty()),
        };
        let mut first: HashMap<&str, &Item> = HashMap::new();
        for item in items {
            first.entry(&item.features.md5).or_insert(item);
        }
        // In the items' order, so that the work of each thread does not change from run to run.
        let mut images: Vec<&Item> = first.into_values().collect();
        images.sort_by(|a, b| a.relative.cmp(&b.relative));
        let faces: Vec<FaceImage<'_>> = images
            .iter()
            .map(|item| FaceImage {
                path: &item.path,
                md5: &item.features.md5,
                place: item.place(),
            })
            .collect();
        let found = embed_images(&faces, tools, &mut cache, context)?;
        cache.finish()?;
        let by_content = images.iter().zip(found).filter_map(|(item, face)| {
            let md5 = item.features.md5.clone();
            Some((md5, face?))
        });
        Ok(Self {
            faces: by_content.collect(),
            distances: Some(tools.distances()),
        })
    }

    /// What their distances mean; `None` where no faces are compared.
    pub(super) const fn distances(&self) -> Option<&Distances> {
        self.distances.as_ref()
    }

    /// The embedding of the face of a content, by the MD5 of its bytes; `None` where no face was found, or
    /// searched.
    pub(super) fn of(&self, md5: &str) -> Option<&Embedding> {
        Some(&self.face(md5)?.embedding)
    }

    /// The same, with the place of the face.
    pub(super) fn face(&self, md5: &str) -> Option<&FoundFace> {
        self.faces.get(md5)
    }
}
