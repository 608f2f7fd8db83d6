//! Files on disk: atomic writes, JSON lines, stage stamps, locks, folders of labels.

pub mod apart;
pub mod atomic;
pub mod digest;
pub mod given_split;
pub mod image_folder;
pub mod jsonl;
pub mod labels;
pub mod lock;
pub mod model_folder;
pub mod path_text;
pub mod selection;
pub mod stage;
pub mod sweep;
pub mod walk;
