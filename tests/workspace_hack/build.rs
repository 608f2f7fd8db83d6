//! Does nothing: without a build script Cargo leaves out `[build-dependencies]`.

fn main() {}
