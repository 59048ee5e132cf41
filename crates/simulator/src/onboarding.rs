//! Onboarding: what a partner asks of the businesses it serves. A token acts for the business of its number,
//! and for the businesses whose accounts that one serves.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::config::Account;
use crate::errors::ApiError;
use crate::graph::GraphCall;
use crate::state::State;

impl State {
    /// The business that owns an account: its own setting, or the business of a number of it.
    pub(crate) fn owner_of<'a>(&'a self, account: &'a Account) -> &'a str {
        let owner = account.owner_business_id.as_deref();
        let number = || self.numbers.values().find(|n| n.number.waba_id == account.waba_id);
        owner.or_else(|| number().map(|n| n.number.business_id.as_str())).unwrap_or_default()
    }

    /// How far a business is, as the platform says it; `None` where there is no such business.
    pub(crate) fn business_status(&self, id: &str) -> Option<&'static str> {
        let mut owned = self.accounts.values().filter(|account| self.owner_of(account) == id).peekable();
        let is_known = owned.peek().is_some() || self.numbers.values().any(|n| n.number.business_id == id);
        let has_signed = owned.any(|account| account.onboarding_status == "ONBOARDED");
        is_known.then_some(match (has_signed, self.invited.contains_key(id)) {
            (true, _) => "TERM_OF_SERVICE_SIGNED",
            (false, true) => "REQUEST_SENT",
            (false, false) => "NOT_STARTED",
        })
    }

    /// Whether the call's token may act for this business.
    ///
    /// # Errors
    /// There is no such business, or the token has nothing to do with it.
    pub(crate) fn may_act_for(&self, call: &GraphCall<'_>, business: &str) -> Result<(), ApiError> {
        let own =
            |id: &str| self.numbers.values().any(|n| n.number.business_id == id && n.takes_token(call.token));
        let serves = |account: &Account| {
            account.partner_business_id.as_deref().is_some_and(own) && self.owner_of(account) == business
        };
        if own(business) || self.accounts.values().any(serves) {
            return Ok(());
        }
        Err(ApiError::no_such_object(call.method, business))
    }

    /// The accounts of the clients of a partner.
    pub(crate) fn client_accounts(&self, call: &GraphCall<'_>, partner: &str) -> Result<Value, ApiError> {
        self.may_act_for(call, partner)?;
        let wanted = match call.query.get("filtering") {
            Some(text) => Some(statuses(text)?),
            None => None,
        };
        let data: Vec<Value> = self
            .accounts
            .values()
            .filter(|account| account.partner_business_id.as_deref() == Some(partner))
            .filter(|account| wanted.as_ref().is_none_or(|all| all.contains(&account.onboarding_status)))
            .map(|account| json!({ "id": account.waba_id, "name": account.name, "currency": account.currency }))
            .collect();
        Ok(json!({ "data": data }))
    }

    /// Asks a business to sign the terms; once.
    pub(crate) fn invite(&mut self, call: &GraphCall<'_>, business: &str) -> Result<Value, ApiError> {
        self.may_act_for(call, business)?;
        if self.invited.contains_key(business) {
            return Err(ApiError::new(1_752_041, "An onboarding request was sent to this business before."));
        }
        let request_id = format!("7{:014}", self.invited.len() + 1);
        self.invited.insert(business.to_owned(), request_id.clone());
        Ok(json!({ "request_id": request_id }))
    }

    /// The token of the system user in a business, for who proves to know the app's secret.
    pub(crate) fn system_user_token(&self, call: &GraphCall<'_>, business: &str) -> Result<Value, ApiError> {
        self.may_act_for(call, business)?;
        let proof = call.query.get("appsecret_proof");
        let Some(proof) = proof else {
            return Err(ApiError::new(100, "API calls from the server require an appsecret_proof argument"));
        };
        let right = call.token.zip(call.app_secret.as_deref());
        if right.and_then(|(token, secret)| proof_of(secret, token)).as_ref() != Some(proof) {
            return Err(ApiError::new(100, "Invalid appsecret_proof provided in the API argument"));
        }
        if call.query.get("fetch_only").map(String::as_str) != Some("true") {
            return Err(ApiError::new(
                100,
                "This simulator makes no system users: ask with fetch_only=true.",
            ));
        }
        Ok(json!({ "access_token": format!("sim-system-user-{business}") }))
    }
}

/// The statuses that a filter asks for.
fn statuses(filtering: &str) -> Result<Vec<String>, ApiError> {
    let wrong = || ApiError::new(100, "Param filtering must be a JSON array of filters on a known field.");
    let filters: Vec<Value> = serde_json::from_str(filtering).map_err(|_| wrong())?;
    let [filter] = filters.as_slice() else { return Err(wrong()) };
    if filter["field"] != "marketing_messages_onboarding_status" || filter["operator"] != "IN" {
        return Err(wrong());
    }
    let values = filter["value"].as_array().ok_or_else(wrong)?;
    Ok(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The hexadecimal HMAC-SHA256 of the token, with the app's secret as the key.
fn proof_of(app_secret: &str, token: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()).ok()?;
    mac.update(token.as_bytes());
    Some(hex::encode(mac.finalize().into_bytes()))
}
