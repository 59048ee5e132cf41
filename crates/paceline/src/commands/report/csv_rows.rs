//! One CSV row per recipient, quoted by RFC 4180, lines ended by LF.
//!
//! Text that comes from the user's file or from the platform and that a spreadsheet would take for a
//! formula gets an apostrophe before it, so that opening a report runs nothing (OWASP: CSV injection).

use std::collections::BTreeMap;

use anyhow::Context;
use campaign::ids::Seq;
use campaign::money::Currency;
use campaign::platform_error;
use chrono::{DateTime, SecondsFormat, Utc};
use store::doubt::EndedDoubt;
use store::model::{CampaignRow, Excluded, Failure, MessageRow};

use super::rows::Recipient;
use super::summary;

/// The columns. Their names and order are stable; new ones come last.
pub(super) const HEADER: [&str; 22] = [
    "seq",
    "line",
    "recipient",
    "country",
    "variant",
    "state",
    "code",
    "class",
    "reason",
    "attempts",
    "wamid",
    "claimed_at",
    "accepted_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "route",
    "cost",
    "currency",
    "matched",
    "doubt",
    "run",
];

/// What a row's fields need to know of the campaign.
#[derive(Debug)]
pub(super) struct Columns {
    /// The variant of each group.
    variants: BTreeMap<u32, String>,
    currency: Currency,
    /// What became of doubts that were ended by a decision, by message.
    doubts: BTreeMap<Seq, String>,
    /// The campaign's key.
    campaign: String,
    /// Its follow-ups' keys.
    follow_ups: Vec<String>,
}

impl Columns {
    /// The columns of a campaign with its follow-ups, and with the doubts of all that were ended by a decision.
    pub(super) fn of(row: &CampaignRow, follow_ups: &[CampaignRow], ended: &[EndedDoubt]) -> Self {
        let mut doubts: BTreeMap<Seq, String> = BTreeMap::new();
        for one in ended {
            let story = one.ending.story();
            doubts.entry(one.seq).and_modify(|told| *told = format!("{told}; {story}")).or_insert(story);
        }
        Self {
            variants: summary::variants(row),
            currency: row.currency,
            doubts,
            campaign: row.key.clone(),
            follow_ups: follow_ups.iter().map(|row| row.key.clone()).collect(),
        }
    }

    /// The fields of one recipient.
    pub(super) fn record(&self, recipient: &Recipient) -> [String; 22] {
        match recipient {
            Recipient::Message(row) => self.message(row, &self.campaign),
            Recipient::Retried(row, place) => {
                self.message(row, self.follow_ups.get(*place).map_or("", String::as_str))
            }
            Recipient::Excluded(row) => excluded(row),
        }
    }

    fn message(&self, row: &MessageRow, run: &str) -> [String; 22] {
        let is_told = summary::has_reason(row.state) || row.state.is_delivered();
        let failure = row.failure.as_ref().filter(|_| is_told);
        let (cost, currency) = match row.cost {
            Some(cost) => (cost.to_decimal().to_string(), self.currency.code().to_owned()),
            None => (String::new(), String::new()),
        };
        let (recipient, wamid) = if row.is_purged() {
            ("purged", "")
        } else {
            (row.recipient.as_str(), row.wamid.as_deref().unwrap_or_default())
        };
        [
            row.seq.to_string(),
            String::new(),
            inert(recipient),
            inert(&row.country),
            inert(self.variants.get(&row.group).map_or("", String::as_str)),
            row.state.name().to_owned(),
            failure.and_then(|failure| failure.code).map_or_else(String::new, |code| code.to_string()),
            inert(failure.map_or("", |failure| &failure.class)),
            inert(&reason(row)),
            row.attempt.to_string(),
            inert(wamid),
            time(row.claimed_at),
            time(row.accepted_at),
            time(row.sent_at),
            time(row.delivered_at),
            time(row.read_at),
            inert(row.route.as_deref().unwrap_or_default()),
            cost,
            currency,
            if row.inferred { "inferred".to_owned() } else { String::new() },
            inert(self.doubts.get(&row.seq).map_or("", String::as_str)),
            run.to_owned(),
        ]
    }
}

fn excluded(row: &Excluded) -> [String; 22] {
    let mut fields = std::array::from_fn(|_| String::new());
    fields[0] = row.seq.to_string();
    fields[1] = row.line.to_string();
    fields[2] = inert(&row.recipient);
    fields[5] = "excluded".to_owned();
    fields[7] = inert(&row.reason);
    fields[8] = inert(&row.detail);
    fields
}

/// Why the message is where it is, in plain words; empty where nothing went wrong. Of a delivered one: what failure was
/// told of it besides.
fn reason(row: &MessageRow) -> String {
    if row.state.is_delivered() {
        return row.failure.as_ref().map_or_else(String::new, |failure| {
            format!("It was delivered, and a failure was told of it, too: {}", words(failure))
        });
    }
    if !summary::has_reason(row.state) {
        return String::new();
    }
    match &row.failure {
        Some(failure) => words(failure),
        None => summary::default_reason(row.state, row.accepted_at.is_some()).to_owned(),
    }
}

/// What the platform said, or else what its code means.
fn words(failure: &Failure) -> String {
    if !failure.detail.is_empty() {
        return failure.detail.clone();
    }
    let info = failure.code.and_then(platform_error::lookup);
    info.map_or_else(String::new, |info| format!("{}: {}", info.title, info.advice))
}

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The text, with an apostrophe before it where a spreadsheet would take it for a formula.
fn inert(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

/// CSV that waits to be written.
pub(super) struct Page {
    writer: csv::Writer<Vec<u8>>,
    rows: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { writer: csv::Writer::from_writer(Vec::new()), rows: 0 }
    }
}

impl Page {
    /// After so many rows a page is to be written.
    const FULL: usize = 1_000;

    /// Adds a row.
    pub(super) fn push<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> anyhow::Result<()> {
        self.rows += 1;
        self.writer.write_record(fields).context("a row of the report could not be written as CSV")
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= Self::FULL
    }

    /// Takes what was added.
    pub(super) fn take(&mut self) -> anyhow::Result<Vec<u8>> {
        std::mem::take(self)
            .writer
            .into_inner()
            .map_err(|error| anyhow::anyhow!("{error}"))
            .context("the report could not be written as CSV")
    }
}

#[cfg(test)]
mod tests {
    use campaign::message::State;

    use super::super::rows::sample;
    use super::*;
    use crate::commands::doubt::ended;
    use crate::commands::status::sample::row;

    #[test]
    fn every_recipient_has_a_row() {
        let columns = Columns::of(&row(), &[], &ended::sample::all());
        let mut page = Page::default();
        page.push(HEADER).unwrap();
        for recipient in sample::all() {
            page.push(columns.record(&recipient)).unwrap();
        }
        let csv = String::from_utf8(page.take().unwrap()).unwrap();
        insta::assert_snapshot!(csv);
        let read: Vec<csv::StringRecord> =
            csv::Reader::from_reader(csv.as_bytes()).records().collect::<Result<_, _>>().unwrap();
        assert_eq!(read.len(), sample::all().len());
        assert!(read.iter().all(|record| record.len() == HEADER.len()));
    }

    #[test]
    fn a_failure_beside_a_delivery_is_told() {
        let failed = sample::all().into_iter().find_map(|recipient| match recipient {
            Recipient::Message(row) if row.state == State::Failed => Some(row),
            Recipient::Message(_) | Recipient::Retried(..) | Recipient::Excluded(_) => None,
        });
        let failed = failed.unwrap();
        let columns = Columns::of(&row(), &[], &[]);
        let told = columns.message(&failed, "");
        let delivered = columns.message(&MessageRow { state: State::Delivered, ..failed }, "");
        assert_eq!(delivered[6..8], told[6..8], "code and class");
        assert_eq!(delivered[8], format!("It was delivered, and a failure was told of it, too: {}", told[8]));
    }

    #[test]
    fn formulas_are_made_inert() {
        for (text, safe) in [
            ("=1+1", "'=1+1"),
            ("+91 98200", "'+91 98200"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("＝1", "'＝1"),
            ("919820000001", "919820000001"),
            ("", ""),
        ] {
            assert_eq!(inert(text), safe);
        }
    }

    #[test]
    fn a_page_starts_anew_after_it_was_taken() {
        let mut page = Page::default();
        for _ in 0..Page::FULL {
            assert!(!page.is_full());
            page.push(["a\"b", "c,d", "e\nf"]).unwrap();
        }
        assert!(page.is_full());
        assert!(page.take().unwrap().starts_with(b"\"a\"\"b\",\"c,d\",\"e\nf\"\n"));
        assert!(!page.is_full());
        assert_eq!(page.take().unwrap(), b"");
    }
}
