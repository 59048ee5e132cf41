//! Messages and excluded rows in the order of the audience, read page by page.

use std::collections::VecDeque;

use campaign::ids::{CampaignId, Seq};
use campaign::message::State;
use store::model::{CampaignRow, Excluded, MessageRow};
use store::{Store, StoreError};

/// How many rows one read brings.
const PAGE: u32 = 5_000;

/// What became of one row of the audience.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Recipient {
    /// It became a message.
    Message(MessageRow),
    /// It became a message that failed, and another in this follow-up, by its place among them, which tells more.
    Retried(MessageRow, usize),
    /// Planning refused it.
    Excluded(Excluded),
}

/// All rows of a campaign's audience, in order. Holds two pages at the most, and one of each follow-up.
#[derive(Debug)]
pub(super) struct Rows<'s> {
    store: &'s dyn Store,
    campaign: CampaignId,
    messages: Page<MessageRow>,
    excluded: Page<Excluded>,
    /// The follow-ups, the oldest first: their messages have the seq of the campaign's.
    follow_ups: Vec<(CampaignId, Page<MessageRow>)>,
}

/// What was read and not yet given out.
#[derive(Debug)]
struct Page<T> {
    rows: VecDeque<T>,
    /// The last row that was read.
    after: Option<Seq>,
    is_last: bool,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { rows: VecDeque::new(), after: None, is_last: false }
    }
}

impl<T> Page<T> {
    fn needs_more(&self) -> bool {
        self.rows.is_empty() && !self.is_last
    }

    fn fill(&mut self, rows: Vec<T>, seq: fn(&T) -> Seq) {
        self.is_last = rows.len() < PAGE as usize;
        self.after = rows.last().map(seq).or(self.after);
        self.rows = rows.into();
    }
}

impl<'s> Rows<'s> {
    /// The rows of a campaign.
    pub(super) fn of(store: &'s dyn Store, campaign: CampaignId) -> Self {
        Self { store, campaign, messages: Page::default(), excluded: Page::default(), follow_ups: Vec::new() }
    }

    /// The rows of a campaign and its follow-ups, one for each recipient: of the run that got furthest with them.
    pub(super) fn joined(store: &'s dyn Store, campaign: CampaignId, follow_ups: &[CampaignRow]) -> Self {
        let follow_ups = follow_ups.iter().map(|row| (row.id, Page::default())).collect();
        Self { follow_ups, ..Self::of(store, campaign) }
    }

    /// The next row; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Recipient>, StoreError> {
        if self.messages.needs_more() {
            let rows = self.store.messages(self.campaign, self.messages.after, PAGE).await?;
            self.messages.fill(rows, |row| row.seq);
        }
        if self.excluded.needs_more() {
            let rows = self.store.excluded(self.campaign, self.excluded.after, PAGE).await?;
            self.excluded.fill(rows, |row| row.seq);
        }
        let mut recipient = first(&mut self.messages.rows, &mut self.excluded.rows);
        for (place, (campaign, page)) in self.follow_ups.iter_mut().enumerate() {
            let Some(Recipient::Message(row) | Recipient::Retried(row, _)) = &recipient else { break };
            let seq = row.seq;
            if page.needs_more() {
                let rows = self.store.messages(*campaign, page.after, PAGE).await?;
                page.fill(rows, |row| row.seq);
            }
            if page.rows.front().is_some_and(|row| row.seq == seq)
                && let Some(other) = page.rows.pop_front()
                && how_far(&other) >= how_far(row)
            {
                recipient = Some(Recipient::Retried(other, place));
            }
        }
        Ok(recipient)
    }
}

/// How far a message got: of two runs the one that got further tells what became of the recipient, of equals the later.
const fn how_far(row: &MessageRow) -> u8 {
    match row.state {
        State::Read => 7,
        State::Delivered => 6,
        State::Sent => 5,
        State::Accepted | State::Held => 4,
        State::InDoubt => 3,
        State::Queued | State::Retrying | State::Sending => 2,
        State::Failed | State::Expired => 1,
        State::Skipped => 0,
    }
}

/// Takes the earlier of the two first rows.
fn first(messages: &mut VecDeque<MessageRow>, excluded: &mut VecDeque<Excluded>) -> Option<Recipient> {
    let is_message_first = match (messages.front(), excluded.front()) {
        (Some(message), Some(excluded)) => message.seq <= excluded.seq,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if is_message_first {
        messages.pop_front().map(Recipient::Message)
    } else {
        excluded.pop_front().map(Recipient::Excluded)
    }
}

#[cfg(test)]
pub(super) mod sample {
    //! Rows written by hand.

    use campaign::money::Micros;
    use store::model::Failure;

    use super::*;
    use crate::commands::status::sample::at;

    pub(in super::super) fn message(seq: u32, state: State) -> MessageRow {
        let accepted = state.is_awaiting_status() || state.is_delivered();
        MessageRow {
            seq: Seq(seq),
            recipient: format!("9198200000{seq:02}"),
            country: "IN".to_owned(),
            group: 0,
            state,
            assumed: false,
            attempt: u32::from(!state.is_unsent() && state != State::Skipped),
            wamid: accepted.then(|| format!("wamid.{seq}")),
            failure: None,
            retry_at: None,
            claimed_at: (!state.is_unsent()).then(|| at("2026-11-08T03:30:00Z")),
            accepted_at: accepted.then(|| at("2026-11-08T03:30:01Z")),
            sent_at: None,
            delivered_at: state.is_delivered().then(|| at("2026-11-08T03:31:00Z")),
            read_at: (state == State::Read).then(|| at("2026-11-08T04:05:00Z")),
            route: state.is_delivered().then(|| "marketing_lite".to_owned()),
            cost: state.is_delivered().then_some(Micros(870_000)),
            cost_told: state == State::Read,
            inferred: false,
        }
    }

    pub(in super::super) fn failed(seq: u32, code: Option<i64>, class: &str, detail: &str) -> MessageRow {
        MessageRow {
            failure: Some(Failure { code, class: class.to_owned(), detail: detail.to_owned() }),
            ..message(seq, State::Failed)
        }
    }

    pub(in super::super) fn excluded(seq: u32, recipient: &str, reason: &str, detail: &str) -> Excluded {
        Excluded {
            seq: Seq(seq),
            line: u64::from(seq) + 2,
            recipient: recipient.to_owned(),
            reason: reason.to_owned(),
            detail: detail.to_owned(),
        }
    }

    /// One of each kind.
    pub(in super::super) fn all() -> Vec<Recipient> {
        vec![
            Recipient::Message(message(0, State::Read)),
            Recipient::Message(message(1, State::Delivered)),
            Recipient::Excluded(excluded(2, "+91 98200 00000", "duplicate", "the same number is on line 2")),
            Recipient::Message(failed(
                3,
                Some(131_026),
                "drop_recipient",
                "Undeliverable: the number is not on WhatsApp",
            )),
            Recipient::Message(message(4, State::Queued)),
            Recipient::Message(MessageRow {
                country: "AE".to_owned(),
                inferred: true,
                ..message(5, State::Sent)
            }),
            Recipient::Excluded(excluded(
                6,
                "=cmd|'/c calc'!A1",
                "invalid_number",
                "\"=cmd\" is not a phone number",
            )),
            Recipient::Message(message(7, State::InDoubt)),
            Recipient::Message(MessageRow {
                failure: Some(Failure {
                    code: None,
                    class: "skipped".to_owned(),
                    detail: "opted out since planning, by \"STOP\"".to_owned(),
                }),
                ..message(8, State::Skipped)
            }),
            Recipient::Message(failed(9, None, "no_code", "Failed without a reason")),
            Recipient::Message(message(10, State::Expired)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_the_order_of_the_audience() {
        let mut messages: VecDeque<_> = [0, 3, 4].map(|seq| sample::message(seq, State::Queued)).into();
        let mut excluded: VecDeque<_> = [1, 2, 5].map(|seq| sample::excluded(seq, "x", "invalid", "")).into();
        let mut seqs = Vec::new();
        while let Some(recipient) = first(&mut messages, &mut excluded) {
            seqs.push(match recipient {
                Recipient::Message(row) | Recipient::Retried(row, _) => row.seq.0,
                Recipient::Excluded(row) => row.seq.0,
            });
        }
        assert_eq!(seqs, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_short_page_is_the_last() {
        let mut page = Page::default();
        assert!(page.needs_more());
        page.fill(vec![sample::excluded(7, "x", "invalid", "")], |row| row.seq);
        assert_eq!(page.after, Some(Seq(7)));
        page.rows.clear();
        assert!(!page.needs_more());
    }
}
