//! Files of queries: the values of `--query`, `--label` and `--wikidata`, for many at a time.

use std::path::Path;

use serde::Deserialize;

use crate::cli::failure::Failure;
use facepipe_core::words::counted;

/// One thing to search for, as the user wrote it down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The words to search for.
    pub(crate) query: Option<String>,
    /// The label of the images found.
    pub(crate) label: Option<String>,
    /// The person to search for: an item's number on Wikidata, or a name.
    pub(crate) wikidata: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlFile {
    queries: Vec<Wanted>,
}

const COLUMNS: [&str; 3] = ["query", "label", "wikidata"];

/// Reads a file of queries; its extension gives its form.
pub(crate) fn read(path: &Path) -> Result<Vec<Wanted>, Failure> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let form = extension.to_lowercase();
    if !matches!(form.as_str(), "toml" | "csv" | "tsv" | "txt") {
        return Err(wrong(path, "is neither .toml nor .csv, .tsv or .txt"));
    }
    let text = fs_err::read_to_string(path)?;
    let text = text.trim_start_matches('\u{feff}');
    let all = match form.as_str() {
        "toml" => of_toml(text),
        "csv" => of_table(text, b','),
        "tsv" => of_table(text, b'\t'),
        _ => Ok(of_lines(text)),
    };
    let all = all.map_err(|problem| wrong(path, &problem))?;
    if all.is_empty() {
        return Err(wrong(path, "holds no queries"));
    }
    Ok(all)
}

fn wrong(path: &Path, problem: &str) -> Failure {
    Failure::Usage {
        message: format!("`{}` {problem}", path.display()),
        hint: "write a CSV file with a first line `query,label`, and `wikidata` if you like; or a \
               TOML file of [[queries]] with these keys; or a text file with a query a line"
            .to_owned(),
    }
}

fn of_toml(text: &str) -> Result<Vec<Wanted>, String> {
    let file: TomlFile = toml::from_str(text).map_err(|error| format!("is wrong: {error}"))?;
    let all = file.queries.into_iter().map(tidy);
    let checked = all.enumerate().map(|(index, wanted)| {
        if is_something(&wanted) {
            Ok(wanted)
        } else {
            let number = index + 1;
            Err(format!(
                "says nothing to search for in its [[queries]] number {number}"
            ))
        }
    });
    checked.collect()
}

fn of_table(text: &str, delimiter: u8) -> Result<Vec<Wanted>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut columns: Option<Vec<usize>> = None;
    let mut all = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| format!("is wrong: {error}"))?;
        let line = row.position().map_or(0, csv::Position::line);
        let Some(columns) = &columns else {
            let names: Vec<String> = row.iter().map(str::to_lowercase).collect();
            let place = |name: &String| COLUMNS.iter().position(|column| column == name);
            if !names.iter().any(|name| place(name).is_some()) {
                // No names: queries, and labels beside them.
                columns = Some(vec![0, 1]);
                all.push(wanted_of(&row, &[0, 1], line)?);
                continue;
            }
            let found: Option<Vec<usize>> = names.iter().map(place).collect();
            let known = COLUMNS.join(", ");
            let found = found
                .ok_or_else(|| format!("has other columns than {known}: `{}`", names.join(",")))?;
            columns = Some(found);
            continue;
        };
        all.push(wanted_of(&row, columns, line)?);
    }
    Ok(all)
}

fn wanted_of(row: &csv::StringRecord, columns: &[usize], line: u64) -> Result<Wanted, String> {
    if row.len() > columns.len() {
        return Err(format!(
            "has {} in line {line}, not {}",
            counted(row.len(), "field"),
            columns.len()
        ));
    }
    let field = |column: usize| {
        let place = columns.iter().position(|known| *known == column)?;
        row.get(place).map(str::to_owned)
    };
    let wanted = tidy(Wanted {
        query: field(0),
        label: field(1),
        wikidata: field(2),
    });
    if is_something(&wanted) {
        Ok(wanted)
    } else {
        Err(format!("says nothing to search for in line {line}"))
    }
}

fn of_lines(text: &str) -> Vec<Wanted> {
    let lines = text.lines().map(str::trim);
    let queries = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let wanted = queries.map(|query| Wanted {
        query: Some(query.to_owned()),
        ..Wanted::default()
    });
    wanted.collect()
}

/// The same without blanks around its texts; empty ones are missing ones.
pub(crate) fn tidy(wanted: Wanted) -> Wanted {
    let tidy = |text: Option<String>| {
        let text = text?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    Wanted {
        query: tidy(wanted.query),
        label: tidy(wanted.label),
        wikidata: tidy(wanted.wikidata),
    }
}

/// Whether there is anything to search for.
pub(crate) fn is_something(wanted: &Wanted) -> bool {
    wanted.query.is_some() || wanted.wikidata.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(name: &str, text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join(name);
        fs_err::write(&path, text).expect("writes");
        let all = read(&path).map_err(|failure| match failure {
            Failure::Usage { message, .. } => message,
            other => format!("{other:?}"),
        })?;
        let to_wanted = |one: Wanted| {
            let parts = [one.query, one.label, one.wikidata];
            parts.map(|part| part.unwrap_or_default()).join("|")
        };
        Ok(all.into_iter().map(to_wanted).collect())
    }

    #[test]
    fn all_forms_have_the_same_queries() {
        let same = ["Ada, Countess|ada|Q7259", "Bob B||", "||Grace Hopper"];
        let toml = "[[queries]]\nquery = \"Ada, Countess\"\nlabel = \"ada\"\nwikidata = \"Q7259\"\n\
                    [[queries]]\nquery = \" Bob B \"\n[[queries]]\nwikidata = \"Grace Hopper\"\n";
        let csv = "\u{feff}label,Query,wikidata\nada,\"Ada, Countess\",Q7259\n# none\n,Bob B\n,,Grace Hopper\n";
        let tsv = "wikidata\tquery\tlabel\nQ7259\tAda, Countess\tada\n\tBob B\nGrace Hopper\n";
        for (name, text) in [("q.toml", toml), ("q.CSV", csv), ("q.tsv", tsv)] {
            assert_eq!(read_as(name, text).expect(name), same, "{name}");
        }
    }

    #[test]
    fn without_names_there_are_queries_and_labels() {
        let csv = read_as("q.csv", "Ada Lovelace,ada\nBob B\n").expect("reads");
        assert_eq!(csv, ["Ada Lovelace|ada|", "Bob B||"]);
        let txt = read_as("q.txt", "# people\nAda Lovelace\n\n  Bob, B\n").expect("reads");
        assert_eq!(txt, ["Ada Lovelace||", "Bob, B||"]);
    }

    #[test]
    fn errors_are_reported_with_their_place() {
        for (name, text, message) in [
            ("q.csv", "query,labell\nAda,ada\n", "`query,labell`"),
            ("q.csv", "query,label\n,ada\n", "line 2"),
            ("q.csv", "Ada,ada,x\n", "3 fields in line 1"),
            ("q.csv", "", "holds no queries"),
            ("q.txt", "# nothing\n", "holds no queries"),
            ("q.toml", "[[queries]]\nname = \"Ada\"\n", "name"),
            ("q.toml", "[[queries]]\nlabel = \"ada\"\n", "number 1"),
            ("q.toml", "queries =", "is wrong"),
            ("q.json", "[]", "is neither .toml"),
        ] {
            let error = read_as(name, text).expect_err(text);
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
