//! When a request to the service may be repeated.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use facepipe_net::retry::retry_after;

/// Headers that give a pause in milliseconds.
const MILLISECONDS: [&str; 2] = ["retry-after-ms", "x-ms-retry-after-ms"];
/// The text before a pause in a message.
const IN_MESSAGE: &str = "retry after ";

/// The pause that an answer requests: by a header in milliseconds, by `Retry-After` (seconds or a
/// date), else by its message ("retry after N seconds").
pub(super) fn asked_pause(headers: &HeaderMap, message: &str, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    MILLISECONDS
        .iter()
        .find_map(|name| milliseconds(header(name)?))
        .or_else(|| retry_after(header(RETRY_AFTER.as_str())?, now))
        .or_else(|| in_message(message))
}

fn milliseconds(text: &str) -> Option<Duration> {
    let number: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(number / 1000.0).ok()
}

fn in_message(message: &str) -> Option<Duration> {
    let message = message.to_ascii_lowercase();
    let (_, rest) = message.split_once(IN_MESSAGE)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let unit = rest[digits.len()..].trim_start();
    if !unit.starts_with("second") {
        return None;
    }
    digits.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn pause(header: Option<(&'static str, &'static str)>, message: &str) -> Option<u128> {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("is a date");
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        asked_pause(&headers, message, now).map(|pause| pause.as_millis())
    }

    #[test]
    fn every_form_of_a_pause_is_read() {
        assert_eq!(pause(Some(("retry-after-ms", "1500")), ""), Some(1500));
        assert_eq!(pause(Some(("x-ms-retry-after-ms", "250.5")), ""), Some(250));
        assert_eq!(pause(Some(("retry-after", "26")), ""), Some(26_000));
        let date = ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(pause(Some(date), ""), Some(30_000));
        let message = "rate limit of your current Face F0 pricing tier. Please retry after 26 \
                       seconds. To increase";
        assert_eq!(pause(None, message), Some(26_000));
        assert_eq!(pause(None, "Retry after 1 second(s)."), Some(1000));
        let header = Some(("retry-after", "7"));
        assert_eq!(
            pause(header, message),
            Some(7000),
            "headers take precedence"
        );
    }

    #[test]
    fn other_values_are_no_pause() {
        for value in ["-5", "NaN", "inf", "soon", ""] {
            assert_eq!(pause(Some(("retry-after-ms", value)), ""), None, "{value}");
        }
        assert_eq!(pause(None, "retry after "), None);
        assert_eq!(pause(None, "retry after 5 minutes"), None);
        let huge = "retry after 99999999999999999999999 seconds";
        assert_eq!(pause(None, huge), None);
    }
}
