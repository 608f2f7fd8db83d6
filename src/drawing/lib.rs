//! What people look at: text, annotated copies, plots, pages.

pub mod face_label;
pub mod face_picture;
pub mod marked_copies;
pub mod page;
pub mod plot;
pub mod text;
pub mod thumbnail;
