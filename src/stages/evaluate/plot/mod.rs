//! The plots of a report.

mod charts;
mod matrix;
mod shares;

pub(super) use charts::all;
pub(super) use matrix::confusion;
