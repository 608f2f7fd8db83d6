//! The list of groups: a CSV file with the columns person and group.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::EVERYONE;
use crate::{EvaluateError, csv_list};
use facepipe_core::artifacts::labels::label_of_folder;

/// The group of each person, by the person's label or folder.
pub(crate) type GroupList = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Row {
    person: String,
    group: String,
}

/// Reads a list of people and their groups; columns of other names are passed over.
///
/// # Errors
/// [`EvaluateError::Groups`] for a list that can't be understood, [`EvaluateError::GroupOfPerson`] for a
/// person without a group or in two, [`EvaluateError::NoGroups`] for an empty list.
pub(crate) fn read(list: &Path) -> Result<GroupList, EvaluateError> {
    let unusable = |source| EvaluateError::Groups {
        list: list.to_owned(),
        source,
    };
    let mut groups = GroupList::new();
    for (line, row) in csv_list::rows::<Row>(list, unusable)? {
        let fault = |problem| EvaluateError::GroupOfPerson {
            list: list.to_owned(),
            line,
            person: row.person.clone(),
            problem,
        };
        if row.person.is_empty() || row.group.is_empty() {
            return Err(fault("the person or the group is missing"));
        }
        let group = label_of_folder(&row.group);
        if group == EVERYONE || group.contains(char::is_control) {
            return Err(fault(
                "a group can't be named `everyone`, or by more than one line of text",
            ));
        }
        let before = groups.insert(label_of_folder(&row.person), group.clone());
        if before.is_some_and(|before| before != group) {
            return Err(fault("a line above puts the person into another group"));
        }
    }
    if groups.is_empty() {
        return Err(EvaluateError::NoGroups(list.to_owned()));
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_names_its_line() {
        let root = tempfile::tempdir().expect("temporary folder");
        let list = root.path().join("groups.csv");
        let read_text = |text: &str| {
            fs_err::write(&list, text).expect("writes");
            read(&list)
        };
        let found = read_text("\u{feff}Group;note;person\na;x; Ada \nb;;Zoe\u{308}\na;y;Ada\n");
        let found = found.expect("reads");
        let expected = [("Ada", "a"), ("Zo\u{eb}", "b")];
        let expected = expected.map(|(person, group)| (person.to_owned(), group.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
        let error = |text: &str| read_text(text).expect_err("a fault").to_string();
        let twice = error("person,group\nAda,a\nBea,a\nAda,b\n");
        assert!(twice.contains("line 4") && twice.contains("Ada"), "{twice}");
        assert!(error("person,group\nAda,a\nBea,\n").contains("line 3"));
        assert!(error("person,group\nAda,everyone\n").contains("everyone"));
        assert!(error("person,group\nAda,\"a\nb\"\n").contains("line 2"));
        assert!(error("person,colour\nAda,a\n").contains("groups.csv"));
        assert!(error("person,group\n").contains("nobody"));
    }
}
