use super::*;
use crate::dlib::RESNET_FILE;
use crate::dlib::shape_predictor::tests::model_file;

fn close(found: &[f32], expected: &[f32]) -> bool {
    let pairs = found.iter().zip(expected);
    found.len() == expected.len()
        && pairs
            .map(|(found, expected)| (found - expected).abs())
            .all(|difference| difference < 1e-6)
}

#[test]
fn the_published_file_holds_what_dlib_reads_in_it() {
    let Some(bytes) = model_file(RESNET_FILE) else {
        return;
    };
    let mut reader = Reader::new(&bytes);
    let network = ResNetView::read(&mut reader).expect("reads");
    reader.end().expect("nothing is left");
    assert_eq!(network.units.len(), 29);
    let parameters: usize = network
        .units
        .iter()
        .map(|unit| unit.convolution.parameters.len() + unit.affine.parameters.len())
        .sum();
    assert_eq!(parameters + network.embedding.len(), 5_614_592);
    let stem = network.units[0].convolution.parameters.values();
    assert!(close(
        &stem[..3],
        &[-0.029_329_92, -0.018_865_31, -0.005_669_39]
    ));
    let biases = &stem[32 * 3 * 7 * 7..];
    assert!(close(&biases[..2], &[1.954_324_4e-5, 2.205_366_6e-5]));
    let affine = network.units[0].affine.parameters.values();
    let scale_and_shift = [&affine[..2], &affine[32..34]].concat();
    assert!(
        scale_and_shift == [12.166_323, 10.559_221, 0.464_286_06, 0.109_755_04],
        "{scale_and_shift:?}"
    );
    let embedding = network.embedding.values();
    assert!(close(
        &embedding[..3],
        &[-0.006_746_25, -0.010_189_23, 0.005_248_25]
    ));
}

/// Reads one of the parts that the file consists of: header, stem, blocks, top.
fn read_part(number: usize, reader: &mut Reader<'_>) -> Result<(), ReadError> {
    match number {
        0 => read_header(reader),
        1 => read_stem(reader).map(|_| ()),
        _ if number - 2 < BLOCKS.len() => read_block(reader, number - 2).map(|_| ()),
        _ => read_top(reader).map(|_| ()),
    }
}

/// What is read before a cut does not depend on the bytes behind it, so that each cut is tried on
/// the part that it is in, and a sample of them on the whole file.
#[test]
fn every_truncation_is_an_error_that_says_where() {
    let Some(bytes) = model_file(RESNET_FILE) else {
        return;
    };
    let mut reader = Reader::new(&bytes);
    let parts: Vec<(usize, usize)> = (0..BLOCKS.len() + 3)
        .map(|number| {
            let start = reader.offset();
            read_part(number, &mut reader).expect("the whole file can be read");
            (start, reader.offset())
        })
        .collect();
    reader.end().expect("nothing is left");
    for (number, end) in (0..bytes.len()).step_by(37).enumerate() {
        let part = parts.partition_point(|(_, part_end)| *part_end <= end);
        let start = parts[part].0;
        let mut reader = Reader::new(&bytes[start..end]);
        let error = read_part(part, &mut reader).expect_err("cut off");
        assert!(
            matches!(error, ReadError::Ends { .. } | ReadError::Unexpected { .. }),
            "{end}"
        );
        if number % 101 == 0 {
            let whole = ResNetView::read(&mut Reader::new(&bytes[..end])).expect_err("cut off");
            let (ReadError::Ends { offset, .. } | ReadError::Unexpected { offset, .. }) = whole
            else {
                panic!("{end}: a cut file has no end");
            };
            assert!((start..=end).contains(&offset), "{end}: {offset}");
        }
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let Some(mut bytes) = model_file(RESNET_FILE) else {
        return;
    };
    for position in (0..400).chain(19_280..20_000) {
        let right = bytes[position];
        for wrong in [0, right ^ 0x80, right ^ 0x0f, 0xff] {
            bytes[position] = wrong;
            let _ = ResNetView::read(&mut Reader::new(&bytes));
        }
        bytes[position] = right;
    }
    assert!(ResNetView::read(&mut Reader::new(&bytes)).is_ok());
}
