//! The API's description as a judge of answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::Reply;

/// The description, with its schemas ready to judge.
pub struct Document {
    value: Value,
    ready: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Document {
    pub fn new(text: &str) -> Self {
        Self { value: serde_json::from_str(text).expect("JSON"), ready: Mutex::default() }
    }

    /// Fails the test if an answer of a described address is not as described.
    pub fn check(&self, method: &str, path: &str, reply: &Reply) {
        let path = path.split('?').next().unwrap_or_default();
        let Some((template, operation)) = self.operation(method, path) else { return };
        let status = reply.status.to_string();
        let responses = &operation["responses"];
        let described = responses.get(&status).or_else(|| responses.get("default"));
        let described = described.unwrap_or_else(|| panic!("{method} {template}: {status} is not described"));
        let kind = reply.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        if !kind.is_empty() && kind != "application/json" {
            assert!(described["content"].get(kind).is_some(), "{method} {template}: {kind} is not described");
            return;
        }
        let Some(schema) = described.pointer("/content/application~1json/schema") else {
            assert_eq!(reply.body, "", "{method} {template}: {status} is described without a body");
            return;
        };
        let key = format!("{method} {template} {status}");
        let validator = self.ready.lock().expect("no test panics while it holds this").get(&key).cloned();
        let validator = validator.unwrap_or_else(|| {
            let mut schema = schema.clone();
            schema["components"] = self.value["components"].clone();
            let made = Arc::new(jsonschema::validator_for(&schema).expect("a schema"));
            self.ready.lock().expect("no test panics while it holds this").insert(key, made.clone());
            made
        });
        let body = if reply.body.is_empty() { json!(null) } else { reply.json() };
        let wrong: Vec<_> =
            validator.iter_errors(&body).map(|e| format!("{} at {}", e, e.instance_path())).collect();
        assert!(wrong.is_empty(), "{method} {path} {status} is not as described: {wrong:#?}\n{body:#}");
    }

    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let parts = |p: &str| p.trim_end_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
        let asked = parts(path);
        let fits = |template: &str| {
            let parts = parts(template);
            let same = |(t, a): (&String, &String)| t == a || t.starts_with('{');
            (parts.len() == asked.len() && parts.iter().zip(&asked).all(same))
                .then(|| parts.iter().filter(|p| p.starts_with('{')).count())
        };
        let paths = self.value["paths"].as_object()?;
        let best = paths.iter().filter_map(|(t, item)| Some((fits(t)?, t, item))).min_by_key(|(n, ..)| *n)?;
        best.2.get(method.to_lowercase()).map(|operation| (best.1.as_str(), operation))
    }
}
