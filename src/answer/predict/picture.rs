//! A photo with the names of its faces, for a person to look at.

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};

use super::NamedFace;
use facepipe_core::types::PixelRect;
use facepipe_drawing::face_label::Labels;
use facepipe_drawing::face_picture::{BOX, frame, line_width};

/// Photos whose longer side has fewer pixels are enlarged, so that there is room for names.
const LEAST_SIDE: u32 = 480;
/// The most that they are enlarged by.
const MOST_ENLARGED: u32 = 8;

/// Boxes and labels of unknown faces: orange.
const UNKNOWN_BOX: Rgb<u8> = Rgb([255, 150, 30]);

/// Draws the boxes of faces, with names and probabilities; unknown ones in another colour. Small
/// photos are enlarged, by a whole number.
pub fn name_faces(photo: &RgbImage, faces: &[NamedFace]) -> RgbImage {
    let longer = photo.width().max(photo.height()).max(1);
    let times = LEAST_SIDE.div_ceil(longer).min(MOST_ENLARGED);
    let mut picture = if times > 1 {
        let (width, height) = (photo.width() * times, photo.height() * times);
        resize(photo, width, height, FilterType::CatmullRom)
    } else {
        photo.clone()
    };
    let width = line_width(&picture);
    let enlarged = |rect: PixelRect| PixelRect {
        left: rect.left * times,
        top: rect.top * times,
        right: rect.right * times,
        bottom: rect.bottom * times,
    };
    for face in faces {
        frame(&mut picture, enlarged(face.rect), 2 * width, colour(face));
    }
    // Last, so that no box of a neighbour crosses a name.
    let mut labels = Labels::new(width, 2 * width);
    for face in faces {
        labels.add(&mut picture, enlarged(face.rect), &text(face), colour(face));
    }
    picture
}

fn colour(face: &NamedFace) -> Rgb<u8> {
    if face.is_unknown() { UNKNOWN_BOX } else { BOX }
}

/// A probability is shown with a name only: that of the nearest label of an unknown face says
/// little.
fn text(face: &NamedFace) -> String {
    let name = &face.label;
    if face.is_unknown() {
        name.clone()
    } else {
        format!("{name} {:.0}%", face.probability * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Probabilities;

    fn face(rect: [u32; 4], label: &str, nearest: Option<&str>) -> NamedFace {
        NamedFace {
            rect: rect.into(),
            score: 0.98,
            label: label.to_owned(),
            nearest: nearest.map(str::to_owned),
            probability: 0.874,
            similarity: None,
            probabilities: Probabilities(Vec::new()),
            main: false,
        }
    }

    #[test]
    fn known_and_unknown_faces_have_different_colours() {
        let photo = RgbImage::from_pixel(640, 480, Rgb([90, 90, 90]));
        let faces = [
            face([40, 60, 140, 200], "ada", None),
            face([340, 60, 440, 200], "unknown", Some("bea")),
        ];
        let drawn = name_faces(&photo, &faces);
        assert_eq!(drawn.dimensions(), (640, 480));
        assert_eq!(drawn.get_pixel(40, 150), &BOX);
        assert_eq!(drawn.get_pixel(340, 150), &UNKNOWN_BOX);
        assert_eq!(
            (text(&faces[0]), text(&faces[1])),
            ("ada 87%".into(), "unknown".into())
        );
    }

    #[test]
    fn a_small_photo_is_enlarged_with_its_boxes() {
        let photo = RgbImage::from_pixel(64, 48, Rgb([90, 90, 90]));
        let drawn = name_faces(&photo, &[face([10, 20, 40, 44], "ada", None)]);
        assert_eq!(drawn.dimensions(), (512, 384));
        assert_eq!(drawn.get_pixel(80, 300), &BOX);
        assert_eq!(drawn.get_pixel(79, 300), &Rgb([90, 90, 90]));
        assert_eq!(drawn.get_pixel(319, 300), &BOX);
    }
}
