//! What segments are called: `webhooks-20261123T10Z-host-4711-1795428000000000-0.zst`, the hour (UTC), who wrote it, and
//! which of its segments it is. Names sort by their hours.

use std::path::Path;

use chrono::{DateTime, DurationRound, NaiveDateTime, TimeDelta, Utc};

const PREFIX: &str = "webhooks-";
const SUFFIX: &str = ".zst";
const HOUR: &str = "%Y%m%dT%H";

/// The hour that a time is in.
#[must_use]
pub fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    // Fails only for times that no clock shows.
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

/// The name of the n-th segment of a writer, of this hour.
#[must_use]
pub fn name(hour: DateTime<Utc>, writer: &str, n: u64) -> String {
    format!("{PREFIX}{}Z-{writer}-{n}{SUFFIX}", hour.format(HOUR))
}

/// The hour of the segment that has this name; nothing where it is not a segment's.
#[must_use]
pub fn hour_in(path: &Path) -> Option<DateTime<Utc>> {
    let name = path.file_name()?.to_str()?;
    let (hour, _) = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once("Z-")?;
    let hour = NaiveDateTime::parse_from_str(&format!("{hour}:00"), &format!("{HOUR}:%M")).ok()?;
    Some(hour.and_utc())
}
