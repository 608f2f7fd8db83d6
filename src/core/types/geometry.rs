//! Sizes, rectangles and landmarks; every axis has a name.

use serde::{Deserialize, Serialize};

/// A size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Size {
    /// `width` x `height` pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// The size of an image buffer.
    #[must_use]
    pub fn of(image: &image::RgbImage) -> Self {
        Self::new(image.width(), image.height())
    }

    /// The number of pixels.
    #[must_use]
    pub fn area(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The side of a square of the same area, in whole pixels: how large a face is, whether its
    /// detector draws squares or tall boxes.
    #[must_use]
    pub fn square_side(self) -> u32 {
        self.area().isqrt() as u32
    }

    /// The shorter side.
    #[must_use]
    pub fn shorter(self) -> u32 {
        self.width.min(self.height)
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}x{}", self.width, self.height)
    }
}

/// A rectangle of whole pixels inside an image: right and bottom are exclusive.
///
/// On disk and on the command line it is the list `[left, top, right, bottom]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "[u32; 4]", into = "[u32; 4]")]
pub struct PixelRect {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// One past the last column.
    pub right: u32,
    /// One past the last row.
    pub bottom: u32,
}

impl PixelRect {
    /// The whole of an image.
    #[must_use]
    pub const fn whole(size: Size) -> Self {
        Self {
            left: 0,
            top: 0,
            right: size.width,
            bottom: size.height,
        }
    }

    /// Its width and height.
    #[must_use]
    pub const fn size(self) -> Size {
        Size::new(
            self.right.saturating_sub(self.left),
            self.bottom.saturating_sub(self.top),
        )
    }
}

impl From<[u32; 4]> for PixelRect {
    fn from([left, top, right, bottom]: [u32; 4]) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }
}

impl From<PixelRect> for [u32; 4] {
    fn from(rect: PixelRect) -> Self {
        [rect.left, rect.top, rect.right, rect.bottom]
    }
}

/// A face's bounding box as a detector gives it, in pixels: it may have fractions and reach over
/// the image's edge until it is clamped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FaceBox {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge, exclusive.
    pub right: f32,
    /// Bottom edge, exclusive.
    pub bottom: f32,
}

impl FaceBox {
    /// Width in pixels, never negative.
    #[must_use]
    pub fn width(&self) -> f32 {
        (self.right - self.left).max(0.0)
    }

    /// Height in pixels, never negative.
    #[must_use]
    pub fn height(&self) -> f32 {
        (self.bottom - self.top).max(0.0)
    }

    /// Area in square pixels.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// Intersection over union with another box, 0 to 1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let both = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
        .area();
        let either = self.area() + other.area() - both;
        if either > 0.0 { both / either } else { 0.0 }
    }

    /// The box grown by `margin` of its width and height on each side.
    #[must_use]
    pub fn grown(&self, margin: f32) -> Self {
        let (dx, dy) = (self.width() * margin, self.height() * margin);
        Self {
            left: self.left - dx,
            top: self.top - dy,
            right: self.right + dx,
            bottom: self.bottom + dy,
        }
    }

    /// The whole pixels of the box that lie inside an image; `None` where nothing does.
    #[must_use]
    pub fn clamped(&self, image: Size) -> Option<PixelRect> {
        let rect = PixelRect {
            left: self.left.round().clamp(0.0, image.width as f32) as u32,
            top: self.top.round().clamp(0.0, image.height as f32) as u32,
            right: self.right.round().clamp(0.0, image.width as f32) as u32,
            bottom: self.bottom.round().clamp(0.0, image.height as f32) as u32,
        };
        (rect.left < rect.right && rect.top < rect.bottom).then_some(rect)
    }
}

impl From<PixelRect> for FaceBox {
    fn from(rect: PixelRect) -> Self {
        Self {
            left: rect.left as f32,
            top: rect.top as f32,
            right: rect.right as f32,
            bottom: rect.bottom as f32,
        }
    }
}

/// Five points of a face in pixels, `[x, y]` each: the eye on the image's left, the eye on the
/// image's right, the nose, the mouth's left and right corner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Landmarks5(pub [[f32; 2]; 5]);

/// Five points of a face in whole pixels, `[x, y]` each, as dlib's model of five landmarks gives them: outer and inner corner of the eye on
/// the image's right, outer and inner corner of the eye on the image's left, base of the nose.
///
/// They are what a face is aligned by, and a type of their own: eyes can be made of them (the middle
/// of the corners), but not the tip of the nose and the mouth's corners that [`Landmarks5`] has. A
/// face at the edge may have points outside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EyeCornersNose(pub [[i32; 2]; 5]);

/// The square of a picture that becomes a face chip: turned so that the face is upright in it.
///
/// Edges are those of the square before it is turned, through the middles of its outermost pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChipSquare {
    /// First column, in pixels.
    pub left: f64,
    /// First row.
    pub top: f64,
    /// Last column.
    pub right: f64,
    /// Last row.
    pub bottom: f64,
    /// By how much it is turned about its centre, in radians, clockwise on the screen.
    pub angle: f64,
}

impl ChipSquare {
    /// Its width and height in pixels.
    #[must_use]
    pub fn side(&self) -> f64 {
        self.right - self.left + 1.0
    }

    /// The turned corners, `[x, y]` each: top left, top right, bottom left, bottom right.
    #[must_use]
    pub fn corners(&self) -> [[f64; 2]; 4] {
        let centre = [
            (self.left + self.right) / 2.0,
            (self.top + self.bottom) / 2.0,
        ];
        let (sine, cosine) = self.angle.sin_cos();
        [
            [self.left, self.top],
            [self.right, self.top],
            [self.left, self.bottom],
            [self.right, self.bottom],
        ]
        .map(|[x, y]| {
            let (dx, dy) = (x - centre[0], y - centre[1]);
            [
                cosine * dx - sine * dy + centre[0],
                sine * dx + cosine * dy + centre[1],
            ]
        })
    }
}

/// Where a face is in a crop file, so that its chip can be cut from there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CropPlace {
    /// The square of dlib's chip, in pixels of the picture that the crop is a part of: the photo or, for
    /// large faces, the photo halved once or more.
    pub square: ChipSquare,
    /// Column and row of the crop's first pixel in that picture.
    pub corner: [u32; 2],
    /// The detector's points in that picture, for networks that align a face by them; `None` where it gave none,
    /// and in the manifests of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Landmarks5>,
}

impl CropPlace {
    /// A face's place in the whole picture that its square and points are measured in.
    #[must_use]
    pub const fn in_picture(square: ChipSquare, points: Option<Landmarks5>) -> Self {
        Self {
            square,
            corner: [0, 0],
            points,
        }
    }
}

/// Five points of a face, and which five.
///
/// On disk and on the command line it is two keys: `landmark_points` (`eyes_nose_mouth` or
/// `eye_corners_nose`) and `landmarks`, the list of the points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "landmark_points",
    content = "landmarks",
    rename_all = "snake_case"
)]
pub enum Landmarks {
    /// A detector's own points.
    EyesNoseMouth(Landmarks5),
    /// dlib's points, found in the detector's box.
    EyeCornersNose(EyeCornersNose),
}

impl Landmarks {
    /// The points, in their order.
    #[must_use]
    pub fn points(&self) -> [[f32; 2]; 5] {
        match self {
            Self::EyesNoseMouth(Landmarks5(points)) => *points,
            Self::EyeCornersNose(EyeCornersNose(points)) => {
                points.map(|point| point.map(|coordinate| coordinate as f32))
            }
        }
    }
}

/// One face that a detector found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectedFace {
    /// Its box, inside the image.
    #[serde(rename = "box")]
    pub rect: PixelRect,
    /// The detector's certainty; scales differ between detectors.
    pub score: f32,
    /// Its landmarks, if they were detected.
    #[serde(flatten)]
    pub landmarks: Option<Landmarks>,
}

impl DetectedFace {
    /// Its eyes, nose and corners of the mouth, where the detector gives these.
    #[must_use]
    pub const fn eyes_nose_mouth(&self) -> Option<Landmarks5> {
        match self.landmarks {
            Some(Landmarks::EyesNoseMouth(points)) => Some(points),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_over_the_edge_is_clamped_on_the_right_axis() {
        let face = FaceBox {
            left: -5.0,
            top: 10.2,
            right: 70.0,
            bottom: 60.0,
        };
        let rect = face.clamped(Size::new(64, 48)).expect("overlaps the image");
        assert_eq!(<[u32; 4]>::from(rect), [0, 10, 64, 48]);
    }

    #[test]
    fn tall_and_square_boxes_of_one_area_are_of_one_size() {
        assert_eq!(Size::new(36, 64).square_side(), 48);
        assert_eq!(Size::new(48, 48).square_side(), 48);
        assert_eq!(Size::new(47, 49).square_side(), 47);
        assert_eq!(Size::new(0, 9).square_side(), 0);
    }

    #[test]
    fn a_box_outside_is_none() {
        let face = FaceBox {
            left: 70.0,
            top: 0.0,
            right: 90.0,
            bottom: 20.0,
        };
        assert_eq!(face.clamped(Size::new(64, 48)), None);
    }

    #[test]
    fn iou_of_half_overlapping_boxes() {
        let a = FaceBox {
            left: 0.0,
            top: 0.0,
            right: 10.0,
            bottom: 20.0,
        };
        let b = FaceBox {
            left: 5.0,
            top: 0.0,
            right: 15.0,
            bottom: 20.0,
        };
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn landmarks_say_on_disk_which_points_they_are() {
        let mut face = DetectedFace {
            rect: PixelRect::from([1, 2, 31, 42]),
            score: 0.5,
            landmarks: None,
        };
        let text = |face: &DetectedFace| serde_json::to_string(face).expect("serializes");
        assert_eq!(text(&face), r#"{"box":[1,2,31,42],"score":0.5}"#);
        let corners = EyeCornersNose([[20, 9], [16, 9], [6, 9], [10, 9], [13, 18]]);
        for (landmarks, written) in [
            (None, r#""score":0.5}"#),
            (
                Some(Landmarks::EyeCornersNose(corners)),
                r#""landmark_points":"eye_corners_nose","landmarks":[[20,9],[16,9],[6,9],[10,9],[13,18]]}"#,
            ),
            (
                Some(Landmarks::EyesNoseMouth(Landmarks5([[2.5, 9.0]; 5]))),
                r#""landmark_points":"eyes_nose_mouth","landmarks":[[2.5,9.0],[2.5,9.0],[2.5,9.0],[2.5,9.0],[2.5,9.0]]}"#,
            ),
        ] {
            face.landmarks = landmarks;
            assert!(text(&face).ends_with(written), "{}", text(&face));
            let read: DetectedFace = serde_json::from_str(&text(&face)).expect("reads");
            assert_eq!(read, face);
        }
    }

    #[test]
    fn rectangles_are_lists_on_disk() {
        let rect = PixelRect {
            left: 1,
            top: 2,
            right: 3,
            bottom: 4,
        };
        assert_eq!(
            serde_json::to_string(&rect).expect("serializes"),
            "[1,2,3,4]"
        );
    }
}
