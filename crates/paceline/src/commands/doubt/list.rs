//! What is in doubt, why, since when, what the policy will do and when, and what is reserved for it.

use chrono::{DateTime, Utc};
use desk::doubts::{self, Ended, Open, masked};
use store::Store;
use store::model::CampaignRow;

use super::ended;
use crate::app::App;
use crate::failure::Failure;
use crate::output::{self, Look, Table, Tone, format};

/// No more messages are listed to be read; --json has all.
const MOST: usize = 200;

/// What to list.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// List the doubts that were ended by the policy or an operator, and what became of them
    #[arg(long)]
    resolved: bool,
}

/// Runs the command.
pub(super) async fn run(app: &App, store: &dyn Store, row: &CampaignRow, args: &Args) -> Result<(), Failure> {
    let (look, now) = (Look::of_stdout(), app.clock.now());
    if args.resolved {
        let all: Vec<Ended> = ended::all(store, row.id).await?.into_iter().map(masked).collect();
        if app.json {
            output::print_json(&all)?;
        } else {
            output::print(&render_ended(&row.key, &all, look, now))?;
        }
        return Ok(());
    }
    let open = doubts::open(store, row).await?;
    if app.json {
        output::print_json(&open)?;
    } else {
        output::print(&render(&open, look, now))?;
    }
    Ok(())
}

fn render(open: &Open, look: Look, now: DateTime<Utc>) -> String {
    let number = u64::try_from(open.doubts.len()).unwrap_or(u64::MAX);
    if number == 0 {
        return format!("No message of {} is in doubt.", open.campaign);
    }
    let is = if number == 1 { "is" } else { "are" };
    let policy = open.policy_in_words();
    let head = format!("{} of {} {is} in doubt. {policy}", format::counted(number, "message"), open.campaign);
    let mut table =
        Table::new(["SEQ", "RECIPIENT", "SENDER", "ATTEMPT", "SINCE", "WHY", "POLICY", "RESERVED"])
            .right([0, 3, 7]);
    for one in open.doubts.iter().take(MOST) {
        table.row([
            one.seq.to_string(),
            one.recipient.clone(),
            one.sender.clone(),
            if one.was_resent { format!("{}, resent", one.attempt) } else { one.attempt.to_string() },
            format::roughly(one.since, now),
            match one.code {
                Some(code) => format!("{code}: {}", one.why),
                None => one.why.clone(),
            },
            one.policy_in_words(now),
            format::money(one.reserved, one.currency),
        ]);
    }
    let mut parts = vec![look.wrap(&head, 0), table.render(look)];
    if open.doubts.len() > MOST {
        parts.push(format!("and {} more (all with --json)", open.doubts.len() - MOST));
    }
    parts.push(look.wrap(
        &format!("End them with: paceline doubt {} resolve --seq N --as accepted|resend|drop", open.campaign),
        0,
    ));
    parts.join("\n\n")
}

fn render_ended(campaign: &str, all: &[Ended], look: Look, now: DateTime<Utc>) -> String {
    if all.is_empty() {
        return format!("No doubt of {campaign} was ended by its policy or by an operator.");
    }
    let mut table =
        Table::new(["SEQ", "RECIPIENT", "STATE", "WHY IN DOUBT", "DECIDED", "WHAT BECAME OF IT"]).right([0]);
    for one in all.iter().take(MOST) {
        table.row([
            one.doubt.seq.to_string(),
            one.doubt.recipient.clone(),
            one.doubt.state.to_string(),
            one.doubt.why.clone(),
            format::roughly(one.doubt.decided_at, now),
            one.story.clone(),
        ]);
    }
    let mut lines = vec![look.paint(
        Tone::Strong,
        &format!("{} of {campaign} ended by a decision", format::counted(all.len() as u64, "doubt")),
    )];
    lines.push(table.render(look));
    if all.len() > MOST {
        lines.push(format!("and {} more (all with --json)", all.len() - MOST));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use campaign::definition::Definition;
    use campaign::ids::Seq;
    use campaign::money::Micros;
    use store::doubt::DoubtRow;
    use store::model::Failure;

    use super::*;
    use crate::commands::status::sample::{YAML, at, now, row};

    fn doubt(seq: u32, was_resent: bool, code: Option<i64>, detail: &str) -> DoubtRow {
        DoubtRow {
            seq: Seq(seq),
            group: seq % 2,
            recipient: format!("9198200000{seq:02}"),
            attempt: 1 + u32::from(was_resent),
            since: at("2026-11-08T04:00:00Z"),
            failure: Some(Failure { code, class: "unknown".to_owned(), detail: detail.to_owned() }),
            was_resent,
            reserved: Micros(870_000 * (1 + i64::from(was_resent))),
        }
    }

    fn open(policy: &str) -> Open {
        let yaml = format!("{YAML}{policy}");
        let definition = Definition::parse("diwali.yaml", yaml.as_bytes()).unwrap();
        let row = CampaignRow { definition: Arc::new(definition), ..row() };
        let doubts = [
            doubt(7, false, None, "no answer came within 30 s"),
            doubt(12, true, Some(131_000), "Something went wrong"),
            doubt(40, false, None, "the worker that sent it ended before the answer came"),
        ];
        Open::of(&row, &doubts)
    }

    #[test]
    fn what_is_held_is_an_operators() {
        insta::assert_snapshot!(render(&open(""), Look::plain(140), now()));
        let none = Open { doubts: Vec::new(), ..open("") };
        assert_eq!(render(&none, Look::plain(80), now()), "No message of diwali-2026-in is in doubt.");
    }

    #[test]
    fn what_the_policy_will_do_has_its_time() {
        let text = render(&open("in_doubt: resend\nin_doubt_after: 42m\n"), Look::plain(140), now());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn machines_get_stable_names() {
        insta::assert_json_snapshot!(open("in_doubt: drop\n"));
        let all: Vec<Ended> = ended::sample::all().into_iter().map(masked).collect();
        insta::assert_json_snapshot!("ended_doubts_for_machines", all[..1]);
    }

    #[test]
    fn what_became_of_decisions() {
        let all: Vec<Ended> = ended::sample::all().into_iter().map(masked).collect();
        insta::assert_snapshot!(render_ended("diwali", &all, Look::plain(140), now()));
    }
}
