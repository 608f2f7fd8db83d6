//! Pages of the form that Bing sends, written for these tests.

use serde_json::json;

use super::*;

fn search(licences: &[Licence]) -> BingSource {
    BingSource::new(
        Url::parse(BingSource::ENDPOINT).expect("is an address"),
        "Ada & co".to_owned(),
        "ada".to_owned(),
        &licences.iter().copied().collect(),
    )
}

fn next_request(source: &mut BingSource) -> Url {
    match source.step().expect("steps") {
        SourceStep::Request(request) => request.url,
        other => panic!("no request: {other:?}"),
    }
}

fn candidate(source: &mut BingSource) -> Candidate {
    match source.step().expect("steps") {
        SourceStep::Candidate(candidate) => *candidate,
        other => panic!("no candidate: {other:?}"),
    }
}

/// A result as Bing writes it: JSON in an attribute, escaped for HTML.
fn result(class: &str, m: &str) -> String {
    let escaped = m.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<li><div class=\"imgpt\"><a class=\"{class}\" href=\"/x\" m=\"{escaped}\"></a></div></li>"
    )
}

fn page(addresses: &[&str]) -> String {
    let one = |address: &&str| {
        let m = json!({"sid": "", "cid": "1", "purl": "https://a.org/page?a=1&b=2",
                       "murl": address, "turl": "https://tse1.mm.bing.net/th?id=1",
                       "md5": "0", "t": "\u{e000}Ada\u{e001} &amp; \"co\"", "desc": "x"});
        result("iusc", &m.to_string())
    };
    let results: String = addresses.iter().map(one).collect();
    format!("<div class=\"dgControl\"><ul class=\"dgControl_list\">{results}</ul></div>")
}

#[test]
fn a_result_becomes_a_candidate_without_a_licence() {
    let mut source = search(&[]);
    let url = next_request(&mut source);
    assert_eq!(
        url.query(),
        Some("q=Ada+%26+co&first=1&count=35&qft=+filterui%3Aface-portrait")
    );
    let body = page(&["https://a.org/1.jpg?w=1&h=2"]);
    source.answer(body.as_bytes()).expect("is understood");
    let provenance = candidate(&mut source).provenance;
    assert_eq!(provenance.image_url, "https://a.org/1.jpg?w=1&h=2");
    assert_eq!(
        provenance.page_url.as_deref(),
        Some("https://a.org/page?a=1&b=2")
    );
    assert_eq!(provenance.title.as_deref(), Some("Ada & \"co\""));
    assert_eq!(Licence::of(&provenance), Licence::Unknown);
}

#[test]
fn pages_follow_each_other_until_one_has_nothing_new() {
    let mut source = search(&[]);
    next_request(&mut source);
    let two = page(&["https://a.org/1.jpg", "https://a.org/2.jpg"]);
    source.answer(two.as_bytes()).expect("reads");
    candidate(&mut source);
    candidate(&mut source);
    let next = next_request(&mut source);
    assert!(next.as_str().contains("first=3&"), "{next}");
    source.answer(two.as_bytes()).expect("reads");
    assert_eq!(source.step().expect("steps"), SourceStep::End);
    for nothing in ["", "<html><body>No results</body></html>"] {
        let mut source = search(&[]);
        next_request(&mut source);
        source.answer(nothing.as_bytes()).expect("reads");
        assert_eq!(source.step().expect("steps"), SourceStep::End);
    }
}

#[test]
fn an_endless_search_is_stopped() {
    let mut source = search(&[]);
    let mut offered = 0;
    loop {
        match source.step().expect("steps") {
            SourceStep::End => break,
            SourceStep::Request(_) => {
                let addresses: Vec<String> = (0..100)
                    .map(|number| format!("https://a.org/{offered}/{number}.jpg"))
                    .collect();
                let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
                source.answer(page(&addresses).as_bytes()).expect("reads");
            }
            _ => offered += 1,
        }
    }
    assert_eq!(offered, MOST_RESULTS);
}

#[test]
fn results_without_address_are_reported_and_both_kinds_of_links_count() {
    let mut source = search(&[]);
    let body = [
        result(
            "iusc",
            "{\"murl\": \"/relative.jpg\", \"purl\": \"https://a.org/p\"}",
        ),
        result("iusc", "{broken"),
        result("other", "{\"murl\": \"https://a.org/1.jpg\"}"),
        "<a class=\"iusc\" href=\"/no-m\"></a><a m='{\"murl\": \"https://a.org/2.jpg\"}'></a>"
            .to_owned(),
    ];
    source.answer(body.concat().as_bytes()).expect("reads");
    for item in ["bing:https://a.org/p", "bing:2"] {
        match source.step().expect("steps") {
            SourceStep::Junk(junk) => assert_eq!(junk.item, item),
            other => panic!("not reported: {other:?}"),
        }
    }
    assert_eq!(
        candidate(&mut source).provenance.image_url,
        "https://a.org/1.jpg"
    );
    assert!(matches!(
        source.step().expect("steps"),
        SourceStep::Request(_)
    ));
}

#[test]
fn a_challenge_for_humans_is_an_error() {
    let mut source = search(&[]);
    let error = source
        .answer(b"<form id='CAPTCHA'></form>")
        .expect_err("is refused");
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
}

#[test]
fn licences_become_the_widest_filter_that_is_needed() {
    for (licences, filter) in [
        (
            vec![Licence::Cc0, Licence::Unknown],
            Some("filterui:license-L1"),
        ),
        (
            vec![Licence::By, Licence::BySa],
            Some("filterui:license-L2_L3_L4"),
        ),
        (
            vec![Licence::ByNc],
            Some("filterui:license-L2_L3_L4_L5_L6_L7"),
        ),
        (
            vec![Licence::Pdm, Licence::ByNc],
            Some("filterui:licenseType-Any"),
        ),
        (vec![Licence::Unknown], None),
        (vec![], None),
    ] {
        let licences: LicenceFilter = licences.into_iter().collect();
        assert_eq!(licence_filter(&licences), filter, "{licences:?}");
    }
    let url = next_request(&mut search(&[Licence::Cc0]));
    assert!(
        url.as_str()
            .ends_with("qft=+filterui%3Aface-portrait+filterui%3Alicense-L1"),
        "{url}"
    );
}
