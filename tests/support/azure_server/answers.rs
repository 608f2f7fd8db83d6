//! Answers in the service's forms.

use serde_json::{Value, json};

use crate::http_server::Reply;

/// An answer, or an error's.
pub(super) type Answer = Result<Reply, Reply>;

/// A success with a body.
pub(super) fn ok(value: &Value) -> Answer {
    let reply = Reply::new(200, value.to_string());
    Ok(reply.header("content-type: application/json; charset=utf-8"))
}

/// A success without a body.
pub(super) fn done() -> Answer {
    Ok(Reply::new(200, ""))
}

/// An error with its code in the body and in the header.
pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({"error": {"code": code, "message": message}});
    Reply::new(status, body.to_string()).header(&format!("x-ms-error-code: {code}"))
}

pub(super) fn bad(message: &str) -> Reply {
    error(400, "BadArgument", message)
}

/// A missing approval, in the live service's form.
pub(super) fn not_approved() -> Reply {
    let body = json!({"error": {
        "code": "InvalidRequest",
        "message": "Invalid request has been sent.",
        "innererror": {
            "code": "UnsupportedFeature",
            "message": "Feature is not supported, missing approval for one or more of the following \
                features: Identification,Verification. Please apply for access at \
                https://aka.ms/facerecognition",
        },
    }});
    Reply::new(403, body.to_string())
}
