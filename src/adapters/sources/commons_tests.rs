//! Answers of the documented form, written for these tests.

use serde_json::json;

use super::*;
use facepipe_core::types::Reason;

fn search() -> CommonsSource {
    search_for(&CommonsSearch::Text("Ada Lovelace & co".to_owned()), &[])
}

fn search_for(search: &CommonsSearch, licences: &[Licence]) -> CommonsSource {
    let endpoint = Url::parse(CommonsSource::ENDPOINT).expect("is an address");
    let licences = licences.iter().copied().collect();
    CommonsSource::new(endpoint, search, "ada_lovelace".to_owned(), &licences)
}

fn next_request(source: &mut CommonsSource) -> Map<String, Value> {
    match source.step().expect("steps") {
        SourceStep::Request(request) => {
            assert_eq!(request.url.host_str(), Some("commons.wikimedia.org"));
            let pairs = request.url.query_pairs().into_owned();
            pairs
                .map(|(name, value)| (name, Value::String(value)))
                .collect()
        }
        other => panic!("no request: {other:?}"),
    }
}

fn candidate(source: &mut CommonsSource) -> Candidate {
    match source.step().expect("steps") {
        SourceStep::Candidate(candidate) => *candidate,
        other => panic!("no candidate: {other:?}"),
    }
}

fn page(index: u64, name: &str, info: Value) -> Value {
    json!({"pageid": 1000 + index, "ns": 6, "title": format!("File:{name}"), "index": index,
           "imagerepository": "local", "imageinfo": [info]})
}

fn answer(source: &mut CommonsSource, answer: &Value) -> Result<(), SourceError> {
    source.answer(answer.to_string().as_bytes())
}

#[test]
fn a_result_becomes_a_candidate_with_licence_and_author() {
    let mut source = search();
    let parameters = next_request(&mut source);
    assert_eq!(
        parameters["gsrsearch"], "filetype:bitmap Ada Lovelace & co",
        "the query's own & is escaped"
    );
    assert_eq!(parameters["iiurlwidth"], "1280");
    assert!(!parameters.contains_key("gsroffset"));
    let info = json!({
        "size": 9_000_000, "width": 6000, "height": 4000,
        "thumburl": "https://upload.wikimedia.org/wikipedia/commons/thumb/0/0b/Ada.jpg/1280px-Ada.jpg",
        "thumbwidth": 1280, "thumbheight": 853,
        "url": "https://upload.wikimedia.org/wikipedia/commons/0/0b/Ada.jpg",
        "descriptionurl": "https://commons.wikimedia.org/wiki/File:Ada.jpg",
        "mime": "image/jpeg", "sha1": "0123",
        "extmetadata": {
            "LicenseShortName": {"value": "CC BY-SA 4.0", "source": "commons-desc-page"},
            "LicenseUrl": {"value": "//creativecommons.org/licenses/by-sa/4.0"},
            "Artist": {"value": "<a href=\"//commons.wikimedia.org/wiki/User:X\">Ren&eacute;  <b>X</b></a>\n<script></script>"}
        }
    });
    let body = json!({"batchcomplete": "", "query": {"pages": {"1001": page(1, "Ada.jpg", info)}}});
    answer(&mut source, &body).expect("is understood");
    let candidate = candidate(&mut source);
    assert_eq!(candidate.label, "ada_lovelace");
    let provenance = candidate.provenance;
    assert_eq!(
        provenance.image_url,
        "https://upload.wikimedia.org/wikipedia/commons/thumb/0/0b/Ada.jpg/1280px-Ada.jpg"
    );
    assert_eq!(
        provenance.page_url.as_deref(),
        Some("https://commons.wikimedia.org/wiki/File:Ada.jpg")
    );
    assert_eq!(provenance.license.as_deref(), Some("CC BY-SA 4.0"));
    assert_eq!(
        provenance.license_url.as_deref(),
        Some("https://creativecommons.org/licenses/by-sa/4.0")
    );
    assert_eq!(provenance.author.as_deref(), Some("René X"));
    assert_eq!(provenance.title.as_deref(), Some("Ada.jpg"));
    assert_eq!(source.step().expect("steps"), SourceStep::End);
}

#[test]
fn a_person_is_searched_by_depicts_statements() {
    let search = CommonsSearch::Depicts("Q7259".to_owned());
    let mut source = search_for(&search, &[Licence::Cc0, Licence::Pdm]);
    assert_eq!(
        next_request(&mut source)["gsrsearch"],
        "filetype:bitmap haswbstatement:P180=Q7259 haslicense:unrestricted"
    );
    let info = json!({"url": "https://upload.wikimedia.org/a.jpg", "extmetadata": {
        "UsageTerms": {"value": "Public domain"},
        "Attribution": {"value": "<i>Photo:</i> Jane Doe"},
        "Artist": {"value": "Unknown<span style=\"display:none\">Unknown</span>"}}});
    let body = json!({"batchcomplete": "", "query": {"pages": {"1": page(1, "a.jpg", info)}}});
    answer(&mut source, &body).expect("is understood");
    let provenance = candidate(&mut source).provenance;
    assert_eq!(provenance.query.as_deref(), Some("wikidata:Q7259"));
    assert_eq!(provenance.license.as_deref(), Some("Public domain"));
    assert_eq!(provenance.attribution.as_deref(), Some("Photo: Jane Doe"));
    assert_eq!(provenance.author.as_deref(), Some("Unknown"));
    // The search can't distinguish the other licences: that is left to the filter.
    let mut source = search_for(&search, &[Licence::Cc0, Licence::By]);
    assert_eq!(
        next_request(&mut source)["gsrsearch"],
        "filetype:bitmap haswbstatement:P180=Q7259"
    );
}

#[test]
fn pages_follow_each_other_in_the_order_of_the_search() {
    let mut source = search();
    next_request(&mut source);
    let info = |name: &str| json!({"url": format!("https://upload.wikimedia.org/{name}")});
    // The keys of `pages` are page numbers; `index` is the order of the search.
    let body = json!({
        "batchcomplete": "",
        "continue": {"gsroffset": 50, "continue": "gsroffset||"},
        "query": {"pages": {
            "7": page(2, "b.jpg", info("b.jpg")),
            "9": page(1, "a.jpg", info("a.jpg")),
        }}
    });
    answer(&mut source, &body).expect("is understood");
    assert!(
        candidate(&mut source)
            .provenance
            .image_url
            .ends_with("/a.jpg")
    );
    assert!(
        candidate(&mut source)
            .provenance
            .image_url
            .ends_with("/b.jpg")
    );
    let parameters = next_request(&mut source);
    assert_eq!(parameters["gsroffset"], "50");
    assert_eq!(parameters["continue"], "gsroffset||");
    let last = json!({"batchcomplete": "", "query": {"pages": [page(3, "c.jpg", info("c.jpg"))]}});
    answer(&mut source, &last).expect("is understood");
    assert!(
        candidate(&mut source)
            .provenance
            .image_url
            .ends_with("/c.jpg")
    );
    assert_eq!(source.step().expect("steps"), SourceStep::End);
}

#[test]
fn missing_fields_are_left_out_and_a_result_without_address_is_reported() {
    let mut source = search();
    next_request(&mut source);
    // PHP writes an empty map as a list.
    let bare = json!({"url": "https://upload.wikimedia.org/a.png", "extmetadata": []});
    let body = json!({"batchcomplete": "", "query": {"pages": {
        "1": page(1, "a.png", bare),
        "2": page(2, "gone.png", json!({"filemissing": ""})),
        "3": {"pageid": 3, "index": 3, "title": "File:empty.png"},
    }}});
    answer(&mut source, &body).expect("is understood");
    let provenance = candidate(&mut source).provenance;
    assert_eq!(provenance.license, None);
    assert_eq!(provenance.author, None);
    assert_eq!(provenance.page_url, None);
    for name in ["gone.png", "empty.png"] {
        match source.step().expect("steps") {
            SourceStep::Junk(junk) => {
                assert_eq!(
                    (junk.item.as_str(), junk.reason),
                    (name, Reason::BadAddress)
                );
            }
            other => panic!("not reported: {other:?}"),
        }
    }
}

#[test]
fn a_batch_in_two_answers_gives_each_result_once() {
    let mut source = search();
    next_request(&mut source);
    let info = json!({"url": "https://upload.wikimedia.org/a.jpg"});
    let bare =
        |number: u64, name: &str| json!({"pageid": 1000 + number, "index": number, "title": name});
    let first = json!({
        "continue": {"iistart": "2020", "continue": "||"},
        "query": {"pages": [page(1, "a.jpg", info.clone()), bare(2, "File:b.jpg")]}
    });
    answer(&mut source, &first).expect("is understood");
    candidate(&mut source);
    assert_eq!(next_request(&mut source)["iistart"], "2020");
    let second = json!({"batchcomplete": "",
                        "query": {"pages": [bare(1, "File:a.jpg"), page(2, "b.jpg", info)]}});
    answer(&mut source, &second).expect("is understood");
    assert_eq!(
        candidate(&mut source).provenance.title.as_deref(),
        Some("b.jpg")
    );
    assert_eq!(source.step().expect("steps"), SourceStep::End);
}

#[test]
fn an_empty_answer_ends_the_search() {
    let mut source = search();
    next_request(&mut source);
    answer(&mut source, &json!({"batchcomplete": ""})).expect("is understood");
    assert_eq!(source.step().expect("steps"), SourceStep::End);
}

#[test]
fn error_answers_and_foreign_answers_are_errors() {
    let mut source = search();
    let refusal =
        json!({"error": {"code": "ratelimited", "info": "You've exceeded your rate limit."}});
    let error = answer(&mut source, &refusal).expect_err("is an error");
    assert!(
        error.to_string().contains("exceeded your rate limit"),
        "{error}"
    );
    for body in ["<!DOCTYPE html><html>", "", "[]", "{\"query\": "] {
        let error = source.answer(body.as_bytes()).expect_err(body);
        assert!(matches!(error, SourceError::BadAnswer { .. }), "{body}");
    }
}

#[test]
fn a_search_that_repeats_a_page_is_an_error() {
    let mut source = search();
    let page = json!({"batchcomplete": "", "continue": {"gsroffset": 50}});
    answer(&mut source, &page).expect("continues");
    assert!(answer(&mut source, &page).is_err());
}
