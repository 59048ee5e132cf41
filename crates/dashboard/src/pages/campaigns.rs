//! All campaigns.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use campaign::message;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use desk::facts::Facts;
use desk::format;

use super::words::{Badge, bar};
use super::{Frame, Part, Parts};
use crate::Dashboard;
use crate::access::Caller;
use crate::answer::Problem;
use crate::live::Seen;

#[derive(Debug, Template)]
#[template(path = "campaigns.html")]
struct Table<'s> {
    rows: Vec<Row<'s>>,
    unreadable: &'s [String],
    at: String,
}

#[derive(Debug)]
struct Row<'s> {
    key: &'s str,
    state: Badge,
    reason: Option<&'s str>,
    bar: String,
    share: String,
    messages: String,
    delivered: String,
    read: String,
    failed: String,
    in_doubt: String,
    rate: String,
    eta: String,
    spent: String,
}

/// The page.
pub(crate) async fn all(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
) -> Response {
    match dashboard.live.look(&*dashboard.store, dashboard.clock.now()).await {
        Ok(seen) => {
            let frame = Frame::new(&dashboard, &caller, "/", Some("/live".to_owned()));
            Parts { frame, title: "Campaigns".to_owned(), parts: parts(&seen) }.answer()
        }
        Err(error) => Problem::of_store(&error).page(),
    }
}

/// What changes on it.
pub(crate) fn parts(seen: &Seen) -> Vec<Part> {
    let table = Table {
        rows: seen.campaigns.iter().map(|facts| Row::of(facts, seen.at)).collect(),
        unreadable: &seen.unreadable,
        at: format::instant(seen.at, Tz::UTC),
    };
    vec![Part::new("campaigns", &table)]
}

impl<'s> Row<'s> {
    fn of(facts: &'s Facts, now: DateTime<Utc>) -> Self {
        let is_sending = !facts.state.is_over();
        Self {
            key: &facts.campaign,
            state: Badge(facts.state),
            reason: facts.reason.as_deref(),
            bar: bar(facts.handled, 0, facts.messages),
            share: format::percent(facts.handled, facts.messages),
            messages: format::count(facts.messages),
            delivered: format::count(facts.delivered),
            read: format::count(facts.read),
            failed: format::count(facts.failed),
            in_doubt: format::count(facts.count(message::State::InDoubt)),
            rate: facts
                .rate
                .filter(|_| is_sending)
                .map_or_else(|| format::NOTHING.to_owned(), |rate| format::rate(rate.per_second)),
            eta: facts.eta.map_or_else(|| format::NOTHING.to_owned(), |eta| format::roughly(eta, now)),
            spent: format::money(facts.spend.spent, facts.spend.currency),
        }
    }
}
