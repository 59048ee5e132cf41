//! The templates the platform knows: by account, name and language; their sync and idleness.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::config::{LastUse, Template, TemplateStatus, wire_name};
use crate::errors::ApiError;
use crate::shape::Shape;

/// The TTL of a marketing template without one of its own (Meta: 30 days), in seconds.
const DEFAULT_TTL: u32 = 30 * 24 * 60 * 60;

/// A template with what the platform remembers about it.
#[derive(Debug, Clone)]
pub(crate) struct TemplateState {
    pub(crate) id: String,
    pub(crate) template: Template,
    pub(crate) created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    /// Until when it syncs, after its creation or after the first message that followed a rest.
    syncs_until: Option<DateTime<Utc>>,
    /// In review until then.
    pub(crate) pending_until: Option<DateTime<Utc>>,
    /// Nobody created it: it came into being because it was asked for.
    pub(crate) auto_created: bool,
    shape: Option<Shape>,
}

impl TemplateState {
    /// Its status at `now`.
    pub(crate) fn status(&self, now: DateTime<Utc>) -> TemplateStatus {
        match self.pending_until {
            Some(until) if now < until => TemplateStatus::Pending,
            Some(_) | None => self.template.status,
        }
    }

    /// What it expects to be filled in, where that is known.
    pub(crate) fn shape(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }

    /// Whether it syncs at `now`: sends are refused with 134101.
    pub(crate) fn is_syncing(&self, now: DateTime<Utc>) -> bool {
        self.syncs_until.is_some_and(|until| now < until)
    }

    fn is_idle(&self, now: DateTime<Utc>, idle_after: TimeDelta) -> bool {
        let last = self.last_used_at.unwrap_or(self.created_at);
        self.template.idle.unwrap_or_else(|| now - last > idle_after)
    }

    /// Counts an accepted message. The first one after a rest starts a sync.
    pub(crate) fn used(&mut self, now: DateTime<Utc>, sync_wait: TimeDelta, idle_after: TimeDelta) {
        if self.is_idle(now, idle_after) {
            self.syncs_until = Some(now + sync_wait);
        }
        self.template.idle = None;
        self.last_used_at = Some(now);
    }

    pub(crate) fn set_last_used(&mut self, last_used: LastUse, now: DateTime<Utc>) {
        self.last_used_at = match last_used {
            LastUse::Recently => Some(now - TimeDelta::hours(1)),
            LastUse::Never => None,
            LastUse::At(at) => Some(at),
        };
        self.template.idle = None;
    }

    pub(crate) fn set_components(&mut self, components: Vec<Value>) {
        self.shape = Some(Shape::read(&components, self.template.parameter_format));
        self.template.components = Some(components);
    }

    /// Its time to live.
    pub(crate) fn ttl(&self) -> TimeDelta {
        TimeDelta::seconds(self.template.ttl_seconds.unwrap_or(DEFAULT_TTL).into())
    }

    /// The value of a field of the Graph API; `None`: there is no such field, or it is not set.
    pub(crate) fn field(&self, name: &str, now: DateTime<Utc>) -> Option<Value> {
        let template = &self.template;
        match name {
            "id" => Some(json!(self.id)),
            "name" => Some(json!(template.name)),
            "language" => Some(json!(template.language)),
            "status" => Some(json!(wire_name(&self.status(now)))),
            "category" => Some(json!(template.category)),
            "parameter_format" => Some(json!(template.parameter_format)),
            "components" => template.components.as_ref().map(|components| json!(components)),
            "message_send_ttl_seconds" => template.ttl_seconds.map(|seconds| json!(seconds)),
            "optimization_spec" | "bid_spec" => template.max_price.map(|max_price| {
                json!({ "bid_amount": max_price.bid_amount, "bid_strategy": "LOWEST_COST_WITH_BID_CAP" })
            }),
            "quality_score" => {
                Some(json!({ "score": wire_name(&template.quality), "date": self.created_at.timestamp() }))
            }
            "rejected_reason" => Some(json!("NONE")),
            _ => None,
        }
    }
}

/// What the platform refuses of a definition (Meta: template creation errors).
///
/// # Errors
/// 2388040 for a text that is too long, 2388073 for a variable in a footer, 2388299 for a body that begins or
/// ends with a variable.
pub(crate) fn check_format(components: &[Value]) -> Result<(), ApiError> {
    for component in components {
        let kind = component["type"].as_str().unwrap_or_default().to_ascii_uppercase();
        let text = component["text"].as_str().unwrap_or_default().trim();
        let most = match kind.as_str() {
            "HEADER" | "FOOTER" => 60,
            "BODY" => 1_024,
            _ => usize::MAX,
        };
        if text.chars().count() > most {
            return Err(ApiError::new(2388040, format!("The {kind} has more than {most} characters.")));
        }
        if kind == "FOOTER" && text.contains("{{") {
            return Err(ApiError::new(2388073, "A footer has no variables."));
        }
        if kind == "BODY" && (text.starts_with("{{") || text.ends_with("}}")) {
            return Err(ApiError::new(2388299, "Variables cannot be at the start or end of the template."));
        }
    }
    Ok(())
}

/// All templates.
#[derive(Debug, Default)]
pub(crate) struct TemplateBook {
    /// By creation.
    all: BTreeMap<u64, TemplateState>,
    by_key: HashMap<(String, String, String), u64>,
    sync_wait: TimeDelta,
    next_id: u64,
}

impl TemplateBook {
    pub(crate) fn new(sync_wait: Duration) -> Self {
        let sync_wait = TimeDelta::from_std(sync_wait).unwrap_or(TimeDelta::MAX);
        Self { sync_wait, next_id: 900_000_000_000_001, ..Self::default() }
    }

    /// Adds a template, or replaces the one with its account, name and language.
    pub(crate) fn put(&mut self, template: Template, now: DateTime<Utc>) -> &mut TemplateState {
        let key = (template.waba_id.clone(), template.name.clone(), template.language.clone());
        let number = *self.by_key.entry(key).or_insert_with(|| {
            self.next_id += 1;
            self.next_id - 1
        });
        let created_at = template.created_at.unwrap_or(now - TimeDelta::days(90));
        let shape =
            template.components.as_ref().map(|components| Shape::read(components, template.parameter_format));
        let (last_used, idle) = (template.last_used, template.idle);
        let mut state = TemplateState {
            id: number.to_string(),
            created_at,
            last_used_at: None,
            syncs_until: Some(created_at + self.sync_wait),
            pending_until: None,
            auto_created: false,
            shape,
            template,
        };
        // A template cannot have been used before there was one.
        state.set_last_used(last_used, now);
        state.last_used_at = state.last_used_at.map(|at| at.max(created_at));
        state.template.idle = idle;
        match self.all.entry(number) {
            Entry::Occupied(mut entry) => {
                entry.insert(state);
                entry.into_mut()
            }
            Entry::Vacant(entry) => entry.insert(state),
        }
    }

    pub(crate) fn get(&self, waba_id: &str, name: &str, language: &str) -> Option<&TemplateState> {
        self.all.get(self.by_key.get(&(waba_id.to_owned(), name.to_owned(), language.to_owned()))?)
    }

    pub(crate) fn get_mut(
        &mut self,
        waba_id: &str,
        name: &str,
        language: &str,
    ) -> Option<&mut TemplateState> {
        self.all.get_mut(self.by_key.get(&(waba_id.to_owned(), name.to_owned(), language.to_owned()))?)
    }

    pub(crate) fn by_id(&mut self, id: &str) -> Option<&mut TemplateState> {
        self.all.get_mut(&id.parse().ok()?)
    }

    /// All templates of an account, in the order of their creation.
    pub(crate) fn of<'a>(&'a self, waba_id: &'a str) -> impl Iterator<Item = &'a TemplateState> {
        self.all.values().filter(move |state| state.template.waba_id == waba_id)
    }

    /// All languages of a template, in any account.
    pub(crate) fn named_mut<'a>(&'a mut self, name: &'a str) -> impl Iterator<Item = &'a mut TemplateState> {
        self.all.values_mut().filter(move |state| state.template.name == name)
    }

    /// Whether nobody created a template of this name, so that any language of it may come into being.
    pub(crate) fn may_auto_create(&self, waba_id: &str, name: &str) -> bool {
        self.of(waba_id).filter(|state| state.template.name == name).all(|state| state.auto_created)
    }

    pub(crate) fn remove(&mut self, waba_id: &str, mut which: impl FnMut(&TemplateState) -> bool) -> usize {
        let before = self.all.len();
        self.all.retain(|_, state| state.template.waba_id != waba_id || !which(state));
        self.by_key.retain(|_, number| self.all.contains_key(number));
        before - self.all.len()
    }
}
