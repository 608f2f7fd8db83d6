//! Azure's Face service, on a server of this machine.

pub(crate) mod detector;
mod documents;
mod enroll;
mod enroll_faults;
mod everything;
mod faults;
pub(crate) mod helpers;
mod images;
mod operations;
mod sign_in;
