//! No code: its Cargo.toml names features (see there).
