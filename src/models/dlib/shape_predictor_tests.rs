use super::*;
use crate::dlib::LANDMARKS_FILE;

/// A fetched model file's bytes; says loudly when it is missing.
pub(in crate::dlib) fn model_file(name: &str) -> Option<Vec<u8>> {
    facepipe_test_support::found::weights(name).map(|path| fs_err::read(path).expect("reads"))
}

fn near(found: &[f32], expected: &[f32]) -> bool {
    let mut pairs = found.iter().zip(expected);
    pairs.all(|(found, expected)| (found - expected).abs() < 1e-7)
}

#[test]
fn the_published_file_holds_what_dlib_reads_in_it() {
    let Some(bytes) = model_file(LANDMARKS_FILE) else {
        return;
    };
    let mut reader = Reader::new(&bytes);
    let model = ShapePredictor::read(&mut reader).expect("reads");
    reader.end().expect("nothing is left");
    let initial = [
        0.776_251_7,
        0.345_535_58,
        0.618_624_45,
        0.353_775_17,
        0.226_530_24,
        0.345_529_23,
        0.384_150_06,
        0.353_772_58,
        0.501_382_77,
        0.657_607_26,
    ];
    assert!(near(&model.initial, &initial), "{:?}", model.initial);
    let tree = &model.cascades[0].trees[0];
    let split = tree.splits[0];
    assert_eq!(
        (split.first, split.second, split.threshold),
        (346, 714, -0.697_510_5)
    );
    assert!(near(
        &tree.leaves[0][..3],
        &[0.000_475_3, 0.002_772_65, 0.000_613_23]
    ));
    let features = &model.cascades[0].features;
    let landmarks: Vec<_> = features[..5]
        .iter()
        .map(|feature| feature.landmark)
        .collect();
    assert_eq!(landmarks, [4, 0, 0, 4, 0]);
    assert!(near(&features[0].delta, &[0.100_250_24, 0.029_551_39]));
}

/// Where the parts of the file begin that are read by one function each: its trees and its lists of
/// anchors and deltas. The bytes between them are read by `ShapePredictor::read` itself.
#[derive(Debug, Clone, Copy)]
enum Part {
    Tree,
    Anchors,
    Deltas,
}

impl Part {
    fn read(self, reader: &mut Reader<'_>) -> Result<(), ReadError> {
        let mut features = Vec::new();
        match self {
            Self::Tree => Tree::read(reader).map(|_| ()),
            Self::Anchors => read_anchors(reader, &mut features),
            Self::Deltas => {
                let blank = Feature {
                    landmark: 0,
                    delta: [0.0; 2],
                };
                read_deltas(reader, &mut vec![blank; FEATURES])
            }
        }
    }
}

fn parts(bytes: &[u8]) -> Vec<(usize, usize, Part)> {
    let mut reader = Reader::new(bytes);
    let mut parts = Vec::new();
    let mut part = |reader: &mut Reader<'_>, part: Part| {
        let start = reader.offset();
        part.read(reader).expect("the whole file can be read");
        parts.push((start, reader.offset(), part));
    };
    reader.integer("version").expect("reads");
    reader
        .column::<COORDINATES>("the mean shape")
        .expect("reads");
    reader.integer("cascades").expect("reads");
    for _ in 0..CASCADES {
        reader.integer("trees").expect("reads");
        (0..TREES).for_each(|_| part(&mut reader, Part::Tree));
    }
    for kind in [Part::Anchors, Part::Deltas] {
        reader.integer("lists").expect("reads");
        (0..CASCADES).for_each(|_| part(&mut reader, kind));
    }
    reader.end().expect("nothing is left");
    parts
}

/// What is read before a cut does not depend on the bytes behind it, so that each cut is tried only
/// on the part that it is in; cuts between parts, and a sample of all, on the whole file.
#[test]
fn every_truncation_is_an_error() {
    let Some(bytes) = model_file(LANDMARKS_FILE) else {
        return;
    };
    let parts = parts(&bytes);
    assert_eq!(parts.len(), CASCADES * (TREES + 2));
    let mut whole = Vec::new();
    let mut cuts = 0;
    for (number, end) in (0..bytes.len()).step_by(37).enumerate() {
        let index = parts.partition_point(|(_, part_end, _)| *part_end <= end);
        match parts.get(index) {
            Some((start, _, part)) if *start < end => {
                let mut reader = Reader::new(&bytes[*start..end]);
                assert!(part.read(&mut reader).is_err(), "{end}");
                cuts += 1;
            }
            _ => whole.push(end),
        }
        if number % 9_973 == 0 {
            whole.push(end);
        }
    }
    assert!(cuts > 240_000, "{cuts}");
    // Between parts there are few bytes; the first of such cuts stand for all.
    for end in whole.into_iter().take(60) {
        assert!(
            ShapePredictor::read(&mut Reader::new(&bytes[..end])).is_err(),
            "{end}"
        );
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let Some(mut bytes) = model_file(LANDMARKS_FILE) else {
        return;
    };
    for position in 0..300 {
        let right = bytes[position];
        for wrong in [0, 0x0f, right ^ 0x80, 0xff] {
            bytes[position] = wrong;
            let mut reader = Reader::new(&bytes[..5_000]);
            assert!(ShapePredictor::read(&mut reader).is_err(), "{position}");
        }
        bytes[position] = right;
    }
}
