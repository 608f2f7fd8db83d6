//! Sets of changes by name.

use super::Augmentation;

/// The sets of changes that have a name.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "lowercase")]
pub enum Preset {
    /// Not changed at all.
    None,
    /// Mirrored, moved and lit otherwise.
    Light,
    /// Also coloured, blurred, shrunk, compressed and partly hidden.
    Strong,
}

impl From<Preset> for Augmentation {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::None => Self::none(),
            Preset::Light => Self::light(),
            Preset::Strong => Self::strong(),
        }
    }
}

impl Augmentation {
    /// No change at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            flip: false,
            rotation: 0.0,
            scale: 0.0,
            shift: 0.0,
            light: 0.0,
            saturation: 0.0,
            grey: 0.0,
            blur: 0.0,
            low_resolution: 0.0,
            smallest_side: 1.0,
            jpeg: 0.0,
            jpeg_quality: 100,
            cutout: 0.0,
            cutout_area: 0.0,
        }
    }

    /// Mirrored, moved a little, lit otherwise: the differences between any two photos of a face. Milder than
    /// torchvision's for ImageNet (area from 0.08, light 0.4): a face chip shows the whole face, and
    /// identity is lost with half of it.
    #[must_use]
    pub const fn light() -> Self {
        Self {
            flip: true,
            rotation: 5.0,
            scale: 0.1,
            shift: 0.04,
            light: 0.2,
            ..Self::none()
        }
    }

    /// Also the faults of small, compressed and grey pictures, and hidden parts.
    #[must_use]
    pub const fn strong() -> Self {
        Self {
            flip: true,
            rotation: 10.0,
            scale: 0.15,
            shift: 0.05,
            light: 0.3,
            saturation: 0.3,
            grey: 0.05,
            blur: 0.1,
            low_resolution: 0.1,
            smallest_side: 0.3,
            jpeg: 0.1,
            jpeg_quality: 30,
            cutout: 0.25,
            cutout_area: 0.15,
        }
    }
}
