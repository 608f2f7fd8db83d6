//! robots.txt, as RFC 9309 describes it.

use url::Url;

/// How much of a file is read, in bytes: RFC 9309, section 2.5, asks for 500 KiB at least.
pub(super) const MOST_BYTES: usize = 500 << 10;

/// The rules of one host that concern this program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Robots {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allows: bool,
    pattern: String,
}

/// The rules of groups for one agent.
#[derive(Debug, Default)]
struct Group {
    is_there: bool,
    rules: Vec<Rule>,
}

impl Robots {
    /// Reads the rules for `agent`, or those for all agents where there are none for it. Other lines
    /// are skipped, as the standard requires.
    pub(super) fn parse(text: &[u8], agent: &str) -> Self {
        let text = String::from_utf8_lossy(&text[..text.len().min(MOST_BYTES)]);
        let (mut own, mut all_agents) = (Group::default(), Group::default());
        let (mut for_own, mut for_all_agents) = (false, false);
        let mut names_agents = false;
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((field, value)) = line.split_once(':') else {
                continue;
            };
            let (field, value) = (field.trim().to_ascii_lowercase(), value.trim());
            match field.as_str() {
                "user-agent" => {
                    if !names_agents {
                        (for_own, for_all_agents) = (false, false);
                    }
                    names_agents = true;
                    for_own |= product(value).eq_ignore_ascii_case(agent);
                    for_all_agents |= value == "*";
                    own.is_there |= for_own;
                    all_agents.is_there |= for_all_agents;
                }
                "allow" | "disallow" => {
                    names_agents = false;
                    // An empty pattern matches nothing.
                    if value.is_empty() {
                        continue;
                    }
                    let rule = Rule {
                        allows: field == "allow",
                        pattern: comparable(value),
                    };
                    if for_own {
                        own.rules.push(rule.clone());
                    }
                    if for_all_agents {
                        all_agents.rules.push(rule);
                    }
                }
                _ => {}
            }
        }
        Self {
            rules: if own.is_there { own } else { all_agents }.rules,
        }
    }

    /// Whether an address may be requested: the longest pattern that matches decides, and of two equally
    /// long ones the one that allows.
    pub(super) fn allows(&self, url: &Url) -> bool {
        let mut path = url.path().to_owned();
        if let Some(query) = url.query() {
            path.push('?');
            path.push_str(query);
        }
        let path = comparable(&path);
        let matching = self
            .rules
            .iter()
            .filter(|rule| matches(rule.pattern.as_bytes(), path.as_bytes()));
        matching
            .max_by_key(|rule| (rule.pattern.len(), rule.allows))
            .is_none_or(|rule| rule.allows)
    }
}

/// The product token at the start of an agent's name: `facepipe/1.0` is `facepipe`.
fn product(agent: &str) -> &str {
    let end = agent.find(|letter: char| !(letter.is_ascii_alphabetic() || "_-".contains(letter)));
    &agent[..end.unwrap_or(agent.len())]
}

/// A path or pattern in the form in which both are compared: letters outside ASCII are escaped, escaped
/// letters and digits are not, and the digits of escapes are large.
fn comparable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let byte = escaped.unwrap_or(bytes[at]);
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || (escaped.is_none() && byte.is_ascii()) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

/// Whether a pattern matches the beginning of a path; `*` stands for anything, `$` at the end for the
/// path's end. Takes at most pattern times path steps, whatever the pattern is.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, to_the_end) = match pattern.strip_suffix(b"$") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let (mut at, mut in_path) = (0, 0);
    // Where the last star was, and how much it matched so far.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if at == pattern.len() && (!to_the_end || in_path == path.len()) {
            return true;
        }
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_path));
                at += 1;
            }
            Some(byte) if path.get(in_path) == Some(byte) => {
                at += 1;
                in_path += 1;
            }
            _ => match &mut star {
                Some((star_at, stood_for)) if *stood_for < path.len() => {
                    *stood_for += 1;
                    in_path = *stood_for;
                    at = *star_at + 1;
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str, path: &str) -> bool {
        let url = Url::parse(&format!("https://a.org{path}")).expect("is an address");
        Robots::parse(text.as_bytes(), "facepipe").allows(&url)
    }

    #[test]
    fn the_longest_rule_decides() {
        let text = "User-Agent: *\nDisallow: /images\nAllow: /images/free/ # these\n";
        assert!(!allows(text, "/images/a.jpg"));
        assert!(allows(text, "/images/free/a.jpg"));
        assert!(allows(text, "/a.jpg"));
        assert!(allows("User-agent: *\nDisallow: /a\nAllow: /a", "/a"));
        assert!(allows("", "/a") && allows("<html>404</html>", "/a"));
        assert!(allows("User-agent: *\nDisallow:\n", "/a"));
        assert!(allows("Disallow: /\n", "/a"), "a rule of no agent");
    }

    #[test]
    fn the_own_group_takes_precedence_over_the_group_of_all_agents() {
        let text = "user-agent: otherbot\nuser-agent: FacePipe/2\ndisallow: /own\n\n\
                    user-agent: *\ndisallow: /\n\nuser-agent: facepipe\ndisallow: /too\n";
        assert!(!allows(text, "/own/a.jpg") && !allows(text, "/too"));
        assert!(allows(text, "/a.jpg"));
        let text = "User-agent: facepipe\n\nUser-agent: other\nDisallow: /\n";
        assert!(!allows(text, "/a"), "agents before the first rule share it");
        let text = "User-agent: facepipes\nDisallow: /\n";
        assert!(allows(text, "/a"));
    }

    #[test]
    fn stars_ends_and_escapes() {
        let rule = |pattern: &str| format!("User-agent: *\r\nDisallow: {pattern}\r\n");
        for (pattern, path, blocked) in [
            ("/*.jpg$", "/x/a.jpg", true),
            ("/*.jpg$", "/x/a.jpg?b=1", false),
            ("/*.jpg", "/x/a.jpg?b=1", true),
            ("/a*b*c", "/a1b2b3c4", true),
            ("/a*b*c", "/a1c2b", false),
            ("*", "/", true),
            ("/$", "/", true),
            ("/$", "/a", false),
            ("/*?size=", "/a?size=2", true),
            ("/%7Ejoe", "/~joe/1.jpg", true),
            ("/ü", "/%c3%bc/1.jpg", true),
            ("/a%2Fb", "/a/b", false),
            ("/a%2fb", "/a%2Fb", true),
        ] {
            assert_eq!(!allows(&rule(pattern), path), blocked, "{pattern} {path}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        let pattern = "/".to_owned() + &"*a".repeat(5000) + "$";
        let path = "/".to_owned() + &"a".repeat(4000) + "b";
        assert!(!matches(pattern.as_bytes(), path.as_bytes()));
    }
}
