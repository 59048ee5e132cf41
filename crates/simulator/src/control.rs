//! Control over HTTP, under `/_sim/`: what [`crate::Simulator`] offers in-process, for a simulator that runs as
//! a process of its own.
//!
//! | request | does |
//! | --- | --- |
//! | `GET health` | clock, pending webhooks, sizes of ledger and requests |
//! | `GET ledger?from=N`, `GET requests?from=N` | NDJSON, one entry a line |
//! | `GET profile`, `POST profile` | the fault profile: an object, or a preset's name as a JSON string |
//! | `POST script` | a rule or an array of rules; `DELETE script` clears them |
//! | `POST templates` | creates or replaces a template |
//! | `POST changes` | any change of the platform's state |
//! | `POST webhook` | where webhooks go; `null` for nowhere |
//! | `POST advance` | `{"seconds": S}` or `{"to": TIME}` on an explicit clock, then delivers what is due |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use chrono::{DateTime, Utc};
use hyper::Response;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::{Template, Webhook};
use crate::profile::Profile;
use crate::script::{Change, Rule};
use crate::server::{self, Platform};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(default)]
    seconds: Option<f64>,
    #[serde(default)]
    to: Option<DateTime<Utc>>,
}

/// Answers a control request; `path` is what follows `/_sim/`.
pub(crate) async fn answer(
    platform: &Platform,
    method: &str,
    path: &[&str],
    query: &HashMap<String, String>,
    body: &[u8],
) -> Response<Body> {
    let from = query.get("from").and_then(|text| text.parse().ok()).unwrap_or(0);
    let answered = match (method, path) {
        ("GET", ["health"]) => Ok(health(platform)),
        ("GET", ["ledger"]) => {
            let entries: Vec<_> = platform.state().ledger.iter().skip(from).map(Arc::clone).collect();
            return ndjson(entries.iter().map(Arc::as_ref));
        }
        ("GET", ["requests"]) => {
            let requests: Vec<_> = platform.state().requests.iter().skip(from).cloned().collect();
            return ndjson(requests.iter());
        }
        ("GET", ["profile"]) => Ok(json!(platform.state().profile)),
        ("POST", ["profile"]) => set_profile(platform, body),
        ("POST", ["script"]) => add_rules(platform, body),
        ("DELETE", ["script"]) => {
            platform.state().rules.clear();
            Ok(json!({ "rules": 0 }))
        }
        ("POST", ["templates"]) => {
            read::<Template>(body).and_then(|template| change(platform, Change::Template(template)))
        }
        ("POST", ["changes"]) => read(body).and_then(|asked| change(platform, asked)),
        ("POST", ["webhook"]) => read::<Option<Webhook>>(body).map(|webhook| {
            platform.deliverer.set_webhook(webhook);
            json!({ "ok": true })
        }),
        ("POST", ["advance"]) => advance(platform, body).await,
        _ => {
            return server::json(
                404,
                json!({ "error": "there is no such control; see GET /_sim/health" }).to_string(),
            );
        }
    };
    match answered {
        Ok(value) => server::json(200, value.to_string()),
        Err(error) => server::json(400, json!({ "error": error }).to_string()),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn health(platform: &Platform) -> Value {
    let (ledger, requests) = {
        let state = platform.state();
        (state.ledger.len(), state.requests.len())
    };
    json!({
        "now": platform.clock.now(),
        "uptime_us": platform.stopwatch.micros(),
        "pending_webhooks": platform.queue.pending(),
        "ledger": ledger,
        "requests": requests,
    })
}

fn set_profile(platform: &Platform, body: &[u8]) -> Result<Value, String> {
    let asked: Value = read(body)?;
    let profile: Profile = match asked.as_str() {
        Some(name) => name.parse().map_err(|error: crate::UnknownProfile| error.to_string())?,
        None => serde_json::from_value(asked).map_err(|error| error.to_string())?,
    };
    profile.check()?;
    let value = json!(profile);
    platform.state().profile = profile;
    Ok(value)
}

fn add_rules(platform: &Platform, body: &[u8]) -> Result<Value, String> {
    let asked: Value = read(body)?;
    let rules = if asked.is_array() { asked } else { Value::Array(vec![asked]) };
    let rules: Vec<Rule> = serde_json::from_value(rules).map_err(|error| error.to_string())?;
    let mut state = platform.state();
    state.rules.extend(rules);
    Ok(json!({ "rules": state.rules.len() }))
}

fn change(platform: &Platform, change: Change) -> Result<Value, String> {
    let now = platform.clock.now();
    let events = platform.state().change(change, now).map_err(|error| error.to_string())?;
    platform.tell(events);
    Ok(json!({ "ok": true }))
}

async fn advance(platform: &Platform, body: &[u8]) -> Result<Value, String> {
    let moved = match read(body)? {
        Advance { to: Some(to), seconds: None } => platform.clock.set(to),
        Advance { to: None, seconds: Some(seconds) } => {
            let by = Duration::try_from_secs_f64(seconds)
                .map_err(|_| format!("seconds is {seconds}; write a number of seconds, 0 or more"))?;
            platform.clock.advance(by)
        }
        Advance { .. } => return Err("write either \"seconds\" or \"to\"".to_owned()),
    };
    moved.map_err(|error| error.to_string())?;
    let delivered = platform.pump().await;
    Ok(json!({ "now": platform.clock.now(), "delivered": delivered }))
}

fn ndjson<'a, T: Serialize + 'a>(entries: impl Iterator<Item = &'a T>) -> Response<Body> {
    let mut lines = Vec::new();
    for entry in entries {
        if serde_json::to_writer(&mut lines, entry).is_err() {
            return server::text(500, "An entry could not be written as JSON.");
        }
        lines.push(b'\n');
    }
    server::answer(200, "application/x-ndjson", Body::from(lines))
}
