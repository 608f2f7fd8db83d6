//! Images from the web, on servers of this machine.

mod faults;
mod lists;
mod sources;
mod stage;
