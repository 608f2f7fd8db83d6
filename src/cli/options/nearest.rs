//! Which right name a misspelt one is nearest to.

/// How alike two names are at least, as clap has it for options.
const ALIKE: f64 = 0.7;

/// The name that is most alike, where one is alike enough.
pub(crate) fn nearest(word: &str, names: impl IntoIterator<Item = String>) -> Option<String> {
    names
        .into_iter()
        .map(|name| (strsim::jaro(word, &name), name))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_strange_ones_have_none() {
        let names = || ["min-face", "margin", "min-quality"].map(str::to_owned);
        for (word, expected) in [
            ("min-fase", Some("min-face")),
            ("minface", Some("min-face")),
            ("magrin", Some("margin")),
            ("", None),
            ("zzz", None),
        ] {
            assert_eq!(nearest(word, names()).as_deref(), expected, "{word}");
        }
    }
}
