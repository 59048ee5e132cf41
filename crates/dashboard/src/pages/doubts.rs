//! What is in doubt of a campaign, and an operator's decision on it: chosen, asked once more, done and written down.

use std::collections::BTreeSet;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, RawForm, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use campaign::doubt::Decision;
use campaign::ids::Seq;
use chrono::{DateTime, Utc};
use desk::doubts::{Open, Resolved};
use desk::ended::{EndedAlike, Sums};
use desk::{DeskError, doubts, finding, format};
use store::access::Outcome;
use store::model::CampaignRow;

use super::{Confirm, Frame};
use crate::Dashboard;
use crate::access::Caller;
use crate::actions::to_the_end;
use crate::answer::{Problem, page};

/// No more messages are listed.
const MOST: usize = 200;

#[derive(Debug, Template)]
#[template(path = "doubts.html")]
struct Page {
    frame: Frame,
    key: String,
    number: String,
    policy: String,
    rows: Vec<Row>,
    more: Option<String>,
    ended: Vec<EndedAlike>,
    may_change: bool,
    ways: [Way; 3],
}

#[derive(Debug)]
struct Row {
    seq: u32,
    recipient: String,
    sender: String,
    attempt: String,
    since: String,
    why: String,
    policy: String,
    reserved: String,
}

/// A way to end doubts.
#[derive(Debug, Clone, Copy)]
struct Way {
    name: &'static str,
    label: &'static str,
    note: &'static str,
}

const WAYS: [Way; 3] = [
    Way {
        name: Decision::Accepted.name(),
        label: "were taken by the platform",
        note: "They count as accepted, and their money stays reserved until a status or their time to live.",
    },
    Way {
        name: Decision::Resend.name(),
        label: "are sent once more",
        note: "Whoever got the first gets it twice.",
    },
    Way {
        name: Decision::Drop.name(),
        label: "are given up",
        note: "They count as failed. A status that comes all the same is believed.",
    },
];

/// The page.
pub(crate) async fn list(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
) -> Response {
    let read = async {
        let row = finding::find(&*dashboard.store, &key).await?;
        let open = doubts::open(&*dashboard.store, &row).await?;
        let mut ended = Sums::default();
        ended.add(&*dashboard.store, row.id).await?;
        Ok::<_, DeskError>((open, ended.told()))
    };
    match read.await {
        Ok((open, ended)) => {
            let frame = Frame::new(&dashboard, &caller, "/campaigns", None);
            page(StatusCode::OK, &Page::of(frame, &open, ended, caller.may_change(), dashboard.clock.now()))
        }
        Err(error) => Problem::of_desk(&error).page(),
    }
}

impl Page {
    fn of(frame: Frame, open: &Open, ended: Vec<EndedAlike>, may_change: bool, now: DateTime<Utc>) -> Self {
        let all = open.doubts.len();
        let row = |one: &doubts::Doubt| Row {
            seq: one.seq.0,
            recipient: one.recipient.clone(),
            sender: one.sender.clone(),
            attempt: if one.was_resent {
                format!("{}, resent", one.attempt)
            } else {
                one.attempt.to_string()
            },
            since: format::roughly(one.since, now),
            why: match one.code {
                Some(code) => format!("{code}: {}", one.why),
                None => one.why.clone(),
            },
            policy: one.policy_in_words(now),
            reserved: format::money(one.reserved, one.currency),
        };
        Self {
            frame,
            key: open.campaign.clone(),
            number: format::counted(all as u64, "message"),
            policy: open.policy_in_words(),
            rows: open.doubts.iter().take(MOST).map(row).collect(),
            more: (all > MOST).then(|| format::count((all - MOST) as u64)),
            ended,
            may_change,
            ways: WAYS,
        }
    }
}

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
struct Chosen {
    /// Empty: all that are in doubt.
    seqs: BTreeSet<u32>,
    decision: Decision,
}

impl Chosen {
    fn read(form: &[u8]) -> Result<Self, Problem> {
        let (mut seqs, mut decision) = (BTreeSet::new(), None);
        let bad = |sentence| Problem::new(StatusCode::BAD_REQUEST, sentence);
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "seq" => {
                    let seq =
                        value.parse().map_err(|_| bad(format!("\"{value}\" is no message's number")))?;
                    seqs.insert(seq);
                }
                "as" => decision = Some(value.parse().map_err(|error| bad(format!("{error}")))?),
                _ => {}
            }
        }
        let decision = decision.ok_or_else(|| bad("choose how the doubts end".to_owned()))?;
        Ok(Self { seqs, decision })
    }

    /// The messages that are meant.
    fn of(&self, open: &Open) -> Vec<Seq> {
        if self.seqs.is_empty() {
            return open.doubts.iter().map(|doubt| doubt.seq).collect();
        }
        self.seqs.iter().copied().map(Seq).collect()
    }
}

/// Asks whether it is meant.
pub(crate) async fn confirm(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    if !caller.may_change() {
        return Problem::new(StatusCode::FORBIDDEN, "a viewer may look, and change nothing").page();
    }
    let chosen = match Chosen::read(query.unwrap_or_default().as_bytes()) {
        Ok(chosen) => chosen,
        Err(problem) => return problem.page(),
    };
    let meant = match meant(&dashboard, &key, &chosen).await {
        Ok((_, meant)) => meant,
        Err(error) => return Problem::of_desk(&error).page(),
    };
    let Some(way) = WAYS.into_iter().find(|way| way.name == chosen.decision.name()) else {
        return Problem::not_found().page();
    };
    let number = format::counted(meant.len() as u64, "message");
    let fields = meant.iter().map(|seq| ("seq", seq.0.to_string()));
    Confirm {
        frame: Frame::new(&dashboard, &caller, "/campaigns", None),
        title: format!("Decide on {number} of {key}?"),
        lines: vec![format!("{number} {}.", way.label), way.note.to_owned()],
        action: format!("/campaigns/{key}/doubts/resolve"),
        fields: fields.chain([("as", way.name.to_owned())]).collect(),
        label: format!("Yes: they {}", way.label),
        class: if chosen.decision == Decision::Accepted { "main" } else { "danger" },
        back: format!("/campaigns/{key}/doubts"),
    }
    .answer()
}

/// Does it.
pub(crate) async fn resolve(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    RawForm(form): RawForm,
) -> Response {
    let chosen = match Chosen::read(&form) {
        Ok(chosen) => chosen,
        Err(problem) => return problem.page(),
    };
    to_the_end(async move {
        let done = async {
            let (row, meant) = meant(&dashboard, &key, &chosen).await?;
            let now = dashboard.clock.now();
            doubts::resolve(&*dashboard.store, &row, &meant, chosen.decision, &caller.name, now).await
        };
        let done = done.await;
        dashboard.live.forget();
        let (outcome, detail) = told(&done);
        dashboard.log(&caller, "doubt resolve", &key, detail, outcome).await;
        match done {
            Ok(resolved) if resolved.refused.is_empty() => {
                Redirect::to(&format!("/campaigns/{key}/doubts")).into_response()
            }
            Ok(resolved) => Problem::new(StatusCode::CONFLICT, refused(&resolved)).page(),
            Err(error) => Problem::of_desk(&error).page(),
        }
    })
    .await
}

async fn meant(
    dashboard: &Dashboard,
    key: &str,
    chosen: &Chosen,
) -> Result<(CampaignRow, Vec<Seq>), DeskError> {
    let row = finding::find(&*dashboard.store, key).await?;
    let meant = chosen.of(&doubts::open(&*dashboard.store, &row).await?);
    if meant.is_empty() {
        return Err(DeskError::Refused(format!("no message of {key} is in doubt; nothing was changed")));
    }
    Ok((row, meant))
}

fn refused(resolved: &Resolved) -> String {
    let why =
        |part: &doubts::Refused| format!("{} of them: {}", format::count(part.seqs.len() as u64), part.why);
    format!(
        "{} resolved; not resolved, and not changed, are {}",
        format::counted(resolved.resolved, "doubt"),
        resolved.refused.iter().map(why).collect::<Vec<_>>().join("; ")
    )
}

/// What the audit log says of it.
fn told(done: &Result<Resolved, DeskError>) -> (Outcome, String) {
    match done {
        Ok(resolved) if resolved.refused.is_empty() => {
            let number = format::counted(resolved.resolved, "doubt");
            (Outcome::Done, format!("{number} as {}", resolved.decision.name()))
        }
        Ok(resolved) if resolved.resolved > 0 => (Outcome::Done, refused(resolved)),
        Ok(resolved) => (Outcome::Refused, refused(resolved)),
        Err(error @ (DeskError::NotFound(_) | DeskError::Refused(_))) => {
            (Outcome::Refused, error.to_string())
        }
        Err(error @ (DeskError::Unreadable(_) | DeskError::Store(_))) => (Outcome::Failed, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_messages_and_a_decision() {
        let chosen = Chosen::read(b"seq=7&seq=3&seq=7&as=drop").unwrap();
        assert_eq!(chosen, Chosen { seqs: [3, 7].into(), decision: Decision::Drop });
        assert!(Chosen::read(b"as=resend").unwrap().seqs.is_empty());
        for bad in ["", "seq=1", "seq=x&as=drop", "seq=-1&as=drop", "as=forget", "seq=4294967296&as=drop"] {
            assert_eq!(Chosen::read(bad.as_bytes()).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
    }
}
