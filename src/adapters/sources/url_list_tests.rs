use super::*;

/// Reads a list from memory; `form` as if from a file's extension.
fn steps(text: &[u8], form: &str, label: Option<&str>) -> Result<Vec<SourceStep>, SourceError> {
    let reader = Box::new(io::Cursor::new(text.to_vec()));
    let form = Form::of_extension(form.as_ref());
    let label = label.map(str::to_owned);
    let mut source = UrlListSource::read(reader, form, "list".to_owned(), label, None)?;
    let mut all = Vec::new();
    loop {
        match source.step()? {
            SourceStep::End => return Ok(all),
            step => all.push(step),
        }
    }
}

/// `url|label` of candidates, `item` of junk.
fn told(text: &str, form: &str, label: Option<&str>) -> Vec<String> {
    let steps = steps(text.as_bytes(), form, label).expect("can be read");
    let tell = |step| match step {
        SourceStep::Candidate(candidate) => {
            format!("{}|{}", candidate.provenance.image_url, candidate.label)
        }
        SourceStep::Junk(junk) => {
            assert_eq!(junk.reason, Reason::BadAddress);
            junk.item
        }
        other => panic!("a list asks for nothing: {other:?}"),
    };
    steps.into_iter().map(tell).collect()
}

#[test]
fn text_with_comments_labels_and_junk() {
    let text = "\u{feff}# my list\r\n\r\nhttp://a.org/1.jpg\r\n  https://a.org/2.jpg\tBen A.  \n\
                www.a.org/3.jpg\n/4.jpg\nftp://a.org/5.jpg\nhttp://\nHTTP://A.org:80/6 x.jpg#top";
    assert_eq!(
        told(text, "txt", Some("ann")),
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
        told(text, "csv", None),
        ["http://a.org/1,2.jpg|Ann", "list:3"]
    );
    let all = steps(text.as_bytes(), "csv", None).expect("can be read");
    let SourceStep::Candidate(first) = &all[0] else {
        panic!("a candidate");
    };
    assert_eq!(first.provenance.license.as_deref(), Some("CC0"));
    let text = "label\turl\nann\thttp://a.org/1.jpg\nshort\n";
    assert_eq!(
        told(text, "tsv", None),
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
            told(text, "csv", None),
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
        told(array, "json", Some("ann")),
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
        told(lines, "jsonl", Some("ann")),
        ["http://a.org/1.jpg|ann", "list:2", "http://a.org/2.jpg|ann"]
    );
}

#[test]
fn without_extension_the_content_tells_the_form() {
    let one = ["http://a.org/1.jpg|ann"];
    for text in [
        "http://a.org/1.jpg ann",
        "url,label\nhttp://a.org/1.jpg,ann",
        "label\turl\nann\thttp://a.org/1.jpg",
        " [{\"url\": \"http://a.org/1.jpg\", \"label\": \"ann\"}]",
        "{\"url\": \"http://a.org/1.jpg\", \"label\": \"ann\"}\n",
    ] {
        assert_eq!(told(text, "", None), one, "{text}");
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
