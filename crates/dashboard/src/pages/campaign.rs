//! One campaign: where it is, how fast, what it waits for, what became of its messages and its money.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use campaign::message;
use chrono::{DateTime, Utc};
use desk::facts::{Basis, Facts};
use desk::format;
use store::model::Sample;

use super::words::{Badge, bar};
use super::{Frame, Part, Parts, charts};
use crate::Dashboard;
use crate::access::Caller;
use crate::actions::Action;
use crate::answer::Problem;

#[derive(Debug, Template)]
#[template(path = "campaign_head.html")]
struct Head<'f> {
    key: &'f str,
    state: Badge,
    reason: Option<&'f str>,
    doubts: Option<String>,
    actions: Vec<Button>,
}

#[derive(Debug)]
struct Button {
    name: &'static str,
    label: &'static str,
}

#[derive(Debug, Template)]
#[template(path = "campaign_progress.html")]
struct Progress {
    bar: String,
    share: String,
    handled: String,
    messages: String,
    delivered: String,
    delivered_share: String,
    read: String,
    read_share: String,
    failed: String,
    failed_share: String,
    facts: Vec<Named>,
}

/// A fact with its name, and what is to be said to it.
#[derive(Debug)]
struct Named {
    name: &'static str,
    value: String,
    note: String,
}

#[derive(Debug, Template)]
#[template(path = "campaign_waits.html")]
struct Waits {
    waits: Vec<Wait>,
}

#[derive(Debug)]
struct Wait {
    why: String,
    until: String,
    messages: String,
    zones: String,
}

#[derive(Debug, Template)]
#[template(path = "campaign_states.html")]
struct States {
    rows: Vec<StateRow>,
    equation: String,
    adds_up: bool,
}

#[derive(Debug)]
struct StateRow {
    name: &'static str,
    number: String,
    share: String,
    bar: String,
}

#[derive(Debug, Template)]
#[template(path = "campaign_money.html")]
struct Money {
    spent: String,
    reserved: String,
    budget: String,
    used: Option<String>,
    bar: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "campaign_failures.html")]
struct Failures {
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct Failure {
    messages: String,
    code: String,
    title: String,
    advice: String,
}

/// The page.
pub(crate) async fn one(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
) -> Response {
    let seen = match dashboard.live.look(&*dashboard.store, dashboard.clock.now()).await {
        Ok(seen) => seen,
        Err(error) => return Problem::of_store(&error).page(),
    };
    let Some((id, facts)) = seen.campaign(&key) else {
        return Problem::new(StatusCode::NOT_FOUND, format!("there is no campaign \"{key}\"")).page();
    };
    let past = match dashboard.live.past(&*dashboard.store, id, seen.at).await {
        Ok(past) => past,
        Err(error) => return Problem::of_store(&error).page(),
    };
    let frame = Frame::new(&dashboard, &caller, "/campaigns", Some(format!("/live/{key}")));
    Parts { frame, parts: parts(facts, &past, &caller, seen.at), title: key }.answer()
}

/// What changes on it.
pub(crate) fn parts(facts: &Facts, past: &[Sample], caller: &Caller, now: DateTime<Utc>) -> Vec<Part> {
    vec![
        Part::new("head", &head(facts, caller)),
        Part::new("progress", &progress(facts, now)),
        Part::new("charts", &charts::of(facts, past)),
        Part::new("waits", &waits(facts, now)),
        Part::new("states", &states(facts)),
        Part::new("money", &money(facts)),
        Part::new("failures", &failures(facts)),
    ]
}

fn head<'f>(facts: &'f Facts, caller: &Caller) -> Head<'f> {
    let offered = |action: &Action| caller.may_change() && action.is_for(facts.state);
    let button = |action: Action| Button { name: action.name(), label: action.label() };
    let in_doubt = facts.count(message::State::InDoubt);
    Head {
        doubts: (in_doubt > 0).then(|| format::counted(in_doubt, "message")),
        key: &facts.campaign,
        state: Badge(facts.state),
        reason: facts.reason.as_deref(),
        actions: Action::ALL.into_iter().filter(offered).map(button).collect(),
    }
}

fn progress(facts: &Facts, now: DateTime<Utc>) -> Progress {
    let mut named = Vec::new();
    let mut add = |name, value, note| named.push(Named { name, value, note });
    if let Some(rate) = facts.rate.filter(|_| !facts.state.is_over()) {
        let note = match rate.basis {
            Basis::Now => "requests, now",
            Basis::Average => "requests, on average",
        };
        add("Rate", format::rate(rate.per_second), note.to_owned());
    }
    let mut time = |name, at: Option<DateTime<Utc>>| {
        if let Some(at) = at {
            add(name, format::relative(at, now), format::instant(at, facts.zone));
        }
    };
    time("All sent, at this rate", facts.eta);
    time("Launched", Some(facts.launched_at));
    time("Started", facts.started_at);
    time("Last sent", facts.last_sent_at);
    time("Over", facts.finished_at);
    time("End", facts.ends_at.filter(|_| !facts.state.is_over()));
    add("Requests", format::count(facts.attempts), "further attempts included".to_owned());
    let share = |part| format::percent(part, facts.messages);
    Progress {
        bar: bar(facts.handled, 0, facts.messages),
        share: share(facts.handled),
        handled: format::count(facts.handled),
        messages: format::count(facts.messages),
        delivered: format::count(facts.delivered),
        delivered_share: share(facts.delivered),
        read: format::count(facts.read),
        read_share: share(facts.read),
        failed: format::count(facts.failed),
        failed_share: share(facts.failed),
        facts: named,
    }
}

fn waits(facts: &Facts, now: DateTime<Utc>) -> Waits {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| format::NOTHING.to_owned());
    let wait = |wait: &desk::facts::Wait| Wait {
        why: wait.why.clone(),
        until: or_nothing(wait.until.map(|until| format::when(until, now, facts.zone))),
        messages: or_nothing(wait.messages.map(format::count)),
        zones: wait.zones.join(", "),
    };
    Waits { waits: facts.waits.iter().map(wait).collect() }
}

fn states(facts: &Facts) -> States {
    let all = std::iter::once(("excluded", facts.excluded))
        .chain(message::State::ALL.into_iter().map(|state| (state.name(), facts.count(state))))
        .filter(|(_, number)| *number > 0);
    let row = |(name, number)| StateRow {
        name,
        number: format::count(number),
        share: format::percent(number, facts.planned),
        bar: bar(number, 0, facts.planned),
    };
    let rows: Vec<StateRow> = all.map(row).collect();
    let sum: Vec<String> = rows.iter().map(|row| format!("{}\u{a0}{}", row.name, row.number)).collect();
    let sum = if sum.is_empty() { "nothing".to_owned() } else { sum.join(" + ") };
    let verdict = if facts.adds_up { "adds up" } else { "DOES NOT ADD UP: run `paceline verify`" };
    let equation = format!("planned {} = {sum}: {verdict}", format::count(facts.planned));
    States { rows, equation, adds_up: facts.adds_up }
}

fn money(facts: &Facts) -> Money {
    let shown = |amount| format::money(amount, facts.spend.currency);
    let (spent, reserved) = (facts.spend.spent.0.max(0), facts.spend.reserved.0.max(0));
    let part = |amount: i64| u64::try_from(amount).unwrap_or(0);
    Money {
        spent: shown(facts.spend.spent),
        reserved: shown(facts.spend.reserved),
        budget: facts.spend.budget.map_or_else(|| "none".to_owned(), shown),
        used: facts
            .spend
            .budget
            .map(|budget| format::percent(part(spent.saturating_add(reserved)), part(budget.0))),
        bar: facts.spend.budget.map(|budget| bar(part(spent), part(reserved), part(budget.0))),
    }
}

fn failures(facts: &Facts) -> Failures {
    let failure = |one: &desk::facts::FailureFact| Failure {
        messages: format::count(one.messages),
        code: one.code.map_or_else(|| format::NOTHING.to_owned(), |code| code.to_string()),
        title: one.title.clone(),
        advice: one.advice.clone(),
    };
    Failures { failures: facts.failures.iter().map(failure).collect() }
}
