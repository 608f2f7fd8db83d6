//! One call of an operation.

use reqwest::Method;
use serde_json::Value;

use super::collection::Collection;
use super::endpoint::ApiVersion;
use super::operations::Operation;

/// Characters that are not escaped in a part of a path.
const PLAIN: &[u8] = b"-_.~";

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON text.
    Json(String),
    /// The bytes of an image file.
    Image(Vec<u8>),
    /// A form: texts by their names, and a JPEG file under the last name.
    Form(Vec<(&'static str, String)>, (&'static str, Vec<u8>)),
}

/// Whether a request may be sent again after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Repeating it does no harm.
    Always,
    /// Repeating it would make a second thing (a person, a face): only where the first try
    /// certainly did nothing, which a timeout does not show.
    UnlessExecuted,
}

/// One call of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The operation's name.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The version of the interface, unless the client has chosen one.
    pub version: ApiVersion,
    /// The oldest version that has the operation.
    pub since: ApiVersion,
    /// The path below the version, such as `detect`; its parts are percent-encoded where necessary.
    pub path: String,
    /// Parameters of the address.
    pub query: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Body,
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

impl Operation {
    /// A request of this operation on no stored resource, or on a session, whose id is then the one
    /// in `parts`.
    #[must_use]
    pub fn request(&self, parts: &[&str]) -> Request {
        Request {
            name: self.name,
            method: self.method.clone(),
            version: self.version,
            since: self.since,
            path: filled(self.path, parts),
            query: Vec::new(),
            body: Body::Empty,
            repeat: self.repeat,
        }
    }

    /// A request of this operation on a kind of collections; `ids` are the collection's and those
    /// inside it, in the path's order.
    #[must_use]
    pub fn on(&self, collection: Collection, ids: &[&str]) -> Request {
        let mut parts = vec![collection.segment()];
        parts.extend(ids);
        self.request(&parts)
    }
}

impl Request {
    /// Adds a parameter of the address.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Adds a parameter of the address if there is a value.
    #[must_use]
    pub fn maybe_query(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Sends JSON; fields that are null are left out, as the service refuses them.
    #[must_use]
    pub fn json(mut self, mut value: Value) -> Self {
        if let Value::Object(fields) = &mut value {
            fields.retain(|_, field| !field.is_null());
        }
        self.body = Body::Json(value.to_string());
        self
    }

    /// Sends another body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }
}

/// A path with its braces replaced by `parts`, in order.
fn filled(path: &str, parts: &[&str]) -> String {
    let mut parts = parts.iter();
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            encoded(parts.next().copied().unwrap_or_default())
        } else {
            segment.to_owned()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

fn encoded(part: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a text never fails.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::operations;
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_filled_and_each_part_is_escaped() {
        let group = Collection::LargePersonGroup;
        let request = operations::PERSON_FACE_GET.on(group, &["my-group", "../x?y", "f"]);
        assert_eq!(
            request.path,
            "largepersongroups/my-group/persons/..%2Fx%3Fy/persistedfaces/f"
        );
        let request = operations::DETECT
            .request(&[])
            .maybe_query("top", None::<u32>);
        assert_eq!((request.path.as_str(), request.query.len()), ("detect", 0));
    }

    #[test]
    fn fields_without_a_value_are_left_out() {
        let request = operations::CREATE
            .on(Collection::FaceList, &["a"])
            .json(json!({"name": "n", "userData": null}));
        assert_eq!(request.body, Body::Json(r#"{"name":"n"}"#.to_owned()));
    }

    #[test]
    fn every_name_of_an_operation_is_one_of_a_kind() {
        let names: std::collections::BTreeSet<_> = operations::ALL
            .iter()
            .map(|operation| operation.name)
            .collect();
        assert_eq!(names.len(), operations::ALL.len());
    }
}
