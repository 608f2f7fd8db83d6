use image::RgbImage;

use super::*;

fn drawn(figure: &Figure) -> RgbImage {
    let bytes = figure.png().expect("draws");
    image::load_from_memory(&bytes)
        .expect("a picture")
        .to_rgb8()
}

/// The smallest rectangle of units that holds what is not background: left, top, right, bottom.
fn inked(figure: &Figure) -> [f64; 4] {
    let picture = drawn(figure);
    let inked = picture
        .enumerate_pixels()
        .filter(|(.., pixel)| pixel.0 != [255; 3]);
    let all = inked.fold(
        [u32::MAX, u32::MAX, 0, 0],
        |[left, top, right, bottom], (x, y, _)| {
            [left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)]
        },
    );
    all.map(|pixels| f64::from(pixels) / 2.0)
}

fn with(element: impl Into<Element>) -> Figure {
    let mut figure = Figure::new(200.0, 100.0);
    figure.add(element);
    figure
}

#[test]
fn texts_stand_where_they_are_anchored() {
    let text = Text::new("Hamburg", [100.0, 50.0], 12.0, Colour::Text);
    let close = |one: f64, other: f64| (one - other).abs() < 2.0;
    let [left, top, right, bottom] = inked(&with(text.clone()));
    let width = right - left;
    assert!((50.0..60.0).contains(&width), "{width}");
    assert!(close(left, 100.0) && close(top, 41.0) && close(bottom, 53.0));
    let [left, _, right, _] = inked(&with(text.clone().centred()));
    assert!(close(left + width / 2.0, 100.0) && close(right - width / 2.0, 100.0));
    let [_, _, right, _] = inked(&with(text.clone().ending()));
    assert!(close(right, 100.0));
    let [left, top, right, bottom] = inked(&with(text.clone().centred().upwards()));
    assert!(close(left, 91.0) && close(right, 103.0), "{left} {right}");
    assert!(close(top + width / 2.0, 50.0) && close(bottom - width / 2.0, 50.0));
    let [left, _, right, _] = inked(&with(text.bold()));
    assert!(right - left > width);
}

#[test]
fn areas_and_lines_have_their_size_and_colour() {
    let area = Area::new([20.0, 30.0], [40.0, 10.0], Colour::Tone(1));
    let picture = drawn(&with(area.clone()));
    assert_eq!(inked(&with(area.clone())), [20.0, 30.0, 60.0, 40.0]);
    assert_eq!(picture.get_pixel(80, 70).0, [0xd5, 0x5e, 0x00]);
    let half = drawn(&with(Area { cover: 0.5, ..area }));
    assert_eq!(
        half.get_pixel(80, 70).0.map(|value| value / 16),
        [14, 10, 7]
    );
    let frame = Line::frame([20.0, 30.0], [40.0, 10.0]);
    assert_eq!(inked(&with(frame.clone())), [19.5, 29.5, 60.5, 40.5]);
    assert_eq!(drawn(&with(frame)).get_pixel(80, 70).0, [255; 3]);
    let dashed = Line::new([[0.0, 50.0], [200.0, 50.0]], Colour::Muted, Stroke::Dashed);
    let picture = drawn(&with(dashed));
    let gaps = (0..400)
        .filter(|x| picture.get_pixel(*x, 100).0 == [255; 3])
        .count();
    assert!((120..=180).contains(&gaps), "{gaps}");
}

#[test]
fn a_page_has_the_same_texts_in_its_own_letters() {
    let text = Text::new("<ñandú>\u{1} & 漢字", [10.0, 50.0], 12.0, Colour::Muted);
    let svg = with(text.ending().upwards()).svg().into_string();
    let expected = "<text class=\"muted-fill\" x=\"10.0\" y=\"50.0\" font-size=\"12.0\" text-anchor=\"end\" \
         transform=\"rotate(-90 10.0 50.0)\">&lt;ñandú&gt;  &amp; 漢字</text>";
    assert!(svg.contains(expected), "{svg}");
}

#[test]
fn what_has_no_size_is_an_error_and_nothing_is_too_large() {
    assert!(Figure::new(0.0, 10.0).png().is_err());
    let wide = drawn(&Figure::new(10_000.0, 100.0));
    assert_eq!(wide.dimensions(), (4000, 40));
    let invisible = Area::new([f64::NAN, 0.0], [-1.0, f64::INFINITY], Colour::Text);
    assert_eq!(drawn(&with(invisible)).dimensions(), (400, 200));
}
