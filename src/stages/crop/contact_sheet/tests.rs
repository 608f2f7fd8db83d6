use super::*;
use facepipe_core::ports::SilentProgress;
use facepipe_core::types::{PixelRect, SourcePhoto};

/// A face of a quality, in one colour, saved as a crop of 64x48 pixels.
fn crop(root: &Path, label: &str, number: u8, overall: Option<f64>) -> CropRecord {
    let file = format!("{label}/{number:016x}.png");
    let picture = RgbImage::from_pixel(64, 48, colour(number));
    let path = root.join(&file);
    fs_err::create_dir_all(path.with_file_name("")).expect("makes");
    let bytes = image_io::encode_png(&picture).expect("encodes");
    fs_err::write(path, bytes).expect("writes");
    CropRecord {
        file,
        label: label.to_owned(),
        md5: String::new(),
        source: SourcePhoto {
            file: format!("{label}/{number}.jpg"),
            md5: String::new(),
            width: 64,
            height: 48,
            phash: String::new(),
            origin: None,
            made: None,
            also_labels: Vec::new(),
        },
        face: Some(0),
        rect: None,
        score: None,
        landmarks: None,
        chip: PixelRect::whole(Size::new(64, 48)),
        place: None,
        quality: overall.map(|overall| FaceQuality {
            overall,
            size: 48,
            score: 0.9,
            sharpness: 100.0,
            brightness: 0.5,
            contrast: 0.1,
            outside: 0.0,
            norm: None,
            pose: None,
        }),
    }
}

fn colour(number: u8) -> Rgb<u8> {
    Rgb([number, 255 - number, 77])
}

fn sheet(root: &Path, label: &str) -> RgbImage {
    let bytes = fs_err::read(root.join(file_of(label))).expect("reads");
    image_io::decode(&bytes).expect("decodes").rgb
}

/// The colour in the middle of a tile.
fn tile(sheet: &RgbImage, top: u32, number: u32) -> Rgb<u8> {
    let columns = COLUMNS as u32;
    let (x, y) = (number % columns * ACROSS, number / columns * DOWN);
    *sheet.get_pixel(GAP + x + TILE / 2, top + y + TILE / 2)
}

/// Where the first row of tiles begins.
const HEAD: u32 = GAP + 2 * LINE + GAP;

fn context() -> Context {
    Context {
        progress: std::sync::Arc::new(SilentProgress),
        interrupt: facepipe_core::context::Interrupt::default(),
        threads: std::num::NonZeroUsize::MIN,
        seed: 0,
        remake: facepipe_core::context::Remake::default(),
    }
}

#[test]
fn crops_go_from_best_to_worst_and_those_without_a_face_last() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let root = folder.path();
    let qualities = [Some(0.3), None, Some(0.9), Some(0.0), Some(0.5)];
    let mut crops: Vec<CropRecord> = (1..)
        .zip(qualities)
        .map(|(number, overall)| crop(root, "ada", number, overall))
        .collect();
    crops.extend((10..23).map(|number| crop(root, "bea", number, Some(0.4))));
    write_all(root, &crops, &context()).expect("writes");
    let ada = sheet(root, "ada");
    for (place, number) in (0..).zip([3, 5, 1, 4, 2]) {
        assert_eq!(tile(&ada, HEAD, place), colour(number), "{place}");
    }
    // A tile of 64x48 pixels is 112 pixels wide and 84 high, in the middle.
    assert_eq!(ada.get_pixel(GAP, HEAD + 14), &colour(3));
    assert_eq!(ada.get_pixel(GAP + 111, HEAD + 97), &colour(3));
    assert_eq!(ada.get_pixel(GAP, HEAD + 13), &BACKGROUND);
    assert_eq!(ada.get_pixel(GAP + 112, HEAD + 50), &BACKGROUND);
    assert_eq!(Size::of(&ada), Size::new(GAP + 5 * ACROSS, HEAD + DOWN));
    let bea = sheet(root, "bea");
    assert_eq!(
        Size::of(&bea),
        Size::new(GAP + 10 * ACROSS, HEAD + 2 * DOWN)
    );
    // Equally good ones are in the order of their names.
    assert_eq!(tile(&bea, HEAD, 0), colour(10));
    assert_eq!(tile(&bea, HEAD, 12), colour(22));
    assert_eq!(tile(&bea, HEAD, 13), BACKGROUND);
}

#[test]
fn each_tile_has_its_figures_below_it() {
    let with_figures = Tile {
        name: "12.jpg".to_owned(),
        picture: RgbImage::new(1, 1),
        quality: Some(FaceQuality {
            overall: 0.4567,
            size: 135,
            score: 13.5,
            sharpness: 10.0,
            brightness: 0.5,
            contrast: 0.2,
            outside: 0.1,
            norm: None,
            pose: None,
        }),
    };
    let [first, second, third] = with_figures.lines().map(|(text, _)| text);
    assert_eq!(first, "0.46, 135 px");
    assert_eq!(
        (second.as_str(), third.as_str()),
        ("score 13.50", "blurred 0.29")
    );
    let with_norm = Tile {
        name: String::new(),
        picture: RgbImage::new(4, 4),
        quality: with_figures.quality.map(|quality| FaceQuality {
            norm: Some(11.46),
            ..quality
        }),
    };
    assert_eq!(with_norm.lines()[2].0, "length 11.5");
    let ink = |sheet: &RgbImage, top: u32| {
        let row = |y| (GAP..GAP + TILE).map(move |x| (x, y));
        (top..top + LINE)
            .flat_map(row)
            .any(|(x, y)| *sheet.get_pixel(x, y) != BACKGROUND)
    };
    let shown = Shown::of(1);
    let drawn = draw("ada", std::slice::from_ref(&with_figures), &shown);
    for line in 0..LINES {
        assert!(ink(&drawn, HEAD + TILE + TEXT_GAP + line * LINE), "{line}");
    }
    let without_face = Tile {
        quality: None,
        ..with_figures
    };
    assert_eq!(without_face.lines()[0].0, "no face");
}

#[test]
fn of_many_crops_the_best_and_worst_are_shown_on_a_sheet_of_bounded_size() {
    let tiles: Vec<Tile> = (0..200)
        .map(|number| Tile {
            name: "12.jpg".to_owned(),
            picture: RgbImage::from_pixel(TILE, TILE, colour(number)),
            quality: None,
        })
        .collect();
    let shown = Shown::of(1383);
    assert_eq!((shown.best, shown.worst, shown.left_out), (100, 100, 1183));
    let sheet = draw("ada", &tiles, &shown);
    let separator = LINE + GAP;
    assert_eq!(
        Size::of(&sheet),
        Size::new(GAP + 10 * ACROSS, HEAD + 20 * DOWN + separator)
    );
    assert_eq!(tile(&sheet, HEAD, 99), colour(99));
    assert_eq!(tile(&sheet, HEAD + separator, 100), colour(100));
    assert_eq!(tile(&sheet, HEAD + separator, 199), colour(199));
    let exactly = Shown::of(200);
    assert_eq!((exactly.best, exactly.worst, exactly.left_out), (200, 0, 0));
}

#[test]
fn sheets_of_labels_without_crops_are_removed_and_other_files_stay() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let root = folder.path();
    let ada = crop(root, "ada", 1, Some(0.5));
    let bea = crop(root, "bea", 2, Some(0.5));
    write_all(root, &[ada.clone(), bea], &context()).expect("writes");
    fs_err::write(root.join("report/bea/notes.txt"), "mine").expect("writes");
    let before = fs_err::read(root.join(file_of("ada"))).expect("reads");
    write_all(root, &[ada], &context()).expect("writes");
    assert!(!root.join(file_of("bea")).exists());
    assert!(root.join("report/bea/notes.txt").exists());
    assert_eq!(
        fs_err::read(root.join(file_of("ada"))).expect("reads"),
        before
    );
}

#[test]
fn a_missing_crop_is_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let gone = crop(folder.path(), "ada", 1, Some(0.5));
    fs_err::remove_file(folder.path().join(&gone.file)).expect("removes");
    let error = write_all(folder.path(), &[gone], &context()).expect_err("it is gone");
    assert!(
        error.to_string().contains("ada/0000000000000001.png"),
        "{error}"
    );
}

#[test]
fn any_label_can_be_written() {
    for label in ["ñandú 漢字", &"x".repeat(120)] {
        let tile = Tile {
            name: "12.jpg".to_owned(),
            picture: RgbImage::new(TILE, 1),
            quality: None,
        };
        let sheet = draw(label, &[tile], &Shown::of(1));
        // Wide enough for the legend, and never wider than ten tiles.
        let legend = width(LEGEND, SIZE as f32, Weight::Regular) as u32;
        assert!(sheet.width() > legend + 2 * GAP, "{label}");
        assert!(sheet.width() <= TITLE_WIDTH + 2 * GAP, "{label}");
    }
}
