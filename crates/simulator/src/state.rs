//! Everything the platform remembers, behind one short lock.
//!
//! What grows with every message is a `BTreeMap`: a hash map that doubles keeps the lock for tens of milliseconds,
//! and whoever measures a pace by the arrivals would measure that.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::{Account, Config, Number, Template};
use crate::dialog360::Standing;
use crate::errors::ApiError;
use crate::ledger::{LedgerEntry, RequestRecord};
use crate::limits::{Pairs, Reach, Throughput};
use crate::message::digits;
use crate::profile::Profile;
use crate::script::{Outcome, Rule};
use crate::templates::TemplateBook;
use crate::webhooks::{Event, Sender};

/// A number with what the platform counts for it.
pub(crate) struct NumberState {
    pub(crate) number: Number,
    pub(crate) sender: Arc<Sender>,
    pub(crate) throughput: Throughput,
    /// How 360dialog stands to it, where it is 360dialog's.
    pub(crate) standing: Standing,
}

impl NumberState {
    fn new(number: Number) -> Self {
        let sender = Arc::new(Sender {
            waba_id: number.waba_id.clone(),
            phone_number_id: number.phone_number_id.clone(),
            display_phone_number: digits(&number.display_phone_number),
        });
        Self { number, sender, throughput: Throughput::default(), standing: Standing::Good }
    }

    /// Whether this token may use it through the Graph API.
    pub(crate) fn takes_token(&self, token: Option<&str>) -> bool {
        self.number.api_key.is_none() && Some(self.number.token.as_str()) == token
    }
}

/// The platform's memory.
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) profile: Profile,
    pub(crate) idle_after: TimeDelta,
    pub(crate) sync_wait: TimeDelta,
    pub(crate) review_time: TimeDelta,
    pub(crate) auto_create_templates: bool,
    pub(crate) numbers: BTreeMap<String, NumberState>,
    pub(crate) accounts: BTreeMap<String, Account>,
    /// Businesses that were asked to sign the terms, with the request's id.
    pub(crate) invited: BTreeMap<String, String>,
    pub(crate) templates: TemplateBook,
    pub(crate) pairs: Pairs,
    /// By portfolio.
    pub(crate) reach: BTreeMap<String, Reach>,
    /// How often each (recipient, template) was tried.
    occurrences: BTreeMap<(String, String), u32>,
    /// Accounts whose templates' numbers are counted.
    pub(crate) insights: HashSet<String>,
    pub(crate) opted_out: HashSet<String>,
    pub(crate) per_user_limited: HashSet<String>,
    pub(crate) not_on_whatsapp: HashSet<String>,
    pub(crate) rules: Vec<Rule>,
    /// What [`State::change`] has told, in its order.
    pub(crate) told: Vec<Event>,
    pub(crate) ledger: Vec<Arc<LedgerEntry>>,
    pub(crate) requests: Vec<RequestRecord>,
    traces: u64,
}

impl State {
    pub(crate) fn new(config: &Config, now: DateTime<Utc>) -> Self {
        let mut accounts: BTreeMap<String, Account> =
            config.accounts.iter().map(|account| (account.waba_id.clone(), account.clone())).collect();
        for number in &config.numbers {
            accounts
                .entry(number.waba_id.clone())
                .or_insert_with(|| Account { waba_id: number.waba_id.clone(), ..Account::default() });
        }
        let mut templates = TemplateBook::new(config.sync_wait);
        for template in &config.templates {
            templates.put(template.clone(), now);
        }
        let recipients = |list: &[String]| list.iter().map(|text| recipient_key(text)).collect();
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Self {
            seed: config.seed,
            profile: config.profile.clone(),
            idle_after: delta(config.idle_after),
            sync_wait: delta(config.sync_wait),
            review_time: delta(config.review_time),
            auto_create_templates: config.auto_create_templates,
            numbers: config
                .numbers
                .iter()
                .map(|number| (number.phone_number_id.clone(), NumberState::new(number.clone())))
                .collect(),
            accounts,
            invited: BTreeMap::new(),
            templates,
            pairs: Pairs::default(),
            reach: BTreeMap::new(),
            occurrences: BTreeMap::new(),
            insights: HashSet::new(),
            opted_out: recipients(&config.opted_out),
            per_user_limited: recipients(&config.per_user_limited),
            not_on_whatsapp: recipients(&config.not_on_whatsapp),
            rules: Vec::new(),
            told: Vec::new(),
            ledger: Vec::new(),
            requests: Vec::new(),
            traces: 0,
        }
    }

    /// A trace id for one answer.
    pub(crate) fn trace(&mut self) -> String {
        self.traces += 1;
        format!("Asim{:016X}", self.traces)
    }

    /// The number in a path, for a token that may use it.
    ///
    /// # Errors
    /// 104 without a token, 190 for an unknown token, 33 for an unknown number, 10 for another's number.
    pub(crate) fn authorised_number(&self, id: &str, token: Option<&str>) -> Result<&NumberState, ApiError> {
        self.known_token(token)?;
        let number = self.numbers.get(id).ok_or_else(|| {
            ApiError::new(
                33,
                format!("The business phone number with the id {id} does not exist or was deleted."),
            )
        })?;
        if !number.takes_token(token) {
            return Err(ApiError::new(10, "The access token has no permission for this phone number."));
        }
        Ok(number)
    }

    /// Whether any number has this token.
    ///
    /// # Errors
    /// 104 without a token, 190 for an unknown one.
    pub(crate) fn known_token(&self, token: Option<&str>) -> Result<(), ApiError> {
        match token {
            None => Err(ApiError::new(104, "This method requires an access token.")),
            Some(_) if self.numbers.values().any(|number| number.takes_token(token)) => Ok(()),
            Some(_) => Err(ApiError::new(190, "Invalid OAuth access token.")),
        }
    }

    /// Whether the token may use this account.
    pub(crate) fn may_use_account(&self, waba_id: &str, token: Option<&str>) -> bool {
        self.numbers.values().any(|n| n.number.waba_id == waba_id && n.takes_token(token))
    }

    /// The outcome a script forces on this send, which uses up one of the rule's times.
    pub(crate) fn scripted(&mut self, number: &str, recipient: &str, template: &str) -> Option<Outcome> {
        let matches = |rule: &Rule| {
            rule.phone_number_id.as_deref().is_none_or(|id| id == number)
                && rule.template.as_deref().is_none_or(|name| name == template)
                && rule.recipient.as_deref().is_none_or(|to| recipient_key(to) == recipient)
        };
        let at = self.rules.iter().position(matches)?;
        let outcome = self.rules[at].outcome.clone();
        match &mut self.rules[at].times {
            Some(0 | 1) => {
                self.rules.remove(at);
            }
            Some(times) => *times -= 1,
            None => {}
        }
        Some(outcome)
    }

    /// How often this was tried before; counts this time.
    pub(crate) fn occurrence(&mut self, recipient: &str, template: &str) -> u32 {
        let count = self.occurrences.entry((recipient.to_owned(), template.to_owned())).or_default();
        *count += 1;
        *count - 1
    }

    /// Lets a template that nobody created come into being, where that is switched on.
    pub(crate) fn auto_create(&mut self, waba_id: &str, name: &str, language: &str, now: DateTime<Utc>) {
        let wanted = self.auto_create_templates
            && self.templates.get(waba_id, name, language).is_none()
            && self.templates.may_auto_create(waba_id, name)
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if wanted {
            self.templates.put(Template::new(waba_id, name, language), now).auto_created = true;
        }
    }
}

/// A recipient as the platform compares them: the digits of a phone number, or a user id as it is.
pub(crate) fn recipient_key(written: &str) -> String {
    if written.contains('.') { written.to_owned() } else { digits(written) }
}
