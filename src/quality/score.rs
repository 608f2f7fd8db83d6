//! One number out of all measures: the product of what each measure leaves of a perfect face.
//!
//! A product, since one bad measure spoils a face and no good one makes up for it. The scales were
//! chosen on some 1200 faces of press and web photos, so that the middle face of web photos (115
//! pixels, sharpness 160) comes to about 0.65 and that of small, soft press photos (93 pixels,
//! sharpness 42) to about 0.45. Where more is better the parts grow without end towards 1, so that
//! the better of two good faces is still known.

use crate::types::FaceQuality;

/// Shorter side of the box, in pixels, that leaves half. dlib's network sees the face itself in 100
/// pixels; faces of 80 pixels lose little, those of 20 most.
const HALF_SIZE: f64 = 24.0;
/// Variance of the Laplacian that leaves half. Of the faces of web photos 1 in 20 has less, and
/// looks out of focus.
const HALF_SHARPNESS: f64 = 25.0;
/// Scale of the fall towards black and towards white, in luma from 0 to 1: faces between 0.3 and
/// 0.7, as 95 of 100 are, lose less than 5 %.
const LIGHT_SCALE: f64 = 0.1;
/// Scale of the fall towards a flat grey: 99 of 100 faces have a contrast over 0.066 and lose less
/// than a fifth by it.
const CONTRAST_SCALE: f64 = 0.04;

/// One number for a face's measures, 0 (useless) to 1.
///
/// `size/(size + 24) * sharpness/(sharpness + 25) * (1 - exp(-brightness/0.1))
/// * (1 - exp(-(1 - brightness)/0.1)) * (1 - exp(-contrast/0.04)) * (1 - outside)² * cos²(yaw)`
///
/// The roll is no part of it, since alignment takes it away; nor are the score, whose scale is each
/// detector's own, and the pitch, which only some detectors' points give.
#[must_use]
pub fn overall(quality: &FaceQuality) -> f64 {
    let growing = |value: f64, half: f64| value / (value + half);
    let falling = |distance: f64, scale: f64| 1.0 - (-distance / scale).exp();
    let light = falling(quality.brightness, LIGHT_SCALE)
        * falling(1.0 - quality.brightness, LIGHT_SCALE)
        * falling(quality.contrast, CONTRAST_SCALE);
    let turned = quality.pose.map_or(0.0, |pose| pose.yaw.to_radians());
    growing(f64::from(quality.size), HALF_SIZE)
        * growing(quality.sharpness, HALF_SHARPNESS)
        * light
        * (1.0 - quality.outside).powi(2)
        * turned.cos().powi(2)
}
