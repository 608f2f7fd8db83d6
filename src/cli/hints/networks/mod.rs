//! Errors of the rooms that need libtorch.

mod evaluate;
mod export;
mod nn;
mod predict;
mod serve;
mod train;
