use super::*;
use facepipe_core::types::Reason;

/// Reads a list from memory; `form` as if from a file's extension.
fn steps(text: &[u8], form: &str, label: Option<&str>) -> Result<Vec<SourceStep>, SourceError> {
    let reader = Box::new(io::Cursor::new(text.to_vec()));
    let label = label.map(str::to_owned);
    let mut source = UrlListSource::of_reader(reader, form, "list".to_owned(), label, None)?;
    let mut all = Vec::new();
    loop {
        match source.step()? {
            SourceStep::End => return Ok(all),
            step => all.push(step),
        }
    }
}

/// `url|label` of candidates, `item` of junk.
fn outcomes(text: &str, form: &str, label: Option<&str>) -> Vec<String> {
    let steps = steps(text.as_bytes(), form, label).expect("can be read");
    let outcome = |step| match step {
        SourceStep::Candidate(candidate) => {
            format!("{}|{}", candidate.provenance.image_url, candidate.label)
        }
        SourceStep::Junk(junk) => {
            assert_eq!(junk.reason, Reason::BadAddress);
            junk.item
        }
        other => panic!("a list makes no requests: {other:?}"),
    };
    steps.into_iter().map(outcome).collect()
}

#[test]
fn text_with_comments_labels_and_junk() {
    let text = "\u{feff}# my list\r\n\r\nhttp://a.org/1.jpg\r\n  https://a.org/2.jpg\tBen A.  \n\
                www.a.org/3.jpg\n/4.jpg\nftp://a.org/5.jpg\nhttp://\nHTTP://A.org:80/6 x.jpg#top";
    assert_eq!(
        outcomes(text, "txt", Some("ann")),
        [
            "http://a.org/1.jpg|ann",
            // A label may not end in a dot on every file system.
            "https://a.org/2.jpg|ben_a",
            "list:5",
            "list:6",
            "list:7",
            "list:8",
            "http://a.org/6|x.jpg#top",
        ]
    );
}

#[test]
fn junk_says_its_line_and_what_it_is() {
    let steps = steps(b"\nwww.a.org/3.jpg\n", "txt", Some("ann")).expect("can be read");
    let [SourceStep::Junk(junk)] = steps.as_slice() else {
        panic!("one record: {steps:?}");
    };
    assert_eq!(
        junk.message,
        "line 2: `www.a.org/3.jpg` is not an absolute http or https address"
    );
}

#[test]
fn tables_find_their_columns_by_name_in_any_order() {
    let text = "Licence,LABEL,Image URL\nCC0,Ann,\"http://a.org/1,2.jpg\"\n,,http://a.org/3.jpg\n";
    assert_eq!(
        outcomes(text, "csv", None),
        ["http://a.org/1,2.jpg|Ann", "list:3"]
    );
    let all = steps(text.as_bytes(), "csv", None).expect("can be read");
    let SourceStep::Candidate(first) = &all[0] else {
        panic!("a candidate");
    };
    assert_eq!(first.provenance.license.as_deref(), Some("CC0"));
    let text = "label\turl\nann\thttp://a.org/1.jpg\nshort\n";
    assert_eq!(
        outcomes(text, "tsv", None),
        ["http://a.org/1.jpg|ann", "list:3"]
    );
}

#[test]
fn tables_without_names_are_addresses_with_labels_beside() {
    for text in [
        "http://a.org/1.jpg,ann\nhttp://a.org/2.jpg,bob\n",
        "ann,http://a.org/1.jpg\nbob,http://a.org/2.jpg\n",
    ] {
        assert_eq!(
            outcomes(text, "csv", None),
            ["http://a.org/1.jpg|ann", "http://a.org/2.jpg|bob"]
        );
    }
    let error = steps(b"a,b\nc,d\n", "csv", None).expect_err("no addresses");
    assert!(matches!(error, SourceError::NoUrlColumn { .. }), "{error}");
}

#[test]
fn json_arrays_and_lines() {
    let array = "[\"http://a.org/1.jpg\",\n {\"url\": \"http://a.org/2.jpg\", \"label\": \"bob\"},\n {\"x\": 1},\n 7, {\"url\": \"ht";
    assert_eq!(
        outcomes(array, "json", Some("ann")),
        [
            "http://a.org/1.jpg|ann",
            "http://a.org/2.jpg|bob",
            "list:3",
            "list:4",
            "list:4"
        ]
    );
    let lines = "{\"url\": \"http://a.org/1.jpg\"}\n{broken\n\"http://a.org/2.jpg\"\n";
    assert_eq!(
        outcomes(lines, "jsonl", Some("ann")),
        ["http://a.org/1.jpg|ann", "list:2", "http://a.org/2.jpg|ann"]
    );
}

#[test]
fn without_extension_the_content_decides_the_format() {
    let one = ["http://a.org/1.jpg|ann"];
    for text in [
        "http://a.org/1.jpg ann",
        "url,label\nhttp://a.org/1.jpg,ann",
        "label\turl\nann\thttp://a.org/1.jpg",
        " [{\"url\": \"http://a.org/1.jpg\", \"label\": \"ann\"}]",
        "{\"url\": \"http://a.org/1.jpg\", \"label\": \"ann\"}\n",
    ] {
        assert_eq!(outcomes(text, "", None), one, "{text}");
    }
}

#[test]
fn a_list_without_labels_or_records_is_an_error() {
    for (text, form) in [
        ("http://a.org/1.jpg\n", "txt"),
        ("url\nhttp://a.org/1.jpg\n", "csv"),
        ("[\"http://a.org/1.jpg\"]", "json"),
    ] {
        let error = steps(text.as_bytes(), form, None).expect_err(form);
        assert!(matches!(error, SourceError::NoLabel { .. }), "{form}");
    }
    for (text, form) in [
        ("", "txt"),
        ("# nothing\n", "txt"),
        ("", "csv"),
        ("[]", "json"),
    ] {
        let error = steps(text.as_bytes(), form, Some("ann")).expect_err(form);
        assert!(matches!(error, SourceError::Empty { .. }), "{form}");
    }
}

#[test]
fn bytes_that_are_no_text_are_junk() {
    let steps = steps(b"http://a.org/\xff.jpg\n", "txt", Some("ann")).expect("can be read");
    assert!(matches!(steps.as_slice(), [SourceStep::Junk(_)]));
}

#[test]
fn a_missing_list_is_named() {
    let error =
        UrlListSource::open(Path::new("/nowhere/list.txt"), None, None).expect_err("is not there");
    assert!(error.to_string().contains("/nowhere/list.txt"), "{error}");
}

/// The same bytes with gzip, in two members as `cat a.gz b.gz` makes them.
fn packed(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let (one, two) = text.split_at(text.len() / 2);
    let pack = |part: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).expect("packs");
        encoder.finish().expect("packs")
    };
    [pack(one), pack(two)].concat()
}

#[test]
fn every_format_may_be_compressed() {
    for (text, form) in [
        ("http://a.org/1.jpg ann\n", "txt"),
        ("url,label\nhttp://a.org/1.jpg,ann\n", "csv"),
        ("label\turl\nann\thttp://a.org/1.jpg\n", "tsv"),
        (
            "[{\"url\": \"http://a.org/1.jpg\", \"label\": \"ann\"}]",
            "json",
        ),
        (
            "{\"url\": \"http://a.org/1.jpg\", \"label\": \"ann\"}\n",
            "jsonl",
        ),
        ("url,label\nhttp://a.org/1.jpg,ann\n", ""),
    ] {
        let plain = steps(text.as_bytes(), form, None).expect("can be read");
        assert_eq!(
            steps(&packed(text), form, None).expect("can be read"),
            plain,
            "{text}"
        );
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join(format!("list.{form}.GZ"));
        fs_err::write(&path, packed(text)).expect("writes");
        let mut source = UrlListSource::open(&path, None, None).expect("opens");
        assert!(
            matches!(source.step().expect("steps"), SourceStep::Candidate(_)),
            "{text}"
        );
        assert_eq!(source.step().expect("steps"), SourceStep::End);
    }
}

#[test]
fn a_truncated_list_gives_its_whole_records_and_its_name() {
    let lines: String = (0..20_000)
        .map(|number| format!("http://a.org/{number}.jpg ann\n"))
        .collect();
    let mut bytes = packed(&lines);
    bytes.truncate(bytes.len() - 40);
    let reader = Box::new(io::Cursor::new(bytes));
    let mut source =
        UrlListSource::read(reader, None, "list.gz".to_owned(), None, None).expect("opens");
    let mut count = 0;
    let error = loop {
        match source.step() {
            Ok(SourceStep::Candidate(_)) => count += 1,
            Ok(other) => panic!("a list of addresses: {other:?}"),
            Err(error) => break error,
        }
    };
    assert!(count > 10_000, "{count}");
    assert!(error.to_string().contains("`list.gz`"), "{error}");
}

#[test]
fn a_quotation_mark_that_never_closes_does_not_fill_the_memory() {
    let mut text = "url,label\nhttp://a.org/1.jpg,ann\nhttp://a.org/2.jpg,\"ann\n".to_owned();
    text.push_str(&"http://a.org/3.jpg,ann\n".repeat(200_000));
    let reader = Box::new(io::Cursor::new(text.into_bytes()));
    let form = Some(Form::Table(b','));
    let mut source =
        UrlListSource::read(reader, form, "list.csv".to_owned(), None, None).expect("opens");
    assert!(matches!(
        source.step().expect("steps"),
        SourceStep::Candidate(_)
    ));
    let error = source.step().expect_err("has no end");
    let cause = std::error::Error::source(&error)
        .expect("has a cause")
        .to_string();
    assert!(
        cause.starts_with("after line 2: a record is longer"),
        "{cause}"
    );
}

#[test]
fn fields_about_the_image_are_plain_text_and_numbers_are_labels() {
    let text = "{\"url\": \"http://a.org/1.jpg\", \"label\": 7, \"creator\": \"<b>Jane</b> Doe\", \
                \"credit\": \"Jane &amp; Co\", \"licence\": \"CC0\", \"title\": null}";
    let all = steps(text.as_bytes(), "jsonl", None).expect("can be read");
    let SourceStep::Candidate(candidate) = &all[0] else {
        panic!("a candidate: {all:?}");
    };
    let provenance = &candidate.provenance;
    assert_eq!(candidate.label, "7");
    assert_eq!(provenance.author.as_deref(), Some("Jane Doe"));
    assert_eq!(provenance.attribution.as_deref(), Some("Jane & Co"));
    assert_eq!(
        (provenance.license.as_deref(), &provenance.title),
        (Some("CC0"), &None)
    );
}

/// Rows of spreadsheets, in the forms in which these save them.
#[test]
fn spreadsheets_separators_and_encodings() {
    let expected = ["http://a.org/1.jpg|Jos\u{e9}", "http://a.org/2.jpg|Grace"];
    let rows = |separator: &str, end: &str| {
        let header = ["url", "label"].join(separator);
        let rows = expected.map(|row| row.replace('|', separator));
        [header.as_str(), &rows[0], &rows[1], ""].join(end)
    };
    for text in [
        rows(",", "\n"),
        rows(";", "\r\n"),
        rows("\t", "\r\n"),
        rows(",", "\r"),
        format!("sep=;\r\n{}", rows(";", "\r\n")),
        format!("\u{feff}{}", rows(";", "\r\n")),
        rows(";", "\r\n\r\n"),
    ] {
        assert_eq!(outcomes(&text, "csv", None), expected, "{text:?}");
    }
    let wide = |text: &str, big: bool| -> Vec<u8> {
        let units = text.encode_utf16();
        let bytes = |unit: u16| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        };
        units.flat_map(bytes).collect()
    };
    for (text, big) in [
        (format!("\u{feff}{}", rows(",", "\r\n")), false),
        (format!("\u{feff}{}", rows("\t", "\r\n")), true),
        (rows(",", "\n"), false),
        (rows(",", "\n"), true),
    ] {
        let plain = steps(rows(",", "\n").as_bytes(), "csv", None).expect("can be read");
        let read = steps(&wide(&text, big), "csv", None).expect("can be read");
        assert_eq!(read, plain, "{text:?}");
    }
}

#[test]
fn text_that_is_no_utf_8_is_read_as_windows_1252_and_the_user_is_told() {
    let text = b"url;label\r\nhttp://a.org/1.jpg;Jos\xe9\r\nhttp://a.org/\xe9.jpg;ann\r\n";
    let steps = steps(text, "csv", None).expect("can be read");
    let [
        SourceStep::Note(note),
        SourceStep::Candidate(first),
        SourceStep::Junk(second),
    ] = steps.as_slice()
    else {
        panic!("a note, an image and junk: {steps:?}");
    };
    assert!(
        note.contains("line 2") && note.contains("Jos\u{e9}"),
        "{note}"
    );
    assert_eq!(first.label, "Jos\u{e9}");
    assert_eq!(second.item, "list:3");
}

#[test]
fn lines_are_counted_as_editors_count_them() {
    let text = "url,label\r\nhttp://a.org/1.jpg,ada\r\nnot-a-url,ada\r\n\r\nhttp://a.org/2.jpg,\"a\r\n\
                da\"\r\nalso bad,ada\r\n";
    let found = outcomes(text, "csv", None);
    assert_eq!((found[1].as_str(), found[3].as_str()), ("list:3", "list:7"));
    let text = format!("sep=,\r\n{text}");
    assert_eq!(outcomes(&text, "csv", None)[1], "list:4");
}

#[test]
fn of_two_columns_for_one_field_the_exact_name_is_taken_or_none() {
    for text in [
        "url,label,name\nhttp://a.org/1.jpg,ann,photo 1\n",
        "label,class,url\nann,7,http://a.org/1.jpg\n",
        "id,url,image,label\n0,http://a.org/1.jpg,1.jpg,ann\n",
    ] {
        assert_eq!(outcomes(text, "csv", None), ["http://a.org/1.jpg|ann"]);
    }
    for (text, named) in [
        ("image,link,label\nx,y,ann\n", ["image", "link"]),
        (
            "url,Class,person\nhttp://a.org/1.jpg,7,ann\n",
            ["Class", "person"],
        ),
    ] {
        let error = steps(text.as_bytes(), "csv", None).expect_err("is unclear");
        assert!(
            matches!(&error, SourceError::TwoColumns { names, .. } if *names == named),
            "{error}"
        );
    }
    let json = "{\"url\": \"http://a.org/1.jpg\", \"name\": \"x\", \"label\": \"ann\"}\n\
                {\"image\": \"http://a.org/2.jpg\", \"link\": \"x\", \"label\": \"ann\"}\n";
    assert_eq!(
        outcomes(json, "jsonl", None),
        ["http://a.org/1.jpg|ann", "list:2"]
    );
}

#[test]
fn json_may_be_printed_over_several_lines() {
    let one = "{\n  \"url\": \"http://a.org/1.jpg\",\n  \"label\": \"ann\"\n}\n";
    let text =
        format!("{one}{{\"url\": \"http://a.org/2.jpg\", \"label\": \"bob\"}}\n{one}{{\n \"x\n");
    assert_eq!(
        outcomes(&text, "json", None),
        [
            "http://a.org/1.jpg|ann",
            "http://a.org/2.jpg|bob",
            "http://a.org/1.jpg|ann",
            "list:10",
            "list:11"
        ]
    );
    let wrapped = "{\"images\": [\n{\"url\": \"http://a.org/1.jpg\"}]}";
    let steps = steps(wrapped.as_bytes(), "json", Some("ann")).expect("can be read");
    let [SourceStep::Junk(junk)] = steps.as_slice() else {
        panic!("one record: {steps:?}");
    };
    assert!(junk.message.contains("`images`"), "{}", junk.message);
}

#[test]
fn labels_that_are_no_text_are_no_labels() {
    for label in ["[\"ann\"]", "true", "{\"name\": \"ann\"}"] {
        let text = format!("{{\"url\": \"http://a.org/1.jpg\", \"label\": {label}}}");
        let steps = steps(text.as_bytes(), "json", Some("bob")).expect("can be read");
        let [SourceStep::Junk(junk)] = steps.as_slice() else {
            panic!("one record: {steps:?}");
        };
        assert!(
            junk.message.contains("`label` is neither"),
            "{}",
            junk.message
        );
    }
    let beside = r#"{"url": "http://a.org/1.jpg", "label": "ann", "name": {"first": "x"}}"#;
    assert_eq!(
        outcomes(beside, "json", Some("bob")),
        ["http://a.org/1.jpg|ann"]
    );
    let null = r#"{"url": "http://a.org/1.jpg", "label": null, "tags": ["x"]}"#;
    assert_eq!(
        outcomes(null, "json", Some("bob")),
        ["http://a.org/1.jpg|bob"]
    );
}

#[test]
fn lists_without_names_may_have_any_separator() {
    for (text, form) in [
        ("http://a.org/1.jpg;ann\nhttp://a.org/2.jpg;bob\n", "csv"),
        (
            "http://a.org/1.jpg,ann\n# two\nhttp://a.org/2.jpg,bob\n",
            "txt",
        ),
        ("ann|http://a.org/1.jpg\nbob|http://a.org/2.jpg", ""),
    ] {
        let expected = ["http://a.org/1.jpg|ann", "http://a.org/2.jpg|bob"];
        assert_eq!(outcomes(text, form, None), expected, "{text:?}");
    }
}
