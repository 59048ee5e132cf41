//! What no two senders may have in common.

use std::collections::BTreeMap;

use campaign::document::Report;
use campaign::problem::{Place, Problem};
use whatsapp::Provider;

use super::model::Sender;

/// Two senders with one phone number would each use its whole rate.
pub(super) fn unique<'c>(
    report: &Report,
    senders: &'c [Sender],
    key: &str,
    of: impl Fn(&'c Sender) -> Option<&'c str>,
) {
    let mut first: BTreeMap<&str, &Place> = BTreeMap::new();
    for sender in senders {
        let Some(value) = of(sender) else { continue };
        if let Some(before) = first.get(value) {
            report.push(
                Problem::new(
                    sender.place.clone(),
                    format!("the {key} {value} is already the sender's at {before}"),
                )
                .help("give each sender its own"),
            );
        } else {
            first.insert(value, &sender.place);
        }
    }
}

/// A key of 360dialog is bound to one number: two senders with one key are one number, which would be used twice.
pub(super) fn keys_of_their_own(report: &Report, senders: &[Sender]) {
    let mut first: Vec<&Sender> = Vec::new();
    for sender in senders.iter().filter(|sender| sender.provider == Provider::Dialog360) {
        if let Some(before) = first.iter().find(|other| other.token == sender.token) {
            report.push(
                Problem::new(
                    sender.place.clone(),
                    format!("the API key {} is already the sender's at {}", sender.token, before.place),
                )
                .help("a key of 360dialog is bound to one number: give each sender the key of its own"),
            );
        } else {
            first.push(sender);
        }
    }
}

/// The limit is the portfolio's: its senders share it.
pub(super) fn one_reach_of_each_portfolio(report: &Report, senders: &[Sender]) {
    let mut first: BTreeMap<&str, &Sender> = BTreeMap::new();
    for sender in senders {
        let portfolio = sender.portfolio();
        let before = *first.entry(portfolio).or_insert(sender);
        if before.daily_reach != sender.daily_reach {
            report.push(
                Problem::new(
                    sender.place.clone(),
                    format!(
                        "daily_reach is {}, and the sender {} of the same portfolio {portfolio} has {}",
                        sender.daily_reach, before.name, before.daily_reach
                    ),
                )
                .help("the limit is the portfolio's: write the same daily_reach for all its senders"),
            );
        }
    }
}
