//! What is said of a recurring campaign that was controlled, and of its runs under way.

use campaign::lifecycle;
use campaign::series;
use desk::series::ControlledSeries;

use super::{all_readable, are, were};
use crate::app::App;
use crate::failure::Failure;
use crate::output;

/// Says what it is now.
///
/// # Errors
/// Runs could not be read.
pub(super) fn show(app: &App, controlled: ControlledSeries) -> Result<(), Failure> {
    if app.json {
        output::print_json(&controlled)?;
    } else {
        output::print(&text(&controlled))?;
    }
    Ok(all_readable(&controlled.unreadable)?)
}

fn text(controlled: &ControlledSeries) -> String {
    let already = if controlled.changed { "" } else { "already " };
    let mut text = format!("{} is {already}{}.", controlled.campaign, controlled.state);
    match controlled.state {
        series::State::Active => {
            let next = controlled.next_runs.first().map(|run| format!(" Its next run is {}.", run.campaign));
            text.push_str(&next.unwrap_or_default());
        }
        series::State::Paused => text.push_str(&format!(
            " No run is made, and times that come are skipped. Go on with: paceline resume {}",
            controlled.campaign
        )),
        series::State::Done | series::State::Cancelled => text.push_str(" No run is made any more."),
    }
    for run in &controlled.runs {
        text.push_str(&format!("\nWith it, the run {} is {}: ", run.campaign, run.state));
        text.push_str(&match run.skipped {
            Some(skipped) => format!("{} skipped.", were(skipped, "message")),
            None => format!("{} still to be sent.", are(run.unsent, "message")),
        });
        if run.sending > 0 && run.state != lifecycle::State::Waiting {
            text.push_str(&format!(
                " {} with a worker and may still go out within a second.",
                are(run.sending, "message")
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use desk::control::Controlled;
    use desk::series::NextRun;

    use super::*;

    fn controlled(state: series::State, run: lifecycle::State, skipped: Option<u64>) -> ControlledSeries {
        let run = Controlled {
            campaign: "weekly@2026-11-23T10:00".to_owned(),
            state: run,
            changed: true,
            sending: 8,
            unsent: 1_200,
            in_doubt: 0,
            skipped,
            lifted: Vec::new(),
        };
        let next =
            NextRun { campaign: "weekly@2026-11-30T10:00".to_owned(), at: chrono::DateTime::UNIX_EPOCH };
        let next_runs = if state == series::State::Active { vec![next] } else { Vec::new() };
        ControlledSeries {
            campaign: "weekly".to_owned(),
            recurring: true,
            state,
            changed: true,
            next_runs,
            runs: vec![run],
            unreadable: Vec::new(),
        }
    }

    #[test]
    fn it_says_what_becomes_of_the_runs_under_way() {
        let text = super::text(&controlled(series::State::Paused, lifecycle::State::Paused, None));
        insta::assert_snapshot!(text, @r#"
        weekly is paused. No run is made, and times that come are skipped. Go on with: paceline resume weekly
        With it, the run weekly@2026-11-23T10:00 is paused: 1,200 messages are still to be sent. 8 messages are with a worker and may still go out within a second.
        "#);
        let text = super::text(&controlled(series::State::Active, lifecycle::State::Waiting, None));
        insta::assert_snapshot!(text, @r#"
        weekly is active. Its next run is weekly@2026-11-30T10:00.
        With it, the run weekly@2026-11-23T10:00 is waiting: 1,200 messages are still to be sent.
        "#);
        let text =
            super::text(&controlled(series::State::Cancelled, lifecycle::State::Cancelled, Some(1_200)));
        insta::assert_snapshot!(text, @r#"
        weekly is cancelled. No run is made any more.
        With it, the run weekly@2026-11-23T10:00 is cancelled: 1,200 messages were skipped. 8 messages are with a worker and may still go out within a second.
        "#);
    }
}
