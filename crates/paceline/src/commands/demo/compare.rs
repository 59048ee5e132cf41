//! The simulator's ledger against what Paceline says, message by message.

use std::collections::BTreeMap;

use campaign::message::State;
use serde_json::json;
use simulator::{Fate, LedgerEntry, Status};
use store::model::{CampaignRow, MessageRow, Verdict};

use crate::output::{Look, Table, format};

/// What became of messages, as one side has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Side {
    read: u64,
    delivered: u64,
    failed_after_acceptance: u64,
    open: u64,
    never_accepted: u64,
}

/// Both sides.
#[derive(Debug)]
pub(super) struct Compared {
    ledger: Side,
    report: Side,
    /// Recipients that the ledger has more than once.
    pub(super) twice: u64,
    /// Messages of which the two sides say different things.
    pub(super) different: Vec<String>,
}

impl Compared {
    pub(super) fn agrees(&self) -> bool {
        self.ledger == self.report && self.twice == 0 && self.different.is_empty()
    }
}

/// Holds the two against each other.
pub(super) fn compare(ledger: &[LedgerEntry], messages: &[MessageRow]) -> Compared {
    let mut accepted: BTreeMap<&str, &LedgerEntry> = BTreeMap::new();
    let mut twice = 0;
    for entry in ledger {
        // One that was told to have failed may be tried again: nobody got it.
        let before = accepted.insert(entry.recipient.trim_start_matches('+'), entry);
        if before.is_some_and(|before| !matches!(before.truth.fate, Fate::Failed(_))) {
            twice += 1;
        }
    }
    let mut compared =
        Compared { ledger: Side::default(), report: Side::default(), twice, different: Vec::new() };
    for message in messages {
        let truth = accepted.get(message.recipient.as_str()).copied();
        let ours = said(message);
        let theirs = truth.map_or("never accepted", told);
        count(&mut compared.report, ours);
        count(&mut compared.ledger, theirs);
        if ours != theirs {
            let masked = whatsapp::mask_phone(&message.recipient);
            compared
                .different
                .push(format!("{masked}: {ours} by the report ({}), {theirs} by the ledger", message.state));
        }
    }
    compared
}

fn count(side: &mut Side, what: &str) {
    match what {
        "read" => side.read += 1,
        "delivered" => side.delivered += 1,
        "failed after acceptance" => side.failed_after_acceptance += 1,
        "never accepted" => side.never_accepted += 1,
        _ => side.open += 1,
    }
}

/// What the ledger has of an accepted message.
fn told(entry: &LedgerEntry) -> &'static str {
    let announced =
        |status| entry.truth.timeline.iter().any(|event| event.status == status && event.announced);
    match entry.truth.fate {
        Fate::Read if announced(Status::Read) => "read",
        Fate::Delivered | Fate::Read => "delivered",
        Fate::Failed(_) => "failed after acceptance",
        Fate::Expired => "open",
    }
}

/// What Paceline says. That a failed message had been accepted before is what its wamid says.
fn said(message: &MessageRow) -> &'static str {
    match message.state {
        State::Read => "read",
        State::Delivered => "delivered",
        State::Failed if message.wamid.is_some() => "failed after acceptance",
        State::Failed | State::Expired | State::Skipped => "never accepted",
        State::Queued
        | State::Retrying
        | State::Sending
        | State::InDoubt
        | State::Accepted
        | State::Held
        | State::Sent => "open",
    }
}

/// For people.
pub(super) fn render(compared: &Compared, row: &CampaignRow, verdict: &Verdict) -> String {
    let mut table = Table::new(["", "simulator's ledger", "Paceline's report"]).right([1, 2]).indent(2);
    let (ledger, report) = (&compared.ledger, &compared.report);
    let mut line = |what: &str, theirs: u64, ours: u64| {
        table.row([what.to_owned(), format::count(theirs), format::count(ours)]);
    };
    line("read", ledger.read, report.read);
    line("delivered, not read", ledger.delivered, report.delivered);
    line("failed after it was accepted", ledger.failed_after_acceptance, report.failed_after_acceptance);
    line("never accepted", ledger.never_accepted, report.never_accepted);
    line("still open", ledger.open, report.open);
    let mut text = format!(
        "\nThe campaign is {}. What became of its {} messages:\n\n",
        row.state,
        format::count(row.totals.messages)
    );
    text.push_str(table.render(Look::of_stdout()).trim_end());
    text.push_str(&format!(
        "\n\n  recipients who got it twice: {}\n  messages of which the two say different things: {}\n  guarantees violated: {}\n",
        compared.twice,
        compared.different.len(),
        verdict.violations.len()
    ));
    for sentence in compared.different.iter().chain(&verdict.violations).take(20) {
        text.push_str(&format!("    {sentence}\n"));
    }
    if compared.agrees() && verdict.violations.is_empty() {
        text.push_str("\nThe ledger and the report agree to the message.\n");
    }
    text
}

/// For machines.
pub(super) fn as_json(compared: &Compared, row: &CampaignRow, verdict: &Verdict) -> serde_json::Value {
    let side = |side: &Side| {
        json!({
            "read": side.read, "delivered": side.delivered, "failed_after_acceptance": side.failed_after_acceptance,
            "never_accepted": side.never_accepted, "open": side.open,
        })
    };
    json!({
        "campaign": row.key, "state": row.state, "messages": row.totals.messages,
        "ledger": side(&compared.ledger), "report": side(&compared.report),
        "twice": compared.twice, "different": compared.different, "violations": verdict.violations,
        "agrees": compared.agrees(),
    })
}
