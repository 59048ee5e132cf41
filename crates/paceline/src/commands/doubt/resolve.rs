//! Ends doubts as an operator decides, and says which were ended and which not, and why.

use std::collections::BTreeSet;

use campaign::doubt::Decision;
use campaign::ids::Seq;
use desk::doubts::Resolved;
use store::Store;
use store::model::CampaignRow;

use super::chosen::{Chosen, in_words};
use super::{PAGE, operator};
use crate::app::App;
use crate::failure::Failure;
use crate::output::{self, format};

/// Which doubts, and how they end.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A message by its seq, or those in doubt of a range: 7 or 20-29; several with commas, or said again
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    seq: Vec<Chosen>,
    /// All that are in doubt
    #[arg(long)]
    all: bool,
    /// accepted: the platform took it; resend: send it once more; drop: give it up
    #[arg(long = "as", value_enum, value_name = "HOW")]
    decision: How,
    /// Who decides; kept with the message [default: the user of this machine]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// How a doubt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum How {
    /// The platform took it: it waits for its statuses, until its time to live
    Accepted,
    /// Send it once more, once per message; whoever got the first gets it twice
    Resend,
    /// Give it up: it counts as failed
    Drop,
}

impl From<How> for Decision {
    fn from(how: How) -> Self {
        match how {
            How::Accepted => Self::Accepted,
            How::Resend => Self::Resend,
            How::Drop => Self::Drop,
        }
    }
}

/// What was asked for, once it makes sense.
#[derive(Debug)]
pub(super) struct Order {
    /// Empty: all that are in doubt.
    chosen: Vec<Chosen>,
    decision: Decision,
    by: String,
}

impl Args {
    /// That it makes sense.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn checked(self) -> Result<Order, Failure> {
        let by = operator::name(self.by.as_deref())?;
        Ok(Order { chosen: self.seq, decision: self.decision.into(), by })
    }
}

/// Runs the command.
pub(super) async fn run(
    app: &App,
    store: &dyn Store,
    row: &CampaignRow,
    order: &Order,
) -> Result<(), Failure> {
    let seqs = meant(store, row, &order.chosen).await?;
    let answer = desk::doubts::resolve(store, row, &seqs, order.decision, &order.by, app.clock.now()).await?;
    if app.json {
        output::print_json(&answer)?;
    } else {
        output::print(&render(&answer))?;
    }
    match answer.refused.iter().map(|part| part.seqs.len()).sum::<usize>() {
        0 => Ok(()),
        refused => Err(Failure::Answered {
            exit_code: 3,
            sentence: format!(
                "{} of {} doubts of {} were not resolved; nothing was changed of them",
                format::count(refused as u64),
                format::count(seqs.len() as u64),
                row.key
            ),
        }),
    }
}

/// The messages that are meant, in order: those that were named, and those in doubt of ranges.
///
/// # Errors
/// A number that no row of the audience has; nothing of what is meant is in doubt.
async fn meant(store: &dyn Store, row: &CampaignRow, chosen: &[Chosen]) -> Result<Vec<Seq>, Failure> {
    let rows = row.totals.planned;
    // A follow-up's messages have the numbers that they have in its campaign.
    let is_beyond = |chosen: &&Chosen| row.follow_up_of.is_none() && u64::from(chosen.last) >= rows;
    if let Some(beyond) = chosen.iter().find(is_beyond) {
        return Err(Failure::BadUse(format!(
            "--seq {}: {} has {}, numbered from 0",
            beyond.last,
            row.key,
            format::counted(rows, "row")
        )));
    }
    let mut seqs: BTreeSet<Seq> =
        chosen.iter().filter(|chosen| chosen.is_one).map(|chosen| Seq(chosen.first)).collect();
    if chosen.is_empty() || chosen.iter().any(|chosen| !chosen.is_one) {
        let mut after = None;
        loop {
            let page = store.doubts(row.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            let is_meant = |seq: Seq| chosen.is_empty() || chosen.iter().any(|chosen| chosen.contains(seq));
            seqs.extend(page.iter().map(|doubt| doubt.seq).filter(|seq| is_meant(*seq)));
        }
    }
    if seqs.is_empty() {
        return Err(Failure::Refused(format!(
            "no message of {} {}is in doubt; nothing was changed",
            row.key,
            if chosen.is_empty() { "" } else { "among these " }
        )));
    }
    Ok(seqs.into_iter().collect())
}

fn render(answer: &Resolved) -> String {
    let mut lines = Vec::new();
    if answer.resolved > 0 {
        let were = if answer.resolved == 1 { "was" } else { "were" };
        let states: Vec<String> = answer
            .states
            .iter()
            .map(|(state, number)| format!("{} {state}", format::count(*number)))
            .collect();
        lines.push(format!(
            "{} of {} {were} resolved by {}; now {}.",
            format::counted(answer.resolved, "doubt"),
            answer.campaign,
            answer.by,
            states.join(", ")
        ));
        lines.push(
            match answer.decision {
                Decision::Accepted => {
                    "They count as accepted, and their money stays reserved, until a status or their time to live."
                }
                Decision::Resend => {
                    "They are sent once more, as the campaign's pace and windows allow. Who got the first gets two."
                }
                Decision::Drop => "Their money is released. A status that comes all the same is believed and told.",
            }
            .to_owned(),
        );
    }
    for refused in &answer.refused {
        lines.push(format!("Not resolved: {}: {}.", in_words(&refused.seqs), refused.why));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use campaign::doubt::Refusal;
    use campaign::message::State;
    use desk::doubts::Refused;

    use super::*;

    fn answer(decision: Decision) -> Resolved {
        Resolved {
            campaign: "diwali".to_owned(),
            decision,
            by: "ravi".to_owned(),
            resolved: 12,
            states: BTreeMap::from([(State::Accepted, 1), (State::Failed, 11)]),
            refused: vec![Refused {
                seqs: [3, 4, 5, 9].map(Seq).to_vec(),
                why: Refusal::NotInDoubt(State::Delivered).to_string(),
            }],
        }
    }

    #[test]
    fn the_answer_says_which_and_which_not() {
        insta::assert_snapshot!(render(&answer(Decision::Drop)));
        let one = Resolved {
            resolved: 1,
            states: BTreeMap::from([(State::Retrying, 1)]),
            refused: Vec::new(),
            ..answer(Decision::Resend)
        };
        insta::assert_snapshot!(render(&one));
        let none = Resolved { resolved: 0, states: BTreeMap::new(), ..answer(Decision::Accepted) };
        insta::assert_snapshot!(render(&none));
        insta::assert_json_snapshot!(answer(Decision::Drop));
    }
}
