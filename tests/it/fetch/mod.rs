//! Images from the web, on servers of this machine.

mod faults;
mod sources;
mod stage;
