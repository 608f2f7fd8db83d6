use image::{Rgb, imageops};

use super::*;
use facepipe_core::types::Landmarks5;

/// Landmarks of an upright, frontal face whose chip covers a square with this corner and side.
fn frontal(left: f64, top: f64, side: f64) -> EyeCornersNose {
    let points = [
        [0.86, 0.22],
        [0.64, 0.22],
        [0.12, 0.22],
        [0.34, 0.22],
        [0.49, 0.63],
    ];
    let at = |start: f64, share: f64| (start + (0.25 + share) / 1.5 * side).round() as i32;
    EyeCornersNose(points.map(|[x, y]| [at(left, x), at(top, y)]))
}

/// The landmarks turned by an angle in degrees, clockwise on the screen, about a point.
fn turned(landmarks: &EyeCornersNose, degrees: f64, [x, y]: [f64; 2]) -> EyeCornersNose {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    EyeCornersNose(landmarks.0.map(|point| {
        let [dx, dy] = [f64::from(point[0]) - x, f64::from(point[1]) - y];
        [
            (x + cosine * dx - sine * dy).round() as i32,
            (y + sine * dx + cosine * dy).round() as i32,
        ]
    }))
}

fn face(rect: [u32; 4]) -> DetectedFace {
    DetectedFace {
        rect: rect.into(),
        score: 0.875,
        landmarks: None,
    }
}

/// A photo of 640x480 pixels with fine and coarse structure.
fn photo() -> RgbImage {
    RgbImage::from_fn(640, 480, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let wave = 45.0 * (x / 4.0).sin() * (y / 5.0).cos() + 8.0 * (x / 60.0).sin();
        let value = (125.0 + wave) as u8;
        Rgb([value, value, value])
    })
}

const BOX: [u32; 4] = [260, 150, 420, 320];

fn of_photo(photo: &RgbImage) -> FaceQuality {
    measure(photo, &face(BOX), Some(&frontal(200.0, 100.0, 300.0)))
}

#[test]
fn a_blurred_face_is_less_sharp_than_a_sharp_one() {
    let photo = photo();
    let sharp = of_photo(&photo);
    let mut last = sharp;
    for sigma in [2.0, 4.0, 8.0] {
        let blurred = of_photo(&imageops::blur(&photo, sigma));
        assert!(
            blurred.sharpness < last.sharpness * 0.8,
            "{sigma}: {blurred:?}"
        );
        assert!(blurred.overall < last.overall, "{sigma}: {blurred:?}");
        last = blurred;
    }
    assert!((sharp.brightness - last.brightness).abs() < 0.01);
}

#[test]
fn a_dark_and_a_pale_face_come_after_a_well_lit_one() {
    let photo = photo();
    let well_lit = of_photo(&photo);
    let with = |change: fn(u8) -> u8| {
        let mut other = photo.clone();
        other.iter_mut().for_each(|value| *value = change(*value));
        of_photo(&other)
    };
    let dark = with(|value| value / 4);
    assert!((well_lit.brightness / 4.0 - dark.brightness).abs() < 0.01);
    assert!((well_lit.contrast / 4.0 - dark.contrast).abs() < 0.01);
    assert!(dark.overall < well_lit.overall * 0.7, "{dark:?}");
    let pale = with(|value| 195 + value / 4);
    assert!(pale.brightness > 0.85 && pale.overall < well_lit.overall * 0.7);
}

#[test]
fn brightness_and_contrast_of_stripes_are_exact() {
    let stripes = RgbImage::from_fn(640, 480, |x, _| Rgb([[51, 153][(x as usize / 2) % 2]; 3]));
    let square = ChipSquare {
        left: 200.0,
        top: 100.0,
        right: 349.0,
        bottom: 249.0,
        angle: 0.0,
    };
    let place = CropPlace::in_picture(square, None);
    let view = FaceView {
        chip: &cut_from(&stripes, &place, Size::new(150, 150)),
        square,
        photo: Size::of(&stripes),
    };
    let quality = measure_view(view, &face([200, 100, 350, 250]), None);
    // Each pixel has one neighbour of the other colour: the Laplacian is +102 or -102.
    assert_eq!(quality.sharpness, 102.0 * 102.0);
    assert_eq!((quality.brightness, quality.contrast), (0.4, 0.2));
    assert_eq!((quality.size, quality.score), (150, 0.875));
    assert_eq!((quality.outside, quality.pose), (0.0, None));
}

#[test]
fn a_square_half_outside_is_half_outside() {
    let photo = photo();
    let cases = [
        (-150.0, 100.0),
        (490.0, 100.0),
        (200.0, -150.0),
        (200.0, 330.0),
    ];
    let inside = of_photo(&photo);
    for (left, top) in cases {
        let quality = measure(&photo, &face(BOX), Some(&frontal(left, top, 300.0)));
        assert!((quality.outside - 0.5).abs() < 0.015, "{quality:?}");
        // The pixels outside are black in the chip and must not count.
        assert!((quality.brightness - inside.brightness).abs() < 0.05);
        assert!(quality.sharpness < inside.sharpness * 1.3, "{quality:?}");
        assert!(quality.overall < inside.overall * 0.4);
    }
    let quality = measure(&photo, &face(BOX), Some(&frontal(9000.0, 0.0, 300.0)));
    assert_eq!((quality.outside, quality.overall), (1.0, 0.0));
}

#[test]
fn the_edge_of_a_photo_is_no_sharp_line() {
    let grey = RgbImage::from_pixel(640, 480, Rgb([120; 3]));
    for side in [100.0, 300.0, 900.0, 1900.0] {
        for (left, top) in [(-side / 3.0, -side / 4.0), (630.0 - side / 2.0, 100.0)] {
            let quality = measure(&grey, &face(BOX), Some(&frontal(left, top, side)));
            assert!(quality.outside > 0.1 && quality.outside < 1.0);
            assert_eq!((quality.sharpness, quality.contrast), (0.0, 0.0), "{side}");
            assert_eq!(quality.brightness, 0.4706, "{side}");
        }
    }
}

#[test]
fn a_face_in_another_size_has_about_the_same_numbers() {
    let photo = imageops::blur(&photo(), 2.0);
    let half = imageops::resize(&photo, 320, 240, imageops::FilterType::Triangle);
    let large = of_photo(&photo);
    let small = measure(
        &half,
        &face([130, 75, 210, 160]),
        Some(&frontal(100.0, 50.0, 150.0)),
    );
    assert!((small.sharpness / large.sharpness - 1.0).abs() < 0.5);
    assert!((small.brightness - large.brightness).abs() < 0.01);
    assert!((small.contrast - large.contrast).abs() < 0.02);
}

#[test]
fn roll_is_the_angle_of_the_eyes_clockwise() {
    for degrees in [-170.0, -90.0, -20.0, 0.0, 12.0, 45.0, 100.0] {
        let face = turned(&frontal(0.0, 0.0, 3000.0), degrees, [1500.0, 1500.0]);
        assert!((pose::roll(&face) - degrees).abs() < 0.2, "{degrees}");
        assert!(pose::yaw(&face).abs() < 2.0, "{degrees}");
    }
}

#[test]
fn a_nose_to_the_right_is_a_positive_yaw_however_the_head_leans() {
    let mut points = frontal(0.0, 0.0, 3000.0).0;
    let between_eyes = (points[2][0] + points[0][0]) / 2;
    // The eyes are 0.52 * 2000 pixels apart: a nose 0.41 of that aside is a face turned by half a
    // right angle.
    let aside = (0.41 * 0.52 * 2000.0) as i32;
    for (shift, expected) in [(aside, 45.0), (-aside, -45.0), (aside / 2, 26.6), (0, 0.0)] {
        points[4][0] = between_eyes + shift;
        for degrees in [0.0, 33.0, -80.0] {
            let face = turned(&EyeCornersNose(points), degrees, [1500.0, 1500.0]);
            assert!((pose::yaw(&face) - expected).abs() < 0.3, "{expected}");
        }
    }
}

#[test]
fn pitch_needs_the_mouth_and_is_positive_upwards() {
    let at = |nose: f32| {
        Landmarks5([
            [20.0, 20.0],
            [44.0, 20.0],
            [32.0, 20.0 + 26.0 * nose],
            [23.0, 46.0],
            [41.0, 46.0],
        ])
    };
    let pitch = |nose| pose::pitch(&at(nose)).expect("the mouth is below the eyes");
    assert!(pitch(0.492).abs() < 1e-3);
    assert!((pitch(0.408) - 10.0).abs() < 1e-3 && (pitch(0.66) + 20.0).abs() < 1e-3);
    assert_eq!((pitch(9.0), pitch(-9.0)), (-60.0, 60.0));
    let upside_down = Landmarks5([[0.0, 9.0], [9.0, 9.0], [5.0, 6.0], [0.0, 3.0], [9.0, 3.0]]);
    assert_eq!(pose::pitch(&upside_down), None);
    let with_mouth = DetectedFace {
        landmarks: Some(Landmarks::EyesNoseMouth(at(0.408))),
        ..face(BOX)
    };
    let pose_of = |face: &DetectedFace| {
        let quality = measure(&photo(), face, Some(&frontal(200.0, 100.0, 300.0)));
        quality.pose.expect("there are landmarks")
    };
    assert_eq!(pose_of(&with_mouth).pitch, Some(10.0));
    assert_eq!(pose_of(&face(BOX)).pitch, None);
}

#[test]
fn without_landmarks_the_square_around_the_box_is_measured() {
    let photo = photo();
    let quality = measure(&photo, &face(BOX), None);
    let aligned = of_photo(&photo);
    assert_eq!(quality.pose, None);
    assert!((quality.sharpness / aligned.sharpness - 1.0).abs() < 0.5);
    assert_eq!((quality.outside, quality.size), (0.0, 160));
    // A box at the edge: its square has a sixth of its side outside, above.
    let at_the_top = measure(&photo, &face([200, 0, 400, 200]), None);
    assert!((at_the_top.outside - 1.0 / 6.0).abs() < 0.01);
}

#[test]
fn landmarks_without_extent_give_numbers() {
    let mut photos = vec![photo(), RgbImage::new(1, 1), RgbImage::new(64, 48)];
    for photo in &mut photos {
        for points in [[[9, 9]; 5], [[i32::MAX, i32::MIN]; 5]] {
            let quality = measure(photo, &face([0, 0, 1, 1]), Some(&EyeCornersNose(points)));
            for number in [
                quality.overall,
                quality.sharpness,
                quality.brightness,
                quality.outside,
            ] {
                assert!(number.is_finite(), "{quality:?}");
            }
        }
    }
}

#[test]
fn a_record_is_written_and_read() {
    let quality = of_photo(&photo());
    let json = serde_json::to_string(&quality).expect("serializes");
    assert!(json.starts_with("{\"overall\":0."), "{json}");
    assert!(json.len() < 180, "{json}");
    assert_eq!(
        serde_json::from_str::<FaceQuality>(&json).expect("parses"),
        quality
    );
}

/// Shares of pairs of LFW photos that are recognised, by the length of the worse face's embedding: 0.95 at 10.5, nearly all
/// at 12.5; of harder photos 0.37 at 8.5.
#[test]
fn a_length_tells_the_share_of_pairs_that_are_recognised() {
    let quality = of_photo(&photo());
    let mut last = 0.0;
    for (norm, low, high) in [
        (4.0, 0.0, 0.01),
        (8.5, 0.25, 0.45),
        (10.5, 0.8, 0.96),
        (12.5, 0.98, 1.0),
    ] {
        let by_norm = with_norm(quality, norm);
        assert!((low..=high).contains(&by_norm.overall), "{by_norm:?}");
        assert!(by_norm.overall > last && by_norm.norm == Some(norm));
        assert_eq!(by_norm.sharpness, quality.sharpness);
        last = by_norm.overall;
    }
    assert!(by_name(&with_norm(quality, 8.126), "norm") == Some(8.13));
}

fn by_name(quality: &FaceQuality, name: &str) -> Option<f64> {
    quality
        .measures()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}
