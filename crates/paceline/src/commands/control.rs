//! `pause`, `resume` and `cancel`: an operator holds a campaign, lets it go on, or calls it off.
//!
//! | module | does |
//! | --- | --- |
//! | [`recurring`] | the same to a recurring campaign and its runs under way |

mod recurring;

use campaign::lifecycle;
use desk::control::{Controlled, PAUSED};
pub(crate) use desk::finding::{all_readable, find, listing, runs_of};
use desk::series;
use store::brake::Brake;

use crate::app::App;
use crate::failure::Failure;
use crate::output::{self, Progress, format};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign's key, as `paceline status` lists it
    pub(crate) campaign: String,
}

/// Holds a campaign.
pub(crate) async fn pause(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    let now = app.clock.now();
    if let Some(series) = store.series(&args.campaign).await? {
        return recurring::show(app, series::pause(&*store, series, now).await?);
    }
    show(app, &desk::control::pause(&*store, &args.campaign, PAUSED, now).await?, paused)
}

/// Lets a paused or stopped campaign go on, and lifts the brakes that touch it.
pub(crate) async fn resume(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    let now = app.clock.now();
    if let Some(series) = store.series(&args.campaign).await? {
        return recurring::show(app, series::resume(&*store, series, now).await?);
    }
    show(app, &desk::control::resume(&*store, &args.campaign, now).await?, resumed)
}

/// Calls a campaign off: what was not sent is skipped.
pub(crate) async fn cancel(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    let now = app.clock.now();
    let bar =
        if app.json { Progress::hidden() } else { Progress::new("skipping what was not sent", Some(0)) };
    let progress = |skipped, unsent| {
        bar.expect(unsent);
        bar.set(skipped);
    };
    if let Some(series) = store.series(&args.campaign).await? {
        let controlled = series::cancel(&*store, series, now, progress).await?;
        drop(bar);
        return recurring::show(app, controlled);
    }
    let controlled = desk::control::cancel(&*store, &args.campaign, now, progress).await?;
    drop(bar);
    show(app, &controlled, cancelled)
}

fn show(app: &App, controlled: &Controlled, text: fn(&Controlled) -> String) -> Result<(), Failure> {
    if app.json {
        output::print_json(controlled)?;
    } else {
        output::print(&text(controlled))?;
    }
    Ok(())
}

fn now(controlled: &Controlled) -> String {
    let already = if controlled.changed { "" } else { "already " };
    format!("{} is {already}{}.", controlled.campaign, controlled.state)
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
        now(controlled),
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
        format!("{} {}\n{next}", now(controlled), are(controlled.unsent, "message") + " still to be sent.");
    for Brake { on, reason, .. } in &controlled.lifted {
        text.push_str(&format!("\nLifted, for all campaigns: the brake on {on}. It was: {reason}"));
    }
    text
}

fn cancelled(controlled: &Controlled) -> String {
    let mut text =
        format!("{} {} skipped.", now(controlled), were(controlled.skipped.unwrap_or(0), "message"));
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
        let one = controlled(lifecycle::State::Paused);
        insta::assert_snapshot!(paused(&one), @r#"
        diwali is paused. 8 messages are with a worker and may still go out within a second; nothing after them.
        1,200 messages are still to be sent. Go on with: paceline resume diwali
        "#);
        insta::assert_snapshot!(paused(&Controlled { changed: false, sending: 0, unsent: 1, ..one }), @r#"
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
}
