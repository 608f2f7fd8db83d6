//! The OpenAPI description as a page.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::{footer, frame};

/// The page: a section for each route.
pub(crate) fn docs(description: &Value) -> Markup {
    let none = Map::new();
    let paths = description["paths"].as_object().unwrap_or(&none);
    let body = html! {
        header {
            h1 { (text(&description["info"]["title"])) }
            p.soft { (text(&description["info"]["description"])) }
        }
        main {
            @for (path, methods) in paths {
                @for (method, route) in methods.as_object().unwrap_or(&none) {
                    (section(path, method, route, description))
                }
            }
        }
        (footer())
    };
    frame("facepipe: routes of the server", &body, None)
}

fn section(path: &str, method: &str, route: &Value, description: &Value) -> Markup {
    let none = Map::new();
    let parameters = route["parameters"].as_array();
    let bodies = route["requestBody"]["content"].as_object().unwrap_or(&none);
    html! {
        section.route {
            h2 { span.method { (method.to_uppercase()) } " " code { (path) } }
            p { (text(&route["summary"])) }
            @if let Some(more) = route["description"].as_str() { p.soft { (more) } }
            @if let Some(example) = route["x-example"].as_str() { pre { code { (example) } } }
            @if parameters.is_some() || !bodies.is_empty() {
                h3 { "In" }
                ul {
                    @for parameter in parameters.into_iter().flatten() {
                        li { code { (text(&parameter["name"])) } " in the " (text(&parameter["in"])) ": "
                            (text(&parameter["description"])) }
                    }
                    @for (kind, body) in bodies {
                        li { code { (kind) } ": " (fields(&body["schema"], description)) }
                    }
                }
            }
            h3 { "Out" }
            ul {
                @for (status, answer) in route["responses"].as_object().unwrap_or(&none) {
                    (response(status, resolved(answer, description), description))
                }
            }
        }
    }
}

fn response(status: &str, answer: &Value, description: &Value) -> Markup {
    let none = Map::new();
    html! {
        li {
            b { (status) } " " (text(&answer["description"]))
            // Failures all have the same form.
            @if status.starts_with('2') {
                @for (kind, body) in answer["content"].as_object().unwrap_or(&none) {
                    "; " code { (kind) } ": " (fields(&body["schema"], description))
                }
            }
        }
    }
}

/// The names of an object's fields, or what else it is.
fn fields(schema: &Value, description: &Value) -> Markup {
    let schema = resolved(schema, description);
    html! {
        @if let Some(properties) = schema["properties"].as_object() {
            @for (number, (name, field)) in properties.iter().enumerate() {
                @if number > 0 { ", " }
                code { (name) }
                @if let Some(more) = field["description"].as_str() { " (" (more) ")" }
            }
        } @else if let Some(more) = schema["description"].as_str() {
            (more)
        } @else {
            (text(&schema["type"]))
        }
    }
}

/// What a reference within the description stands for.
fn resolved<'all>(value: &'all Value, description: &'all Value) -> &'all Value {
    let pointer = value["$ref"]
        .as_str()
        .and_then(|text| text.strip_prefix('#'));
    let found = pointer.and_then(|pointer| description.pointer(pointer));
    found.unwrap_or(value)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::openapi;

    #[test]
    fn every_reference_leads_somewhere_and_every_route_is_told() {
        let description = openapi();
        for part in description.to_string().split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().expect("a pointer");
            assert!(description.pointer(pointer).is_some(), "{pointer}");
        }
        let page = docs(&description).into_string();
        for path in description["paths"].as_object().expect("paths").keys() {
            assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
        }
        assert!(page.contains("pred_label"));
    }
}
