//! Files on disk: atomic writes, JSON lines, stage stamps, locks, folders of labels.

pub mod atomic;
pub mod digest;
pub mod given_split;
pub mod image_folder;
pub mod jsonl;
pub mod lock;
pub mod model_folder;
pub mod stage;
