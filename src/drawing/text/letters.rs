//! Which letters are drawn for a text.

use ttf_parser::Face;

/// What is drawn for letters that neither the font nor Latin letters can write.
const UNKNOWN: &str = "?";

/// A text in letters that the font can write from left to right, one after the other. Letters of other
/// scripts (Chinese, Devanagari, …), and of those that run from right to left or are joined (Arabic,
/// Hebrew), become Latin ones that sound alike; what has no sound becomes a question mark. Control
/// characters are left out.
pub(super) fn writable(face: &Face<'_>, text: &str) -> String {
    let mut all = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if face.glyph_index(letter).is_some() && !runs_leftwards(letter) {
            all.push(letter);
        } else {
            all.push_str(deunicode::deunicode_char(letter).unwrap_or(UNKNOWN));
        }
    }
    all.trim_end().to_owned()
}

/// Whether a letter belongs to a script that is written from right to left: the blocks that Unicode
/// keeps for these.
const fn runs_leftwards(letter: char) -> bool {
    matches!(
        letter,
        '\u{590}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Weight;

    #[test]
    fn names_in_any_script_can_be_written() {
        for (name, expected) in [
            ("Ada Lovelace 97%", "Ada Lovelace 97%"),
            ("José Müller", "José Müller"),
            ("Jose\u{301}", "Jose\u{301}"),
            ("Ольга", "Ольга"),
            ("Ελένη", "Ελένη"),
            ("Şebnem Çağlar", "Şebnem Çağlar"),
            ("北京", "Bei Jing"),
            ("אדה", "'dh"),
            ("tab\tand\nline", "tabandline"),
            ("\u{e000}", "?"),
        ] {
            for weight in [Weight::Regular, Weight::Bold] {
                assert_eq!(writable(weight.face(), name), expected);
            }
        }
    }
}
