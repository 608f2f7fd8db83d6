//! What people look at: letters, annotated copies, plots, pages.

pub mod face_label;
pub mod face_picture;
pub mod lettering;
pub mod marked_copies;
pub mod page;
pub mod plot;
pub mod thumbnail;
