//! The layers of YuNet on the processor, one picture at a time.
//!
//! Values are `[height][width][channels]`, channels innermost and padded to a multiple of [`BLOCK`] (see [`Map`]).
//! The network is made of units: a convolution of single pixels, then one of three by three in each channel, then
//! mostly ReLU. Each [`Unit`] runs as a whole, row by row, so that what is between its convolutions stays in the
//! cache ([`Unit::forward`]); it also takes over what comes before (the first convolution, or a sum) and a pool
//! behind it.
//!
//! All loops over channels are written with `pulp`'s vectors, whose width is chosen when the program runs.

mod depthwise;
mod first;
mod map;
mod pointwise;
mod pool;
mod product;
mod rows;
mod unit;

pub(crate) use depthwise::Depthwise;
pub(crate) use first::First;
pub use map::{Aligned, Map, Memory};
pub(crate) use pointwise::Pointwise;
pub(crate) use pool::pool;
pub(crate) use rows::Source;
pub(crate) use unit::Unit;

use std::any::TypeId;

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// Runs an operation with the vectors of `arch`.
///
/// Without vector extensions that pulp knows, groups of four numbers are used: compilers make SSE2 of them.
pub(crate) fn dispatch<Op: WithSimd>(arch: Arch, operation: Op) -> Op::Output {
    match arch {
        Arch::Scalar => operation.with_simd(Scalar128b),
        known => known.dispatch(operation),
    }
}

/// `a * b + c`, rounded once where the processor can do that in one instruction.
#[inline(always)]
fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if S::IS_SCALAR || TypeId::of::<S>() == TypeId::of::<Scalar128b>() {
        // There it would be a call of the mathematical library for each number.
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}

/// Whole vectors of a slice whose length is a multiple of [`BLOCK`].
#[inline(always)]
fn vectors<S: Simd>(numbers: &[f32]) -> &[S::f32s] {
    S::as_simd_f32s(numbers).0
}

/// Whole vectors of a slice whose length is a multiple of [`BLOCK`].
#[inline(always)]
fn vectors_mut<S: Simd>(numbers: &mut [f32]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(numbers).0
}

#[cfg(test)]
pub(crate) mod tests;
