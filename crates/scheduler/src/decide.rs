//! What a campaign needs now: a pure function of a snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::definition::InDoubt;
use campaign::gate::{self, Gate, GateRules, GateState};
use campaign::pacing::{Rate, windows};
use campaign::{lifecycle, message, planning};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use store::brake::{Brake, Cause, Subject};
use store::model::{CampaignRow, GroupRow, Reached, ReleaseOrder, TemplateKey};

/// What surrounds a campaign.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Each sender's rate.
    pub senders: BTreeMap<String, Rate>,
    /// The gates of the campaign's templates.
    pub gates: BTreeMap<TemplateKey, GateState>,
    /// What must not be sent for now.
    pub brakes: Vec<Brake>,
    /// How many people each sender's portfolio may write to in 24 hours, where there is a limit.
    pub daily_reach: BTreeMap<String, u32>,
    /// How many people each portfolio with a limit has written to, and when the first of them count no longer.
    pub reached: BTreeMap<String, Reached>,
    /// The gates' waits.
    pub rules: GateRules,
    /// So much of the rate is released ahead.
    pub lookahead: Duration,
}

/// Something to be done for a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Move it, with the reason to be shown.
    Move(lifecycle::Event, Option<String>),
    /// Only show another reason.
    Explain(Option<String>),
    /// Release slices.
    Release(Vec<ReleaseOrder>),
    /// Its end has passed: what is unsent expires.
    ExpireUnsent,
    /// What is unsent is skipped, with the reason.
    SkipUnsent(&'static str),
}

/// Why a group may not be released now, and until when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Hindrance {
    until: Option<DateTime<Utc>>,
    why: String,
    /// The campaign waits for a gate or brake (and is `waiting`), not just for the hour.
    is_gate: bool,
    /// Worth a word also where other groups go on.
    is_brake: bool,
}

/// What a campaign needs at `now`.
#[must_use]
pub fn decide(row: &CampaignRow, around: &Surroundings, now: DateTime<Utc>) -> Vec<Action> {
    use lifecycle::State;
    match row.state {
        State::Cancelled => {
            if unsent(row) > 0 {
                vec![Action::SkipUnsent("the campaign was cancelled")]
            } else {
                Vec::new()
            }
        }
        State::Waiting | State::Running | State::Settling => active(row, around, now),
        State::Loading | State::Paused | State::Done | State::Stopped => Vec::new(),
    }
}

fn unsent(row: &CampaignRow) -> u64 {
    row.count(message::State::Queued) + row.count(message::State::Retrying)
}

fn active(row: &CampaignRow, around: &Surroundings, now: DateTime<Utc>) -> Vec<Action> {
    let schedule = &row.definition.schedule;
    let unsent = unsent(row);
    if unsent > 0 && schedule.end.is_some_and(|end| end <= now) {
        return vec![Action::ExpireUnsent];
    }
    if unsent == 0 && row.count(message::State::Sending) == 0 {
        return ending(row, now);
    }
    if unsent == 0 {
        return Vec::new();
    }
    if let Some(start) = schedule.start.filter(|start| *start > now) {
        return wait(row, format!("starts at {start}"));
    }
    if let Some(reason) = too_many_failures(row) {
        return vec![Action::Move(lifecycle::Event::Stop, Some(reason))];
    }
    if row.state == lifecycle::State::Settling {
        return vec![Action::Move(lifecycle::Event::Begin, Some("some messages are tried again".to_owned()))];
    }
    sending(row, around, now)
}

/// The campaign's own stop rule: failed messages against all that have an outcome.
fn too_many_failures(row: &CampaignRow) -> Option<String> {
    let rule = row.definition.stop_when.filter(|_| !row.stop_waived)?;
    let failed = row.count(message::State::Failed);
    let with_outcome: u64 = failed
        + [
            message::State::Accepted,
            message::State::Held,
            message::State::Sent,
            message::State::Delivered,
            message::State::Read,
            message::State::Expired,
        ]
        .into_iter()
        .map(|state| row.count(state))
        .sum::<u64>();
    (with_outcome >= u64::from(rule.after) && rule.failure_rate.is_exceeded_by(failed, with_outcome)).then(
        || format!("stop_when: {failed} of {with_outcome} messages failed, more than {}", rule.failure_rate),
    )
}

/// All is sent: settle, then finish once nothing more is to come.
fn ending(row: &CampaignRow, now: DateTime<Utc>) -> Vec<Action> {
    let open: u64 =
        message::State::ALL.into_iter().filter(|s| s.is_awaiting_status()).map(|s| row.count(s)).sum();
    let doubts = row.count(message::State::InDoubt);
    let reason = match (open, doubts) {
        (0, 0) => None,
        (open, 0) => Some(format!("waits for the statuses of {open} messages")),
        (0, doubts) => Some(format!("{doubts} messages are in doubt")),
        (open, doubts) => Some(format!("waits for the statuses of {open} messages; {doubts} are in doubt")),
    };
    if row.state != lifecycle::State::Settling {
        return vec![Action::Move(lifecycle::Event::Settle, reason)];
    }
    // Held doubts are an operator's: they keep a campaign from its end only while a status may still come.
    let doubts_are_waited_for = doubts > 0
        && (row.definition.in_doubt != InDoubt::Hold
            || row.last_sent_at.is_some_and(|at| now < at + row.definition.in_doubt_after));
    if open == 0 && !doubts_are_waited_for {
        return vec![Action::Move(lifecycle::Event::Finish, reason)];
    }
    explain(row, reason)
}

fn wait(row: &CampaignRow, reason: String) -> Vec<Action> {
    if row.state == lifecycle::State::Waiting {
        return explain(row, Some(reason));
    }
    vec![Action::Move(lifecycle::Event::Wait, Some(reason))]
}

fn explain(row: &CampaignRow, reason: Option<String>) -> Vec<Action> {
    if row.reason == reason { Vec::new() } else { vec![Action::Explain(reason)] }
}

fn sending(row: &CampaignRow, around: &Surroundings, now: DateTime<Utc>) -> Vec<Action> {
    let mut hindrances = Vec::new();
    let mut open: Vec<(&GroupRow, u64)> = Vec::new();
    let mut in_hand = 0;
    for group in &row.groups {
        in_hand += group.released;
        if (group.planned > 0 || group.not_before.is_some())
            && let Some(brake) = longest(&around.brakes, group)
        {
            hindrances.push(Hindrance {
                until: brake.until,
                why: braked(brake),
                is_gate: true,
                is_brake: true,
            });
            continue;
        }
        if group.planned == 0 {
            if let Some(until) = group.not_before {
                hindrances.push(Hindrance {
                    until: Some(until),
                    why: put_back(row),
                    is_gate: false,
                    is_brake: false,
                });
            }
            continue;
        }
        match hindrance(row, group, around, now) {
            Ok(most) => open.push((group, most)),
            Err(hindrance) => hindrances.push(hindrance),
        }
    }
    let part = hindrances.iter().find(|hindrance| hindrance.is_brake);
    let part = part.map(|braked| format!("a part of it {}", braked.why));
    if open.is_empty() && in_hand == 0 {
        hindrances.sort_by_key(|h| (h.until.is_none(), h.until));
        return match hindrances.into_iter().next() {
            Some(first) if first.is_gate => wait(row, first.why),
            Some(first) => {
                let all: Vec<String> = [first.why].into_iter().chain(part).collect();
                begin_or_explain(row, Some(all.join("; ")))
            }
            None if row.count(message::State::Retrying) > 0 => begin_or_explain(
                row,
                Some(format!("{} messages wait to be tried again", row.count(message::State::Retrying))),
            ),
            None => explain(row, row.reason.clone()),
        };
    }
    let mut actions = begin_or_explain(row, part);
    let orders = orders(row, around, &open, now);
    if !orders.is_empty() {
        actions.push(Action::Release(orders));
    }
    actions
}

/// Why a slice was put back for a while: the gate says so itself, so it is the budget, or a gate that opens.
fn put_back(row: &CampaignRow) -> String {
    match row.budget {
        Some(budget) if row.reserved.0 > 0 => format!(
            "waits for the budget: {} of {budget} are spent, {} are reserved for messages under way",
            row.spent.in_currency(row.currency),
            row.reserved.in_currency(row.currency),
            budget = budget.in_currency(row.currency),
        ),
        Some(_) | None => "some messages wait".to_owned(),
    }
}

fn begin_or_explain(row: &CampaignRow, reason: Option<String>) -> Vec<Action> {
    if row.state == lifecycle::State::Running {
        return explain(row, reason);
    }
    vec![Action::Move(lifecycle::Event::Begin, reason)]
}

/// How many messages of a group may be released at the most, or why none.
fn hindrance(
    row: &CampaignRow,
    group: &GroupRow,
    around: &Surroundings,
    now: DateTime<Utc>,
) -> Result<u64, Hindrance> {
    if !around.senders.contains_key(&group.sender) {
        let why =
            format!("the sender {} is not in the configuration of the process that schedules", group.sender);
        return Err(Hindrance { until: None, why, is_gate: false, is_brake: false });
    }
    let schedule = &row.definition.schedule;
    let zone: Tz = group.zone.parse().unwrap_or(schedule.zone);
    let hours = windows::at(&schedule.windows, zone, schedule.zone, now);
    if !hours.open {
        let until = hours.changes_at;
        let why = until.map_or_else(
            || "its windows never open".to_owned(),
            |until| {
                format!(
                    "outside its sending windows; the next opens at {}",
                    until.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z")
                )
            },
        );
        return Err(Hindrance { until, why, is_gate: false, is_brake: false });
    }
    let allowance = allowance(row, group, around)?;
    let state = around.gates.get(&group.template).cloned().unwrap_or_default();
    match gate::decide(&state, &around.rules, now) {
        Gate::Open => Ok(allowance),
        // One slice is enough for the one message that may go; the rest of it comes back.
        Gate::Canary => Ok(allowance.min(u64::from(group.released == 0))),
        Gate::Closed { until, why } => Err(Hindrance {
            until: Some(until),
            why: format!(
                "waits for the template {} until {}: {why}",
                group.template.name,
                until.format("%Y-%m-%d %H:%M:%S UTC")
            ),
            is_gate: true,
            is_brake: false,
        }),
    }
}

/// How many more people the group's portfolio may write to, what is in workers' hands left aside; or that these are none.
fn allowance(row: &CampaignRow, group: &GroupRow, around: &Surroundings) -> Result<u64, Hindrance> {
    let Some(limit) = around.daily_reach.get(&group.sender) else { return Ok(u64::MAX) };
    let reached = around.reached.get(&group.portfolio);
    let people = reached.map_or(0, |reached| reached.people);
    let left = u64::from(*limit).saturating_sub(people);
    match reached {
        // Who is tried again was mostly written to before, and counts already; the claim looks at each.
        Some(_) if left == 0 && group.retries > 0 => Ok(group.retries),
        Some(first) if left == 0 => Err(Hindrance {
            until: Some(first.until),
            why: format!(
                "waits for the messaging limit of the portfolio {}: {people} people were written to in 24 hours, and {limit} is all; \
                 it goes on at {}",
                group.portfolio,
                first.until.format("%Y-%m-%d %H:%M UTC")
            ),
            is_gate: false,
            is_brake: false,
        }),
        Some(_) | None => {
            let same = row.groups.iter().filter(|other| other.portfolio == group.portfolio);
            Ok(left.saturating_sub(same.map(|other| other.released).sum()))
        }
    }
}

/// Of the brakes on a group the one that ends last.
fn longest<'b>(brakes: &'b [Brake], group: &GroupRow) -> Option<&'b Brake> {
    let touching = brakes.iter().filter(|brake| brake.on.touches(group));
    touching.max_by_key(|brake| (brake.until.is_none(), brake.until))
}

fn braked(brake: &Brake) -> String {
    let Brake { on, cause, reason, since, until } = brake;
    let time = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let end = match (until, on, cause) {
        (Some(until), ..) => format!("It is tried again at {}", time(until)),
        // A webhook tells that the flag is off, or that more people may be written to.
        (None, Subject::Sender(_), Cause::Quality | Cause::Refused(131_048)) => {
            "It goes on when the platform says so, or with `paceline resume`".to_owned()
        }
        // No webhook tells that these are well again.
        (None, Subject::Sender(_), _) | (None, Subject::Account(_), Cause::Refused(_)) => {
            "Once the cause is gone: `paceline resume`".to_owned()
        }
        (None, Subject::Template(_) | Subject::Account(_), _) => {
            "It goes on when the platform says so, or with `paceline resume`".to_owned()
        }
    };
    format!("waits for {on} since {}: {reason} {end}", time(since))
}

/// Fills what is in workers' hands up to the lookahead, evenly over the open groups.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive and at most 10,000 per second"
)]
fn orders(
    row: &CampaignRow,
    around: &Surroundings,
    open: &[(&GroupRow, u64)],
    now: DateTime<Utc>,
) -> Vec<ReleaseOrder> {
    let own = planning::own_rate(&row.definition, row.progress(), row.definition.schedule.zone, now);
    let mut orders = Vec::new();
    // Each sender by itself: one that is slow must not fill the others' part with what it does not get done.
    for (sender, rate) in &around.senders {
        let open: Vec<_> = open.iter().filter(|(group, _)| group.sender == *sender).collect();
        let rate = own.map_or(*rate, |own| own.shared_by(row.definition.senders.len()).min(*rate));
        let ahead = ((rate.per_second() * around.lookahead.as_secs_f64()).ceil() as u64).max(1);
        let in_hand: u64 = row.groups.iter().filter(|g| g.sender == *sender).map(|g| g.released).sum();
        let mut left = ahead.saturating_sub(in_hand);
        for (i, (group, most)) in open.iter().enumerate() {
            let share = left.div_ceil((open.len() - i) as u64).min(*most).min(group.planned);
            if share > 0 {
                orders.push(ReleaseOrder { group: group.number, messages: share });
                left -= share;
            }
        }
    }
    orders
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use campaign::definition::Definition;
    use campaign::ids::CampaignId;
    use campaign::money::{Currency, Micros};
    use chrono::TimeDelta;
    use store::model::Totals;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn template() -> TemplateKey {
        TemplateKey { waba_id: "1".into(), name: "offer".into(), language: "en".into() }
    }

    fn group(number: u32, zone: &str, planned: u64, released: u64) -> GroupRow {
        GroupRow {
            number,
            sender: "s".into(),
            portfolio: "p".into(),
            template: template(),
            variant: None,
            zone: zone.into(),
            planned,
            retries: 0,
            released,
            not_before: None,
        }
    }

    fn row(
        state: lifecycle::State,
        more: &str,
        counts: &[(message::State, u64)],
        groups: Vec<GroupRow>,
    ) -> CampaignRow {
        let file = format!(
            "campaign: c\nsender: s\ntemplate: {{ name: offer, language: en }}\naudience: {{ file: a.csv, phone: {{ column: phone }} }}\n{more}\n"
        );
        let messages = counts.iter().map(|(_, n)| n).sum();
        CampaignRow {
            id: CampaignId(1),
            key: "c".into(),
            state,
            reason: None,
            file: "c.yaml".into(),
            definition: Arc::new(Definition::parse("c.yaml", file.as_bytes()).unwrap()),
            plan_hash: String::new(),
            currency: Currency::USD,
            budget: None,
            spent: Micros::ZERO,
            reserved: Micros::ZERO,
            launched_at: noon(),
            started_at: None,
            last_sent_at: Some(noon()),
            finished_at: None,
            totals: Totals { planned: messages, excluded: 0, messages },
            counts: counts.iter().copied().collect(),
            attempts: 0,
            stop_waived: false,
            failures: Vec::new(),
            groups,
            follow_up_of: None,
        }
    }

    fn around(gate: GateState) -> Surroundings {
        Surroundings {
            senders: BTreeMap::from([("s".to_owned(), "80/s".parse().unwrap())]),
            gates: BTreeMap::from([(template(), gate)]),
            brakes: Vec::new(),
            daily_reach: BTreeMap::new(),
            reached: BTreeMap::new(),
            rules: GateRules::default(),
            lookahead: Duration::from_secs(3),
        }
    }

    fn open() -> GateState {
        GateState::default().open_by_hand(noon())
    }

    const QUEUED: message::State = message::State::Queued;

    #[test]
    fn three_seconds_of_the_rate_are_released_ahead() {
        let row = row(lifecycle::State::Running, "", &[(QUEUED, 1000)], vec![group(0, "UTC", 960, 40)]);
        assert_eq!(
            decide(&row, &around(open()), noon()),
            [Action::Release(vec![ReleaseOrder { group: 0, messages: 200 }])]
        );
        let full = CampaignRow { groups: vec![group(0, "UTC", 760, 240)], ..row };
        assert_eq!(decide(&full, &around(open()), noon()), []);
    }

    #[test]
    fn at_the_portfolios_limit_only_retries_are_released() {
        let until = noon() + TimeDelta::hours(3);
        let around = Surroundings {
            daily_reach: BTreeMap::from([("s".to_owned(), 250)]),
            reached: BTreeMap::from([("p".to_owned(), Reached { people: 250, until })]),
            ..around(open())
        };
        let fresh = row(lifecycle::State::Running, "", &[(QUEUED, 100)], vec![group(0, "UTC", 100, 0)]);
        let actions = decide(&fresh, &around, noon());
        let [Action::Explain(Some(reason))] = &actions[..] else { panic!("{actions:?}") };
        assert!(
            reason.contains(
                "250 people were written to in 24 hours, and 250 is all; it goes on at 2026-11-23 15:00 UTC"
            ),
            "{reason}"
        );
        let groups = vec![GroupRow { retries: 7, ..group(0, "UTC", 100, 0) }];
        let retrying = row(lifecycle::State::Running, "", &[(QUEUED, 100)], groups);
        let release = Action::Release(vec![ReleaseOrder { group: 0, messages: 7 }]);
        assert_eq!(decide(&retrying, &around, noon()), [release]);
        // With room for 50, no more than 50 are let go, and what is in workers' hands counts.
        let around = Surroundings {
            reached: BTreeMap::from([("p".to_owned(), Reached { people: 200, until })]),
            ..around
        };
        let in_hand = row(lifecycle::State::Running, "", &[(QUEUED, 100)], vec![group(0, "UTC", 90, 10)]);
        let release = Action::Release(vec![ReleaseOrder { group: 0, messages: 40 }]);
        assert_eq!(decide(&in_hand, &around, noon()), [release]);
    }

    #[test]
    fn a_closed_gate_makes_it_wait_and_says_until_when() {
        let row = row(lifecycle::State::Waiting, "", &[(QUEUED, 10)], vec![group(0, "UTC", 10, 0)]);
        let actions = decide(&row, &around(GateState::first_seen(noon() - TimeDelta::minutes(4))), noon());
        let [Action::Explain(Some(reason))] = &actions[..] else { panic!("{actions:?}") };
        assert!(reason.starts_with("waits for the template offer until 2026-11-23 12:06:00 UTC"), "{reason}");
    }

    fn braked(on: Subject, until: Option<DateTime<Utc>>) -> Surroundings {
        let (reason, since) = ("Spam limit reached: look at the template.".to_owned(), noon());
        Surroundings {
            brakes: vec![Brake { on, cause: Cause::Refused(131_048), reason, since, until }],
            ..around(open())
        }
    }

    #[test]
    fn what_is_braked_waits_and_says_until_when() {
        let row = row(lifecycle::State::Running, "", &[(QUEUED, 10)], vec![group(0, "UTC", 10, 0)]);
        let sender = || Subject::Sender("s".to_owned());
        for (until, end) in [
            (None, "It goes on when the platform says so, or with `paceline resume`"),
            (Some(noon() + TimeDelta::minutes(9)), "It is tried again at 2026-11-23 12:09:00 UTC"),
        ] {
            let said = format!(
                "waits for the sender s since 2026-11-23 12:00:00 UTC: Spam limit reached: look at the template. {end}"
            );
            assert_eq!(
                decide(&row, &braked(sender(), until), noon()),
                [Action::Move(lifecycle::Event::Wait, Some(said))]
            );
        }
        // Of two, the one that ends last is told.
        let mut twice = braked(sender(), Some(noon() + TimeDelta::minutes(9)));
        twice.brakes.extend(braked(Subject::Template(template()), None).brakes);
        let actions = decide(&row, &twice, noon());
        let [Action::Move(lifecycle::Event::Wait, Some(said))] = &actions[..] else { panic!("{actions:?}") };
        assert!(said.starts_with("waits for the template offer (en) since"), "{said}");
        assert!(said.ends_with("It goes on when the platform says so, or with `paceline resume`"), "{said}");
        let elsewhere = Subject::Account("another".to_owned());
        let goes_on = decide(&row, &braked(elsewhere, None), noon());
        assert!(matches!(goes_on[..], [Action::Release(_)]), "{goes_on:?}");
    }

    #[test]
    fn what_is_not_braked_goes_on_beside_it() {
        let groups =
            vec![group(0, "UTC", 100, 0), GroupRow { sender: "t".into(), ..group(1, "UTC", 100, 0) }];
        let row = row(lifecycle::State::Running, "", &[(QUEUED, 200)], groups);
        let mut around = braked(Subject::Sender("t".to_owned()), None);
        around.senders.insert("t".to_owned(), "80/s".parse().unwrap());
        let actions = decide(&row, &around, noon());
        let [Action::Explain(Some(reason)), Action::Release(orders)] = &actions[..] else {
            panic!("{actions:?}")
        };
        assert!(reason.starts_with("a part of it waits for the sender t since"), "{reason}");
        assert_eq!(orders.iter().map(|order| order.group).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_canary_is_one_slice() {
        let row = row(lifecycle::State::Running, "", &[(QUEUED, 1000)], vec![group(0, "UTC", 1000, 0)]);
        let idle = GateState::first_seen(noon() - TimeDelta::days(30));
        assert_eq!(
            decide(&row, &around(idle), noon()),
            [Action::Release(vec![ReleaseOrder { group: 0, messages: 1 }])]
        );
    }

    #[test]
    fn only_open_zones_are_released() {
        let more =
            "schedule: { windows: [ { days: daily, from: \"09:00\", to: \"20:00\", in: recipient } ] }";
        let groups = vec![group(0, "America/Los_Angeles", 100, 0), group(1, "Asia/Kolkata", 100, 0)];
        let row = row(lifecycle::State::Running, more, &[(QUEUED, 200)], groups);
        assert_eq!(
            decide(&row, &around(open()), noon()),
            [Action::Release(vec![ReleaseOrder { group: 1, messages: 100 }])]
        );
    }

    #[test]
    fn outside_all_windows_it_says_when_the_next_opens() {
        let more =
            "schedule: { windows: [ { days: daily, from: \"09:00\", to: \"10:00\", in: recipient } ] }";
        let row =
            row(lifecycle::State::Running, more, &[(QUEUED, 100)], vec![group(0, "Asia/Kolkata", 100, 0)]);
        let reason = "outside its sending windows; the next opens at 2026-11-24 09:00 IST".to_owned();
        assert_eq!(decide(&row, &around(open()), noon()), [Action::Explain(Some(reason))]);
    }

    #[test]
    fn after_its_end_the_rest_expires() {
        let more = "schedule: { end: \"2026-11-23T12:00:00Z\" }";
        let row = row(lifecycle::State::Running, more, &[(QUEUED, 5)], vec![group(0, "UTC", 5, 0)]);
        assert_eq!(decide(&row, &around(open()), noon()), [Action::ExpireUnsent]);
    }

    #[test]
    fn it_settles_then_ends_when_nothing_is_to_come() {
        let sent = [(message::State::Delivered, 9), (message::State::Sent, 1)];
        let settling = row(lifecycle::State::Running, "", &sent, vec![]);
        let reason = Some("waits for the statuses of 1 messages".to_owned());
        assert_eq!(
            decide(&settling, &around(open()), noon()),
            [Action::Move(lifecycle::Event::Settle, reason)]
        );
        let over = row(lifecycle::State::Settling, "", &[(message::State::Read, 10)], vec![]);
        assert_eq!(decide(&over, &around(open()), noon()), [Action::Move(lifecycle::Event::Finish, None)]);
    }

    #[test]
    fn held_doubts_keep_it_from_its_end_only_while_a_status_may_come() {
        let doubts = [(message::State::Delivered, 9), (message::State::InDoubt, 1)];
        let row = row(lifecycle::State::Settling, "in_doubt_after: 1h", &doubts, vec![]);
        assert!(
            !decide(&row, &around(open()), noon()).contains(&Action::Move(
                lifecycle::Event::Finish,
                Some("1 messages are in doubt".to_owned())
            ))
        );
        let later = noon() + TimeDelta::hours(1);
        assert_eq!(
            decide(&row, &around(open()), later),
            [Action::Move(lifecycle::Event::Finish, Some("1 messages are in doubt".to_owned()))]
        );
    }

    #[test]
    fn too_many_failures_stop_it() {
        let counts = [(QUEUED, 100), (message::State::Failed, 30), (message::State::Delivered, 70)];
        let row = row(
            lifecycle::State::Running,
            "stop_when: { failure_rate: 20%, after: 100 }",
            &counts,
            vec![group(0, "UTC", 100, 0)],
        );
        let reason = Some("stop_when: 30 of 100 messages failed, more than 20%".to_owned());
        assert_eq!(decide(&row, &around(open()), noon()), [Action::Move(lifecycle::Event::Stop, reason)]);
    }

    #[test]
    fn a_late_retry_makes_a_settling_campaign_run_again() {
        let row = row(
            lifecycle::State::Settling,
            "",
            &[(message::State::Retrying, 1)],
            vec![group(0, "UTC", 0, 0)],
        );
        let actions = decide(&row, &around(open()), noon());
        assert!(matches!(actions[..], [Action::Move(lifecycle::Event::Begin, _)]), "{actions:?}");
    }

    #[test]
    fn what_a_cancelled_campaign_has_not_sent_is_skipped() {
        let row = row(lifecycle::State::Cancelled, "", &[(QUEUED, 3)], vec![group(0, "UTC", 3, 0)]);
        assert_eq!(decide(&row, &around(open()), noon()), [Action::SkipUnsent("the campaign was cancelled")]);
    }
}
