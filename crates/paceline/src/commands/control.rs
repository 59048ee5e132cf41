//! `pause`, `resume` and `cancel`: an operator holds a campaign, lets it go on, or calls it off.
//!
//! | module | does |
//! | --- | --- |
//! | [`recurring`] | the same to a recurring campaign and its runs under way |

mod recurring;

use campaign::document::nearest;
use campaign::series::series_of;
use campaign::{lifecycle, message};
use serde::Serialize;
use store::brake::{Brake, BrakeChange, Lifted};
use store::model::{CampaignRow, Listing, Unreadable};
use store::{Store, TransitionError};

use crate::app::App;
use crate::failure::Failure;
use crate::output::{self, Progress, format};

/// How many messages one transaction skips.
const SKIP_AT_ONCE: u32 = 5_000;
/// What the report says of the messages that a cancellation skipped.
const CANCELLED: &str = "the campaign was cancelled";
/// What `status` says of a paused campaign.
const PAUSED: &str = "paused by an operator";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign's key, as `paceline status` lists it
    pub(crate) campaign: String,
}

/// What a campaign is after it was controlled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Controlled {
    campaign: String,
    state: lifecycle::State,
    /// Whether the command changed the state.
    changed: bool,
    /// Messages that are with a worker at this moment.
    sending: u64,
    /// Messages that wait to be sent.
    unsent: u64,
    /// Messages in doubt.
    in_doubt: u64,
    /// Messages that this command skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<u64>,
    /// Brakes that this command lifted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lifted: Vec<Brake>,
}

/// Holds a campaign.
pub(crate) async fn pause(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    if let Some(series) = store.series(&args.campaign).await? {
        return recurring::pause(app, &*store, series).await;
    }
    show(app, &pause_one(app, &*store, &args.campaign, PAUSED).await?, paused)
}

async fn pause_one(app: &App, store: &dyn Store, key: &str, reason: &str) -> Result<Controlled, Failure> {
    let (before, state) = transition(app, store, key, lifecycle::Event::Pause, Some(reason)).await?;
    Ok(Controlled::of(&find(store, key).await?, before, state))
}

/// Lets a paused or stopped campaign go on, and lifts the brakes that touch it.
pub(crate) async fn resume(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    if let Some(series) = store.series(&args.campaign).await? {
        return recurring::resume(app, &*store, series).await;
    }
    show(app, &resume_one(app, &*store, &args.campaign).await?, resumed)
}

async fn resume_one(app: &App, store: &dyn Store, key: &str) -> Result<Controlled, Failure> {
    let (before, state) = transition(app, store, key, lifecycle::Event::Resume, None).await?;
    let row = find(store, key).await?;
    let lifted = lift(app, store, &row).await?;
    Ok(Controlled { lifted, ..Controlled::of(&row, before, state) })
}

/// Calls a campaign off: what was not sent is skipped.
pub(crate) async fn cancel(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    if let Some(series) = store.series(&args.campaign).await? {
        return recurring::cancel(app, &*store, series).await;
    }
    show(app, &cancel_one(app, &*store, &args.campaign).await?, cancelled)
}

async fn cancel_one(app: &App, store: &dyn Store, key: &str) -> Result<Controlled, Failure> {
    let (before, state) =
        transition(app, store, key, lifecycle::Event::Cancel, Some("cancelled by an operator")).await?;
    let row = find(store, key).await?;
    let unsent = row.count(message::State::Queued) + row.count(message::State::Retrying);
    let progress =
        if app.json { Progress::hidden() } else { Progress::new("skipping what was not sent", Some(unsent)) };
    let mut skipped = 0;
    loop {
        let some = store.skip_unsent(row.id, CANCELLED, app.clock.now(), SKIP_AT_ONCE).await?;
        if some == 0 {
            break;
        }
        skipped += some;
        progress.set(skipped);
    }
    drop(progress);
    let row = find(store, key).await?;
    Ok(Controlled { skipped: Some(skipped), ..Controlled::of(&row, before, state) })
}

/// Lifts the brakes on what a campaign is sent with: who resumes it says that the cause is gone.
async fn lift(app: &App, store: &dyn Store, row: &CampaignRow) -> Result<Vec<Brake>, Failure> {
    let now = app.clock.now();
    let touching = |brake: &Brake| row.groups.iter().any(|group| brake.on.touches(group));
    let changes: Vec<BrakeChange> = store
        .brakes(now)
        .await?
        .into_iter()
        .filter(touching)
        // Whose clock is ahead of this machine's has set it all the same.
        .map(|brake| BrakeChange::Lift(brake.on, vec![Lifted::Everything], now.max(brake.since)))
        .collect();
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(store.change_brakes(&changes, now).await?.lifted)
}

/// The campaign with this key, or the runs of the recurring one; all without a key.
///
/// # Errors
/// As [`find`].
pub(crate) async fn listing(store: &dyn Store, key: Option<&str>) -> Result<Listing, Failure> {
    match key {
        Some(key) if store.series(key).await?.is_some() => runs_of(store, key).await,
        Some(key) => Ok(Listing { campaigns: vec![find(store, key).await?], ..Listing::default() }),
        None => Ok(store.campaigns().await?),
    }
}

/// The runs of a recurring campaign, newest first.
///
/// # Errors
/// The store's.
pub(crate) async fn runs_of(store: &dyn Store, series: &str) -> Result<Listing, Failure> {
    let Listing { mut campaigns, mut unreadable } = store.campaigns().await?;
    let is_run = |key: &str| series_of(key) == Some(series);
    campaigns.retain(|row| is_run(&row.key));
    unreadable.retain(|one| is_run(&one.key));
    Ok(Listing { campaigns, unreadable })
}

/// The campaign with this key.
///
/// # Errors
/// [`Failure::BadUse`] when there is none, with the nearest key that there is.
pub(crate) async fn find(store: &dyn Store, key: &str) -> Result<CampaignRow, Failure> {
    if let Some(row) = store.campaign(key).await? {
        return Ok(row);
    }
    let listing = store.campaigns().await?;
    let series = store.all_series().await?.series;
    let keys: Vec<String> = listing
        .campaigns
        .into_iter()
        .map(|row| row.key)
        .chain(series.into_iter().map(|row| row.key))
        .collect();
    Err(Failure::BadUse(unknown(key, &keys)))
}

/// That every campaign of a listing could be read. Asked after the others were answered for.
///
/// # Errors
/// Some could not: a sentence for each.
pub(crate) fn all_readable(unreadable: &[Unreadable]) -> Result<(), Failure> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = unreadable.iter().map(|one| one.error.to_string()).collect();
    Err(Failure::Answered { exit_code: 1, sentence: said.join("; ") })
}

fn unknown(key: &str, keys: &[String]) -> String {
    let help = match nearest(key, keys.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None if keys.is_empty() => "none was launched on this database yet: see `paceline launch`".to_owned(),
        None => "`paceline status` lists all".to_owned(),
    };
    format!("there is no campaign \"{key}\"; {help}")
}

/// Moves a campaign. Returns the state it was in and the one it is in now.
async fn transition(
    app: &App,
    store: &dyn Store,
    key: &str,
    event: lifecycle::Event,
    reason: Option<&str>,
) -> Result<(lifecycle::State, lifecycle::State), Failure> {
    let row = find(store, key).await?;
    // Asking again for what already holds keeps the reason that is shown: it says more than the operator.
    let reason =
        if lifecycle::next(row.state, event) == Ok(row.state) { row.reason.as_deref() } else { reason };
    match store.transition(row.id, event, reason, app.clock.now()).await {
        Ok(state) => Ok((row.state, state)),
        Err(TransitionError::Forbidden(forbidden)) => Err(Failure::Refused(refusal(key, forbidden))),
        Err(TransitionError::NoSuchCampaign) => Err(Failure::BadUse(unknown(key, &[]))),
        Err(TransitionError::Store(error)) => Err(error.into()),
    }
}

/// Why not, and what to do instead.
fn refusal(key: &str, forbidden: lifecycle::Forbidden) -> String {
    use lifecycle::State;
    let instead = match forbidden.from {
        State::Loading => "its launch is not complete: wait for it, or launch it again if it died",
        State::Done => "nothing of it is left to send",
        State::Cancelled => "it was called off for good: launch it under another key to send it again",
        State::Settling => "all its messages are sent, and only their statuses are still to come",
        State::Stopped => "a safety rule stopped it already: `resume` or `cancel` it",
        State::Waiting | State::Running | State::Paused => "nothing was changed",
    };
    format!("campaign {key}: {forbidden}; {instead}")
}

fn show(app: &App, controlled: &Controlled, text: fn(&Controlled) -> String) -> Result<(), Failure> {
    if app.json {
        output::print_json(controlled)?;
    } else {
        output::print(&text(controlled))?;
    }
    Ok(())
}

impl Controlled {
    fn of(row: &CampaignRow, before: lifecycle::State, state: lifecycle::State) -> Self {
        Self {
            campaign: row.key.clone(),
            state,
            changed: before != state,
            sending: row.count(message::State::Sending),
            unsent: row.count(message::State::Queued) + row.count(message::State::Retrying),
            in_doubt: row.count(message::State::InDoubt),
            skipped: None,
            lifted: Vec::new(),
        }
    }

    fn now(&self) -> String {
        let already = if self.changed { "" } else { "already " };
        format!("{} is {already}{}.", self.campaign, self.state)
    }
}

fn paused(controlled: &Controlled) -> String {
    let in_hand = match controlled.sending {
        0 => "No message is with a worker: nothing more goes out.".to_owned(),
        1 => "1 message is with a worker and may still go out within a second; nothing after it.".to_owned(),
        sending => format!(
            "{} messages are with a worker and may still go out within a second; nothing after them.",
            format::count(sending)
        ),
    };
    format!(
        "{} {in_hand}\n{} still to be sent. Go on with: paceline resume {}",
        controlled.now(),
        are(controlled.unsent, "message"),
        controlled.campaign
    )
}

fn resumed(controlled: &Controlled) -> String {
    use lifecycle::State;
    let next = match controlled.state {
        State::Waiting => {
            "It goes on by itself, within about a second where its start, windows and template gate allow; `paceline status` says what it waits for."
        }
        State::Settling => "All its messages are sent; only their statuses are still to come.",
        State::Loading | State::Running | State::Paused | State::Done | State::Stopped | State::Cancelled => {
            "It sends as its pace and windows allow."
        }
    };
    let mut text =
        format!("{} {}\n{next}", controlled.now(), are(controlled.unsent, "message") + " still to be sent.");
    for Brake { on, reason, .. } in &controlled.lifted {
        text.push_str(&format!("\nLifted, for all campaigns: the brake on {on}. It was: {reason}"));
    }
    text
}

fn cancelled(controlled: &Controlled) -> String {
    let mut text =
        format!("{} {} skipped.", controlled.now(), were(controlled.skipped.unwrap_or(0), "message"));
    if controlled.sending > 0 {
        text.push_str(&format!(
            "\n{} with a worker at this moment and may still go out within a second.",
            are(controlled.sending, "message")
        ));
    }
    if controlled.in_doubt > 0 {
        text.push_str(&format!(
            "\n{} in doubt: a status or an operator settles that.",
            are(controlled.in_doubt, "message")
        ));
    }
    text.push_str(&format!(
        "\nWhat was sent before keeps getting its statuses: paceline report {}",
        controlled.campaign
    ));
    text
}

fn are(number: u64, what: &str) -> String {
    format!("{} {}", format::counted(number, what), if number == 1 { "is" } else { "are" })
}

fn were(number: u64, what: &str) -> String {
    format!("{} {}", format::counted(number, what), if number == 1 { "was" } else { "were" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controlled(state: lifecycle::State) -> Controlled {
        Controlled {
            campaign: "diwali".to_owned(),
            state,
            changed: true,
            sending: 8,
            unsent: 1_200,
            in_doubt: 0,
            skipped: None,
            lifted: Vec::new(),
        }
    }

    #[test]
    fn pausing_names_what_may_still_go_out() {
        let now = controlled(lifecycle::State::Paused);
        insta::assert_snapshot!(paused(&now), @r#"
        diwali is paused. 8 messages are with a worker and may still go out within a second; nothing after them.
        1,200 messages are still to be sent. Go on with: paceline resume diwali
        "#);
        insta::assert_snapshot!(paused(&Controlled { changed: false, sending: 0, unsent: 1, ..now }), @r#"
        diwali is already paused. No message is with a worker: nothing more goes out.
        1 message is still to be sent. Go on with: paceline resume diwali
        "#);
    }

    #[test]
    fn resuming_says_when_it_goes_on() {
        insta::assert_snapshot!(resumed(&controlled(lifecycle::State::Waiting)), @r#"
        diwali is waiting. 1,200 messages are still to be sent.
        It goes on by itself, within about a second where its start, windows and template gate allow; `paceline status` says what it waits for.
        "#);
        insta::assert_snapshot!(resumed(&Controlled { changed: false, ..controlled(lifecycle::State::Running) }), @r#"
        diwali is already running. 1,200 messages are still to be sent.
        It sends as its pace and windows allow.
        "#);
    }

    #[test]
    fn resuming_says_what_it_lifted() {
        let brake = Brake {
            on: store::brake::Subject::Sender("jaspers-in".to_owned()),
            cause: store::brake::Cause::Refused(131_048),
            reason: "Spam limit reached: too many people blocked it.".to_owned(),
            since: chrono::DateTime::UNIX_EPOCH,
            until: None,
        };
        let now = Controlled { changed: false, lifted: vec![brake], ..controlled(lifecycle::State::Waiting) };
        insta::assert_snapshot!(resumed(&now), @r#"
        diwali is already waiting. 1,200 messages are still to be sent.
        It goes on by itself, within about a second where its start, windows and template gate allow; `paceline status` says what it waits for.
        Lifted, for all campaigns: the brake on the sender jaspers-in. It was: Spam limit reached: too many people blocked it.
        "#);
    }

    #[test]
    fn cancelling_counts_what_was_skipped() {
        let now = Controlled {
            skipped: Some(1_200),
            unsent: 0,
            in_doubt: 1,
            ..controlled(lifecycle::State::Cancelled)
        };
        insta::assert_snapshot!(cancelled(&now), @r#"
        diwali is cancelled. 1,200 messages were skipped.
        8 messages are with a worker at this moment and may still go out within a second.
        1 message is in doubt: a status or an operator settles that.
        What was sent before keeps getting its statuses: paceline report diwali
        "#);
    }

    #[test]
    fn a_mistyped_key_gets_a_suggestion() {
        let keys = ["diwali-2026-in".to_owned(), "spring".to_owned()];
        assert_eq!(
            unknown("diwali-2026", &keys),
            "there is no campaign \"diwali-2026\"; did you mean diwali-2026-in?"
        );
        assert_eq!(unknown("xmas", &keys), "there is no campaign \"xmas\"; `paceline status` lists all");
        assert!(unknown("xmas", &[]).ends_with("see `paceline launch`"));
    }

    #[test]
    fn a_refusal_says_what_to_do_instead() {
        let forbidden = lifecycle::next(lifecycle::State::Done, lifecycle::Event::Pause).unwrap_err();
        assert_eq!(
            refusal("diwali", forbidden),
            "campaign diwali: a campaign that is done cannot be paused; nothing of it is left to send"
        );
    }
}
