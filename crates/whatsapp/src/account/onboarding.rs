//! Onboarding to the Marketing Messages API, as a partner does it for the businesses it serves.

use std::fmt;

use serde_json::{Map, Value};

use super::ask::{AccountError, Fields, Go, text, unreadable};
use super::business::check_id;
use super::change::ChangeError;
use crate::signature::appsecret_proof;
use crate::{Client, Provider, Secret};

/// "This business was invited already", which is as good as an invitation.
const ALREADY_INVITED: i64 = 1_752_041;
/// Accounts that may be onboarded and are not, as the platform's filters are written.
const ELIGIBLE: &str =
    r#"[{"field":"marketing_messages_onboarding_status","operator":"IN","value":["ELIGIBLE"]}]"#;

/// How far a business is (its own `marketing_messages_onboarding_status`, which is not its accounts').
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BusinessStatus {
    /// Nobody has asked it yet.
    NotStarted,
    /// It was asked and has not signed.
    RequestSent,
    /// It has signed the terms.
    TermsSigned,
    /// One this program does not know.
    Other(String),
    /// The platform did not say.
    Unknown,
}

/// The platform's word; `UNKNOWN` where it said none.
impl fmt::Display for BusinessStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "NOT_STARTED",
            Self::RequestSent => "REQUEST_SENT",
            Self::TermsSigned => "TERM_OF_SERVICE_SIGNED",
            Self::Other(name) => name,
            Self::Unknown => "UNKNOWN",
        })
    }
}

/// An account of a business that a partner serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAccount {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The currency it is billed in: ISO 4217, upper case.
    pub currency: Option<String>,
}

/// What became of an invitation; both are success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invited {
    /// The platform took it. Where the business was invited before, it may name that invitation's id.
    Sent {
        /// The request's id, where it was given.
        request_id: Option<String>,
    },
    /// It had been invited before.
    Before,
}

impl Client {
    /// Asks how far a business is with the terms.
    ///
    /// # Errors
    ///
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn business_onboarding(&self, business_id: &str) -> Result<BusinessStatus, AccountError> {
        let what = format!("the business {business_id}");
        self.offered(&what, business_id)?;
        let key = "marketing_messages_onboarding_status";
        let value = self.ask(&what, business_id, &[("fields", key)]).await?;
        let wrapped = value.get(key).and_then(|status| text(status, "status"));
        Ok(match text(&value, key).or(wrapped) {
            None => BusinessStatus::Unknown,
            Some(status) => match status.as_str() {
                "NOT_STARTED" => BusinessStatus::NotStarted,
                "REQUEST_SENT" => BusinessStatus::RequestSent,
                "TERM_OF_SERVICE_SIGNED" | "TERMS_OF_SERVICE_SIGNED" => BusinessStatus::TermsSigned,
                _ => BusinessStatus::Other(status),
            },
        })
    }

    /// Lists the accounts of the business's clients that may be onboarded and are not.
    ///
    /// # Errors
    ///
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn eligible_accounts(&self, business_id: &str) -> Result<Vec<ClientAccount>, AccountError> {
        let what = format!("the eligible accounts of the clients of business {business_id}");
        self.offered(&what, business_id)?;
        let path = format!("{business_id}/client_whatsapp_business_accounts");
        let mut found = Vec::new();
        self.ask_pages(&what, &path, &[("filtering", ELIGIBLE)], Fields::Usual, |page| {
            for account in page {
                found.push(ClientAccount {
                    id: text(account, "id").ok_or_else(|| unreadable(&what, "an account has no id"))?,
                    name: text(account, "name"),
                    currency: text(account, "currency").map(|currency| currency.to_ascii_uppercase()),
                });
            }
            Ok(Go::On)
        })
        .await?;
        Ok(found)
    }

    /// Invites a business to sign the terms. To be told that it was invited before is success too.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`]; 360dialog does not offer it.
    pub async fn invite(&self, business_id: &str, solution_id: Option<&str>) -> Result<Invited, ChangeError> {
        let what = format!("invite the business {business_id}");
        let query: Vec<(&str, &str)> = solution_id.map(|id| ("solution_id", id)).into_iter().collect();
        match self.change(&what, business_id, "/onboard_partners_to_mm_lite", &query, &Map::new()).await {
            Ok(answer) => Ok(Invited::Sent { request_id: text(&answer, "request_id") }),
            Err(ChangeError::Refused { code, subcode, .. })
                if [code, subcode].contains(&Some(ALREADY_INVITED)) =>
            {
                Ok(Invited::Before)
            }
            Err(error) => Err(error),
        }
    }

    /// Fetches the token of the system user that the platform made in a client's business; makes none.
    /// `token` must be the one this client was made with: the proof is made of it.
    ///
    /// # Errors
    ///
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn system_user_token(
        &self,
        business_id: &str,
        app_secret: &Secret,
        token: &Secret,
    ) -> Result<Secret, AccountError> {
        let what = format!("the system user's token of business {business_id}");
        self.offered(&what, business_id)?;
        let path = format!("{business_id}/system_user_access_tokens");
        let proof = appsecret_proof(app_secret, token);
        // The token itself goes in the header like everywhere: addresses end up in logs of proxies.
        let query = [("appsecret_proof", proof.as_str()), ("fetch_only", "true")];
        let value = self.ask(&what, &path, &query).await?;
        let listed = value.get("data").and_then(Value::as_array).and_then(|data| data.first());
        let found = [Some(&value), listed].into_iter().flatten().find_map(|v| text(v, "access_token"));
        found.map(Secret::new).ok_or_else(|| unreadable(&what, "it has no access_token"))
    }

    fn offered(&self, what: &str, id: &str) -> Result<(), AccountError> {
        if self.provider == Provider::Dialog360 {
            return Err(AccountError::NotOffered { what: what.to_owned() });
        }
        check_id(what, id)
    }
}
