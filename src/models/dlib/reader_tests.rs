use super::*;

fn integer(bytes: &[u8]) -> Result<i64, ReadError> {
    let mut reader = Reader::new(bytes);
    let value = reader.integer("a number")?;
    reader.end().map(|()| value)
}

fn float(bytes: &[u8]) -> f64 {
    Reader::new(bytes).float("a number").expect("reads")
}

#[test]
fn whole_numbers() {
    assert_eq!(integer(&[0x01, 0x00]), Ok(0));
    assert_eq!(integer(&[0x01, 0x96]), Ok(150));
    assert_eq!(integer(&[0x81, 0x96]), Ok(-150));
    assert_eq!(integer(&[0x02, 0x34, 0x12]), Ok(0x1234));
    let largest = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(integer(&largest), Ok(i64::MAX));
    for (bytes, offset) in [
        (&[0x08, 1, 2, 3, 4, 5, 6, 7, 0x80][..], 0),
        (&[0x00, 1], 0),
        (&[0x09, 1, 2, 3, 4, 5, 6, 7, 8, 9], 0),
    ] {
        let error = integer(bytes).expect_err("out of range");
        assert!(
            matches!(error, ReadError::Unexpected { offset: at, .. } if at == offset),
            "{error}"
        );
    }
    let error = integer(&[0x02, 0x34]).expect_err("too short");
    assert_eq!(
        error.to_string(),
        "it ends at byte 1, where a number should be"
    );
    let error = integer(&[]).expect_err("empty");
    assert_eq!(
        error.to_string(),
        "it ends at byte 0, where a number should be"
    );
    assert_eq!(
        integer(&[0x01, 0x01, 0x07]),
        Err(ReadError::Trailing {
            offset: 2,
            bytes: 1
        })
    );
}

#[test]
fn floating_point_numbers() {
    // 0xa3d70a * 2^-28: the margin of the recognition network, written from a 32-bit float.
    assert_eq!(float(&[0x03, 0x0a, 0xd7, 0xa3, 0x81, 0x1c]) as f32, 0.04);
    assert_eq!(float(&[0x01, 0x00, 0x01, 0x00]), 0.0);
    assert_eq!(float(&[0x81, 0x03, 0x01, 0x01]), -6.0);
    assert_eq!(float(&[0x01, 0x00, 0x02, 0x00, 0x7d]), f64::INFINITY);
    assert_eq!(float(&[0x01, 0x00, 0x02, 0x01, 0x7d]), f64::NEG_INFINITY);
    assert!(float(&[0x01, 0x00, 0x02, 0x02, 0x7d]).is_nan());
    let far = Reader::new(&[0x01, 0x01, 0x02, 0x00, 0x10]).float("a number");
    assert!(matches!(far, Err(ReadError::Unexpected { offset: 0, .. })));
    let infinite = Reader::new(&[0x01, 0x00, 0x02, 0x00, 0x7d]).finite_f32("a number");
    assert!(infinite.is_err());
    for exponent in [-1022, -28, 0, 1, 1023] {
        assert_eq!(power_of_two(exponent), 2_f64.powi(exponent as i32));
    }
}

#[test]
fn truth_values_strings_and_columns() {
    assert_eq!(Reader::new(b"1").boolean("a flag"), Ok(true));
    assert_eq!(Reader::new(b"0").boolean("a flag"), Ok(false));
    assert!(Reader::new(b"2").boolean("a flag").is_err());
    let text = b"\x01\x04con_";
    assert_eq!(Reader::new(text).string("a name"), Ok("con_".to_owned()));
    let error = Reader::new(text)
        .exact_string("fc_2", "the layer")
        .expect_err("another string");
    assert_eq!(
        error.to_string(),
        "at byte 0: expected the layer `fc_2`, found `con_`"
    );
    let column = [0x81, 2, 0x81, 1, 1, 3, 1, 0, 0x81, 1, 0x81, 1];
    assert_eq!(Reader::new(&column).column("a column"), Ok([3.0, -0.5]));
    assert!(Reader::new(&column).column::<3>("a column").is_err());
}

#[test]
fn tensors_and_shapes() {
    let mut bytes = vec![1, 2, 1, 1, 1, 1, 1, 1, 1, 2];
    bytes.extend([1.5_f32, -2.0].map(f32::to_le_bytes).concat());
    let tensor = Reader::new(&bytes).tensor("weights").expect("reads");
    assert_eq!((tensor.shape, tensor.len()), ([1, 1, 1, 2], 2));
    assert_eq!(tensor.values(), [1.5, -2.0]);
    let empty = [1, 2, 1, 0, 1, 0, 1, 0, 1, 0];
    let tensor = Reader::new(&empty).tensor("weights").expect("reads");
    assert!(tensor.is_empty() && tensor.values().is_empty());
    let shape = [1, 1, 1, 32, 1, 3, 1, 7, 1, 5];
    assert_eq!(
        Reader::new(&shape).alias_tensor("filters"),
        Ok([32, 3, 7, 5])
    );
    for end in 0..bytes.len() {
        assert!(
            Reader::new(&bytes[..end]).tensor("weights").is_err(),
            "{end}"
        );
    }
}

#[test]
fn sizes_that_the_bytes_cannot_hold_are_refused_without_memory_for_them() {
    let huge = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert!(Reader::new(&huge).string("a name").is_err());
    assert!(Reader::new(&huge).count(1, "how many trees").is_err());
    let tensor = [&[1, 2][..], &huge, &huge, &huge, &huge].concat();
    assert!(Reader::new(&tensor).tensor("weights").is_err());
    let tensor = [&[1, 2][..], &huge, &[1, 1, 1, 1, 1, 1]].concat();
    assert!(Reader::new(&tensor).tensor("weights").is_err());
}
