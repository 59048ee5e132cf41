//! `paceline reach`: how many deliveries a max price buys, as the platform estimates it.

use campaign::audience::{Country, normalise};
use campaign::money::Currency;
use rust_decimal::Decimal;
use serde::Serialize;
use whatsapp::Client;
use whatsapp::Provider;
use whatsapp::account::{ReachInterval, ReachPoint};

use crate::app::App;
use crate::commands::asking;
use crate::commands::templates::price::{Price, money};
use crate::failure::Failure;
use crate::output::{self, Look, Table, format};

/// Of what the estimates are.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The sender whose account is asked [default: the only account's]
    #[arg(long, value_name = "SENDER")]
    sender: Option<String>,
    /// The country of the people (two letters); may be given several times [default: the sender's own]
    #[arg(long, value_name = "COUNTRY")]
    country: Vec<Country>,
    /// Of which days: yesterday, or the last 7, 14 or 28
    #[arg(long, value_enum, default_value_t = Interval::L7D)]
    interval: Interval,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Interval {
    #[value(name = "L1D")]
    L1D,
    #[value(name = "L7D")]
    L7D,
    #[value(name = "L14D")]
    L14D,
    #[value(name = "L28D")]
    L28D,
}

impl Interval {
    const fn of_the_platform(self) -> ReachInterval {
        match self {
            Self::L1D => ReachInterval::Day,
            Self::L7D => ReachInterval::Week,
            Self::L14D => ReachInterval::Fortnight,
            Self::L28D => ReachInterval::FourWeeks,
        }
    }
}

/// The answer.
#[derive(Debug, Serialize)]
struct Shown {
    account: String,
    currency: Option<String>,
    countries: Vec<String>,
    interval: &'static str,
    estimates: Vec<Estimate>,
}

/// What one max price buys.
#[derive(Debug, Serialize)]
struct Estimate {
    max_price: Price,
    /// Of how many people.
    users: Option<i64>,
    deliveries: Range<i64>,
    /// Average cost of a delivered message, in units of the currency.
    cost: Range<Decimal>,
}

/// At least and at most, as far as they were told.
#[derive(Debug, Clone, Copy, Serialize)]
struct Range<T> {
    low: Option<T>,
    high: Option<T>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let sender = asking::sender(&app.config, args.sender.as_deref())?;
    let client = asking::client(&app.config, sender)?;
    let countries = match args.country.as_slice() {
        // It would not tell its number either, and says below what it does not tell.
        [] if client.provider() == Provider::Dialog360 => Vec::new(),
        [] => vec![own_country(&client, &sender.name).await?],
        some => some.iter().map(|country| country.code().to_owned()).collect(),
    };
    let interval = args.interval.of_the_platform();
    let estimates = client
        .reach_estimates(&sender.waba_id, &countries, interval)
        .await
        .map_err(|error| Failure::Failed(error.into()))?;
    let currency: Option<Currency> = estimates.currency.as_ref().and_then(|code| code.parse().ok());
    let shown = Shown {
        account: sender.waba_id.clone(),
        currency: estimates.currency,
        countries,
        interval: interval.name(),
        estimates: estimates.points.iter().map(|point| Estimate::of(point, currency)).collect(),
    };
    if app.json {
        output::print_json(&shown)?;
    } else {
        output::print(&render(&shown, currency, Look::of_stdout()))?;
    }
    Ok(())
}

/// The country of the sender's own number.
async fn own_country(client: &Client, sender: &str) -> Result<String, Failure> {
    let info = client.phone_number().await.map_err(|error| Failure::Failed(error.into()))?;
    let phone = info.display_phone_number.as_deref().and_then(|number| normalise(number, None).ok());
    phone.map(|phone| phone.country().code().to_owned()).ok_or_else(|| {
        Failure::BadUse(format!(
            "sender {sender} has no number that tells its country; name one with --country"
        ))
    })
}

impl Estimate {
    fn of(point: &ReachPoint, currency: Option<Currency>) -> Self {
        let cost = |thousand: Option<i64>| {
            let (thousand, currency) = thousand.zip(currency)?;
            Some(Decimal::new(thousand, currency.price_decimals()).normalize())
        };
        Self {
            max_price: Price::new(point.bid_amount, currency),
            users: point.users,
            deliveries: Range { low: point.deliveries.0, high: point.deliveries.1 },
            cost: Range { low: cost(point.cost.0), high: cost(point.cost.1) },
        }
    }
}

fn render(shown: &Shown, currency: Option<Currency>, look: Look) -> String {
    let of = shown.countries.join(", ");
    if shown.estimates.is_empty() {
        return format!("The platform has no estimates for account {} and {of}.", shown.account);
    }
    let users = shown.estimates.iter().find_map(|estimate| estimate.users).unwrap_or(1_000);
    let users = format::count(users.unsigned_abs());
    let deliveries = format!("DELIVERIES TO {users}");
    let mut table = Table::new(["MAX PRICE", &deliveries, "COST OF ONE"]).right([0, 1, 2]);
    for estimate in &shown.estimates {
        let count = |number: i64| format::count(number.unsigned_abs());
        let cost = |amount: Decimal| match currency {
            Some(currency) => money(amount, currency),
            None => amount.to_string(),
        };
        table.row([
            estimate.max_price.per_message(),
            estimate.deliveries.text(count),
            estimate.cost.text(cost),
        ]);
    }
    let said = format!(
        "Estimates for account {}, {of}, {}: what a max price buys among {users} people, and what a delivered message costs on average.",
        shown.account,
        match shown.interval {
            "L1D" => "from yesterday",
            "L14D" => "from the last 14 days",
            "L28D" => "from the last 28 days",
            _ => "from the last 7 days",
        }
    );
    let mut text = format!("{}\n{}", look.wrap(&said, 0), table.render(look));
    if let Some(doubt) = shown.estimates.first().and_then(|estimate| estimate.max_price.doubt()) {
        text.push_str(&format!("\n{}", look.wrap(&format!("note: {doubt}"), 0)));
    }
    text
}

impl<T: Copy + PartialEq> Range<T> {
    /// `450 to 500`.
    fn text(self, write: impl Fn(T) -> String) -> String {
        match (self.low, self.high) {
            (Some(low), Some(high)) if low == high => write(low),
            (Some(low), Some(high)) => format!("{} to {}", write(low), write(high)),
            (Some(low), None) => format!("from {}", write(low)),
            (None, Some(high)) => format!("up to {}", write(high)),
            (None, None) => format::NOTHING.to_owned(),
        }
    }
}
