//! Command lines that are there to be pasted.

use std::path::Path;

/// A word as shells take it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A path as shells, and then the program, take it: never for an option.
pub(crate) fn quoted_path(path: &Path) -> String {
    let text = path.display().to_string();
    if text.starts_with('-') {
        return quoted(&format!("./{text}"));
    }
    quoted(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_blanks_and_quotes_are_quoted_and_paths_are_no_options() {
        for (word, expected) in [
            ("/a/b.c", "/a/b.c"),
            ("Ada Lovelace", "'Ada Lovelace'"),
            ("it's", r"'it'\''s'"),
            ("=ls", "'=ls'"),
            ("~ada", "'~ada'"),
            ("", "''"),
            ("Čapek", "Čapek"),
        ] {
            assert_eq!(quoted(word), expected);
        }
        assert_eq!(quoted_path(Path::new("-o")), "./-o");
        assert_eq!(quoted_path(Path::new("a b")), "'a b'");
    }
}
