//! Opt-outs of images from data sets by a server's `X-Robots-Tag`.

use reqwest::header::HeaderMap;

/// The name under which robots.txt and `X-Robots-Tag` may address this program.
pub(super) const AGENT: &str = "facepipe";
/// The header's name.
const HEADER: &str = "x-robots-tag";
/// Directives that keep an image out of data sets; `none` stands for `noindex, nofollow`.
const OPT_OUTS: [&str; 5] = ["noai", "noimageai", "noindex", "noimageindex", "none"];
/// Directives with a value behind a colon, which are no agents' names.
const WITH_VALUE: [&str; 4] = [
    "unavailable_after",
    "max-snippet",
    "max-image-preview",
    "max-video-preview",
];

/// The directive that opts an answer out for this program; `None` where there is none.
///
/// `noai` is for all agents, `somebot: noai` for that agent only, as are further directives of the
/// same header line.
pub(super) fn opt_out(headers: &HeaderMap) -> Option<&'static str> {
    let values = headers.get_all(HEADER).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .find_map(opt_out_of_line)
}

fn opt_out_of_line(line: &str) -> Option<&'static str> {
    let mut concerns_us = true;
    for part in line.split(',') {
        let part = part.trim().to_ascii_lowercase();
        let directive = match part.split_once(':') {
            Some((name, _)) if WITH_VALUE.contains(&name.trim()) => continue,
            Some((agent, directive)) => {
                concerns_us = matches!(agent.trim(), AGENT | "*");
                directive.trim()
            }
            None => &part,
        };
        let found = OPT_OUTS.iter().find(|known| **known == directive);
        if let Some(found) = found.filter(|_| concerns_us) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn said(lines: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HEADER, HeaderValue::from_str(line).expect("is a value"));
        }
        opt_out(&headers)
    }

    #[test]
    fn opt_outs_are_found_in_any_form() {
        for line in [
            "noai",
            "NoAI",
            "index, noimageai",
            "nofollow,noindex",
            "noimageindex ",
            "none",
            "facepipe: noai",
            "Facepipe: nofollow, noai",
            "*: noindex",
            "max-snippet: 20, noai",
            "unavailable_after: 25 Jun 2010 15:00:00 PST, noindex",
            "otherbot: nofollow, facepipe: noindex",
        ] {
            assert!(said(&[line]).is_some(), "{line}");
        }
        assert_eq!(said(&["all", "noimageai"]), Some("noimageai"));
    }

    #[test]
    fn directives_for_other_agents_or_purposes_are_no_opt_out() {
        for line in [
            "",
            "all",
            "nofollow, noarchive",
            "googlebot: noindex",
            "googlebot: nofollow, noindex",
            "noaim",
            "max-image-preview: none",
        ] {
            assert_eq!(said(&[line]), None, "{line}");
        }
        assert_eq!(said(&[]), None);
    }
}
