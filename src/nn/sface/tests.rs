use super::*;
use facepipe_test_support::found;

/// The first numbers of the embeddings of [`pictures`], and their length, by onnxruntime 1.32 on the same weights
/// as floats.
const BY_ONNXRUNTIME: [([f64; 8], f64); 2] = [
    (
        [
            0.276_863_1,
            0.499_833_0,
            0.189_486_3,
            0.264_104_2,
            -0.418_244_6,
            0.016_842_1,
            -0.430_249_7,
            -0.106_267_6,
        ],
        3.750_484_7,
    ),
    (
        [
            0.349_273_2,
            0.345_940_4,
            -0.156_917_0,
            0.708_011_8,
            -0.292_860_7,
            0.319_854_2,
            -0.337_456_9,
            -0.301_502_2,
        ],
        5.135_711_7,
    ),
];

/// Two pictures of 112 x 112 pixels: `(7 x + 13 y + 50 c) mod 256`, and
/// `floor(128 + 100 sin(x / 9 + c) cos(y / 7))`.
fn pictures() -> Tensor {
    let mut bytes: Vec<u8> = Vec::new();
    let side: u32 = 112;
    for picture in 0..2 {
        for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
            for channel in 0..3 {
                let (across, down) = (f64::from(x) / 9.0, f64::from(y) / 7.0);
                let wave = (across + f64::from(channel)).sin() * down.cos();
                bytes.push(match picture {
                    0 => ((7 * x + 13 * y + 50 * channel) % 256) as u8,
                    _ => (128.0 + 100.0 * wave).floor() as u8,
                });
            }
        }
    }
    Tensor::from_slice(&bytes).view([2, i64::from(side), i64::from(side), 3])
}

#[test]
fn the_network_answers_as_in_onnxruntime() {
    let Some(path) = found::weights(FoldedSFace::FILE) else {
        return;
    };
    let network = FoldedSFace::open(&path, Device::Cpu).expect("is the network");
    let found = network.shared().forward(&FoldedSFace::input(&pictures()));
    assert_eq!(found.size(), [2, EMBEDDING_LENGTH]);
    for (row, (numbers, length)) in (0..).zip(BY_ONNXRUNTIME) {
        for (column, number) in (0..).zip(numbers) {
            let found = found.double_value(&[row, column]);
            assert!(
                (found - number).abs() < 1e-4,
                "picture {row}, {column}: {found}, not {number}"
            );
        }
        let found = found.get(row).norm().double_value(&[]);
        assert!((found - length).abs() < 1e-4, "{found}, not {length}");
    }
}

#[test]
fn the_network_as_it_is_trained_gives_the_same() {
    let Some(path) = found::weights(FoldedSFace::FILE) else {
        return;
    };
    let mut state = State::new(Device::Cpu);
    let network = SFace::new(&mut state);
    published::load(&path, &state).expect("is the network");
    let images = FoldedSFace::input(&pictures());
    let found = tch::no_grad(|| network.forward(&images, false));
    let folded = FoldedSFace::open(&path, Device::Cpu).expect("is the network");
    let largest = (found - folded.forward(&images)).abs().max();
    assert!(largest.double_value(&[]) < 1e-4, "{largest:?}");
    let named = published::published_tensors(&path).expect("is the network");
    assert!(named.keys().eq(state.tensors().keys()));
}

#[test]
fn other_files_are_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("x.onnx");
    let error = |bytes: &[u8]| {
        fs_err::write(&path, bytes).expect("writes");
        let error = FoldedSFace::open(&path, Device::Cpu).expect_err("is not SFace");
        error.to_string()
    };
    for bytes in [&b""[..], b"\x3a\x00", b"no protobuf at all"] {
        assert!(error(bytes).contains("x.onnx"), "{}", error(bytes));
    }
    if let Some(other) = found::weights("face_detection_yunet_2023mar_int8bq.onnx") {
        let error = error(&fs_err::read(other).expect("reads"));
        assert!(error.contains("is not SFace"), "{error}");
    }
    let Some(whole) = found::weights(FoldedSFace::FILE) else {
        return;
    };
    let whole = fs_err::read(whole).expect("reads");
    for length in (0..whole.len()).step_by(999_983) {
        assert!(error(&whole[..length]).contains("x.onnx"));
    }
}
