//! What is known of a template's sync gate, for people and machines.

use campaign::gate::{Gate, GateRules, GateState, decide};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use store::Store;
use store::model::TemplateKey;

use crate::failure::Failure;
use crate::output::format;

/// How a template's gate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct GateFacts {
    /// `open`, `closed`, `idle` (one message first) or `unseen` (by this database).
    pub(super) state: Stand,
    /// Until when it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<DateTime<Utc>>,
    /// Why it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

/// How a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stand {
    Open,
    Closed,
    /// One message goes first.
    Idle,
    /// This database has never had to do with the template.
    Unseen,
}

impl GateFacts {
    /// From what the store has; `None` where there is no store yet.
    pub(super) async fn read(
        store: Option<&dyn Store>,
        key: &TemplateKey,
        rules: &GateRules,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let state = match store {
            Some(store) => store.gate(key).await?,
            None => GateState::default(),
        };
        Ok(Self::of(&state, rules, now))
    }

    pub(super) fn of(state: &GateState, rules: &GateRules, now: DateTime<Utc>) -> Self {
        if *state == GateState::default() {
            return Self { state: Stand::Unseen, until: None, why: None };
        }
        match decide(state, rules, now) {
            Gate::Open => Self { state: Stand::Open, until: None, why: None },
            Gate::Canary => Self { state: Stand::Idle, until: None, why: None },
            Gate::Closed { until, why } => {
                Self { state: Stand::Closed, until: Some(until), why: Some(why.to_string()) }
            }
        }
    }

    /// For a column.
    pub(super) fn short(&self) -> String {
        match (self.state, self.until) {
            (Stand::Open, _) => "open".to_owned(),
            (Stand::Idle, _) => "idle: one message first".to_owned(),
            (Stand::Unseen, _) => "not seen yet".to_owned(),
            (Stand::Closed, None) => "closed".to_owned(),
            (Stand::Closed, Some(until)) => format!("closed until {}", until.format("%H:%M:%S UTC")),
        }
    }

    /// As a sentence.
    pub(super) fn sentence(&self, rules: &GateRules, now: DateTime<Utc>) -> String {
        let wait = format::span(rules.sync_wait);
        match (self.state, self.until) {
            (Stand::Open, _) => "open: campaigns with it send at once".to_owned(),
            (Stand::Idle, _) => format!(
                "idle: it has not been used for more than {}, as far as we know; exactly one message goes first, and the rest {wait} later",
                format::span(rules.idle_after)
            ),
            (Stand::Unseen, _) => format!(
                "this database has not seen it yet: a campaign with it waits {wait}, then exactly one message goes first, and the rest {wait} later"
            ),
            (Stand::Closed, until) => format!(
                "closed{}: {}",
                until.map_or_else(String::new, |until| format!(
                    " until {}",
                    format::when(until, now, Tz::UTC)
                )),
                self.why.as_deref().unwrap_or("the platform is syncing it")
            ),
        }
    }
}
