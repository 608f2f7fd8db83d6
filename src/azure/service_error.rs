//! The service's errors, in the several forms that they have.

use std::time::Duration;

use facepipe_net::retry::status_may_pass;
use serde_json::Value;

/// Longest message that is shown, in characters.
const LONGEST_MESSAGE: usize = 400;
/// The text before the approvals that a resource lacks.
const MISSING_APPROVAL: &str = "missing approval for one or more of the following features:";

/// An error as the service reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceError {
    /// HTTP status.
    pub status: u16,
    /// Its code, such as `InvalidImageSize`; the inner one where there is one. May be empty.
    pub code: String,
    /// Its message.
    pub message: String,
    /// The pause that the service requests.
    pub retry_after: Option<Duration>,
}

impl ServiceError {
    /// Reads an error from a status, the header `x-ms-error-code` and a body, which is one of
    /// `{"error": {"code", "message", "innererror": {"code", "message"}}}`, the same with `statusCode`
    /// for `code`, these without the outer `error`, or no JSON at all.
    #[must_use]
    pub fn read(status: u16, code_header: Option<&str>, body: &str) -> Self {
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        let outer = value.get("error").filter(|error| error.is_object());
        let outer = outer.unwrap_or(&value);
        let inner = &outer["innererror"];
        let texts = |name: &str| {
            [text(&inner[name]), text(&outer[name])]
                .into_iter()
                .flatten()
        };
        let code = texts("code")
            .chain(code_header.map(str::to_owned))
            .chain(text(&outer["statusCode"]))
            .next();
        let message = texts("message").chain(text(&value["error"])).next();
        Self {
            status,
            code: code.unwrap_or_default(),
            message: message.map_or_else(
                || "no explanation".to_owned(),
                |message| message.chars().take(LONGEST_MESSAGE).collect(),
            ),
            retry_after: None,
        }
    }

    /// The approvals that the resource lacks, such as `Identification,Verification`, where that is
    /// the error.
    #[must_use]
    pub fn missing_approvals(&self) -> Option<&str> {
        if self.status != 403 {
            return None;
        }
        match self.message.split_once(MISSING_APPROVAL) {
            Some((_, rest)) => Some(rest.split('.').next().unwrap_or(rest).trim()),
            None => (self.code == "UnsupportedFeature").then_some("this operation"),
        }
    }

    /// Whether the quota of calls, paid or free, is used up.
    #[must_use]
    pub fn is_quota_spent(&self) -> bool {
        self.status == 403 && self.message.to_lowercase().contains("call volume quota")
    }

    /// Whether there is nothing at the address, rather than no group, person or list of a name:
    /// those have codes of their own.
    #[must_use]
    pub fn is_wrong_address(&self) -> bool {
        self.status == 404
            && matches!(
                self.code.as_str(),
                "" | "404" | "NotFound" | "ResourceNotFound"
            )
    }

    /// Whether only the picture is at fault.
    #[must_use]
    pub fn is_about_the_image(&self) -> bool {
        matches!(self.status, 400 | 413) && (self.code.starts_with("InvalidImage"))
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        status_may_pass(self.status) || self.is_busy()
    }

    /// Whether another operation on the same resource is running: this one was not begun.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.status == 409
            && (self.code == "ConcurrentOperationConflict"
                || self.code.ends_with("TrainingNotFinished"))
    }
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.status)?;
        if !self.code.is_empty() && self.code != self.status.to_string() {
            write!(formatter, " {}", self.code)?;
        }
        write!(formatter, ": {}", self.message.trim_end_matches('.'))
    }
}

/// A text on one line, or a number as one; `None` for anything else and where it is empty.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The service's answer where an approval is missing.
#[cfg(test)]
pub(super) const NOT_APPROVED: &str = concat!(
    r#"{"error":{"code":"InvalidRequest","message":"Invalid request has been sent.","innererror":"#,
    r#"{"code":"UnsupportedFeature","message":"Feature is not supported, missing approval for one "#,
    r#"or more of the following features: Identification,Verification. Please apply for access at "#,
    r#"https://aka.ms/facerecognition"}}}"#,
);
/// Its answer where all calls are used up.
#[cfg(test)]
pub(super) const QUOTA_SPENT: &str = concat!(
    r#"{"error":{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished "#,
    r#"in 2.03:27:34."}}"#,
);

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: u16, body: &str) -> String {
        ServiceError::read(status, None, body).to_string()
    }

    #[test]
    fn every_form_is_read() {
        for (status, body, expected) in [
            (
                400,
                r#"{"error":{"code":"InvalidImageSize","message":"Image size is too small."}}"#,
                "400 InvalidImageSize: Image size is too small",
            ),
            (
                429,
                r#"{"error":{"code":"429","message":"Rate limit is exceeded."}}"#,
                "429: Rate limit is exceeded",
            ),
            (
                429,
                r#"{"error":{"statusCode":429,"message":"Please retry after 26 seconds."}}"#,
                "429: Please retry after 26 seconds",
            ),
            (
                401,
                r#"{"statusCode": 401, "message": "Access denied."}"#,
                "401: Access denied",
            ),
            (
                403,
                r#"{"error":{"code":"InvalidRequest","message":"Invalid request has been sent.",
                "innererror":{"code":"UnsupportedFeature","message":"Feature is not supported."}}}"#,
                "403 UnsupportedFeature: Feature is not supported",
            ),
            (500, r#"{"error":"it broke"}"#, "500: it broke"),
            (502, "<html>Bad gateway</html>", "502: no explanation"),
            (503, "", "503: no explanation"),
            (500, "[]", "500: no explanation"),
            (500, r#"{"error":{"code":null}}"#, "500: no explanation"),
        ] {
            assert_eq!(shown(status, body), expected, "{body}");
        }
        let error = ServiceError::read(409, Some("ConcurrentOperationConflict"), "");
        assert_eq!(error.code, "ConcurrentOperationConflict");
        let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "ñ".repeat(5000));
        assert!(shown(400, &long).chars().count() < 500);
    }

    #[test]
    fn errors_of_the_resource_are_recognised() {
        let gating = ServiceError::read(403, None, NOT_APPROVED);
        assert_eq!(
            gating.missing_approvals(),
            Some("Identification,Verification")
        );
        let direct = ServiceError::read(403, None, r#"{"error":{"code":"UnsupportedFeature"}}"#);
        assert_eq!(direct.missing_approvals(), Some("this operation"));
        let quota = ServiceError::read(403, None, QUOTA_SPENT);
        assert!(quota.is_quota_spent() && quota.missing_approvals().is_none());
        let nowhere = r#"{"error":{"code":"404","message":"Resource not found"}}"#;
        assert!(ServiceError::read(404, None, nowhere).is_wrong_address());
        let group = r#"{"error":{"code":"LargePersonGroupNotFound","message":"not found"}}"#;
        assert!(!ServiceError::read(404, None, group).is_wrong_address());
    }
}
