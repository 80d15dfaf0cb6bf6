//! Requests and answers held against what BTCPay publishes.

use anyhow::{Context, Result, anyhow};
use http::Method;
use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Value, json};

const PUBLISHED: &str = include_str!("../openapi.json");

/// All calls that are known.
#[derive(Debug)]
pub struct Published {
    calls: Vec<Call>,
    events: Vec<(String, Validator)>,
}

/// One call: a method on a path.
#[derive(Debug)]
pub struct Call {
    method: Method,
    /// Its parts; None: a parameter.
    path: Vec<Option<String>>,
    query: Vec<Parameter>,
    body: Option<Validator>,
    /// None: needs no key.
    pub permissions: Option<Vec<String>>,
    answers: Vec<(String, Validator)>,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    required: bool,
    kind: String,
    schema: Validator,
}

#[derive(Deserialize)]
struct Document {
    calls: Vec<RawCall>,
    events: serde_json::Map<String, Value>,
    #[serde(rename = "$defs")]
    defs: Value,
}

#[derive(Deserialize)]
struct RawCall {
    method: String,
    path: String,
    parameters: Vec<RawParameter>,
    permissions: Option<Vec<String>>,
    body: Option<Value>,
    responses: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct RawParameter {
    name: String,
    r#in: String,
    required: bool,
    schema: Value,
}

impl Published {
    pub fn read() -> Result<Self> {
        let document: Document = serde_json::from_str(PUBLISHED).context("openapi.json")?;
        let defs = &document.defs;
        let mut events = Vec::new();
        for (name, schema) in &document.events {
            events.push((name.clone(), validator(schema, defs)?));
        }
        let calls = document.calls.iter().map(|raw| Call::new(raw, defs));
        Ok(Self {
            calls: calls.collect::<Result<_>>()?,
            events,
        })
    }

    /// The call that a request makes.
    pub fn call(&self, method: &Method, path: &str) -> Option<&Call> {
        let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
        self.calls.iter().find(|call| {
            let fits = |(wanted, part): (&Option<String>, &&str)| match wanted {
                Some(wanted) => wanted == part,
                None => !part.is_empty(),
            };
            call.method == *method
                && call.path.len() == parts.len()
                && call.path.iter().zip(&parts).all(fits)
        })
    }

    /// What is wrong with a webhook's body.
    pub fn event(&self, kind: &str, body: &Value) -> Result<()> {
        match self.events.iter().find(|(name, _)| name == kind) {
            Some((_, schema)) => check(schema, body),
            // Two kinds are sent that the published list lacks.
            None => Ok(()),
        }
    }
}

impl Call {
    fn new(raw: &RawCall, defs: &Value) -> Result<Self> {
        let part = |part: &str| (!part.starts_with('{')).then(|| part.to_owned());
        let mut query = Vec::new();
        for parameter in raw.parameters.iter().filter(|one| one.r#in == "query") {
            // A parameter that may come several times is checked each time.
            let schema = parameter.schema.get("items").unwrap_or(&parameter.schema);
            query.push(Parameter {
                name: parameter.name.clone(),
                required: parameter.required,
                kind: kind(schema, defs),
                schema: validator(schema, defs)?,
            });
        }
        let mut answers = Vec::new();
        for (status, schema) in &raw.responses {
            if !schema.is_null() {
                answers.push((status.clone(), validator(schema, defs)?));
            }
        }
        Ok(Self {
            method: raw.method.parse()?,
            path: raw
                .path
                .trim_start_matches('/')
                .split('/')
                .map(part)
                .collect(),
            query,
            body: raw
                .body
                .as_ref()
                .map(|schema| validator(schema, defs))
                .transpose()?,
            permissions: raw.permissions.clone(),
            answers,
        })
    }

    pub fn check_query(&self, query: &[(String, String)]) -> Result<()> {
        for (name, text) in query {
            let known = self.query.iter().find(|parameter| parameter.name == *name);
            let parameter = known.ok_or_else(|| anyhow!("no parameter {name}"))?;
            let value = match parameter.kind.as_str() {
                "number" | "integer" | "boolean" => {
                    serde_json::from_str(text).with_context(|| format!("{name}={text}"))?
                }
                _ => json!(text),
            };
            check(&parameter.schema, &value).with_context(|| format!("{name}={text}"))?;
        }
        let missing = |parameter: &&Parameter| {
            parameter.required && !query.iter().any(|(name, _)| *name == parameter.name)
        };
        match self.query.iter().find(missing) {
            Some(parameter) => Err(anyhow!("the parameter {} is missing", parameter.name)),
            None => Ok(()),
        }
    }

    /// `body` is None when none was sent.
    pub fn check_body(&self, body: Option<&Value>) -> Result<()> {
        match (&self.body, body) {
            (Some(schema), Some(body)) => check(schema, body).context("the body"),
            (None, None) => Ok(()),
            (Some(_), None) => Err(anyhow!("the body is missing")),
            (None, Some(_)) => Err(anyhow!("this call takes no body")),
        }
    }

    pub fn check_answer(&self, status: u16, body: &Value) -> Result<()> {
        let exact = self
            .answers
            .iter()
            .find(|(wanted, _)| *wanted == status.to_string());
        match exact {
            Some((_, schema)) => check(schema, body).context("the answer"),
            None => Ok(()),
        }
    }
}

fn validator(schema: &Value, defs: &Value) -> Result<Validator> {
    let mut whole = schema.clone();
    whole["$defs"] = defs.clone();
    jsonschema::validator_for(&whole).map_err(|error| anyhow!("{error}"))
}

fn kind(schema: &Value, defs: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return kind(&defs[name.rsplit('/').next().unwrap_or_default()], defs);
    }
    let or_null = schema["anyOf"][0].get("type");
    let kind = schema.get("type").or(or_null).and_then(Value::as_str);
    kind.unwrap_or_default().to_owned()
}

fn check(schema: &Validator, value: &Value) -> Result<()> {
    let faults: Vec<_> = schema
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(anyhow!("{}", faults.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn calls_are_found_by_their_path() -> Result<()> {
        let published = Published::read()?;
        for (method, path, known) in [
            (Method::GET, "/api/v1/stores/S/invoices", true),
            (Method::POST, "/api/v1/stores/S/invoices", true),
            (Method::DELETE, "/api/v1/stores/S/invoices", false),
            (Method::GET, "/api/v1/invoices/I/payment-methods", true),
            (Method::GET, "/api/v1/stores/S/invoices/I", false),
            (Method::GET, "/api/v1/health", true),
            (Method::GET, "/api/v1/stores//invoices", false),
        ] {
            assert_eq!(
                published.call(&method, path).is_some(),
                known,
                "{method} {path}"
            );
        }
        Ok(())
    }

    #[test]
    fn queries_and_bodies_are_held_to_their_shapes() -> Result<()> {
        let published = Published::read()?;
        let list = published
            .call(&Method::GET, "/api/v1/stores/S/invoices")
            .context("a call")?;
        for (pairs, good) in [
            (query(&[]), true),
            (
                query(&[("status", "New"), ("status", "Settled"), ("skip", "0")]),
                true,
            ),
            (
                query(&[
                    ("orderId", "a"),
                    ("startDate", "1800000000"),
                    ("includePaymentMethods", "true"),
                ]),
                true,
            ),
            (query(&[("status", "new")]), false),
            (query(&[("startDate", "2027-01-01")]), false),
            (query(&[("page", "2")]), false),
            (query(&[("take", "many")]), false),
        ] {
            assert_eq!(list.check_query(&pairs).is_ok(), good, "{pairs:?}");
        }
        let create = published
            .call(&Method::POST, "/api/v1/stores/S/invoices")
            .context("a call")?;
        for (body, good) in [
            (
                json!({"amount": "0.1", "currency": "BTC", "checkout": {"expirationMinutes": 15}}),
                true,
            ),
            (json!({"amount": 0.1}), false),
            (json!({"amount": "0.1", "price": 3}), false),
            (json!({"checkout": {"expirationMinutes": "15"}}), false),
            (json!({"checkout": {"paymentTolerance": 101}}), false),
            (json!([]), false),
        ] {
            assert_eq!(create.check_body(Some(&body)).is_ok(), good, "{body}");
        }
        assert!(create.check_body(None).is_err() && list.check_body(Some(&json!({}))).is_err());
        assert!(
            create
                .permissions
                .as_ref()
                .is_some_and(|held| held == &["btcpay.store.cancreateinvoice"])
        );
        Ok(())
    }
}
