//! Close and nearest pairs among many hashes or embeddings.

pub mod hash_join;
pub mod nearest;
