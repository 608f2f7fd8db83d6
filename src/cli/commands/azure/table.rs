//! Answers of the service as text: objects as lines, lists as tables.

use serde_json::{Map, Value};

/// Fields that a table begins with, where they are present.
const FIRST: [&str; 8] = [
    "largePersonGroupId",
    "personGroupId",
    "faceListId",
    "largeFaceListId",
    "personId",
    "persistedFaceId",
    "faceId",
    "name",
];

/// An answer as lines.
pub(super) fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Array(rows) if rows.is_empty() => vec!["nothing".to_owned()],
        Value::Array(rows) => table(rows),
        Value::Object(fields) => {
            let names = names(std::slice::from_ref(fields));
            let mut lines = Vec::new();
            for name in names {
                flatten(name, &fields[name], &mut lines);
            }
            lines
        }
        other => vec![cell(other)],
    }
}

/// A field as a line; an object as a line for each of its fields.
fn flatten(name: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                flatten(&format!("{name}.{inner}"), value, lines);
            }
        }
        Value::Array(items) if items.is_empty() => lines.push(format!("{name}: none")),
        Value::Array(items) if !items.iter().all(Value::is_string) => {
            for (number, item) in (1..).zip(items) {
                flatten(&format!("{name} {number}"), item, lines);
            }
        }
        value => lines.push(format!("{name}: {}", cell(value))),
    }
}

/// One line a row, under the names of the fields.
fn table(rows: &[Value]) -> Vec<String> {
    let objects: Vec<_> = rows.iter().filter_map(Value::as_object).cloned().collect();
    if objects.len() != rows.len() {
        return rows.iter().map(cell).collect();
    }
    let names = names(&objects);
    let mut cells = vec![names.iter().map(ToString::to_string).collect::<Vec<_>>()];
    cells.extend(objects.iter().map(|row| {
        let of_row = names.iter().map(|name| row.get(*name).map(cell));
        of_row.map(Option::unwrap_or_default).collect()
    }));
    let widths: Vec<usize> = (0..names.len())
        .map(|column| cells.iter().map(|row| row[column].chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let line = |row: &Vec<String>| {
        let padded = row
            .iter()
            .zip(&widths)
            .map(|(text, width)| format!("{text:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

/// The names of all fields, the well-known ones first.
fn names(rows: &[Map<String, Value>]) -> Vec<&str> {
    let mut names: Vec<&str> = rows
        .iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect();
    let place = |name: &str| FIRST.iter().position(|first| *first == name);
    names.sort_by_key(|name| (place(name).unwrap_or(FIRST.len()), *name));
    names.dedup();
    names
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            texts.join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_tables_and_objects_are_lines() {
        let groups = json!([
            {"name": "Friends", "largePersonGroupId": "friends", "userData": null},
            {"name": "Work", "largePersonGroupId": "w", "recognitionModel": "recognition_04"},
        ]);
        assert_eq!(
            lines(&groups),
            [
                "largePersonGroupId  name     recognitionModel  userData",
                "friends             Friends                    -",
                "w                   Work     recognition_04",
            ]
        );
        let person = json!({"personId": "p", "name": "ada", "persistedFaceIds": ["a", "b"]});
        assert_eq!(
            lines(&person),
            ["personId: p", "name: ada", "persistedFaceIds: a b"]
        );
        let session = json!({"status": "Succeeded", "results": {"attempts": [
            {"attemptId": 1, "result": {"livenessDecision": "realface"}}]}, "others": []});
        assert_eq!(
            lines(&session),
            [
                "others: none",
                "results.attempts 1.attemptId: 1",
                "results.attempts 1.result.livenessDecision: realface",
                "status: Succeeded",
            ]
        );
        let groups = json!({"groups": [["a", "b"], ["c", "d"]], "messyGroup": ["e"]});
        assert_eq!(
            lines(&groups),
            ["groups 1: a b", "groups 2: c d", "messyGroup: e"]
        );
        assert_eq!(lines(&json!([])), ["nothing"]);
        assert_eq!(lines(&json!([["a"], ["b", "c"]])), ["a", "b c"]);
    }
}
