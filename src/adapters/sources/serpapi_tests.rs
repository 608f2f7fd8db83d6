//! Answers of the documented form, written for these tests.

use serde_json::json;

use super::*;
use facepipe_core::licence::Licence;

const KEY: &str = "0123456789abcdef";

fn search(licences: &[Licence]) -> SerpApiSource {
    SerpApiSource::new(
        Url::parse(SerpApiSource::ENDPOINT).expect("is an address"),
        "Ada Lovelace".to_owned(),
        "ada".to_owned(),
        &licences.iter().copied().collect(),
        Secret::new(KEY),
    )
}

fn next_request(source: &mut SerpApiSource) -> SourceRequest {
    match source.step().expect("steps") {
        SourceStep::Request(request) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn candidate(source: &mut SerpApiSource) -> Candidate {
    match source.step().expect("steps") {
        SourceStep::Candidate(candidate) => *candidate,
        other => panic!("no candidate: {other:?}"),
    }
}

fn answer(source: &mut SerpApiSource, answer: &Value) -> Result<(), SourceError> {
    source.answer(answer.to_string().as_bytes())
}

fn page(originals: &[&str]) -> Value {
    let result = |original: &&str| {
        json!({"position": 1, "thumbnail": "https://serpapi.com/searches/1/images/2.jpeg",
               "related_content_id": "x", "source": "A site", "title": "Ada &amp; <b>co</b>",
               "link": "https://a.org/page", "original": original,
               "original_width": 640, "original_height": 480, "is_product": false})
    };
    json!({"search_metadata": {"id": "1", "status": "Success"},
           "search_parameters": {"engine": "google_images", "ijn": "0"},
           "images_results": originals.iter().map(result).collect::<Vec<_>>()})
}

#[test]
fn a_result_becomes_a_candidate_without_a_licence() {
    let mut source = search(&[]);
    let request = next_request(&mut source);
    assert_eq!(
        request.url.query(),
        Some("engine=google_images&q=Ada+Lovelace&ijn=0&tbs=itp%3Aface")
    );
    answer(&mut source, &page(&["https://a.org/1.jpg"])).expect("is understood");
    let provenance = candidate(&mut source).provenance;
    assert_eq!(provenance.image_url, "https://a.org/1.jpg");
    assert_eq!(provenance.page_url.as_deref(), Some("https://a.org/page"));
    assert_eq!(provenance.title.as_deref(), Some("Ada & co"));
    assert_eq!(Licence::of(&provenance), Licence::Unknown);
    let mut free = search(&[Licence::By, Licence::Unknown]);
    let url = next_request(&mut free).url;
    assert!(url.as_str().ends_with("tbs=itp%3Aface%2Csur%3Acl"), "{url}");
}

#[test]
fn pages_follow_each_other_until_one_has_nothing_new() {
    let mut source = search(&[]);
    next_request(&mut source);
    answer(
        &mut source,
        &page(&["https://a.org/1.jpg", "https://a.org/2.jpg"]),
    )
    .expect("reads");
    candidate(&mut source);
    candidate(&mut source);
    let second = next_request(&mut source).url;
    assert!(second.as_str().contains("ijn=1"), "{second}");
    answer(&mut source, &page(&["https://a.org/2.jpg"])).expect("reads");
    assert_eq!(source.step().expect("steps"), SourceStep::End);
    let none = json!({"search_metadata": {"status": "Success"},
                      "error": "Google hasn't returned any results for this query."});
    for end in [
        none,
        page(&[]),
        json!({"search_metadata": {"status": "Success"}}),
    ] {
        let mut source = search(&[]);
        answer(&mut source, &end).expect("is the end");
        assert_eq!(source.step().expect("steps"), SourceStep::End);
    }
}

#[test]
fn a_result_without_address_is_reported() {
    let mut source = search(&[]);
    let mut odd = page(&["x-raw-image:///1", "https://a.org/1.jpg"]);
    odd["images_results"]
        .as_array_mut()
        .expect("is a list")
        .push(json!({}));
    answer(&mut source, &odd).expect("reads");
    let SourceStep::Junk(junk) = source.step().expect("steps") else {
        panic!("not reported");
    };
    assert_eq!(junk.item, "serpapi:https://a.org/page");
    candidate(&mut source);
    assert!(matches!(source.step().expect("steps"), SourceStep::Junk(_)));
}

#[test]
fn errors_never_show_the_key() {
    let mut source = search(&[]);
    let refusal = json!({"error": format!("Invalid API key {KEY}. Your API key should be here")});
    let refused = answer(&mut source, &refusal).expect_err("is an error");
    let key = source
        .unanswered(Some(401), "the server answered 401")
        .expect_err("is refused");
    let spent = source
        .unanswered(Some(429), "the server answered 429")
        .expect_err("is spent");
    assert!(
        refused.to_string().contains("Invalid API key [secret]"),
        "{refused}"
    );
    let other = source.unanswered(Some(500), "500");
    assert!(!other.expect("is another matter"));
    let missing = SerpApiSource::missing_key();
    assert!(
        missing.to_string().contains("SERPAPI_KEY is not set"),
        "{missing}"
    );
    let request = next_request(&mut source);
    let shown = format!(
        "{source:?} {request:?} {} {refused:?} {key:?} {spent:?}",
        request.url
    );
    assert!(!shown.contains("0123"), "{shown}");
    for body in ["<html>", "", "[]"] {
        assert!(source.answer(body.as_bytes()).is_err(), "{body}");
    }
}
