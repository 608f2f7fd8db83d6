//! The pose of a face, estimated from a few of its points.
//!
//! The constants were measured on 1189 faces of press and web photos against the angles of a dense
//! 3D face mesh (MediaPipe's). Half of the estimates are within 1 degree of its roll, 4 degrees of its
//! yaw and 5 degrees of its pitch; 9 in 10 are within 12 degrees of its yaw and pitch.

use facepipe_core::types::{EyeCornersNose, Landmarks5};

/// How far the base of the nose is in front of the eyes, in distances between the eyes: the slope
/// of its shift to the side against the tangent of the mesh's yaw.
const NOSE_BASE_DEPTH: f64 = 0.41;
/// Where the tip of the nose is on the way from the eyes (0) to the mouth (1) in a level face.
const LEVEL_NOSE: f64 = 0.492;
/// How much nearer to the eyes it lies for each degree that the face is raised.
const NOSE_PER_DEGREE: f64 = 0.0084;
/// Beyond this angle, in degrees, the nose's place is no longer informative.
const STEEPEST: f64 = 60.0;

type Point = [f64; 2];

/// The roll in degrees: the angle of the line through both eyes.
pub(super) fn roll(landmarks: &EyeCornersNose) -> f64 {
    let [x, y] = Eyes::of(landmarks).line;
    y.atan2(x).to_degrees()
}

/// The yaw in degrees. When the face turns, the distance of the eyes shrinks with the angle's
/// cosine, and the base of the nose, which is in front of them, moves with its sine.
pub(super) fn yaw(landmarks: &EyeCornersNose) -> f64 {
    let [.., nose] = landmarks.0;
    let [aside, _] = Eyes::of(landmarks).relative(nose.map(f64::from));
    (aside / NOSE_BASE_DEPTH).atan().to_degrees()
}

/// The pitch in degrees: when the face is raised, the tip of the nose, which is in front of eyes
/// and mouth, comes nearer to the eyes. `None` where the mouth is not below the eyes.
pub(super) fn pitch(landmarks: &Landmarks5) -> Option<f64> {
    let [left_eye, right_eye, nose, left_mouth, right_mouth] =
        landmarks.0.map(|point| point.map(f64::from));
    let eyes = Eyes::between(left_eye, right_eye);
    let [_, nose] = eyes.relative(nose);
    let [_, mouth] = eyes.relative(middle(left_mouth, right_mouth));
    let raised = (LEVEL_NOSE - nose / mouth) / NOSE_PER_DEGREE;
    (mouth > 0.0).then(|| raised.clamp(-STEEPEST, STEEPEST))
}

/// Both eyes of a face.
struct Eyes {
    /// The point between them.
    middle: Point,
    /// From the eye on the image's left to the one on its right.
    line: Point,
}

impl Eyes {
    fn of(landmarks: &EyeCornersNose) -> Self {
        let [outer_right, inner_right, outer_left, inner_left, _] =
            landmarks.0.map(|point| point.map(f64::from));
        Self::between(
            middle(outer_left, inner_left),
            middle(outer_right, inner_right),
        )
    }

    fn between(left: Point, right: Point) -> Self {
        Self {
            middle: middle(left, right),
            line: [right[0] - left[0], right[1] - left[1]],
        }
    }

    /// A point in distances between the eyes: along their line, and down from it. All points are at
    /// 0 where the eyes are one point.
    fn relative(&self, point: Point) -> Point {
        let [x, y] = [point[0] - self.middle[0], point[1] - self.middle[1]];
        let [along, down] = self.line;
        let square = along * along + down * down;
        if square > 0.0 {
            [
                (x * along + y * down) / square,
                (y * along - x * down) / square,
            ]
        } else {
            [0.0, 0.0]
        }
    }
}

fn middle(one: Point, other: Point) -> Point {
    [(one[0] + other[0]) / 2.0, (one[1] + other[1]) / 2.0]
}
