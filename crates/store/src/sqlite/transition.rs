//! Every change of a message: rows are loaded into a [`Batch`], moved in memory by `campaign::message::next`,
//! and written back in one statement together with the counters that follow from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::lifecycle;
use campaign::message::{self, Current, Event, Forbidden, Next, State};
use campaign::money::Micros;
use campaign::retry::Policy;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Decode, Row, Sqlite, SqliteConnection, Type};

use super::codec::{amount, failed, json, micros, named, number, optional_time};
use crate::StoreError;
use crate::model::Failure;

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The part of a message that changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Live {
    /// Where it is.
    pub(super) current: Current,
    /// Whether it waits in its slice.
    pub(super) placed: bool,
    pub(super) attempt: u32,
    pub(super) failures: u32,
    pub(super) resent: bool,
    pub(super) worker: Option<String>,
    pub(super) wamid: Option<String>,
    pub(super) failure: Option<Failure>,
    pub(super) retry_at: Option<DateTime<Utc>>,
    pub(super) claimed_at: Option<DateTime<Utc>>,
    pub(super) doubt_since: Option<DateTime<Utc>>,
    pub(super) accepted_at: Option<DateTime<Utc>>,
    pub(super) ttl_at: Option<DateTime<Utc>>,
    pub(super) sent_at: Option<DateTime<Utc>>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) read_at: Option<DateTime<Utc>>,
    pub(super) route: Option<String>,
    pub(super) cost: Option<Micros>,
    pub(super) cost_told: bool,
    pub(super) reserved: Micros,
}

/// A message in a batch.
#[derive(Debug)]
pub(super) struct Entry {
    before: Live,
    /// As it is now.
    pub(super) live: Live,
    pub(super) campaign: CampaignId,
    slice: i64,
    worst_case: Micros,
    expected_cost: Micros,
    ttl: chrono::TimeDelta,
    /// The campaign's currency.
    pub(super) currency: String,
    /// Nothing is tried again from then on.
    pub(super) ends_at: Option<DateTime<Utc>>,
    /// Whether the campaign is over: nothing is tried again.
    pub(super) is_over: bool,
    /// How often the campaign tries a message.
    pub(super) retry: Policy,
    /// What was added to the campaign's sums without asking its budget.
    unguarded: i64,
}

impl Entry {
    /// Lets `event` happen by the state machine and draws the consequences that do not depend on who told:
    /// reservations, cost, and columns that only some states have. Says whether the message moved.
    pub(super) fn happen(&mut self, event: Event, now: DateTime<Utc>) -> Result<bool, Forbidden> {
        let to = match message::next(self.live.current, event)? {
            Next::To(to) => to,
            Next::Stay => return Ok(false),
        };
        let held_before = self.at_stake();
        let live = &mut self.live;
        live.current = to;
        live.placed = false;
        live.worker = None;
        live.retry_at = None;
        live.doubt_since = None;
        match to.state {
            State::Sending => {
                live.attempt += 1;
                live.claimed_at = Some(now);
                live.failure = None;
                // These belong to the attempt.
                live.accepted_at = None;
                live.ttl_at = None;
                live.sent_at = None;
                live.reserved.0 += self.worst_case.0;
            }
            State::InDoubt => live.doubt_since = Some(now),
            State::Accepted | State::Held | State::Sent => {
                live.failure = None;
                live.ttl_at.get_or_insert(now + self.ttl);
                // It may have been released when we gave the attempt up.
                live.reserved = live.reserved.max(self.worst_case);
            }
            State::Retrying => {
                // A doubt that is sent again may still cost money, besides its new attempt. An attempt that
                // is known to have failed may not.
                if !to.assumed {
                    live.reserved = Micros((live.reserved.0 - self.worst_case.0).max(0));
                }
            }
            State::Delivered | State::Read => {
                live.failure = None;
                live.reserved = Micros::ZERO;
                live.cost.get_or_insert(self.expected_cost);
            }
            State::Queued | State::Failed | State::Expired | State::Skipped => live.reserved = Micros::ZERO,
        }
        if event != Event::Claim {
            self.note_unguarded(held_before);
        }
        Ok(true)
    }

    /// The platform told what a delivered message cost.
    pub(super) fn told_cost(&mut self, cost: Micros) {
        if self.live.current.state.is_delivered() && !self.live.cost_told {
            let held_before = self.at_stake();
            self.live.cost = Some(cost);
            self.live.cost_told = true;
            self.note_unguarded(held_before);
        }
    }

    /// Whether one attempt's worst case fits below the ceiling, on top of what is at stake.
    pub(super) fn fits(&self, at_stake: i64, budget: Option<i64>) -> bool {
        budget.is_none_or(|budget| at_stake.saturating_add(self.worst_case.0) <= budget)
    }

    /// What one attempt costs at the most.
    pub(super) fn worst_case(&self) -> Micros {
        self.worst_case
    }

    fn at_stake(&self) -> i64 {
        self.live.reserved.0 + self.live.cost.map_or(0, |c| c.0)
    }

    fn note_unguarded(&mut self, before: i64) {
        self.unguarded += (self.at_stake() - before).max(0);
    }
}

/// Messages that change together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    entries: BTreeMap<i64, Entry>,
    by_wamid: HashMap<String, (i64, u32)>,
    earlier: Vec<(String, i64, u32)>,
}

/// Columns of `m` (messages) and `c` (campaigns) that [`Batch::add`] reads, in its order.
macro_rules! live_columns {
    () => {
        "m.id, m.campaign_id, m.slice_no, m.state, m.assumed, m.placed, m.attempt, m.failures, m.resent, m.worker, \
         m.wamid, m.failure_code, m.failure_class, m.failure_detail, m.retry_at, m.claimed_at, m.doubt_since, \
         m.accepted_at, m.ttl_at, m.sent_at, m.delivered_at, m.read_at, m.route, m.cost, m.cost_told, m.reserved, \
         m.worst_case, m.expected_cost, c.ttl_s, c.currency, c.ends_at, c.retry_attempts, c.retry_base, c.retry_max, c.state"
    };
}
pub(super) use live_columns;

/// How many columns [`live_columns`] has: what a query adds comes after them.
pub(super) const LIVE_COLUMNS: usize = 35;

/// Where `failures` stands among them.
pub(super) const FAILURES: usize = 7;

/// Messages by number.
pub(super) const BY_ID: &str = concat!(
    "SELECT ",
    live_columns!(),
    " FROM json_each(?1) AS j
      CROSS JOIN messages AS m ON m.id = j.value
      CROSS JOIN campaigns AS c ON c.id = m.campaign_id"
);

/// Messages by the platform's id of their newest attempt.
pub(super) const BY_WAMID: &str = concat!(
    "SELECT ",
    live_columns!(),
    " FROM json_each(?1) AS j
      CROSS JOIN messages AS m ON m.wamid = j.value
      CROSS JOIN campaigns AS c ON c.id = m.campaign_id"
);

/// Messages by the platform's id of an earlier attempt, with that id and attempt.
pub(super) const BY_EARLIER_WAMID: &str = concat!(
    "SELECT ",
    live_columns!(),
    ", e.wamid, e.attempt
      FROM json_each(?1) AS j
      CROSS JOIN earlier_attempts AS e ON e.wamid = j.value
      CROSS JOIN messages AS m ON m.id = e.message_id
      CROSS JOIN campaigns AS c ON c.id = m.campaign_id"
);

/// How many rows one statement writes back.
const ROWS: [usize; 4] = [64, 16, 4, 1];

/// Writes so many rows back. Their columns are parameters: taking them out of JSON costs ten times as much.
pub(super) static WRITE_BACK: LazyLock<[Arc<str>; 4]> = LazyLock::new(|| ROWS.map(write_back));

/// What [`WRITE_BACK`] sets, in the order of [`bind_live`].
const WRITTEN: [&str; 23] = [
    "state",
    "assumed",
    "placed",
    "attempt",
    "failures",
    "resent",
    "worker",
    "wamid",
    "failure_code",
    "failure_class",
    "failure_detail",
    "retry_at",
    "claimed_at",
    "doubt_since",
    "accepted_at",
    "ttl_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "route",
    "cost",
    "cost_told",
    "reserved",
];

fn write_back(rows: usize) -> Arc<str> {
    let names = WRITTEN.join(", ");
    let row = format!("(?{})", ", ?".repeat(WRITTEN.len()));
    let rows = vec![row; rows].join(", ");
    let sets: Vec<String> = WRITTEN.iter().map(|name| format!("{name} = new.{name}")).collect();
    format!(
        "WITH new (id, {names}) AS (VALUES {rows}) UPDATE messages SET {} FROM new WHERE messages.id = new.id",
        sets.join(", ")
    )
    .into()
}

const COUNT_STATES: &str = "
    INSERT INTO campaign_counts (campaign_id, state, n)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (campaign_id, state) DO UPDATE SET n = n + excluded.n";

const COUNT_FAILURES: &str = "
    INSERT INTO failure_counts (campaign_id, code, n)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (campaign_id, code) DO UPDATE SET n = n + excluded.n";

const SUM_MONEY: &str = "
    UPDATE campaigns SET
        spent = spent + (j.value ->> 1), reserved = reserved + (j.value ->> 2),
        unguarded = unguarded + (j.value ->> 3), attempts = attempts + (j.value ->> 4)
    FROM json_each(?1) AS j
    WHERE campaigns.id = j.value ->> 0";

/// A slice that waits for nobody is done.
pub(super) const LEAVE_SLICES: &str = "
    UPDATE slices SET
        messages = messages - (j.value ->> 2),
        state = CASE WHEN state IN ('planned', 'deferred') AND messages = j.value ->> 2 THEN 'done' ELSE state END
    FROM json_each(?1) AS j
    WHERE slices.campaign_id = j.value ->> 0 AND slices.number = j.value ->> 1";

const KEEP_EARLIER: &str = "
    INSERT INTO earlier_attempts (wamid, message_id, attempt)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (wamid) DO NOTHING";

impl Batch {
    /// Loads messages by number into the batch; those that are in it stay as they are.
    pub(super) async fn load(&mut self, tx: &mut SqliteConnection, ids: &[i64]) -> Result<()> {
        let wanted: Vec<i64> = ids.iter().copied().filter(|id| !self.entries.contains_key(id)).collect();
        self.load_by(tx, BY_ID, json(&wanted)?, wanted.is_empty()).await
    }

    /// Loads messages by the platform's ids, of any attempt; ids that are known in the batch are left out.
    pub(super) async fn load_by_wamid(&mut self, tx: &mut SqliteConnection, wamids: &[&str]) -> Result<()> {
        let wanted: Vec<&str> = wamids.iter().copied().filter(|w| !self.by_wamid.contains_key(*w)).collect();
        self.load_by(tx, BY_WAMID, json(&wanted)?, wanted.is_empty()).await?;
        let wanted: Vec<&str> = wanted.into_iter().filter(|w| !self.by_wamid.contains_key(*w)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query(BY_EARLIER_WAMID)
            .bind(json(&wanted)?)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed("find messages by an earlier attempt's id"))?;
        for row in rows {
            let id = self.add(&row)?;
            let read = failed("read an earlier attempt");
            let wamid: String = row.try_get(LIVE_COLUMNS).map_err(&read)?;
            let attempt: i64 = row.try_get(LIVE_COLUMNS + 1).map_err(&read)?;
            self.by_wamid.entry(wamid).or_insert((id, number("earlier_attempts.attempt", attempt)?));
        }
        Ok(())
    }

    async fn load_by(
        &mut self,
        tx: &mut SqliteConnection,
        sql: &'static str,
        wanted: String,
        nothing: bool,
    ) -> Result<()> {
        if nothing {
            return Ok(());
        }
        let rows = sqlx::query(sql).bind(wanted).fetch_all(tx).await.map_err(failed("read messages"))?;
        for row in rows {
            self.add(&row)?;
        }
        Ok(())
    }

    /// Adds a message from a row that starts with [`live_columns`]; one that is in the batch stays as it is.
    pub(super) fn add(&mut self, row: &SqliteRow) -> Result<i64> {
        let (id, entry) = entry(row)?;
        if let Some(wamid) = &entry.live.wamid {
            self.by_wamid.entry(wamid.clone()).or_insert((id, entry.live.attempt));
        }
        self.entries.entry(id).or_insert(entry);
        Ok(id)
    }

    /// A message by number.
    pub(super) fn get(&mut self, id: i64) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// Which message and attempt has this platform's id, among those loaded.
    pub(super) fn attempt_of(&self, wamid: &str) -> Option<(i64, u32)> {
        self.by_wamid.get(wamid).copied()
    }

    /// Keeps the platform's id of an attempt: of the newest with its message, of an earlier one beside it.
    /// An id that is known stays where it is.
    pub(super) fn learn_wamid(&mut self, id: i64, attempt: u32, wamid: &str) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if self.by_wamid.get(wamid).is_some_and(|known| *known == (id, attempt)) {
            return;
        }
        self.by_wamid.entry(wamid.to_owned()).or_insert((id, attempt));
        if entry.live.attempt == attempt && entry.live.wamid.is_none() {
            entry.live.wamid = Some(wamid.to_owned());
        } else {
            self.earlier.push((wamid.to_owned(), id, attempt));
        }
    }

    /// Before a new attempt: the id of the last one is an earlier attempt's from now on.
    pub(super) fn retire_wamid(&mut self, id: i64) {
        if let Some(entry) = self.entries.get_mut(&id)
            && let Some(wamid) = entry.live.wamid.take()
        {
            self.earlier.push((wamid, id, entry.live.attempt));
        }
    }

    /// Writes back what changed, and its counters. Returns how many messages changed.
    pub(super) async fn write_back(self, tx: &mut SqliteConnection) -> Result<usize> {
        let mut rows = Vec::new();
        let mut deltas = Deltas::default();
        for (id, entry) in &self.entries {
            if entry.live != entry.before {
                rows.push((*id, &entry.live));
                deltas.follow(entry);
            }
        }
        let changed = rows.len();
        let mut rest = rows.as_slice();
        for (size, sql) in ROWS.iter().zip(WRITE_BACK.iter()) {
            while let Some((part, others)) = rest.split_at_checked(*size) {
                let mut statement = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
                for (id, live) in part {
                    statement = bind_live(statement, *id, live);
                }
                statement.execute(&mut *tx).await.map_err(failed("write messages"))?;
                rest = others;
            }
        }
        deltas.write(tx).await?;
        if !self.earlier.is_empty() {
            run(tx, KEEP_EARLIER, &self.earlier, "keep earlier attempts").await?;
        }
        Ok(changed)
    }
}

/// What counters change by.
#[derive(Debug, Default)]
struct Deltas {
    states: BTreeMap<(i64, &'static str), i64>,
    failures: BTreeMap<(i64, String), i64>,
    money: BTreeMap<i64, [i64; 4]>,
    slices: BTreeMap<(i64, i64), i64>,
}

impl Deltas {
    fn follow(&mut self, entry: &Entry) {
        let campaign = entry.campaign.0;
        let (before, after) = (&entry.before, &entry.live);
        if before.current.state != after.current.state {
            *self.states.entry((campaign, before.current.state.name())).or_default() -= 1;
            *self.states.entry((campaign, after.current.state.name())).or_default() += 1;
        }
        for (live, n) in [(before, -1), (after, 1)] {
            if live.current.state == State::Failed {
                *self.failures.entry((campaign, failure_key(live))).or_default() += n;
            }
        }
        let money = self.money.entry(campaign).or_default();
        money[0] += after.cost.unwrap_or_default().0 - before.cost.unwrap_or_default().0;
        money[1] += after.reserved.0 - before.reserved.0;
        money[2] += entry.unguarded;
        money[3] += i64::from(after.attempt) - i64::from(before.attempt);
        if before.placed && !after.placed {
            *self.slices.entry((campaign, entry.slice)).or_default() += 1;
        }
    }

    async fn write(self, tx: &mut SqliteConnection) -> Result<()> {
        let states: Vec<_> =
            self.states.into_iter().filter(|(_, n)| *n != 0).map(|((c, s), n)| (c, s, n)).collect();
        if !states.is_empty() {
            run(tx, COUNT_STATES, &states, "count states").await?;
        }
        let failures: Vec<_> =
            self.failures.into_iter().filter(|(_, n)| *n != 0).map(|((c, code), n)| (c, code, n)).collect();
        if !failures.is_empty() {
            run(tx, COUNT_FAILURES, &failures, "count failures").await?;
        }
        let money: Vec<_> = self
            .money
            .into_iter()
            .filter(|(_, sums)| *sums != [0; 4])
            .map(|(c, [spent, reserved, unguarded, attempts])| (c, spent, reserved, unguarded, attempts))
            .collect();
        if !money.is_empty() {
            run(tx, SUM_MONEY, &money, "sum up money").await?;
        }
        let slices: Vec<_> = self.slices.into_iter().map(|((c, slice), n)| (c, slice, n)).collect();
        if !slices.is_empty() {
            run(tx, LEAVE_SLICES, &slices, "count what slices still hold").await?;
        }
        Ok(())
    }
}

fn failure_key(live: &Live) -> String {
    live.failure.as_ref().and_then(|f| f.code).map(|code| code.to_string()).unwrap_or_default()
}

async fn run<T: Serialize>(
    tx: &mut SqliteConnection,
    sql: &'static str,
    rows: &T,
    doing: &'static str,
) -> Result<()> {
    sqlx::query(sql).bind(json(rows)?).execute(tx).await.map_err(failed(doing))?;
    Ok(())
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind_live<'q>(statement: Statement<'q>, id: i64, live: &'q Live) -> Statement<'q> {
    let at = |time: Option<DateTime<Utc>>| time.map(micros);
    let failure = live.failure.as_ref();
    statement
        .bind(id)
        .bind(live.current.state.name())
        .bind(live.current.assumed)
        .bind(live.placed)
        .bind(i64::from(live.attempt))
        .bind(i64::from(live.failures))
        .bind(live.resent)
        .bind(live.worker.as_deref())
        .bind(live.wamid.as_deref())
        .bind(failure.and_then(|f| f.code))
        .bind(failure.map(|f| f.class.as_str()))
        .bind(failure.map(|f| f.detail.as_str()))
        .bind(at(live.retry_at))
        .bind(at(live.claimed_at))
        .bind(at(live.doubt_since))
        .bind(at(live.accepted_at))
        .bind(at(live.ttl_at))
        .bind(at(live.sent_at))
        .bind(at(live.delivered_at))
        .bind(at(live.read_at))
        .bind(live.route.as_deref())
        .bind(live.cost.map(|c| c.0))
        .bind(live.cost_told)
        .bind(live.reserved.0)
}

/// A message from a row that starts with [`live_columns`].
fn entry(row: &SqliteRow) -> Result<(i64, Entry)> {
    let mut columns = Reader { row, next: 0 };
    let id: i64 = columns.read()?;
    let campaign = CampaignId(columns.read()?);
    let slice = columns.read()?;
    let state = columns.read::<&str>()?;
    let current = Current { state: named("messages.state", state)?, assumed: columns.read()? };
    let mut live = Live {
        current,
        placed: columns.read()?,
        attempt: number("messages.attempt", columns.read()?)?,
        failures: number("messages.failures", columns.read()?)?,
        resent: columns.read()?,
        worker: columns.read()?,
        wamid: columns.read()?,
        failure: None,
        retry_at: None,
        claimed_at: None,
        doubt_since: None,
        accepted_at: None,
        ttl_at: None,
        sent_at: None,
        delivered_at: None,
        read_at: None,
        route: None,
        cost: None,
        cost_told: false,
        reserved: Micros::ZERO,
    };
    live.failure = failure(columns.read()?, columns.read()?, columns.read()?);
    live.retry_at = optional_time("messages.retry_at", columns.read()?)?;
    live.claimed_at = optional_time("messages.claimed_at", columns.read()?)?;
    live.doubt_since = optional_time("messages.doubt_since", columns.read()?)?;
    live.accepted_at = optional_time("messages.accepted_at", columns.read()?)?;
    live.ttl_at = optional_time("messages.ttl_at", columns.read()?)?;
    live.sent_at = optional_time("messages.sent_at", columns.read()?)?;
    live.delivered_at = optional_time("messages.delivered_at", columns.read()?)?;
    live.read_at = optional_time("messages.read_at", columns.read()?)?;
    live.route = columns.read()?;
    live.cost = amount(columns.read()?);
    live.cost_told = columns.read()?;
    live.reserved = Micros(columns.read()?);
    let worst_case = Micros(columns.read()?);
    let expected_cost = Micros(columns.read()?);
    let ttl = chrono::TimeDelta::seconds(columns.read()?);
    let currency = columns.read()?;
    let ends_at = optional_time("campaigns.ends_at", columns.read()?)?;
    let span = |micros: i64| Duration::from_micros(micros.unsigned_abs());
    let retry = Policy {
        attempts: number("campaigns.retry_attempts", columns.read()?)?,
        base: span(columns.read()?),
        max: span(columns.read()?),
    };
    let state: lifecycle::State = named("campaigns.state", columns.read::<&str>()?)?;
    let is_over = state.is_over();
    let before = live.clone();
    Ok((
        id,
        Entry {
            before,
            live,
            campaign,
            slice,
            worst_case,
            expected_cost,
            ttl,
            currency,
            ends_at,
            is_over,
            retry,
            unguarded: 0,
        },
    ))
}

/// A failure from its three columns.
pub(super) fn failure(code: Option<i64>, class: Option<String>, detail: Option<String>) -> Option<Failure> {
    class.map(|class| Failure { code, class, detail: detail.unwrap_or_default() })
}

/// Columns of a row, one after the other.
struct Reader<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Reader<'r> {
    fn read<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T> {
        let value = self.row.try_get(self.next).map_err(failed("read a message"))?;
        self.next += 1;
        Ok(value)
    }
}
