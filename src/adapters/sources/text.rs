//! Shared parsing of the sources' answers: JSON, HTML in fields, addresses without a protocol.

use scraper::Html;
use serde_json::Value;
use url::Url;

use facepipe_core::ports::SourceError;

/// Longest text that is kept of a field, in characters: some authors' fields hold whole essays.
const LONGEST_TEXT: usize = 1000;
/// How much of an answer that is not JSON its error shows, in characters.
const SHOWN: usize = 60;
/// Elements whose text is never shown.
const UNSEEN: [&str; 4] = ["script", "style", "template", "noscript"];
/// Elements that separate words, as in a browser.
const PARTING: [&str; 11] = [
    "br", "p", "div", "li", "ul", "ol", "tr", "td", "th", "dd", "dt",
];

/// An answer as JSON.
pub(super) fn json_of(source_name: &str, body: &[u8]) -> Result<Value, SourceError> {
    serde_json::from_slice(body).map_err(|error| {
        let start: String = String::from_utf8_lossy(body).chars().take(SHOWN).collect();
        SourceError::BadAnswer {
            source_name: source_name.to_owned(),
            message: format!("{error}; it begins with `{}`", start.escape_debug()),
        }
    })
}

/// An answer as a JSON object.
pub(super) fn json_object_of(source_name: &str, body: &[u8]) -> Result<Value, SourceError> {
    let answer = json_of(source_name, body)?;
    if answer.is_object() {
        return Ok(answer);
    }
    Err(SourceError::BadAnswer {
        source_name: source_name.to_owned(),
        message: "not a JSON object".to_owned(),
    })
}

/// A field's text; `None` where it is missing, empty or not text.
pub(super) fn field<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    let text = object[name].as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// The http or https address of an image, which may lack its protocol, as Wikimedia writes some.
pub(super) fn web_address(text: &str) -> Option<Url> {
    let mut url = any_address(text)?;
    // The fragment is never sent, and with it the same image would have two addresses.
    url.set_fragment(None);
    Some(url)
}

/// The address of a page, likewise, as text.
pub(super) fn link(text: &str) -> Option<String> {
    any_address(text).map(String::from)
}

fn any_address(text: &str) -> Option<Url> {
    let url = if text.starts_with("//") {
        Url::parse(&format!("https:{text}"))
    } else {
        Url::parse(text)
    };
    url.ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// The text of a field that may hold HTML, as a browser would show it, in one line; `None` where
/// nothing is left.
pub(super) fn plain_text(html: &str) -> Option<String> {
    if !html.contains(['<', '&']) {
        return one_line(html);
    }
    let fragment = Html::parse_fragment(html);
    let mut text = String::new();
    for node in fragment.root_element().descendants() {
        let is_hidden = |element: &scraper::node::Element| {
            UNSEEN.contains(&element.name())
                || element.attr("hidden").is_some()
                || element.attr("style").is_some_and(|style| {
                    style
                        .replace(char::is_whitespace, "")
                        .contains("display:none")
                })
        };
        let parts = |element: &scraper::node::Element| PARTING.contains(&element.name());
        if let Some(element) = node.value().as_element() {
            if parts(element) {
                text.push(' ');
            }
        } else if let Some(piece) = node.value().as_text() {
            let mut around = node
                .ancestors()
                .filter_map(|node| node.value().as_element());
            if around.any(is_hidden) {
                continue;
            }
            let before = node.prev_sibling();
            if before.is_some_and(|node| node.value().as_element().is_some_and(parts)) {
                text.push(' ');
            }
            text.push_str(piece);
        }
    }
    one_line(&text)
}

/// A text without control characters and with single spaces; `None` where nothing is left.
pub(super) fn one_line(text: &str) -> Option<String> {
    let is_shown = |letter: &char| !letter.is_control() || letter.is_whitespace();
    // Search engines mark the searched words with letters of private use.
    let is_mark = |letter: &char| matches!(letter, '\u{e000}'..='\u{f8ff}');
    let text: String = text
        .chars()
        .filter(|letter| is_shown(letter) && !is_mark(letter))
        .collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() > LONGEST_TEXT {
        let start: String = line.chars().take(LONGEST_TEXT).collect();
        return Some(format!("{start}…"));
    }
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_what_a_browser_shows() {
        for (html, text) in [
            ("<a href=\"//x\">Ren&eacute;  <b>X</b></a>\n", "René X"),
            ("Tom &amp; Jerry", "Tom & Jerry"),
            ("AT&T < 3", "AT&T < 3"),
            (
                "Jane<br>Doe<p>Berlin</p>and <i>Co</i>.",
                "Jane Doe Berlin and Co.",
            ),
            ("<div>A</div>B", "A B"),
            (
                "Unknown author<span style=\"display: none;\">Unknown author</span>",
                "Unknown author",
            ),
            (
                "<style>p{}</style><script>1 < 2</script>Ann<!-- no -->",
                "Ann",
            ),
            ("<b>torn <i", "torn"),
        ] {
            assert_eq!(plain_text(html).as_deref(), Some(text), "{html}");
        }
        for nothing in ["", "  \n", "<p></p>", "<span hidden>x</span>"] {
            assert_eq!(plain_text(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let text = plain_text(&"ä ".repeat(5000)).expect("is there");
        assert_eq!(text.chars().count(), LONGEST_TEXT + 1);
        assert!(text.ends_with('…'));
    }

    #[test]
    fn only_web_addresses_are_addresses() {
        for (text, address) in [
            ("//a.org/b", Some("https://a.org/b")),
            ("http://a.org/b c#d", Some("http://a.org/b%20c#d")),
            ("data:image/gif;base64,R0", None),
            ("javascript:alert(1)", None),
            ("/b", None),
            ("", None),
        ] {
            assert_eq!(link(text).as_deref(), address, "{text}");
            let image = web_address(text).map(String::from);
            let address = address.map(|address| address.trim_end_matches("#d"));
            assert_eq!(image.as_deref(), address, "{text}");
        }
    }

    #[test]
    fn an_answer_that_is_not_json_is_shown() {
        let error = json_of("openverse", b"<html>\n<title>Busy").expect_err("is no JSON");
        assert!(
            error.to_string().contains("openverse gave an answer"),
            "{error}"
        );
        assert!(
            error.to_string().contains("begins with `<html>\\n"),
            "{error}"
        );
        assert!(json_object_of("openverse", b"[]").is_err());
    }
}
