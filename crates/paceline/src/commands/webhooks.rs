//! `paceline webhooks`: what the platform told beside statuses, by kind, and which statuses are nobody's here.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use store::webhooks::WebhookDay;

use crate::app::App;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Look, Table, format};

/// `webhooks`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many days to look back, today included
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
}

/// What came.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Shown {
    /// The first day (UTC).
    since: NaiveDate,
    /// Statuses that no message matched yet.
    parked: u64,
    kinds: Vec<Kind>,
}

/// All of one kind and number.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Kind {
    kind: String,
    /// The sender of that number in workers.toml, where there is one.
    sender: Option<String>,
    phone_number_id: Option<String>,
    total: u64,
    last_at: DateTime<Utc>,
    /// By day (UTC); days without any are left out.
    days: BTreeMap<NaiveDate, u64>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let now = app.clock.now();
    let since = now.date_naive() - TimeDelta::days(i64::from(args.days) - 1);
    let store = app.store().await?;
    let shown = Shown {
        since,
        parked: store.parked_statuses().await?,
        kinds: kinds(store.webhook_counts(since).await?, &app.config),
    };
    store.close().await;
    if app.json {
        output::print_json(&shown)?;
    } else {
        output::print(&render(&shown, Look::of_stdout(), now))?;
    }
    Ok(())
}

fn kinds(days: Vec<WebhookDay>, config: &Config) -> Vec<Kind> {
    let mut kinds: BTreeMap<(String, String), Kind> = BTreeMap::new();
    for day in days {
        let kind = kinds.entry((day.kind, day.number)).or_insert_with_key(|(kind, number)| Kind {
            kind: kind.clone(),
            sender: sender(config, number),
            phone_number_id: (!number.is_empty()).then(|| number.clone()),
            total: 0,
            last_at: day.last_at,
            days: BTreeMap::new(),
        });
        kind.total += day.n;
        kind.last_at = kind.last_at.max(day.last_at);
        kind.days.insert(day.day, day.n);
    }
    kinds.into_values().collect()
}

fn sender(config: &Config, number: &str) -> Option<String> {
    let with = config.senders.iter().find(|sender| sender.phone_number_id.as_deref() == Some(number))?;
    Some(with.name.clone())
}

fn render(shown: &Shown, look: Look, now: DateTime<Utc>) -> String {
    let mut table = Table::new(["KIND", "OF", "TODAY", "IN ALL", "LAST"]).right([2, 3]).indent(2);
    for kind in &shown.kinds {
        let of = kind.sender.as_ref().or(kind.phone_number_id.as_ref());
        table.row([
            kind.kind.clone(),
            of.map_or_else(|| format::NOTHING.to_owned(), String::clone),
            format::count(kind.days.get(&now.date_naive()).copied().unwrap_or(0)),
            format::count(kind.total),
            format::when(kind.last_at, now, Tz::UTC),
        ]);
    }
    let body = if shown.kinds.is_empty() { "  none".to_owned() } else { table.render(look) };
    let parked = format!(
        "{} no message yet. Statuses of messages that something else sent with your numbers stay parked for nine days and are then counted as status.never_matched.",
        match shown.parked {
            1 => "1 status matches".to_owned(),
            n => format!("{} statuses match", format::count(n)),
        }
    );
    format!(
        "Webhooks beside statuses since {}, as often as the platform told of them\n{body}\n\n{}",
        shown.since,
        look.wrap(&parked, 0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(kind: &str, number: &str, n: u64, last_at: &str) -> WebhookDay {
        let last_at = at(last_at);
        WebhookDay { day: last_at.date_naive(), kind: kind.into(), number: number.into(), n, last_at }
    }

    #[test]
    fn days_of_a_kind_and_number_are_added_up() {
        let days = vec![
            day("click.landing_page_view", "7", 2, "2026-11-07T10:00:00Z"),
            day("inbound", "7", 1, "2026-11-07T10:00:00Z"),
            day("click.landing_page_view", "7", 3, "2026-11-08T09:00:00Z"),
        ];
        let kinds = kinds(days, &Config::default());
        assert_eq!(kinds.iter().map(|kind| kind.total).collect::<Vec<_>>(), [5, 1]);
        let shown = Shown { since: "2026-11-07".parse().unwrap(), parked: 1_200, kinds };
        insta::assert_snapshot!(render(&shown, Look::plain(100), at("2026-11-08T09:30:00Z")));
    }
}
