//! Model files and their folders, and faults of input and machine.

mod faults;
mod models;
mod weights_folder;
