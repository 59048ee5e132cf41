//! What a plan may expect: messages by the hour, when it finishes, and what would expire.
//!
//! A forecast plays the campaign through from event to event (a window opens or closes, an hour ends, a
//! ramp step is used up, the daily reach is used up or comes back). At each moment it goes at the slowest
//! of the campaign's rate, the ramp's and the senders', as one whole number of messages after the other;
//! of the recipients that are open, those whose window closes first go first. It assumes that nothing fails
//! and that the campaign has the senders for itself.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::over::over_rate;
use super::ramp::{left_in_step, ramp_rate};
use super::windows::{Span, at, merged, spans};
use super::{RampStep, Rate, Window, daily_reach};

/// How far ahead a forecast looks where the campaign has no end.
const FARTHEST: TimeDelta = TimeDelta::days(366);
const HOUR: TimeDelta = TimeDelta::hours(1);

/// Recipients that share a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Their zone.
    pub zone: Tz,
    /// How many there are.
    pub count: u64,
}

/// What sets the campaign's own pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A rate.
    Rate(Rate),
    /// As fast as is needed to be done so long after the start.
    Over(Duration),
    /// As fast as the senders go.
    Unlimited,
}

/// What a forecast is made of.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    /// The recipients.
    pub groups: &'a [Group],
    /// When the first message may go: the campaign's start, or when the template's gate opens.
    pub start: DateTime<Utc>,
    /// When sending ends; `None` looks a year ahead.
    pub end: Option<DateTime<Utc>>,
    /// The sending windows.
    pub windows: &'a [Window],
    /// The zone of windows that are not the recipient's.
    pub schedule_zone: Tz,
    /// The ramp.
    pub ramp: &'a [RampStep],
    /// The campaign's own pace.
    pub pace: Pace,
    /// What the campaign's senders do together.
    pub sender_rate: Rate,
    /// How many people may be reached in any 24 hours; `None` is unlimited.
    pub daily_reach: Option<u64>,
    /// Who was reached already and counts towards it: how many people, and until when, the first to end first.
    pub reached: &'a [(DateTime<Utc>, u64)],
}

/// One hour of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When the hour begins, counted from the start.
    pub at: DateTime<Utc>,
    /// How many messages go out in it.
    pub sent: u64,
    /// How many have gone out at its end.
    pub total: u64,
}

/// What a campaign may expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Hour by hour, from the start to the last message.
    pub points: Vec<Point>,
    /// When the last message goes out; `None` where some never do, or there are none.
    pub finishes_at: Option<DateTime<Utc>>,
    /// How many go out.
    pub sent: u64,
    /// How many would expire at the end, unsent.
    pub expires: u64,
    /// Who would expire, by group, in the order of the groups.
    pub expires_by_group: Vec<u64>,
}

/// Plays the campaign through.
pub fn forecast(outlook: &Outlook<'_>) -> Forecast {
    let mut player = Player::new(outlook);
    player.play();
    player.result()
}

/// When the recipients of a group can be reached.
#[derive(Clone, Copy)]
enum Reachable {
    /// Not looked up yet.
    Unknown,
    /// Now or next.
    In(Span),
    /// Never again before the end.
    Never,
}

struct Lane {
    zone: Tz,
    left: u64,
    reachable: Reachable,
}

impl Lane {
    fn span(&self) -> Option<Span> {
        match self.reachable {
            Reachable::In(span) if self.left > 0 => Some(span),
            Reachable::In(_) | Reachable::Unknown | Reachable::Never => None,
        }
    }

    fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.span().is_some_and(|span| span.from <= now && now < span.until)
    }
}

struct Player<'a> {
    outlook: &'a Outlook<'a>,
    end: DateTime<Utc>,
    now: DateTime<Utc>,
    lanes: Vec<Lane>,
    /// When any lane is open, up to the deadline of `Pace::Over`.
    open_spans: Vec<Span>,
    sent: u64,
    last_at: DateTime<Utc>,
    /// Time that has passed towards the next message.
    carry: Duration,
    /// How many people were reached, with the time from which they no longer count.
    reached: VecDeque<(DateTime<Utc>, u64)>,
    points: Vec<Point>,
}

impl<'a> Player<'a> {
    fn new(outlook: &'a Outlook<'a>) -> Self {
        let farthest = outlook.start.checked_add_signed(FARTHEST).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let end = outlook.end.map_or(farthest, |end| end.min(farthest));
        let lane = |g: &Group| Lane { zone: g.zone, left: g.count, reachable: Reachable::Unknown };
        let mut player = Self {
            outlook,
            end,
            now: outlook.start,
            lanes: outlook.groups.iter().map(lane).collect(),
            open_spans: Vec::new(),
            sent: 0,
            last_at: outlook.start,
            carry: Duration::ZERO,
            reached: outlook.reached.iter().copied().collect(),
            points: Vec::new(),
        };
        if let Pace::Over(time) = outlook.pace {
            let deadline = add(outlook.start, time).min(end);
            let all = player.lanes.iter().filter(|lane| lane.left > 0).flat_map(|lane| {
                spans(outlook.windows, lane.zone, outlook.schedule_zone, outlook.start, deadline)
            });
            player.open_spans = merged(all.collect());
        }
        player
    }

    fn play(&mut self) {
        while self.now < self.end {
            self.look_up_spans();
            let Some(opens) = self.lanes.iter().filter_map(Lane::span).map(|span| span.from).min() else {
                return;
            };
            let allowance = self.allowance();
            if opens > self.now {
                self.wait_until(opens);
            } else if allowance == 0 {
                let back = self.reached.front().map_or(self.end, |(back, _)| *back);
                self.wait_until(back);
            } else {
                self.send(allowance);
            }
        }
    }

    /// Waiting earns nothing: afterwards it is as if a message had just gone.
    fn wait_until(&mut self, time: DateTime<Utc>) {
        self.carry = Duration::ZERO;
        self.now = time.min(self.end);
    }

    /// Brings each lane's span up to date: the one that is open, or the next.
    fn look_up_spans(&mut self) {
        let look = |zone, when| at(self.outlook.windows, zone, self.outlook.schedule_zone, when);
        for lane in self.lanes.iter_mut().filter(|lane| lane.left > 0) {
            match lane.reachable {
                Reachable::Never => continue,
                Reachable::In(span) if span.until > self.now => continue,
                Reachable::In(_) | Reachable::Unknown => {}
            }
            let hours = look(lane.zone, self.now);
            let from = if hours.open { Some(self.now) } else { hours.changes_at };
            lane.reachable = match from.filter(|from| *from < self.end) {
                None => Reachable::Never,
                Some(from) => {
                    let closes = if hours.open { hours.changes_at } else { look(lane.zone, from).changes_at };
                    Reachable::In(Span {
                        from,
                        until: closes.map_or(self.end, |closes| closes.min(self.end)),
                    })
                }
            };
        }
    }

    /// How many more people may be reached now.
    fn allowance(&mut self) -> u64 {
        let Some(reach) = self.outlook.daily_reach else { return u64::MAX };
        while self.reached.front().is_some_and(|(back, _)| *back <= self.now) {
            self.reached.pop_front();
        }
        reach.saturating_sub(self.reached.iter().map(|(_, count)| count).sum())
    }

    fn rate(&self) -> Rate {
        let full = match self.outlook.pace {
            Pace::Rate(rate) => rate.min(self.outlook.sender_rate),
            Pace::Over(_) => {
                let left = self.lanes.iter().fold(0, |sum: u64, lane| sum.saturating_add(lane.left));
                let ahead = self.open_spans.iter().filter(|span| span.until > self.now);
                let time = ahead.map(|span| Span { from: span.from.max(self.now), ..*span }.length()).sum();
                over_rate(left, time).min(self.outlook.sender_rate)
            }
            Pace::Unlimited => self.outlook.sender_rate,
        };
        ramp_rate(self.outlook.ramp, self.sent, full)
    }

    /// Sends from now to the next event, or until what may be sent is sent.
    fn send(&mut self, allowance: u64) {
        let (now, event, rate) = (self.now, self.next_event(), self.rate());
        let carry = self.carry.min(rate.interval());
        let time = Span { from: now, until: event }.length().saturating_add(carry);
        let open =
            self.lanes.iter().filter(|l| l.is_open(now)).fold(0, |sum: u64, l| sum.saturating_add(l.left));
        let most = open.min(allowance).min(left_in_step(self.outlook.ramp, self.sent).unwrap_or(u64::MAX));
        let count = rate.messages_in(time).min(most);
        let used = rate.time_for(count);
        let last = add(now, used.saturating_sub(carry)).min(event);
        if count > 0 {
            self.book(count, now, last);
        }
        if count == most {
            self.now = last;
            self.carry = Duration::ZERO;
        } else {
            self.now = event;
            self.carry = time.saturating_sub(used);
        }
    }

    /// Books messages that went out from `first` to `last`, between two events: those whose window closes
    /// first went first.
    fn book(&mut self, count: u64, first: DateTime<Utc>, last: DateTime<Utc>) {
        let hour = periods(self.outlook.start, first, HOUR);
        for n in i64::try_from(self.points.len()).unwrap_or(i64::MAX)..=hour {
            self.points.push(Point {
                at: self.outlook.start + HOUR * saturated(n),
                sent: 0,
                total: self.sent,
            });
        }
        self.sent = self.sent.saturating_add(count);
        self.last_at = last;
        if let Some(point) = self.points.last_mut() {
            point.sent = point.sent.saturating_add(count);
            point.total = self.sent;
        }
        if self.outlook.daily_reach.is_some() {
            let back = daily_reach::comes_back(daily_reach::slot_of(first));
            match self.reached.back_mut() {
                Some((same, sum)) if *same == back => *sum += count,
                Some(_) | None => self.reached.push_back((back, count)),
            }
        }
        let mut open: Vec<&mut Lane> = self.lanes.iter_mut().filter(|lane| lane.is_open(first)).collect();
        open.sort_by_key(|lane| lane.span().map(|span| span.until));
        let mut left = count;
        for lane in open {
            let part = lane.left.min(left);
            lane.left -= part;
            left -= part;
        }
    }

    /// When anything changes next: a window, the hour, the reach, the end.
    fn next_event(&self) -> DateTime<Utc> {
        let next = periods(self.outlook.start, self.now, HOUR) + 1;
        let mut event = (self.outlook.start + HOUR * saturated(next)).min(self.end);
        if self.outlook.daily_reach.is_some() {
            event = event.min(daily_reach::ends_at(daily_reach::slot_of(self.now)));
        }
        for span in self.lanes.iter().filter_map(Lane::span) {
            event = event.min(if span.from > self.now { span.from } else { span.until });
        }
        event
    }

    fn result(self) -> Forecast {
        let expires_by_group: Vec<u64> = self.lanes.iter().map(|lane| lane.left).collect();
        let expires = expires_by_group.iter().fold(0, |sum: u64, left| sum.saturating_add(*left));
        let finishes_at = (expires == 0 && self.sent > 0).then_some(self.last_at);
        Forecast { points: self.points, finishes_at, sent: self.sent, expires, expires_by_group }
    }
}

fn add(at: DateTime<Utc>, time: Duration) -> DateTime<Utc> {
    let delta = TimeDelta::from_std(time).ok();
    delta.and_then(|delta| at.checked_add_signed(delta)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How many whole periods lie between two instants.
fn periods(start: DateTime<Utc>, at: DateTime<Utc>, period: TimeDelta) -> i64 {
    at.signed_duration_since(start).num_seconds() / period.num_seconds()
}

/// A count of periods as the type that a period is multiplied by; a forecast spans a year, so it fits.
fn saturated(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;
    use proptest::prelude::*;

    use super::super::{Weekdays, WindowZone};
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn window(from: u32, to: u32) -> Window {
        let hour = |h| NaiveTime::from_hms_opt(h, 0, 0).unwrap();
        Window { days: Weekdays::DAILY, from: hour(from), to: hour(to), zone: WindowZone::Recipient }
    }

    fn plain(groups: &[Group]) -> Outlook<'_> {
        Outlook {
            groups,
            start: utc("2026-11-08T03:30:00Z"),
            end: None,
            windows: &[],
            schedule_zone: Tz::UTC,
            ramp: &[],
            pace: Pace::Rate(rate("60/s")),
            sender_rate: rate("80/s"),
            daily_reach: None,
            reached: &[],
        }
    }

    const INDIA: Tz = Tz::Asia__Kolkata;

    #[test]
    fn a_plain_campaign() {
        let groups = [Group { zone: INDIA, count: 300_000 }];
        let forecast = forecast(&plain(&groups));
        // 300,000 at 60/s are 5,000 s.
        assert_eq!(forecast.finishes_at, Some(utc("2026-11-08T04:53:20Z")));
        assert_eq!((forecast.sent, forecast.expires), (300_000, 0));
        let points: Vec<_> = forecast.points.iter().map(|p| (p.at, p.sent, p.total)).collect();
        assert_eq!(
            points,
            [(utc("2026-11-08T03:30:00Z"), 216_000, 216_000), (utc("2026-11-08T04:30:00Z"), 84_000, 300_000)]
        );
    }

    #[test]
    fn the_slowest_rate_counts() {
        let groups = [Group { zone: INDIA, count: 8_000 }];
        let slow = Outlook { sender_rate: rate("20/s"), ..plain(&groups) };
        assert_eq!(forecast(&slow).finishes_at, Some(utc("2026-11-08T03:36:40Z")));
        let unlimited = Outlook { pace: Pace::Unlimited, ..plain(&groups) };
        assert_eq!(forecast(&unlimited).finishes_at, Some(utc("2026-11-08T03:31:40Z")));
    }

    #[test]
    fn the_ramp_comes_first() {
        let step = |r, minutes: u64| RampStep { rate: rate(r), lasts: Duration::from_secs(minutes * 60) };
        let ramp = [step("5/s", 10), step("20/s", 20)];
        let groups = [Group { zone: INDIA, count: 33_000 }];
        let forecast = forecast(&Outlook { ramp: &ramp, ..plain(&groups) });
        assert_eq!(forecast.finishes_at, Some(utc("2026-11-08T04:01:40Z")));
    }

    #[test]
    fn windows_hold_it_up_and_the_end_cuts_it_off() {
        let windows = [window(9, 20)];
        // The start is 09:00 in India; 20:00 there is 14:30 UTC.
        let groups = [Group { zone: INDIA, count: 60 * 11 * 3_600 + 60 * 60 }];
        let outlook = Outlook { windows: &windows, ..plain(&groups) };
        assert_eq!(forecast(&outlook).finishes_at, Some(utc("2026-11-09T03:31:00Z")));
        let cut = forecast(&Outlook { end: Some(utc("2026-11-08T15:30:00Z")), ..outlook });
        assert_eq!((cut.finishes_at, cut.sent, cut.expires), (None, 2_376_000, 3_600));
    }

    #[test]
    fn zones_take_turns() {
        let windows = [window(9, 10)];
        let groups = [
            Group { zone: Tz::America__Los_Angeles, count: 100 },
            Group { zone: INDIA, count: 6_000 },
            Group { zone: Tz::Asia__Tokyo, count: 100 },
        ];
        let outlook = Outlook { windows: &windows, end: Some(utc("2026-11-08T20:00:00Z")), ..plain(&groups) };
        let forecast = forecast(&outlook);
        // Tokyo's hour is over when it starts and comes again only after the end.
        assert_eq!(forecast.expires_by_group, [0, 0, 100]);
        let busy: Vec<_> = forecast.points.iter().filter(|p| p.sent > 0).map(|p| (p.at, p.sent)).collect();
        assert_eq!(busy, [(utc("2026-11-08T03:30:00Z"), 6_000), (utc("2026-11-08T16:30:00Z"), 100)]);
        assert_eq!(forecast.finishes_at, None);
    }

    #[test]
    fn those_whose_window_closes_first_go_first() {
        let windows = [window(9, 20)];
        // One second before Tokyo closes; India has hours left.
        let groups = [Group { zone: INDIA, count: 60 }, Group { zone: Tz::Asia__Tokyo, count: 60 }];
        let outlook = Outlook { windows: &windows, start: utc("2026-11-08T10:59:59Z"), ..plain(&groups) };
        let forecast = forecast(&outlook);
        assert_eq!(forecast.finishes_at, Some(utc("2026-11-08T11:00:01Z")));
    }

    #[test]
    fn over_takes_as_long_as_it_says() {
        let groups = [Group { zone: INDIA, count: 14_400 }];
        let outlook = Outlook { pace: Pace::Over(Duration::from_secs(4 * 3_600)), ..plain(&groups) };
        let even = forecast(&outlook);
        assert_eq!(even.finishes_at, Some(utc("2026-11-08T07:30:00Z")));
        assert_eq!(even.points.iter().map(|p| p.sent).collect::<Vec<_>>(), [3_600; 4]);
        // Only one of the four hours is open: four times as fast.
        let windows = [window(9, 10)];
        let tight = forecast(&Outlook { windows: &windows, ..outlook });
        assert_eq!(tight.finishes_at, Some(utc("2026-11-08T04:30:00Z")));
        // More than the senders can do goes on after the time.
        let much = [Group { zone: INDIA, count: 80 * 3_600 * 5 }];
        let late = forecast(&Outlook { groups: &much, ..outlook });
        assert_eq!(late.finishes_at, Some(utc("2026-11-08T08:30:00Z")));
    }

    #[test]
    fn the_daily_reach_spreads_it_over_days() {
        let groups = [Group { zone: INDIA, count: 250_000 }];
        let outlook = Outlook { daily_reach: Some(100_000), ..plain(&groups) };
        let forecast = forecast(&outlook);
        assert_eq!((forecast.sent, forecast.expires), (250_000, 0));
        // 27 min 47 s of 60/s a day; people count until 24 hours after the five minutes they fell in.
        assert_eq!(forecast.finishes_at.map(|at| at.format("%d %H").to_string()), Some("10 03".to_owned()));
        let by_day = |day: i64| -> u64 {
            let from = outlook.start + TimeDelta::days(day);
            forecast
                .points
                .iter()
                .filter(|p| p.at >= from && p.at < from + TimeDelta::days(1))
                .map(|p| p.sent)
                .sum()
        };
        assert_eq!((by_day(0), by_day(1), by_day(2)), (100_000, 100_000, 50_000));
    }

    #[test]
    fn who_was_reached_before_counts_too() {
        let groups = [Group { zone: INDIA, count: 1_000 }];
        let back = utc("2026-11-08T15:06:00Z");
        let outlook = Outlook { daily_reach: Some(10_000), reached: &[(back, 9_400)], ..plain(&groups) };
        // 600 at once, the others when the 9,400 no longer count.
        let forecast = forecast(&outlook);
        assert_eq!(forecast.finishes_at, Some(back + TimeDelta::nanoseconds(6_666_666_667)));
        assert_eq!(forecast.points[0].sent, 600);
    }

    #[test]
    fn nothing_to_do_and_nothing_possible() {
        let none = forecast(&plain(&[]));
        assert_eq!((none.sent, none.expires, none.finishes_at), (0, 0, None));
        let groups = [Group { zone: INDIA, count: 10 }];
        let over = forecast(&Outlook { end: Some(utc("2020-01-01T00:00:00Z")), ..plain(&groups) });
        assert_eq!((over.sent, over.expires), (0, 10));
        let closed = forecast(&Outlook { daily_reach: Some(0), ..plain(&groups) });
        assert_eq!((closed.sent, closed.expires), (0, 10));
        let slow = forecast(&Outlook { pace: Pace::Rate(rate("0.5/h")), ..plain(&groups) });
        assert_eq!(slow.finishes_at, Some(utc("2026-11-08T23:30:00Z")));
        let never = forecast(&Outlook { start: DateTime::<Utc>::MAX_UTC, ..plain(&groups) });
        assert_eq!(never.expires, 10);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn nobody_is_lost_and_no_limit_passed(
            counts in proptest::collection::vec(0u64..200_000, 1..5),
            own in 1u64..200, sender in 1u64..200,
            (from, to) in (0u32..24, 0u32..24),
            ramp in proptest::collection::vec((1u64..50, 1u64..2_000), 0..3),
            reach in proptest::option::of(1u64..100_000),
            over in proptest::option::of(1u64..200_000),
            hours in 1i64..80,
        ) {
            let zones = [INDIA, Tz::America__New_York, Tz::Pacific__Chatham, Tz::Europe__Berlin, Tz::Pacific__Apia];
            let groups: Vec<_> = counts.iter().zip(zones).map(|(count, zone)| Group { zone, count: *count }).collect();
            let windows = [window(from, to)];
            let per_second = |n| Rate::per_second_of(n).unwrap();
            let ramp: Vec<_> = ramp.iter()
                .map(|(r, s)| RampStep { rate: per_second(*r), lasts: Duration::from_secs(*s) }).collect();
            let start = utc("2026-10-24T12:34:56Z");
            let end = start + TimeDelta::hours(hours);
            let outlook = Outlook {
                groups: &groups, start, end: Some(end), windows: &windows, schedule_zone: Tz::UTC, ramp: &ramp,
                pace: over.map_or(Pace::Rate(per_second(own)), |s| Pace::Over(Duration::from_secs(s))),
                sender_rate: per_second(sender), daily_reach: reach, reached: &[],
            };
            let forecast = forecast(&outlook);
            prop_assert_eq!(forecast.sent + forecast.expires, counts.iter().sum::<u64>());
            prop_assert_eq!(forecast.points.iter().map(|p| p.sent).sum::<u64>(), forecast.sent);
            let fastest = if over.is_some() { sender } else { own.min(sender) };
            for point in &forecast.points {
                prop_assert!(point.sent <= fastest * 3_600, "{} in an hour", point.sent);
            }
            if let Some(reach) = reach {
                for day in forecast.points.windows(24) {
                    prop_assert!(day.iter().map(|p| p.sent).sum::<u64>() <= reach);
                }
            }
            if let Some(finish) = forecast.finishes_at {
                prop_assert!(finish > start && finish <= end);
            }
            for (group, expired) in groups.iter().zip(&forecast.expires_by_group) {
                let open = super::super::windows::open_time(&windows, group.zone, Tz::UTC, start, end);
                prop_assert!(group.count - expired <= per_second(fastest).messages_in(open) + 1);
            }
        }
    }
}
