//! Compares requests with the published OpenAPI documents (version 2, as Microsoft writes them).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use url::Url;

use crate::helpers::shared;
use facepipe_test_support::azure_server::{KEY, Recorded};

/// One version's document.
pub(crate) struct Spec {
    document: Value,
    version: &'static str,
}

impl Spec {
    /// The document of a version; `None`, said loudly, where it is not on this machine.
    pub(crate) fn of(version: &'static str) -> Option<Self> {
        let file = match version {
            "v1.0" => "azure/spec/face-v1.0.json",
            _ => "azure/spec/face-v1.2.derived.json",
        };
        let bytes = fs_err::read(shared(file)?).expect("reads");
        let mut document: Value = serde_json::from_slice(&bytes).expect("is JSON");
        // Version 1.0 takes these two from a document of all vision services.
        document["outside"] = json!({
            "ImageStream": {"name": "Image", "in": "body", "required": true,
                "schema": {"type": "object", "format": "file"}},
            "ImageUrl": {"name": "ImageUrl", "in": "body", "required": true, "schema": {
                "type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}},
        });
        Some(Self { document, version })
    }

    /// All operations: path (as in the document) and method.
    pub(crate) fn operations(&self) -> Vec<(String, String, &Value)> {
        let mut all = Vec::new();
        for section in ["paths", "x-ms-paths"] {
            for (path, item) in self.document[section].as_object().into_iter().flatten() {
                for method in ["get", "put", "post", "patch", "delete"] {
                    if let Some(operation) = item.get(method) {
                        all.push((path.clone(), method.to_uppercase(), operation));
                    }
                }
            }
        }
        all
    }

    /// The operation that a request calls; panics with all that is wrong with it.
    pub(crate) fn check(&self, request: &Recorded) -> (String, String) {
        let header = self.document["securityDefinitions"]
            .as_object()
            .expect("has some");
        let header = header.values().find_map(|way| {
            let name = way["name"].as_str()?;
            (way["type"] == "apiKey").then(|| name.to_lowercase())
        });
        let line = format!("{}: {KEY}\n", header.expect("has a key"));
        assert!(request.headers.contains(&line), "{request:?}");
        let mut problems = Vec::new();
        for (path, method, operation) in self.operations() {
            if method != request.method {
                continue;
            }
            let Some(url) = self.matches(&path, &request.path) else {
                continue;
            };
            let mut found = self.problems(operation, request, &url);
            self.path_problems(operation, &path, &url, &mut found);
            if found.is_empty() {
                return (path, method);
            }
            problems.push(format!("{path}: {}", found.join("; ")));
        }
        panic!(
            "{} {} is no operation of {}:\n{}\n{}",
            request.method,
            request.path,
            self.version,
            problems.join("\n"),
            String::from_utf8_lossy(&request.body[..request.body.len().min(300)])
        );
    }

    /// The address if it is one of the path.
    fn matches(&self, path: &str, asked: &str) -> Option<Url> {
        let url = Url::parse("http://a")
            .and_then(|base| base.join(asked))
            .expect("an address");
        let path = path.split('?').next().expect("has a path");
        let expected: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let below = url
            .path()
            .strip_prefix(&format!("/face/{}/", self.version))?;
        let found: Vec<&str> = below.split('/').collect();
        let fits = |(expected, found): (&&str, &&str)| {
            expected.starts_with('{') && !found.is_empty() || expected == found
        };
        let is_one = expected.len() == found.len() && expected.iter().zip(&found).all(fits);
        is_one.then_some(url)
    }

    /// The parameters of an operation, of all kinds.
    fn parameters<'a>(&'a self, operation: &'a Value) -> Vec<&'a Value> {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters
            .map(|parameter| self.resolved(parameter))
            .collect()
    }

    /// The names of all that can be given to an operation: parameters of its address, fields of its
    /// body, parts of its form.
    pub(crate) fn names(&self, operation: &Value) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for parameter in self.parameters(operation) {
            match parameter["in"].as_str() {
                Some("query" | "formData") => {
                    names.extend(parameter["name"].as_str().map(str::to_owned));
                }
                Some("body") => {
                    let (mut fields, mut required) = (Map::new(), Vec::new());
                    let schema = self.resolved(&parameter["schema"]);
                    self.properties(schema, &mut fields, &mut required);
                    names.extend(fields.into_iter().map(|(name, _)| name));
                }
                _ => {}
            }
        }
        names
    }

    /// The ids in an address.
    fn path_problems(&self, operation: &Value, path: &str, url: &Url, problems: &mut Vec<String>) {
        let parameters = self.parameters(operation);
        let path = path.split('?').next().expect("has a path");
        let found = url.path_segments().into_iter().flatten().skip(2);
        for (expected, found) in path.trim_start_matches('/').split('/').zip(found) {
            let name = expected.trim_matches(['{', '}']);
            let mut of_path = parameters.iter().filter(|known| known["in"] == "path");
            if let Some(parameter) = of_path.find(|known| known["name"] == name) {
                self.text_problem(parameter, found, problems);
            }
        }
    }

    fn problems(&self, operation: &Value, request: &Recorded, url: &Url) -> Vec<String> {
        let mut problems = Vec::new();
        let parameters = self.parameters(operation);
        let of = |place: &str| {
            let place = place.to_owned();
            parameters
                .iter()
                .filter(move |parameter| parameter["in"] == place.as_str())
        };
        for (name, value) in url.query_pairs() {
            match of("query").find(|parameter| parameter["name"] == name.as_ref()) {
                Some(parameter) => self.text_problem(parameter, &value, &mut problems),
                None => problems.push(format!("no parameter `{name}`")),
            }
        }
        for parameter in of("query").filter(|parameter| parameter["required"] == true) {
            let name = parameter["name"].as_str().expect("has a name");
            if !url.query_pairs().any(|(found, _)| found == name) {
                problems.push(format!("`{name}` is missing"));
            }
        }
        let content = request
            .headers
            .lines()
            .find_map(|line| line.strip_prefix("content-type: "));
        let body = of("body").next();
        match (content, body) {
            (None, None) if of("formData").next().is_none() => {}
            (None, _) => problems.push("nothing is sent".to_owned()),
            (Some(content), _) => {
                let usual = &self.document["consumes"];
                let consumed = operation.get("consumes").unwrap_or(usual);
                let known = consumed.as_array().map_or(&[][..], Vec::as_slice);
                let is_known = |known: &Value| {
                    known
                        .as_str()
                        .is_some_and(|known| content.starts_with(known))
                };
                // Version 1.0 has no list where it is JSON.
                let is_json = known.is_empty() && content == "application/json";
                if !is_json && !known.iter().any(is_known) {
                    problems.push(format!("`{content}` is not of {consumed}"));
                } else if content == "application/json" {
                    let sent = serde_json::from_slice(&request.body).expect("is JSON");
                    match body {
                        Some(body) => {
                            self.value_problems("body", &body["schema"], &sent, &mut problems)
                        }
                        None => problems.push("no body is known".to_owned()),
                    }
                } else if content.starts_with("multipart/form-data") {
                    let known: Vec<&Value> = of("formData").copied().collect();
                    self.form_problems(&known, &request.body, &mut problems);
                }
            }
        }
        problems
    }

    /// The parts of a form: each must be known and valid, and all required ones present.
    fn form_problems(&self, known: &[&Value], body: &[u8], problems: &mut Vec<String>) {
        let body = String::from_utf8_lossy(body);
        let parts = parts(&body);
        for (name, rest) in &parts {
            match known.iter().find(|parameter| parameter["name"] == *name) {
                None => problems.push(format!("no part `{name}`")),
                Some(parameter) if parameter["type"] == "file" => {
                    if !rest.starts_with("; filename=") {
                        problems.push(format!("`{name}` is no file"));
                    }
                }
                Some(parameter) => self.text_problem(parameter, rest.trim(), problems),
            }
        }
        for parameter in known
            .iter()
            .filter(|parameter| parameter["required"] == true)
        {
            let name = parameter["name"].as_str().expect("has a name");
            if !parts.iter().any(|(part, _)| *part == name) {
                problems.push(format!("the part `{name}` is missing"));
            }
        }
    }

    /// The target of a `$ref`.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let pointer = match reference.split_once("Common/Parameters.json#/parameters/") {
                    Some((_, name)) => format!("/outside/{name}"),
                    None => reference.trim_start_matches('#').to_owned(),
                };
                let found = self.document.pointer(&pointer);
                self.resolved(found.unwrap_or_else(|| panic!("no `{reference}`")))
            }
            None => value,
        }
    }

    /// A parameter's text.
    fn text_problem(&self, parameter: &Value, text: &str, problems: &mut Vec<String>) {
        let value = match parameter["type"].as_str() {
            Some("boolean") => text.parse().map(Value::Bool).ok(),
            Some("integer") => text.parse::<i64>().map(Value::from).ok(),
            Some("number") => text.parse::<f64>().map(Value::from).ok(),
            Some("array") => {
                let is_number = parameter["items"]["type"] == "integer";
                let items = text.split(',').map(|item| match is_number {
                    true => item.parse::<i64>().map(Value::from).ok(),
                    false => Some(Value::from(item)),
                });
                items.collect::<Option<Vec<_>>>().map(Value::Array)
            }
            _ => Some(Value::from(text)),
        };
        let name = parameter["name"].as_str().unwrap_or_default();
        match value {
            Some(value) => self.value_problems(name, parameter, &value, problems),
            None => problems.push(format!("`{name}` is no {}: {text}", parameter["type"])),
        }
    }

    /// All properties of an object's schema, and those that are required.
    fn properties<'a>(
        &'a self,
        schema: &'a Value,
        all: &mut Map<String, Value>,
        required: &mut Vec<&'a str>,
    ) {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.properties(self.resolved(part), all, required);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            all.insert(name.clone(), property.clone());
        }
        let names = schema["required"].as_array().into_iter().flatten();
        required.extend(names.filter_map(Value::as_str));
    }

    fn value_problems(
        &self,
        name: &str,
        schema: &Value,
        value: &Value,
        problems: &mut Vec<String>,
    ) {
        let schema = self.resolved(schema);
        let mut wrong = |what: String| problems.push(format!("`{name}` {what}: {value}"));
        if let Some(known) = schema["enum"].as_array()
            && !known.contains(value)
        {
            wrong(format!("is none of {known:?}"));
        }
        let limit = |key: &str| schema[key].as_f64();
        match value {
            Value::String(text) => {
                let length = text.chars().count() as f64;
                if schema.get("type").is_some_and(|kind| kind != "string") {
                    wrong(format!("is to be {}", schema["type"]));
                }
                if limit("minLength").is_some_and(|least| length < least)
                    || limit("maxLength").is_some_and(|most| length > most)
                {
                    wrong("has a wrong length".to_owned());
                }
                let is_plain =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
                match schema["pattern"].as_str() {
                    None => {}
                    Some("^[a-z0-9-_]+$") if text.chars().all(is_plain) => {}
                    Some(pattern) => wrong(format!("is not like {pattern}")),
                }
                if schema["format"] == "uuid" && text.len() != 36 {
                    wrong("is no id".to_owned());
                }
            }
            Value::Number(number) => {
                let number = number.as_f64().expect("a number");
                if !["integer", "number"]
                    .iter()
                    .any(|kind| schema["type"] == *kind)
                {
                    wrong(format!("is to be {}", schema["type"]));
                }
                if limit("minimum").is_some_and(|least| number < least)
                    || limit("maximum").is_some_and(|most| number > most)
                {
                    wrong("is out of range".to_owned());
                }
            }
            Value::Bool(_) if schema["type"] != "boolean" => wrong("is a boolean".to_owned()),
            Value::Array(items) => {
                let length = items.len() as f64;
                if schema["type"] != "array"
                    || limit("minItems").is_some_and(|least| length < least)
                    || limit("maxItems").is_some_and(|most| length > most)
                {
                    wrong("is a wrong list".to_owned());
                }
                for item in items {
                    self.value_problems(name, &schema["items"], item, problems);
                }
            }
            Value::Object(fields) => {
                let (mut all, mut required) = (Map::new(), Vec::new());
                self.properties(schema, &mut all, &mut required);
                for (field, value) in fields {
                    match all.get(field) {
                        Some(property) => self.value_problems(field, property, value, problems),
                        None => problems.push(format!("no field `{field}`")),
                    }
                }
                for field in required
                    .iter()
                    .filter(|field| !fields.contains_key(**field))
                {
                    problems.push(format!("the field `{field}` is missing"));
                }
            }
            Value::Null => wrong("is null".to_owned()),
            Value::Bool(_) => {}
        }
    }
}

/// The parts of a form: names, with the text after their line.
fn parts(body: &str) -> Vec<(&str, &str)> {
    let parts = body
        .split("Content-Disposition: form-data; name=\"")
        .skip(1);
    parts
        .filter_map(|part| part.split_once('"'))
        .map(|(name, rest)| (name, rest.split("\r\n--").next().unwrap_or(rest)))
        .collect()
}

/// The names of all that a request gives: parameters, fields, parts.
pub(crate) fn given(request: &Recorded) -> BTreeSet<String> {
    let url = Url::parse("http://a").and_then(|base| base.join(&request.path));
    let url = url.expect("an address");
    let mut names: BTreeSet<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    if let Ok(Value::Object(fields)) = serde_json::from_slice(&request.body) {
        names.extend(fields.into_iter().map(|(name, _)| name));
    }
    let body = String::from_utf8_lossy(&request.body);
    names.extend(parts(&body).into_iter().map(|(name, _)| name.to_owned()));
    names
}
