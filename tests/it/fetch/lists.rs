//! Lists as spreadsheets and other programs write them: each is read, or refused with the line that is wrong.

use serde_json::{Value, json};

use crate::helpers::{json as report, run, shared};

#[test]
fn lists_are_read_as_their_authors_meant_them() {
    let Some(lists) = shared("data/cases/lists") else {
        return;
    };
    let two_people = json!({"Ada Lovelace": 3, "Grace": 3});
    for (list, labels, bad_lines) in [
        ("url_name_label.csv", &two_people, &[][..]),
        ("label_class.csv", &two_people, &[]),
        ("image_and_url.csv", &two_people, &[]),
        ("semi.csv", &two_people, &[]),
        ("excel_sep.csv", &two_people, &[]),
        ("utf16.csv", &two_people, &[]),
        (
            "crlf_bad.csv",
            &json!({"ada": 2}),
            &["crlf_bad.csv:3", "crlf_bad.csv:5"],
        ),
        ("pretty.json", &json!({"x": 1}), &[]),
    ] {
        let plan = report(&run(
            "fetch --dry-run --json --allow-private --urls",
            &[&lists.join(list)],
        ));
        assert_eq!(plan["labels"], *labels, "{list}");
        let items = plan["items"].as_array().expect("items");
        let bad = items
            .iter()
            .filter(|item| item["left_out"] == "bad_address");
        let bad: Vec<&Value> = bad.map(|item| &item["item"]).collect();
        assert_eq!(bad, bad_lines, "{list}: {items:?}");
    }
}
