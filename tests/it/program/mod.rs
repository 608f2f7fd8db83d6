//! Model files and their folders, and faults of input and machine.

mod faults;
mod found_folders;
mod models;
pub(crate) mod random_names;
mod weights_folder;
