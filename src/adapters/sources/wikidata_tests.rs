//! Answers of the documented form, written for these tests.

use serde_json::json;

use super::*;

fn lookup(text: &str) -> PersonLookup {
    PersonLookup::new(
        Url::parse(PersonLookup::ENDPOINT).expect("is an address"),
        text,
    )
}

fn parameter(lookup: &PersonLookup, name: &str) -> Option<String> {
    let url = lookup.next_request().expect("asks").url;
    let mut pairs = url.query_pairs();
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

/// Search results: number, the name that matched.
fn results(found: &[(&str, &str)]) -> Value {
    let one = |(id, text): &(&str, &str)| {
        json!({"id": id, "title": id, "pageid": 1, "label": text,
               "match": {"type": "label", "language": "en", "text": text}})
    };
    json!({"searchinfo": {"search": "x"}, "success": 1,
           "search": found.iter().map(one).collect::<Vec<_>>()})
}

/// Entities: number, English name, description, what it is an instance of.
fn entities(all: &[(&str, &str, &str, &str)]) -> Value {
    let mut entities = serde_json::Map::new();
    for (id, name, description, class) in all {
        let statement = |class: &str, rank: &str| {
            json!({"rank": rank, "mainsnak": {"snaktype": "value", "property": "P31",
                   "datavalue": {"type": "wikibase-entityid",
                                 "value": {"entity-type": "item", "id": class}}}})
        };
        let entity = json!({"type": "item", "id": id,
            "labels": {"en": {"language": "en", "value": name}},
            "descriptions": {"en": {"language": "en", "value": description}},
            "claims": {"P31": [statement("Q15632617", "deprecated"), statement(class, "normal")]}});
        entities.insert((*id).to_owned(), entity);
    }
    json!({"entities": entities, "success": 1})
}

fn answer(lookup: &mut PersonLookup, value: &Value) -> Result<(), SourceError> {
    lookup.answer(value.to_string().as_bytes())
}

#[test]
fn numbers_differ_from_names() {
    for (text, number) in [
        ("Q7259", Some("Q7259")),
        (" q42 ", Some("Q42")),
        ("Q", None),
        ("Q042", None),
        ("Queen", None),
        ("Q7 Band", None),
        ("7259", None),
    ] {
        assert_eq!(item_number(text).as_deref(), number, "{text}");
    }
}

#[test]
fn a_name_becomes_the_one_human_of_that_name() {
    let mut lookup = lookup("ada  LOVELACE");
    assert_eq!(
        parameter(&lookup, "action").as_deref(),
        Some("wbsearchentities")
    );
    assert_eq!(
        parameter(&lookup, "search").as_deref(),
        Some("ada  LOVELACE")
    );
    let found = [
        ("Q7259", "Ada Lovelace"),
        ("Q1", "Ada Lovelace"),
        ("Q2", "Ada Lovelace Smith"),
        ("Q404", "Ada Lovelace"),
    ];
    answer(&mut lookup, &results(&found)).expect("is understood");
    assert_eq!(
        parameter(&lookup, "ids").as_deref(),
        Some("Q7259|Q1|Q2|Q404")
    );
    let mut known = entities(&[
        ("Q7259", "Ada Lovelace", "English mathematician", HUMAN),
        ("Q1", "Ada Lovelace", "book by Doron Swade", "Q571"),
        ("Q2", "Ada Lovelace Smith", "", HUMAN),
    ]);
    known["entities"]["Q404"] = json!({"id": "Q404", "missing": ""});
    answer(&mut lookup, &known).expect("is understood");
    let person = lookup.person().expect("is found");
    assert_eq!(
        person.to_string(),
        "Q7259 Ada Lovelace (English mathematician)"
    );
    assert_eq!(lookup.next_request(), None);
}

#[test]
fn an_item_by_its_number_may_have_moved_or_be_missing() {
    let mut moved = lookup("q100");
    assert_eq!(parameter(&moved, "ids").as_deref(), Some("Q100"));
    let mut entity = entities(&[("Q7259", "Ada Lovelace", "", HUMAN)]);
    entity["entities"]["Q7259"]["redirects"] = json!({"from": "Q100", "to": "Q7259"});
    answer(&mut moved, &entity).expect("is understood");
    let person = moved.person().expect("is found");
    assert_eq!(
        (person.item.as_str(), &person.description),
        ("Q7259", &None)
    );

    let gone = json!({"entities": {"Q100": {"id": "Q100", "missing": ""}}});
    let unknown =
        json!({"error": {"code": "no-such-entity", "info": "Could not find such an entity."}});
    for reply in [gone, unknown] {
        let mut lookup = lookup("Q100");
        let error = answer(&mut lookup, &reply).expect_err("is not there");
        assert!(matches!(error, SourceError::NoPerson { .. }), "{error}");
    }
}

#[test]
fn several_people_are_choices() {
    let mut two = lookup("John Smith");
    let found = [
        ("Q1", "John Smith"),
        ("Q2", "John Smith"),
        ("Q3", "John Smithers"),
    ];
    answer(&mut two, &results(&found)).expect("is understood");
    let known = entities(&[
        ("Q1", "John Smith", "English explorer", HUMAN),
        ("Q2", "John Smith", "British politician", HUMAN),
        ("Q3", "John Smithers", "", HUMAN),
    ]);
    let error = answer(&mut two, &known).expect_err("is not clear");
    let text = error.to_string();
    assert!(text.contains("Q1 John Smith (English explorer)"), "{text}");
    assert!(
        text.contains("Q2 John Smith (British politician)"),
        "{text}"
    );
    assert!(!text.contains("Q3"), "{text}");
    // No exact match: all similar ones are shown.
    let mut near = lookup("John Smi");
    answer(&mut near, &results(&found)).expect("is understood");
    let text = answer(&mut near, &known)
        .expect_err("is not clear")
        .to_string();
    assert!(text.contains("Q3 John Smithers"), "{text}");
}

#[test]
fn nobody_is_told() {
    let mut none = lookup("Nobody Atall");
    let error = answer(&mut none, &results(&[])).expect_err("nobody");
    assert_eq!(error.to_string(), "Wikidata knows no person `Nobody Atall`");
    let mut book = lookup("Emma");
    answer(&mut book, &results(&[("Q1", "Emma")])).expect("is understood");
    let known = entities(&[("Q1", "Emma", "novel", "Q571")]);
    let error = answer(&mut book, &known).expect_err("no human");
    assert!(matches!(error, SourceError::NoPerson { .. }), "{error}");
}

#[test]
fn error_answers_and_foreign_answers_are_errors() {
    let refusal = json!({"error": {"code": "maxlag", "info": "Waiting for a database server"}});
    let error = answer(&mut lookup("Ann"), &refusal).expect_err("is refused");
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    for body in ["<html>", "", "[]"] {
        let error = lookup("Ann").answer(body.as_bytes()).expect_err(body);
        assert!(matches!(error, SourceError::BadAnswer { .. }), "{error}");
    }
}
