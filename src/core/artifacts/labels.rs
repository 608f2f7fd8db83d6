//! Names of labels: from a query, from a user's text, from a folder's name.

use unicode_normalization::UnicodeNormalization;

use super::digest::md5_hex;
use super::image_folder::{REPORT_FOLDER, RESERVED_NAMES};
use super::walk::is_hidden;

/// A folder name for a label that works on every file system: letters and digits of any script,
/// `-`, `_`; everything else becomes `_`.
///
/// ```text
/// "Sarah Connor" -> "sarah_connor"      "AC/DC: live" -> "ac_dc_live"
/// ```
#[must_use]
pub fn label_from_query(query: &str) -> String {
    let mut label = String::new();
    for letter in query.trim().nfc().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() || letter == '-' {
            label.push(letter);
        } else if !label.is_empty() && !label.ends_with('_') {
            label.push('_');
        }
    }
    let label = shortened(&label, LABEL_BYTES).trim_end_matches('_');
    match label {
        "" => "unnamed".to_owned(),
        _ if is_reserved(label) => format!("{label}_"),
        _ => label.to_owned(),
    }
}

/// A label as the user wrote it: unchanged where it can be a folder's name on every file system,
/// else as [`label_from_query`] makes one of it.
#[must_use]
pub fn label_from_text(text: &str) -> String {
    let text: String = text.trim().nfc().collect();
    let usable = !text.is_empty()
        && text.len() <= LABEL_BYTES
        && !is_reserved(&text)
        && !text.starts_with('.')
        && !text.ends_with('.')
        && !text.contains(|letter: char| letter.is_control() || r#"/\<>:"|?*"#.contains(letter));
    if usable {
        text
    } else {
        label_from_query(&text)
    }
}

/// Whether stages write something of this name beside the folders of labels, on a file system that may take
/// letters of both sizes for the same.
fn is_reserved(label: &str) -> bool {
    let small = label.to_lowercase();
    RESERVED_NAMES
        .iter()
        .any(|name| name.to_lowercase() == small)
}

/// Longest name of a file or folder that file systems take, in bytes.
const NAME_BYTES: usize = 255;
/// Digits of a hash that tell shortened labels apart.
const HASH_DIGITS: usize = 8;
/// Longest label in bytes: file systems allow 255, and names derived from it get longer.
const LABEL_BYTES: usize = 120;

/// The first letters of a text, as many as go into so many bytes.
#[must_use]
pub fn shortened(text: &str, bytes: usize) -> &str {
    let mut length = bytes.min(text.len());
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    &text[..length]
}

/// The label of a folder: its name, composed (Unicode NFC) and without blanks around it, so that one
/// person's folders from two systems are one label. A name that would then be empty, hidden or the
/// name of reports stays as it is. One that is too long for the name of a folder, written out as it is,
/// is shortened, with a part of its hash.
#[must_use]
pub fn label_of_folder(name: &str) -> String {
    let label: String = name.trim().nfc().collect();
    let is_usable = !label.is_empty() && !is_hidden(label.as_ref()) && label != REPORT_FOLDER;
    let label = if is_usable { label } else { name.to_owned() };
    if label.len() <= NAME_BYTES {
        return label;
    }
    let hash = md5_hex(label.as_bytes());
    format!(
        "{}_{}",
        shortened(&label, NAME_BYTES / 2),
        &hash[..HASH_DIGITS]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_from_queries() {
        assert_eq!(label_from_query("Sarah  Connor "), "sarah_connor");
        assert_eq!(label_from_query("../AC/DC: live!"), "ac_dc_live");
        assert_eq!(label_from_query("Ñandú 漢字"), "ñandú_漢字");
        assert_eq!(label_from_query("?"), "unnamed");
        assert_eq!(label_from_query("Report"), "report_");
        assert_eq!(label_from_query(&"漢".repeat(300)), "漢".repeat(40));
    }

    #[test]
    fn written_labels_stay_where_they_are_folder_names() {
        for label in ["Ben Affleck", "ben_afflek", "O'Neil", "漢字"] {
            assert_eq!(label_from_text(&format!(" {label} ")), label);
        }
        assert_eq!(label_from_text("../../etc/Passwd"), "etc_passwd");
        assert_eq!(label_from_text(".hidden"), "hidden");
        assert_eq!(label_from_text("AC/DC"), "ac_dc");
        assert_eq!(label_from_text("report"), "report_");
    }

    #[test]
    fn folders_of_one_name_have_one_label() {
        for (name, label) in [
            ("Jos\u{e9}", "Jos\u{e9}"),
            ("Jose\u{301}", "Jos\u{e9}"),
            ("ada ", "ada"),
            (" ada\t", "ada"),
            ("  ", "  "),
            (" .ada", " .ada"),
            (" report", " report"),
        ] {
            assert_eq!(label_of_folder(name), label);
        }
        let long = "%E9".repeat(100);
        let [one, other] = ["a", "b"].map(|end| label_of_folder(&format!("{long}{end}")));
        assert!(one != other && one.len() <= NAME_BYTES && other.len() <= NAME_BYTES);
        assert_eq!(label_of_folder(&one), one);
    }
}
