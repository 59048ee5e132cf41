//! Whether a template may be sent to yet: the sync gate, a pure state machine.
//!
//! The platform prepares a marketing template before it can be sent in bulk (Meta: Marketing Messages API,
//! "ad sync"): a new one needs 10 minutes, and one that was idle for more than 7 days needs one message
//! and then 10 minutes. Sent too early, it answers 134101 or 131009.
//!
//! The rules, in the order in which [`decide`] asks them:
//!
//! 1. After 134101 (or 131009 that means the same) the gate is closed for the sync wait.
//! 2. Opened by hand, it is open until the template is idle again or the platform says it is not synced.
//! 3. Young: closed for the sync wait after the template came into being, or, where nobody saw that,
//!    after we first saw it (the platform gives no creation time).
//! 4. After the one message that wakes an idle template, closed for the sync wait: from its claim, and once its
//!    answer has come, from that, as the platform counts from its arrival somewhere in between.
//! 5. Open, if the template was created, woken or used within the idle time.
//! 6. Otherwise it is idle: exactly one message may go, the canary.
//!
//! Two cases deserve a word. A template that we saw being created needs no canary: after its wait it is
//! synced, and stays so for the idle time although it was never used. A template that was there when we
//! first looked may have lain idle for months: its last use is unknown, so after its wait it counts as
//! idle.
//!
//! The state is shared by all campaigns and workers: the store keeps it, and whoever claims a canary
//! does so by a guarded update, so that only one is ever under way.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::pacing::format_duration;

/// What is known of a template, for its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GateState {
    /// When we first saw it at all.
    pub first_seen_at: Option<DateTime<Utc>>,
    /// When it came into being, where we saw that: we made it, or the platform announced it.
    pub created_at: Option<DateTime<Utc>>,
    /// When the platform last accepted a message with it, as far as we know.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When the one message after idleness was claimed, or, once it is known, when its answer had come.
    pub canary_at: Option<DateTime<Utc>>,
    /// Closed until then, because the platform said that it is not synced.
    pub closed_until: Option<DateTime<Utc>>,
    /// When an operator opened it.
    pub opened_by_hand_at: Option<DateTime<Utc>>,
}

/// How long the platform takes, and when a template counts as idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRules {
    /// How long the platform takes to sync a template (`platform.template_sync_wait`).
    #[serde(with = "crate::pacing::duration::text")]
    pub sync_wait: Duration,
    /// After how long without use a template is idle (`platform.template_idle_after`).
    #[serde(with = "crate::pacing::duration::text")]
    pub idle_after: Duration,
}

impl Default for GateRules {
    fn default() -> Self {
        Self { sync_wait: Duration::from_secs(600), idle_after: Duration::from_secs(7 * 86_400) }
    }
}

/// Whether a template may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// Exactly one message may go; it must be claimed with [`GateState::on_canary_claimed`].
    Canary,
    /// It may not.
    Closed {
        /// When to ask again.
        until: DateTime<Utc>,
        /// Why not.
        why: GateReason,
    },
}

/// Why a gate is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateReason {
    /// It was created at this time.
    Created(DateTime<Utc>),
    /// It was first seen at this time; when it was created is unknown.
    FirstSeen(DateTime<Utc>),
    /// It was idle, and the one message that wakes it was claimed at this time.
    CanarySent(DateTime<Utc>),
    /// The platform said that it is not synced.
    NotSynced,
}

/// Whether a template may be sent to at `now`.
pub fn decide(state: &GateState, rules: &GateRules, now: DateTime<Utc>) -> Gate {
    if let Some(until) = state.closed_until.filter(|until| now < *until) {
        return Gate::Closed { until, why: GateReason::NotSynced };
    }
    let fresh = |at: DateTime<Utc>| now <= after(at, rules.idle_after);
    if state
        .opened_by_hand_at
        .max(state.last_used_at.filter(|_| state.opened_by_hand_at.is_some()))
        .is_some_and(fresh)
    {
        return Gate::Open;
    }
    if let Some((since, why)) = birth(state) {
        let until = after(since, rules.sync_wait);
        if now < until {
            return Gate::Closed { until, why };
        }
    }
    if let Some(canary_at) = state.canary_at {
        let until = after(canary_at, rules.sync_wait);
        if now < until {
            return Gate::Closed { until, why: GateReason::CanarySent(canary_at) };
        }
    }
    let last_sign = state.created_at.max(state.canary_at).max(state.last_used_at);
    if last_sign.is_some_and(fresh) { Gate::Open } else { Gate::Canary }
}

fn birth(state: &GateState) -> Option<(DateTime<Utc>, GateReason)> {
    let created = state.created_at.map(|at| (at, GateReason::Created(at)));
    created.or_else(|| state.first_seen_at.map(|at| (at, GateReason::FirstSeen(at))))
}

impl GateState {
    /// A template that was there when we first looked, at `now`.
    pub fn first_seen(now: DateTime<Utc>) -> Self {
        Self { first_seen_at: Some(now), ..Self::default() }
    }

    /// A template that came into being at `now`: we made it, or the platform announced it.
    pub fn created(now: DateTime<Utc>) -> Self {
        Self { first_seen_at: Some(now), created_at: Some(now), ..Self::default() }
    }

    /// Whether the template is young, idle, or was woken less than the sync wait ago: then an answer of
    /// 131009 means that it is not synced.
    pub fn is_unsettled(&self, rules: &GateRules, now: DateTime<Utc>) -> bool {
        let recent = |at: Option<DateTime<Utc>>, wait| at.is_some_and(|at| now < after(at, wait));
        // Twice the wait after an event: the answer may concern a message that left just before.
        let twice = rules.sync_wait.saturating_mul(2);
        let judged = Self { opened_by_hand_at: None, ..*self };
        decide(&judged, rules, now) != Gate::Open
            || recent(self.created_at.or(self.first_seen_at), twice)
            || recent(self.canary_at, twice)
            || recent(self.closed_until, rules.sync_wait)
    }

    /// The one message after idleness has been claimed: the wait starts.
    #[must_use]
    pub fn on_canary_claimed(self, now: DateTime<Utc>) -> Self {
        Self { canary_at: Some(now), ..self }
    }

    /// The platform accepted a message with the template, the canary or another.
    #[must_use]
    pub fn on_accepted(self, now: DateTime<Utc>) -> Self {
        Self { last_used_at: self.last_used_at.max(Some(now)), ..self }
    }

    /// The canary's answer came in, and the platform has it or may have it: the wait starts anew, as it cannot have
    /// arrived later than this. From the claim alone the gate would open a moment before the platform is ready.
    #[must_use]
    pub fn on_canary_landed(self, now: DateTime<Utc>) -> Self {
        Self { canary_at: self.canary_at.map(|claimed| claimed.max(now)), ..self }
    }

    /// The canary that was claimed at `claimed_at` was certainly not accepted, for a reason of its recipient: another
    /// one may go. Not for one whose outcome is unknown: that may have been sent. Changes nothing where the canary is
    /// another one by now: this may be told twice.
    #[must_use]
    pub fn on_canary_refused(self, claimed_at: DateTime<Utc>) -> Self {
        Self { canary_at: self.canary_at.filter(|at| *at != claimed_at), ..self }
    }

    /// The platform said that the template is not synced: closed for the sync wait from `now`, even if it
    /// was opened by hand.
    ///
    /// A canary that was under way is forgotten with it, since the platform took nothing: if the template
    /// was idle, it is so still, and gets another canary after the wait.
    #[must_use]
    pub fn on_not_synced(self, rules: &GateRules, now: DateTime<Utc>) -> Self {
        let closed_until = self.closed_until.max(Some(after(now, rules.sync_wait)));
        Self { closed_until, opened_by_hand_at: None, canary_at: None, ..self }
    }

    /// An operator who knows better opens the gate: open until the template is idle again or the platform
    /// says that it is not synced.
    #[must_use]
    pub fn open_by_hand(self, now: DateTime<Utc>) -> Self {
        Self { opened_by_hand_at: Some(now), closed_until: None, ..self }
    }
}

impl Gate {
    /// The gate in words, for people; without its end, which `until` says.
    pub fn describe(self, template: &str, rules: &GateRules, now: DateTime<Utc>) -> String {
        let wait = in_words(rules.sync_wait);
        match self {
            Self::Open => format!("template {template} is ready"),
            Self::Canary => format!(
                "template {template} has not been used for more than {}, as far as we know; one message goes first to wake it",
                in_words(rules.idle_after)
            ),
            Self::Closed { why, .. } => match why {
                GateReason::Created(at) => {
                    format!("template {template} was created {}; Meta needs {wait} to sync it", ago(at, now))
                }
                GateReason::FirstSeen(at) => format!(
                    "template {template} was first seen {} and may be new; Meta needs {wait} to sync it",
                    ago(at, now)
                ),
                GateReason::CanarySent(at) => format!(
                    "template {template} was idle, and one message was sent {} to wake it; Meta needs {wait} to sync it",
                    ago(at, now)
                ),
                GateReason::NotSynced => {
                    format!("Meta says that template {template} is not synced yet; it needs {wait}")
                }
            },
        }
    }
}

/// The reason alone, for people: reads after "waits for the template until ...:".
impl fmt::Display for GateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created(_) => "it was just created, and Meta is still syncing it",
            Self::FirstSeen(_) => "it may be new, and Meta may still be syncing it",
            Self::CanarySent(_) => "it was idle, and one message was sent to wake it",
            Self::NotSynced => "Meta says that it is not synced yet",
        })
    }
}

fn after(at: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| at.checked_add_signed(wait))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match now.signed_duration_since(at).to_std() {
        Ok(passed) if passed >= Duration::from_secs(1) => format!("{} ago", in_words(passed)),
        Ok(_) | Err(_) => "just now".to_owned(),
    }
}

/// In the largest unit that fits, rounded down: `4 minutes`, `1 hour`, `7 days`.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        0 => return format_duration(duration),
        1..=119 if seconds != 60 => (seconds, "second"),
        1..=7_199 if seconds != 3_600 => (seconds / 60, "minute"),
        1..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: GateRules =
        GateRules { sync_wait: Duration::from_secs(600), idle_after: Duration::from_secs(7 * 86_400) };

    /// A time so many minutes after some start.
    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
    }

    const DAY: i64 = 24 * 60;

    fn is_closed(gate: Gate) -> bool {
        matches!(gate, Gate::Closed { .. })
    }

    fn gate(state: GateState, minutes: i64) -> Gate {
        decide(&state, &RULES, at(minutes))
    }

    fn closed(until: i64, why: GateReason) -> Gate {
        Gate::Closed { until: at(until), why }
    }

    #[test]
    fn a_created_template_waits_and_is_then_open() {
        let state = GateState::created(at(0));
        assert_eq!(gate(state, 0), closed(10, GateReason::Created(at(0))));
        assert_eq!(gate(state, 9), closed(10, GateReason::Created(at(0))));
        assert_eq!(gate(state, 10), Gate::Open);
        assert_eq!(gate(state, 7 * DAY), Gate::Open);
        assert_eq!(gate(state, 7 * DAY + 1), Gate::Canary);
    }

    #[test]
    fn a_template_of_unknown_age_waits_and_is_then_idle() {
        let state = GateState::first_seen(at(0));
        assert_eq!(gate(state, 9), closed(10, GateReason::FirstSeen(at(0))));
        assert_eq!(gate(state, 10), Gate::Canary);
        assert_eq!(gate(GateState::default(), 0), Gate::Canary);
    }

    #[test]
    fn an_idle_template_gets_one_message_then_waits_then_opens() {
        let state = GateState { last_used_at: Some(at(-8 * DAY)), ..GateState::first_seen(at(-30 * DAY)) };
        assert_eq!(gate(state, 0), Gate::Canary);
        let state = state.on_canary_claimed(at(0));
        assert_eq!(gate(state, 0), closed(10, GateReason::CanarySent(at(0))));
        let state = state.on_accepted(at(1));
        assert_eq!(gate(state, 9), closed(10, GateReason::CanarySent(at(0))));
        assert_eq!(gate(state, 10), Gate::Open);
        // Use keeps it open; a week without use makes it idle again, with a canary of its own.
        let used = state.on_accepted(at(3 * DAY));
        assert_eq!(gate(used, 10 * DAY), Gate::Open);
        assert_eq!(gate(used, 10 * DAY + 1), Gate::Canary);
        let woken = used.on_canary_claimed(at(11 * DAY));
        assert_eq!(gate(woken, 11 * DAY + 1), closed(11 * DAY + 10, GateReason::CanarySent(at(11 * DAY))));
    }

    #[test]
    fn the_wait_counts_from_the_canarys_answer() {
        let claimed = GateState::first_seen(at(-30 * DAY)).on_canary_claimed(at(0));
        let landed = claimed.on_canary_landed(at(1));
        assert_eq!(gate(landed, 10), closed(11, GateReason::CanarySent(at(1))));
        assert_eq!(gate(landed, 11), Gate::Open);
        // A platform that said meanwhile that it is not synced has the last word.
        let refused = claimed.on_not_synced(&RULES, at(1)).on_canary_landed(at(2));
        assert_eq!(gate(refused, 11), Gate::Canary);
    }

    #[test]
    fn a_refused_canary_lets_another_go_and_an_unknown_one_does_not() {
        let claimed = GateState::default().on_canary_claimed(at(0));
        assert_eq!(gate(claimed.on_canary_refused(at(0)), 1), Gate::Canary);
        // Another's canary is under way by now.
        assert_eq!(claimed.on_canary_refused(at(-1)), claimed);
        assert_eq!(gate(claimed, 1), closed(10, GateReason::CanarySent(at(0))));
        assert_eq!(gate(claimed, 10), Gate::Open);
    }

    #[test]
    fn not_synced_closes_for_the_wait() {
        let state = GateState::created(at(0)).on_accepted(at(10)).on_not_synced(&RULES, at(11));
        assert_eq!(gate(state, 20), closed(21, GateReason::NotSynced));
        assert_eq!(gate(state, 21), Gate::Open);
        // An older answer that arrives later does not shorten the wait.
        assert_eq!(gate(state.on_not_synced(&RULES, at(5)), 20), closed(21, GateReason::NotSynced));
        // The canary itself was refused so: nothing was accepted, another canary goes after the wait.
        let canary = GateState::default().on_canary_claimed(at(0)).on_not_synced(&RULES, at(1));
        assert_eq!(gate(canary, 10), closed(11, GateReason::NotSynced));
        assert_eq!(gate(canary, 11), Gate::Canary);
    }

    #[test]
    fn opened_by_hand() {
        let state = GateState::created(at(0)).open_by_hand(at(1));
        assert_eq!(gate(state, 1), Gate::Open);
        assert_eq!(gate(state, 1 + 7 * DAY), Gate::Open);
        assert_eq!(gate(state, 2 + 7 * DAY), Gate::Canary);
        assert_eq!(gate(state.on_accepted(at(5 * DAY)), 12 * DAY), Gate::Open);
        // The platform knows best.
        let refused = state.on_not_synced(&RULES, at(2));
        assert_eq!(gate(refused, 3), closed(12, GateReason::NotSynced));
        assert_eq!(gate(refused.open_by_hand(at(4)), 4), Gate::Open);
        // An idle one, opened by hand, needs no canary.
        assert_eq!(gate(GateState::default().open_by_hand(at(0)), 0), Gate::Open);
        // Opened long ago: what it was used for later does not wake it.
        let old =
            GateState { last_used_at: Some(at(-DAY)), ..GateState::default() }.open_by_hand(at(-30 * DAY));
        assert_eq!(gate(old, 0), Gate::Open);
    }

    #[test]
    fn when_131009_means_not_synced() {
        let unsettled = |state: GateState, minutes| state.is_unsettled(&RULES, at(minutes));
        let created = GateState::created(at(0));
        assert!(unsettled(created, 5) && unsettled(created, 15));
        assert!(!unsettled(created, 20));
        assert!(unsettled(created, 8 * DAY));
        assert!(unsettled(GateState::default().open_by_hand(at(0)), 1));
        let used = created.on_accepted(at(DAY));
        assert!(!unsettled(used, DAY));
        let closed = used.on_not_synced(&RULES, at(DAY));
        assert!(unsettled(closed, DAY + 15) && !unsettled(closed, DAY + 20));
    }

    #[test]
    fn in_plain_words() {
        let says =
            |state: GateState, minutes| gate(state, minutes).describe("diwali_sale", &RULES, at(minutes));
        assert_eq!(
            says(GateState::created(at(0)), 4),
            "template diwali_sale was created 4 minutes ago; Meta needs 10 minutes to sync it"
        );
        assert_eq!(
            says(GateState::first_seen(at(0)), 0),
            "template diwali_sale was first seen just now and may be new; Meta needs 10 minutes to sync it"
        );
        assert_eq!(
            says(GateState::default(), 0),
            "template diwali_sale has not been used for more than 7 days, as far as we know; one message goes first to wake it"
        );
        assert_eq!(
            says(GateState::default().on_canary_claimed(at(0)), 1),
            "template diwali_sale was idle, and one message was sent 1 minute ago to wake it; Meta needs 10 minutes to sync it"
        );
        assert_eq!(
            says(GateState::default().on_not_synced(&RULES, at(0)), 1),
            "Meta says that template diwali_sale is not synced yet; it needs 10 minutes"
        );
        assert_eq!(says(GateState::created(at(0)), 10), "template diwali_sale is ready");
        for (seconds, words) in [
            (1, "1 second"),
            (90, "90 seconds"),
            (60, "1 minute"),
            (3_600, "1 hour"),
            (7_200, "2 hours"),
            (86_400, "24 hours"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn survives_storing() {
        let state = GateState::created(at(0)).on_canary_claimed(at(1)).on_not_synced(&RULES, at(2));
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<GateState>(&json).unwrap(), state);
        assert_eq!(serde_json::from_str::<GateState>("{}").unwrap(), GateState::default());
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Wait(i64),
        Try,
        TryUnknown,
        NotSynced,
        OpenByHand,
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            3 => (0i64..15).prop_map(Event::Wait),
            1 => (0i64..10 * DAY).prop_map(Event::Wait),
            5 => Just(Event::Try),
            1 => Just(Event::TryUnknown),
            1 => Just(Event::NotSynced),
            1 => Just(Event::OpenByHand),
        ];
        proptest::collection::vec(event, 0..80)
    }

    proptest! {
        /// Whatever happens: nothing goes out while closed, a canary is followed by a full wait, and no
        /// bulk message goes to a template that was neither used, woken, created nor opened for a week.
        #[test]
        fn no_message_leaves_against_the_rules(events in events(), created: bool) {
            let mut state = if created { GateState::created(at(0)) } else { GateState::first_seen(at(0)) };
            let mut now = 0i64;
            let (mut canary, mut not_synced, mut by_hand): (Option<i64>, Option<i64>, Option<i64>) = (None, None, None);
            let mut alive = created.then_some(0i64);
            for event in events {
                match event {
                    Event::Wait(minutes) => now += minutes,
                    Event::Try | Event::TryUnknown => {
                        let open = gate(state, now);
                        let by_hand_now = by_hand.is_some_and(|h| now - h.max(alive.unwrap_or(h)) <= 7 * DAY);
                        if !is_closed(open) {
                            prop_assert!(not_synced.is_none_or(|n| now >= n + 10));
                            prop_assert!(by_hand_now || now >= 10, "too young");
                            prop_assert!(by_hand_now || canary.is_none_or(|c| now >= c + 10), "in the canary's wait");
                        }
                        match open {
                            Gate::Open => prop_assert!(by_hand_now || alive.is_some_and(|a| now - a <= 7 * DAY), "bulk to an idle one"),
                            Gate::Canary => {
                                state = state.on_canary_claimed(at(now));
                                canary = Some(now);
                                alive = alive.max(Some(now));
                                prop_assert!(is_closed(gate(state, now)), "a second canary");
                            }
                            Gate::Closed { until, .. } => {
                                prop_assert!(until > at(now));
                                continue;
                            }
                        }
                        if matches!(event, Event::Try) {
                            state = state.on_accepted(at(now));
                            alive = alive.max(Some(now));
                        }
                    }
                    Event::NotSynced => {
                        state = state.on_not_synced(&RULES, at(now));
                        (not_synced, by_hand, canary) = (Some(now), None, None);
                    }
                    Event::OpenByHand => {
                        state = state.open_by_hand(at(now));
                        (by_hand, not_synced) = (Some(now), None);
                    }
                }
            }
        }

        /// A closed gate always opens (or asks for a canary) by itself within the sync wait.
        #[test]
        fn nothing_stays_closed(events in events()) {
            let mut state = GateState::first_seen(at(0));
            let mut now = 0;
            for event in events {
                match event {
                    Event::Wait(minutes) => now += minutes,
                    Event::Try => state = state.on_accepted(at(now)),
                    Event::TryUnknown => state = state.on_canary_claimed(at(now)),
                    Event::NotSynced => state = state.on_not_synced(&RULES, at(now)),
                    Event::OpenByHand => state = state.open_by_hand(at(now)),
                }
                if let Gate::Closed { until, .. } = gate(state, now) {
                    prop_assert!(until <= at(now + 10));
                }
                prop_assert!(!is_closed(gate(state, now + 10)));
            }
        }
    }
}
