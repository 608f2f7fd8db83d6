//! The overall score: the product of the share of a perfect face that each measure leaves.
//!
//! A product, since one bad measure spoils a face and no good one makes up for it. The scales were
//! chosen on some 1200 faces of press and web photos, so that the middle face of web photos (115
//! pixels, sharpness 160) comes to about 0.65 and that of small, soft press photos (93 pixels,
//! sharpness 42) to about 0.45. Where more is better the parts grow without end towards 1, so that
//! the better of two good faces is still known.

use facepipe_core::types::FaceQuality;

/// Shorter side of the box, in pixels, that leaves half. A face of 100 pixels, its size in the chip
/// of dlib's network, keeps 0.8.
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

/// Length of SFace's embedding at which half of a person's pairs are recognised, and the scale on which that share
/// grows: logistic regression of pairs of LFW photos and of photos in harder pose and light.
const HALF_NORM: f64 = 9.0;
const NORM_SCALE: f64 = 0.76;

/// The share of a person's pairs of photos, the other face as good or better, that is recognised where one in a
/// thousand pairs of two people is taken for one, by the length of SFace's embedding of the face.
///
/// Of 1,383 LFW photos of 79 people 1.17 % of the pairs of one person are not; after the worst 5, 10 and 20 % of the faces by this are
/// left out, .40, .28 and .10 %, and by [`overall`] .77, .78 and .72 %.
#[must_use]
pub fn recognised(norm: f64) -> f64 {
    1.0 / (1.0 + ((HALF_NORM - norm) / NORM_SCALE).exp())
}

/// One number for a face's measures, 0 (useless) to 1: the product of its [`parts`].
#[must_use]
pub fn overall(quality: &FaceQuality) -> f64 {
    parts(quality).iter().map(|(_, left)| left).product()
}

/// The measures that reduce the quality of a face, by name, and the share of a perfect face that
/// each leaves, 0 to 1.
///
/// | word | leaves |
/// |---|---|
/// | `small` | `size / (size + 24)` |
/// | `blurred` | `sharpness / (sharpness + 25)` |
/// | `dark` | `1 - exp(-brightness / 0.1)` |
/// | `pale` | `1 - exp(-(1 - brightness) / 0.1)` |
/// | `flat` | `1 - exp(-contrast / 0.04)` |
/// | `cut off` | `(1 - outside)²` |
/// | `turned` | `cos²(yaw)` |
///
/// The roll is not among them, since alignment removes it; nor are the score, whose scale is each
/// detector's own, and the pitch, which only some detectors' points give.
#[must_use]
pub fn parts(quality: &FaceQuality) -> [(&'static str, f64); 7] {
    let growing = |value: f64, half: f64| value / (value + half);
    let falling = |distance: f64, scale: f64| 1.0 - (-distance / scale).exp();
    let yaw = quality.pose.map_or(0.0, |pose| pose.yaw.to_radians());
    [
        ("small", growing(f64::from(quality.size), HALF_SIZE)),
        ("blurred", growing(quality.sharpness, HALF_SHARPNESS)),
        ("dark", falling(quality.brightness, LIGHT_SCALE)),
        ("pale", falling(1.0 - quality.brightness, LIGHT_SCALE)),
        ("flat", falling(quality.contrast, CONTRAST_SCALE)),
        ("cut off", (1.0 - quality.outside).powi(2)),
        ("turned", yaw.cos().powi(2)),
    ]
}
