//! Decoding of `schedule` and `pace`.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::keys;
use super::model::{Pace, Schedule, Speed};
use crate::document::{Item, Value, nearest};
use crate::pacing::{RampStep, Rate, Repeat, Weekdays, Window, WindowZone};

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn schedule(item: &Item<'_>) -> Option<Schedule> {
    let fields = item.fields(keys::SCHEDULE)?;
    let zone = fields.optional("zone").and_then(|item| zone(&item));
    // Where the zone is wrong, times without an offset are not judged by another one.
    let clock = zone.or_else(|| (!fields.has("zone")).then_some(Tz::UTC));
    let start = fields.optional("start").and_then(|item| time(&item, clock));
    let end = fields.optional("end").and_then(|item| time(&item, clock));
    let windows = match fields.optional("windows") {
        None => Vec::new(),
        Some(item) => {
            let items = item.list().unwrap_or_default();
            if items.is_empty() && matches!(item.node().value, Value::List(_)) {
                return item.wrong(
                    "is an empty list, in which nothing can be sent",
                    "add a window or remove the key",
                );
            }
            items.iter().filter_map(window).collect()
        }
    };
    let repeat = fields.optional("repeat").and_then(|item| {
        let text = item.text()?;
        match Repeat::parse(text, zone.unwrap_or(Tz::UTC)) {
            Ok(_) => Some(text.to_owned()),
            Err(error) => item.refused(error),
        }
    });
    Some(Schedule { start, end, zone: zone.unwrap_or(Tz::UTC), windows, repeat })
}

fn zone(item: &Item<'_>) -> Option<Tz> {
    let name = item.text()?;
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    let same_but_case = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
    let meant = same_but_case
        .map(|zone| zone.name())
        .or_else(|| nearest(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())));
    item.wrong(
        format!("is \"{}\", which is not a time zone", name.chars().take(60).collect::<String>()),
        match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "write a name of the IANA list, such as Asia/Kolkata".to_owned(),
        },
    )
}

const EXAMPLE: &str = "write 2026-11-08T09:00:00+05:30, or without the offset to read it in schedule.zone";

fn time(item: &Item<'_>, zone: Option<Tz>) -> Option<DateTime<FixedOffset>> {
    let text = item.text()?;
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time);
    }
    let local = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let Some(local) = local else {
        let shown: String = text.chars().take(60).collect();
        return item.wrong(format!("is \"{shown}\", which is not a time that exists"), EXAMPLE);
    };
    let zone = zone?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) => Some(time.fixed_offset()),
        LocalResult::Ambiguous(first, second) => item.wrong(
            format!("comes twice in {zone}, where clocks are set back in that hour"),
            format!("write which one is meant: {} or {}", first.to_rfc3339(), second.to_rfc3339()),
        ),
        LocalResult::None => item.wrong(
            format!("does not exist in {zone}, where clocks are set forward over it"),
            "write a time before or after the gap, or one with an offset",
        ),
    }
}

fn window(item: &Item<'_>) -> Option<Window> {
    let fields = item.fields(keys::WINDOW)?;
    let days = match fields.optional("days") {
        None => Some(Weekdays::DAILY),
        Some(item) => weekdays(&item),
    };
    let from = fields.required("from").and_then(|item| time_of_day(&item));
    let to = fields.required("to").and_then(|item| time_of_day(&item));
    let zone = match fields.optional("in") {
        None => Some(WindowZone::Recipient),
        Some(item) => item.choice(&[("recipient", WindowZone::Recipient), ("zone", WindowZone::Schedule)]),
    };
    let (from, to) = (from?, to?);
    if from == to && from != NaiveTime::MIN {
        return item.wrong(
            format!("opens and closes at {}", from.format("%H:%M")),
            "write a later to; for the whole day write from: \"00:00\", to: \"24:00\"",
        );
    }
    Some(Window { days: days?, from, to, zone: zone? })
}

fn weekdays(item: &Item<'_>) -> Option<Weekdays> {
    if !matches!(item.node().value, Value::List(_)) {
        return item.parsed();
    }
    let items = item.list()?;
    let words: Vec<&str> = items.iter().filter_map(|item| item.text()).collect();
    if words.len() < items.len() {
        return None;
    }
    match words.join(",").parse() {
        Ok(days) => Some(days),
        Err(error) => item.refused(error),
    }
}

fn time_of_day(item: &Item<'_>) -> Option<NaiveTime> {
    let text = item.text_or_number()?;
    // The end of a day is the beginning of the next: a window that closes at 00:00 closes at midnight.
    if matches!(text, "24:00" | "24:00:00") {
        return Some(NaiveTime::MIN);
    }
    let time = ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok());
    if time.is_none() {
        let shown: String = text.chars().take(60).collect();
        return item.wrong(
            format!("is \"{shown}\", which is not a time of day"),
            "write 00:00 to 24:00, such as \"09:00\"",
        );
    }
    time
}

pub(super) fn pace(item: &Item<'_>) -> Option<Pace> {
    let fields = item.fields(keys::PACE)?;
    let rate = fields.optional("rate").and_then(|item| item.parsed::<Rate>());
    let over = fields.optional("over").and_then(|item| item.duration(Duration::from_secs(1)..=DAY * 365));
    if fields.has("rate") && fields.has("over") {
        return item
            .wrong("has both rate and over", "keep one: rate: 60/s, or over: 4h to spread the campaign");
    }
    let weight = fields
        .optional("weight")
        .and_then(|item| item.int(1..=1_000))
        .and_then(|weight| u32::try_from(weight).ok())
        .unwrap_or(1);
    let ramp = fields
        .optional("ramp")
        .and_then(|item| item.list())
        .unwrap_or_default()
        .iter()
        .filter_map(|item| {
            let fields = item.fields(keys::RAMP)?;
            let rate = fields.required("rate").and_then(|item| item.parsed());
            let lasts =
                fields.required("for").and_then(|item| item.duration(Duration::from_secs(1)..=DAY * 30));
            Some(RampStep { rate: rate?, lasts: lasts? })
        })
        .collect();
    Some(Pace { speed: rate.map(Speed::Rate).or(over.map(Speed::Over)), weight, ramp })
}
