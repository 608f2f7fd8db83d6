//! Model files and where they are, and what may befall the program.

mod faults;
mod models;
mod weights_folder;
