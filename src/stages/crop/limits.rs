//! Limits of the quality of faces that are kept.

use serde::{Deserialize, Serialize};

use facepipe_core::types::{FacePose, FaceQuality};

/// Limits of the measures of [`FaceQuality`]; `None` lets everything pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualityLimits {
    /// Lowest overall quality, 0 to 1.
    pub min_quality: Option<f64>,
    /// Lowest score of the detector, on its own scale.
    pub min_score: Option<f64>,
    /// Lowest variance of the Laplacian.
    pub min_sharpness: Option<f64>,
    /// Lowest mean luma, 0 to 1.
    pub min_brightness: Option<f64>,
    /// Highest mean luma, 0 to 1.
    pub max_brightness: Option<f64>,
    /// Lowest standard deviation of the luma, 0 to 0.5.
    pub min_contrast: Option<f64>,
    /// Largest share of the face's square outside the photo, 0 to 1.
    pub max_outside: Option<f64>,
    /// Largest turn to either side, in degrees.
    pub max_yaw: Option<f64>,
    /// Furthest up or down, in degrees.
    pub max_pitch: Option<f64>,
    /// Furthest over to either side, in degrees.
    pub max_roll: Option<f64>,
}

impl Default for QualityLimits {
    fn default() -> Self {
        Self {
            min_quality: Some(Self::MIN_QUALITY),
            ..Self::none()
        }
    }
}

impl QualityLimits {
    /// The default: overall quality below which a face is left out. Of 3781 faces that were the largest of their photo
    /// (press, web and laboratory photos, found by MTCNN) none had less, the worst 0.07; of 293 other
    /// faces 15 had: out-of-focus people in the background, and boxes without a face.
    pub const MIN_QUALITY: f64 = 0.05;

    /// No limits: every face passes.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            min_quality: None,
            min_score: None,
            min_sharpness: None,
            min_brightness: None,
            max_brightness: None,
            min_contrast: None,
            max_outside: None,
            max_yaw: None,
            max_pitch: None,
            max_roll: None,
        }
    }

    /// The limits that a face violates, with its figures: empty for a face that is kept.
    ///
    /// An angle that is not known is within its limit.
    #[must_use]
    pub fn violations(&self, quality: &FaceQuality) -> Vec<String> {
        let angle = |angle: fn(&FacePose) -> Option<f64>| quality.pose.as_ref().and_then(angle);
        let lowest = [
            ("quality", quality.overall, self.min_quality),
            ("score", quality.score, self.min_score),
            ("sharpness", quality.sharpness, self.min_sharpness),
            ("brightness", quality.brightness, self.min_brightness),
            ("contrast", quality.contrast, self.min_contrast),
        ];
        let highest = [
            ("brightness", Some(quality.brightness), self.max_brightness),
            (
                "share outside the photo",
                Some(quality.outside),
                self.max_outside,
            ),
            ("yaw", angle(|pose| Some(pose.yaw)), self.max_yaw),
            ("pitch", angle(|pose| pose.pitch), self.max_pitch),
            ("roll", angle(|pose| Some(pose.roll)), self.max_roll),
        ];
        let too_low = lowest.into_iter().filter_map(|(name, value, limit)| {
            let limit = limit.filter(|limit| value < *limit)?;
            Some(format!("its {name} of {value} is below {limit}"))
        });
        let too_high = highest.into_iter().filter_map(|(name, value, limit)| {
            let (value, limit) = (value?, limit?);
            // The sign of an angle says to which side.
            (value.abs() > limit).then(|| format!("its {name} of {value} is beyond {limit}"))
        });
        too_low.chain(too_high).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality() -> FaceQuality {
        FaceQuality {
            overall: 0.52,
            size: 90,
            score: 0.9,
            sharpness: 41.5,
            brightness: 0.4,
            contrast: 0.12,
            outside: 0.05,
            norm: None,
            pose: Some(FacePose {
                yaw: -31.5,
                pitch: None,
                roll: 4.0,
            }),
        }
    }

    #[test]
    fn each_measure_has_a_limit_that_names_it() {
        let none = QualityLimits::none;
        let cases = [
            (
                QualityLimits {
                    min_quality: Some(0.6),
                    ..none()
                },
                "its quality of 0.52 is below 0.6",
            ),
            (
                QualityLimits {
                    min_score: Some(0.95),
                    ..none()
                },
                "its score of 0.9 is below 0.95",
            ),
            (
                QualityLimits {
                    min_sharpness: Some(50.0),
                    ..none()
                },
                "its sharpness of 41.5 is below 50",
            ),
            (
                QualityLimits {
                    min_brightness: Some(0.5),
                    ..none()
                },
                "its brightness of 0.4 is below 0.5",
            ),
            (
                QualityLimits {
                    max_brightness: Some(0.3),
                    ..none()
                },
                "its brightness of 0.4 is beyond 0.3",
            ),
            (
                QualityLimits {
                    min_contrast: Some(0.2),
                    ..none()
                },
                "its contrast of 0.12 is below 0.2",
            ),
            (
                QualityLimits {
                    max_outside: Some(0.0),
                    ..none()
                },
                "its share outside the photo of 0.05 is beyond 0",
            ),
            (
                QualityLimits {
                    max_yaw: Some(30.0),
                    ..none()
                },
                "its yaw of -31.5 is beyond 30",
            ),
            (
                QualityLimits {
                    max_roll: Some(3.0),
                    ..none()
                },
                "its roll of 4 is beyond 3",
            ),
        ];
        for (limits, message) in cases {
            assert_eq!(limits.violations(&quality()), [message]);
        }
    }

    #[test]
    fn a_face_at_its_limits_and_an_unknown_angle_pass() {
        let limits = QualityLimits {
            min_quality: Some(0.52),
            min_brightness: Some(0.4),
            max_brightness: Some(0.4),
            max_yaw: Some(31.5),
            max_pitch: Some(0.0),
            ..QualityLimits::none()
        };
        assert!(limits.violations(&quality()).is_empty());
        let nothing_known = FaceQuality {
            pose: None,
            ..quality()
        };
        assert!(limits.violations(&nothing_known).is_empty());
        assert!(QualityLimits::none().violations(&nothing_known).is_empty());
    }

    #[test]
    fn every_violated_limit_is_reported() {
        let limits = QualityLimits {
            min_quality: Some(0.9),
            max_yaw: Some(10.0),
            ..QualityLimits::none()
        };
        assert_eq!(limits.violations(&quality()).len(), 2);
    }
}
