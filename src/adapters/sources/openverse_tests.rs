//! Answers of the documented form, written for these tests.

use serde_json::json;

use super::*;
use facepipe_core::types::Reason;

fn search(licences: &[Licence], token: Option<&str>) -> OpenverseSource {
    let endpoint = Url::parse(OpenverseSource::ENDPOINT).expect("is an address");
    let licences = licences.iter().copied().collect();
    let token = token.map(Secret::new);
    OpenverseSource::new(
        endpoint,
        "Ada & co".to_owned(),
        "ada".to_owned(),
        &licences,
        token,
    )
}

fn next_request(source: &mut OpenverseSource) -> SourceRequest {
    match source.step().expect("steps") {
        SourceStep::Request(request) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn candidate(source: &mut OpenverseSource) -> Candidate {
    match source.step().expect("steps") {
        SourceStep::Candidate(candidate) => *candidate,
        other => panic!("no candidate: {other:?}"),
    }
}

fn answer(source: &mut OpenverseSource, answer: &Value) -> Result<(), SourceError> {
    source.answer(answer.to_string().as_bytes())
}

fn page(pages: u64, results: &[Value]) -> Value {
    json!({"result_count": 1000, "page_count": pages, "page_size": 20, "page": 1,
           "results": results})
}

#[test]
fn a_result_becomes_a_candidate_with_its_provenance() {
    let mut source = search(&[Licence::Cc0, Licence::BySa], None);
    let request = next_request(&mut source);
    assert_eq!(
        request.url.query(),
        Some("q=Ada+%26+co&page=1&page_size=20&license=cc0%2Cby-sa")
    );
    assert_eq!(request.secret, None);
    let result = json!({
        "id": "4bc43a04-ef46-4544-a0c1-63c63f56e276", "title": "Ada &amp; friends",
        "foreign_landing_url": "https://www.flickr.com/photos/1/2",
        "url": "https://live.staticflickr.com/65535/2_b.jpg",
        "creator": "<b>Jane</b> Doe", "creator_url": "https://www.flickr.com/photos/1",
        "license": "by-sa", "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        "provider": "flickr", "source": "flickr", "width": 1024, "height": 683, "mature": false,
        "attribution": "\"Ada & friends\" by Jane Doe is licensed under CC BY-SA 2.0."
    });
    answer(&mut source, &page(1, &[result])).expect("is understood");
    let candidate = candidate(&mut source);
    let provenance = &candidate.provenance;
    assert_eq!(candidate.label, "ada");
    assert_eq!(
        provenance.image_url,
        "https://live.staticflickr.com/65535/2_b.jpg"
    );
    assert_eq!(provenance.license.as_deref(), Some("CC BY-SA 2.0"));
    assert_eq!(Licence::of(provenance), Licence::BySa);
    assert_eq!(provenance.author.as_deref(), Some("Jane Doe"));
    assert_eq!(provenance.title.as_deref(), Some("Ada & friends"));
    assert_eq!(
        provenance.page_url.as_deref(),
        Some("https://www.flickr.com/photos/1/2")
    );
    assert!(
        provenance
            .attribution
            .as_deref()
            .is_some_and(|text| text.contains("by Jane Doe"))
    );
    assert_eq!(source.step().expect("steps"), SourceStep::End);
}

#[test]
fn pages_end_with_the_last_one_and_with_the_published_depth() {
    let mut source = search(&[], None);
    let result = json!({"url": "https://a.org/1.jpg"});
    let mut pages = 0;
    while let SourceStep::Request(request) = source.step().expect("steps") {
        pages += 1;
        assert!(
            request
                .url
                .query()
                .is_some_and(|text| text.contains(&format!("page={pages}&")))
        );
        assert!(!request.url.as_str().contains("license"));
        answer(&mut source, &page(50, std::slice::from_ref(&result))).expect("is understood");
        candidate(&mut source);
    }
    assert_eq!(pages, 12);
    for empty in [page(50, &[]), page(0, &[])] {
        let mut source = search(&[], None);
        next_request(&mut source);
        answer(&mut source, &empty).expect("is understood");
        assert_eq!(source.step().expect("steps"), SourceStep::End);
    }
}

#[test]
fn missing_fields_are_left_out_and_a_result_without_address_is_reported() {
    let mut source = search(&[], None);
    let results = [
        json!({"url": "https://a.org/1.jpg", "title": null, "creator": "", "license": "pdm",
               "license_version": "1.0", "license_url": "not an address"}),
        json!({"id": "one", "url": null}),
        json!({"url": "ftp://a.org/1.jpg"}),
        json!("odd"),
    ];
    answer(&mut source, &page(1, &results)).expect("is understood");
    let provenance = candidate(&mut source).provenance;
    assert_eq!((provenance.title, provenance.author), (None, None));
    assert_eq!(
        provenance.license.as_deref(),
        Some("Public Domain Mark 1.0")
    );
    assert_eq!(provenance.license_url, None);
    for item in ["openverse:one", "openverse:3", "openverse:4"] {
        match source.step().expect("steps") {
            SourceStep::Junk(junk) => {
                assert_eq!(
                    (junk.item.as_str(), junk.reason),
                    (item, Reason::BadAddress)
                );
            }
            other => panic!("not reported: {other:?}"),
        }
    }
}

#[test]
fn a_large_original_of_commons_has_the_address_that_commons_gives() {
    for (url, width, scaled) in [
        (
            "https://upload.wikimedia.org/wikipedia/commons/0/0b/Ada_L.jpg",
            6000,
            Some(
                "https://upload.wikimedia.org/wikipedia/commons/thumb/0/0b/Ada_L.jpg/1280px-Ada_L.jpg",
            ),
        ),
        (
            "https://upload.wikimedia.org/wikipedia/commons/0/0b/Ada.jpg",
            1280,
            None,
        ),
        (
            "https://upload.wikimedia.org/wikipedia/commons/0/0b/Ada.tif",
            6000,
            None,
        ),
        (
            "https://upload.wikimedia.org/wikipedia/en/0/0b/Ada.jpg",
            6000,
            None,
        ),
        ("https://a.org/wikipedia/commons/0/0b/Ada.jpg", 6000, None),
    ] {
        let found = scaled_of_commons(&Url::parse(url).expect("is an address"), Some(width));
        assert_eq!(found.map(String::from).as_deref(), scaled, "{url}");
    }
}

#[test]
fn error_answers_and_foreign_answers_are_errors() {
    let mut source = search(&[], None);
    let refusal = json!({"detail": {"page_size": ["Ensure this value is at most 20."]}});
    let error = answer(&mut source, &refusal).expect_err("is an error");
    assert!(error.to_string().contains("at most 20"), "{error}");
    for body in ["<html>", "", "[]", "{}"] {
        assert!(source.answer(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn refused_pages_end_the_search_and_limits_are_named() {
    let mut source = search(&[], None);
    assert!(
        !source
            .unanswered(Some(400), "400")
            .expect("is left to others")
    );
    answer(
        &mut source,
        &page(50, &[json!({"url": "https://a.org/1.jpg"})]),
    )
    .expect("is understood");
    candidate(&mut source);
    assert!(source.unanswered(Some(401), "401").expect("continues"));
    assert_eq!(source.step().expect("steps"), SourceStep::End);
    let error = source.unanswered(Some(429), "429").expect_err("too many");
    assert!(error.to_string().contains("200 a day"), "{error}");
}

#[test]
fn a_token_is_sent_and_never_shown() {
    let mut source = search(&[], Some("0123456789abcdef"));
    let request = next_request(&mut source);
    assert!(matches!(request.secret, Some(SecretPart::Bearer(_))));
    let error = source
        .unanswered(Some(401), "the server answered 401")
        .expect_err("refused");
    let shown = format!("{source:?} {request:?} {error:?} {error}");
    assert!(!shown.contains("0123"), "{shown}");
}
