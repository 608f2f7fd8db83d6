use super::*;

const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const INK: Rgb<u8> = Rgb([0, 0, 0]);

/// The smallest rectangle that holds the ink of a text written at 20, 30: left, top, right, bottom.
fn inked(text: &str, size: u32) -> Option<[u32; 4]> {
    let mut picture = RgbImage::from_pixel(600, 120, PAPER);
    write(&mut picture, 20, 30, size, text, INK);
    let inked = picture
        .enumerate_pixels()
        .filter(|(.., pixel)| pixel.0[0] < 128);
    inked.fold(None, |all, (x, y, _)| {
        let [left, top, right, bottom] = all.unwrap_or([x, y, x, y]);
        Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)])
    })
}

#[test]
fn text_of_any_script_has_ink_and_lies_in_its_box() {
    for text in [
        "Ada Lovelace 97%",
        "Ågnes Çağlar",
        "Ольга",
        "Ελένη",
        "Ðặng Thị",
        "北京",
        "אדה",
        "محمد",
        "अदा",
        "\u{e000}",
        "Jose\u{301}",
        "e\u{301}\u{301}\u{301}",
        "👩\u{200d}👧",
        "\u{202e}abc",
    ] {
        for size in [8, SIZE, 40] {
            let [left, top, right, bottom] = inked(text, size).expect(text);
            let most = 20 + width(text, size as f32, Weight::Regular).ceil() as u32;
            // A J reaches to the left of where it begins.
            assert!(
                left >= 20 - size / 8 && right <= most,
                "{text}: {left} {right} {most}"
            );
            assert!(
                top >= 30 && bottom <= 30 + line_height(size),
                "{text}: {top} {bottom}"
            );
        }
    }
    for text in ["", " ", "\n", "\u{200b}"] {
        assert_eq!(inked(text, SIZE), None, "{text:?}");
    }
}

#[test]
fn letters_stand_on_whole_pixels_and_are_black_inside() {
    let [_, top, _, bottom] = inked("HIL", SIZE).expect("ink");
    assert_eq!(bottom - top, 8, "capitals");
    let [_, top, _, bottom] = inked("xzv", SIZE).expect("ink");
    assert_eq!(bottom - top, 6, "letters without ascenders");
    let mut picture = RgbImage::from_pixel(64, 48, PAPER);
    write(&mut picture, 5, 7, 30, "Ag?", INK);
    let shades: Vec<u8> = picture.pixels().map(|pixel| pixel.0[0]).collect();
    assert!(shades.contains(&0) && shades.iter().any(|shade| (1..255).contains(shade)));
}

#[test]
fn what_lies_outside_is_left_out() {
    for (left, top) in [(0, 0), (60, 3), (64, 48), (u32::MAX, u32::MAX), (3, 45)] {
        let mut picture = RgbImage::from_pixel(64, 48, PAPER);
        write(&mut picture, left, top, 20, "somebody 100%", INK);
        assert_eq!(picture.dimensions(), (64, 48));
    }
    write(&mut RgbImage::new(0, 0), 0, 0, 20, "somebody", INK);
}

#[test]
fn pairs_of_letters_are_kerned_and_bold_is_wider() {
    let of = |text: &str, weight| width(text, 100.0, weight);
    let [pair, one, other] = ["AV", "A", "V"].map(|text| of(text, Weight::Regular));
    assert!(pair < one + other, "{pair} {one} {other}");
    assert!(of("ada", Weight::Bold) > of("ada", Weight::Regular));
    assert_eq!(of("e\u{301}", Weight::Regular), of("e", Weight::Regular));
}

#[test]
fn long_texts_end_in_dots() {
    assert_eq!(fitted("lovelace", SIZE, 100), "lovelace");
    let cut = fitted("lovelace", SIZE, 40);
    assert!(cut.starts_with("love") && cut.ends_with('…'), "{cut}");
    assert!(width(&cut, SIZE as f32, Weight::Regular) <= 40.0);
    assert_eq!(fitted("lovelace", SIZE, 0), "");
}

#[test]
fn a_name_that_is_too_long_keeps_its_beginning_and_its_end() {
    let name = "a_long_name_of_a_photo_of_the_holidays_0017.jpg (face 2)";
    let shown = fitted_in_middle(name, SIZE, 112);
    assert!(shown.starts_with("a_lon") && shown.contains('…'), "{shown}");
    assert!(shown.ends_with(" (face 2)"), "{shown}");
    assert!(width(&shown, SIZE as f32, Weight::Regular) <= 112.0);
    assert_eq!(fitted_in_middle("12.jpg", SIZE, 112), "12.jpg");
    assert_eq!(fitted_in_middle("12.jpg", SIZE, 0), "");
}
