//! Switches that decide for themselves unless they are set.

use clap::{Args, ValueEnum};

/// Photos up to which turned copies are looked at unless asked otherwise: half a minute more, at most.
const FEW_PHOTOS: usize = 100;

/// A switch with three values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Always
    #[value(aliases = ["true", "1", "yes"])]
    On,
    /// Never
    #[value(aliases = ["false", "0", "no"])]
    Off,
    /// Where it makes sense
    Auto,
}

/// Whether faces are looked for in turned copies, too.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct RotationOptions {
    /// Look for faces in turned copies (90, 180, 270 degrees) of photos in which no certain face is upright, which
    /// takes three times as long again for such photos; `auto` does so for up to 100 photos
    #[arg(
        long,
        value_enum,
        value_name = "on|off|auto",
        num_args = 0..=1,
        require_equals = true,
        default_value = "auto",
        default_missing_value = "on",
        hide_possible_values = true
    )]
    pub(crate) rotations: Switch,
}

impl RotationOptions {
    /// Whether they are; how many photos there are is asked where that decides.
    pub(crate) fn are_on(self, photos: impl FnOnce() -> usize) -> bool {
        match self.rotations {
            Switch::On => true,
            Switch::Off => false,
            Switch::Auto => photos() <= FEW_PHOTOS,
        }
    }
}
