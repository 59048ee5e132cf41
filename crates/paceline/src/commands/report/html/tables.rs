//! Tables of what has no chart of its own.

use store::model::Analytics;

use super::page::Grid;
use crate::commands::report::beside::{self, Pair};
use crate::commands::report::summary::{MessagesPart, Summary};
use crate::commands::report::text::route_in_words;
use crate::output::format;

/// Parts of the messages, with how far they got and what they cost.
pub(super) fn parts(caption: &str, what: &str, parts: &[MessagesPart], summary: &Summary) -> Grid {
    let mut table = Grid::new(
        caption,
        [
            what,
            "Messages#",
            "Attempted#",
            "Delivered#",
            "of attempted#",
            "Read#",
            "of delivered#",
            "Failed#",
            "Cost#",
        ],
    );
    for part in parts {
        table.row([
            part.name.clone(),
            format::count(part.messages),
            format::count(part.attempted),
            format::count(part.delivered),
            format::percent(part.delivered, part.attempted),
            format::count(part.read),
            format::percent(part.read, part.delivered),
            format::count(part.failed),
            format::money(part.cost, summary.spend.currency),
        ]);
    }
    table
}

/// By which API priced messages went.
pub(super) fn routes(summary: &Summary) -> Option<Grid> {
    let mut table = Grid::new("Priced messages by the way they went", ["Way", "Messages#"]);
    for part in &summary.routes {
        table.row([route_in_words(&part.route).to_owned(), format::count(part.messages)]);
    }
    (!table.is_empty()).then_some(table)
}

/// The platform's counts beside ours.
pub(super) fn beside(pairs: &[Pair<'_>]) -> Grid {
    let mut table = Grid::new("By template", ["Template", "What", "The platform#", "We#", "Difference#"]);
    for Pair { template, platform, ours } in pairs {
        let counts = [
            ("sent", platform.sent, ours.map(|ours| ours.accepted)),
            ("delivered", platform.delivered, ours.map(|ours| ours.delivered)),
            ("read", platform.read, ours.map(|ours| ours.read)),
        ];
        for (what, counted, seen) in counts {
            table.row([
                template.clone(),
                what.to_owned(),
                format::count(counted),
                seen.map_or_else(|| format::NOTHING.to_owned(), format::count),
                seen.map_or_else(|| format::NOTHING.to_owned(), |seen| beside::difference(counted, seen)),
            ]);
        }
        let money = |amount: Option<rust_decimal::Decimal>| {
            amount.map_or_else(|| format::NOTHING.to_owned(), |amount| format!("{:.2}", amount.round_dp(2)))
        };
        table.row([
            template.clone(),
            "spent".to_owned(),
            money(platform.spent),
            money(ours.map(|ours| ours.cost.to_decimal())),
            money(platform.spent.zip(*ours).map(|(spent, ours)| spent - ours.cost.to_decimal())),
        ]);
        for (button, clicks) in &platform.clicks {
            let nothing = format::NOTHING.to_owned();
            table.row([
                template.clone(),
                format!("clicks on \"{button}\""),
                format::count(*clicks),
                nothing.clone(),
                nothing,
            ]);
        }
    }
    table
}

/// What the platform charged the account for.
pub(super) fn charges(counted: &Analytics) -> Option<Grid> {
    let caption = "What it charged for all marketing messages that were delivered on these days, of any template and number \
                   of the account, in the account's currency";
    let mut table = Grid::new(caption, ["Account", "Charged as", "Country", "Messages#", "Cost#"]);
    for charge in &counted.charges {
        table.row([
            charge.waba_id.clone(),
            charge.category.to_lowercase(),
            charge.country.clone().unwrap_or_else(|| format::NOTHING.to_owned()),
            format::count(charge.messages),
            charge.cost.map_or_else(|| format::NOTHING.to_owned(), |cost| format!("{:.2}", cost.round_dp(2))),
        ]);
    }
    (!table.is_empty()).then_some(table)
}
