//! Reads rows one by one and says of each whether it becomes a message, and which.
//!
//! Two steps, because the do-not-send list is not known here: [`Planner::screen`] judges a row by itself and
//! makes a [`Candidate`]; the caller asks the list for many candidates at once, and then either
//! [`Planner::place`]s a candidate (group, slice, cost) or [`Planner::exclude`]s it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;
use rust_decimal::Decimal;

use super::assign::Draw;
use super::cut::{CutSlice, Cutter, GroupKey};
use super::exclusion::{Exclusion, Reason};
use super::pace::slice_size;
use super::summary::Summary;
use crate::audience::{
    Country, Delivery, PhoneRefused, Row, UserId, delivery_to, delivery_to_country, normalise, zone_for,
};
use crate::definition::{Cells, Definition, RecipientColumn, Renderer};
use crate::money::budget::worst_case;
use crate::money::{Currency, MaxPrice, Micros, Multiplier, RateCard};
use crate::pacing::{Rate, WindowZone};
use crate::params::Content;
use crate::problem::{Place, Problem, Problems};

/// Where a row's recipient was, cut to this many characters in reports.
const SHOWN: usize = 64;

/// A row that may become a message.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its number, from 0.
    pub seq: u32,
    /// Its line, from 1.
    pub line: u64,
    /// E.164 digits or a user id.
    pub recipient: String,
    country: Country,
    zone: Tz,
    draw: Draw,
    variant: Option<usize>,
    content: Content,
    multiplier: Option<Decimal>,
}

/// A message of the plan.
#[derive(Debug, Clone)]
pub struct PlannedMessage {
    /// Its number, from 0.
    pub seq: u32,
    /// Its slice's number.
    pub slice: u32,
    /// Its group's number.
    pub group: u32,
    /// The group, when this message is its first.
    pub new_group: Option<GroupKey>,
    /// The slice that is complete with this message.
    pub full_slice: Option<CutSlice>,
    /// E.164 digits or a user id.
    pub recipient: String,
    /// Two-letter code.
    pub country: String,
    /// What is filled in.
    pub content: Content,
    /// The bid multiplier.
    pub multiplier: Option<Decimal>,
    /// What it costs at the most.
    pub worst_case: Micros,
    /// What it is expected to cost when delivered.
    pub expected_cost: Micros,
}

struct RowCells<'a>(&'a Row);

impl Cells for RowCells<'_> {
    fn cell(&self, column: usize) -> &str {
        self.0.get(column)
    }
}

/// Plans one campaign over one audience, row by row. Memory grows with the number of recipients by eight
/// bytes and some each (to find duplicates), and with nothing else.
#[derive(Debug)]
pub struct Planner {
    definition: Arc<Definition>,
    renderer: Renderer,
    recipient: usize,
    zone: Option<usize>,
    region: Option<Country>,
    senders: BTreeMap<String, Rate>,
    card: RateCard,
    currency: Currency,
    max_price: Option<MaxPrice>,
    windows_in_recipients_zone: bool,
    phones: HashSet<u64>,
    user_ids: HashSet<String>,
    cutter: Cutter,
    next_seq: u32,
    summary: Summary,
}

impl Planner {
    /// A planner for rows with this header.
    ///
    /// # Errors
    /// Columns that the definition uses and the header does not have, senders that are not configured, and
    /// a budget in a currency in which nothing has a price.
    pub fn new(
        definition: Arc<Definition>,
        header: &[String],
        senders: &BTreeMap<String, Rate>,
        card: RateCard,
    ) -> Result<Self, Problems> {
        let renderer = Renderer::new(&definition, header)?;
        let mut problems = Vec::new();
        for (i, name) in definition.senders.iter().enumerate() {
            if !senders.contains_key(name) {
                let path =
                    if definition.senders.len() == 1 { "sender".to_owned() } else { format!("sender[{i}]") };
                let known: Vec<&str> = senders.keys().map(String::as_str).collect();
                let help = match (crate::document::nearest(name, known.iter().copied()), known.is_empty()) {
                    (Some(meant), _) => format!("did you mean {meant}?"),
                    (None, true) => "workers.toml names no senders; add a [[senders]] section".to_owned(),
                    (None, false) => format!("workers.toml has {}", known.join(", ")),
                };
                problems.push(
                    definition
                        .places
                        .problem(&path, format!("names {name}, which is no sender in workers.toml"))
                        .help(help),
                );
            }
        }
        let column = |name: &str| header.iter().position(|h| h == name);
        let recipient = column(definition.audience.recipient.column());
        let zone = definition.audience.timezone_column.as_deref().and_then(column);
        let region = match &definition.audience.recipient {
            RecipientColumn::Phone { region, .. } => *region,
            RecipientColumn::UserId { .. } => None,
        };
        let max_price = definition.delivery.max_price.as_ref().map(|m| MaxPrice { price: m.price });
        let currency = definition
            .budget
            .map(|b| b.currency)
            .or(max_price.map(|m| m.price.currency))
            .unwrap_or(Currency::USD);
        if definition.budget.is_some() && max_price.is_none() && card.highest(currency).is_none() {
            problems.push(
                definition
                    .places
                    .problem("budget.currency", format!("is {currency}, and the rate card has no price in it, so a budget could not be kept"))
                    .help("set delivery.max_price, or give the budget in a currency of the rate card"),
            );
        }
        if !problems.is_empty() {
            problems.sort();
            return Err(Problems(problems));
        }
        Ok(Self {
            windows_in_recipients_zone: definition
                .schedule
                .windows
                .iter()
                .any(|w| w.zone == WindowZone::Recipient),
            renderer,
            // The renderer has checked that the header has every column that is used.
            recipient: recipient.unwrap_or(0),
            zone,
            region,
            senders: senders.clone(),
            card,
            currency,
            max_price,
            phones: HashSet::new(),
            user_ids: HashSet::new(),
            cutter: Cutter::default(),
            next_seq: 0,
            summary: Summary::new(currency),
            definition,
        })
    }

    /// The currency of all amounts of this campaign: the budget's, else the max price's, else US dollars.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Judges a row by itself.
    ///
    /// # Errors
    /// The exclusion, already counted.
    pub fn screen(&mut self, file: &str, row: &Row) -> Result<Candidate, Exclusion> {
        let seq = self.next_row();
        let text = row.get(self.recipient);
        let refuse = |reason, detail: String| Exclusion {
            seq,
            line: row.line(),
            recipient: shown(text),
            reason,
            detail,
        };
        match self.candidate(seq, row, text) {
            Ok(candidate) => Ok(candidate),
            Err((reason, detail)) => {
                let exclusion = refuse(reason, detail);
                self.count(file, &exclusion);
                Err(exclusion)
            }
        }
    }

    /// Counts a row that could not be read at all.
    pub fn broken_row(&mut self, problem: &Problem) -> Exclusion {
        let seq = self.next_row();
        let exclusion = Exclusion {
            seq,
            line: problem.place.line.unwrap_or(0),
            recipient: String::new(),
            reason: Reason::BrokenRow,
            detail: problem.message.clone(),
        };
        self.summary.excluded(&exclusion);
        self.summary.problem(problem.clone());
        exclusion
    }

    /// Excludes a candidate for a reason that is known elsewhere: the do-not-send list.
    pub fn exclude(&mut self, candidate: &Candidate, reason: Reason, detail: String) -> Exclusion {
        let exclusion = Exclusion {
            seq: candidate.seq,
            line: candidate.line,
            recipient: shown(&candidate.recipient),
            reason,
            detail,
        };
        self.summary.excluded(&exclusion);
        exclusion
    }

    /// Makes a candidate a message.
    pub fn place(&mut self, candidate: Candidate) -> PlannedMessage {
        let sender = candidate.draw.sender(&self.definition).to_owned();
        let zone =
            if self.windows_in_recipients_zone { candidate.zone } else { self.definition.schedule.zone };
        let key = GroupKey { sender, variant: candidate.variant, zone: zone.name().to_owned() };
        let size = self.senders.get(&key.sender).map_or(1, |rate| slice_size(*rate));
        let cut = self.cutter.put(key.clone(), size);
        let (worst_case, expected_cost) = self.costs(&candidate);
        self.summary.message(
            candidate.country,
            zone,
            candidate.variant,
            &key.sender,
            worst_case,
            expected_cost,
        );
        PlannedMessage {
            seq: candidate.seq,
            slice: cut.slice,
            group: cut.group,
            new_group: cut.is_new_group.then_some(key),
            full_slice: cut.full,
            recipient: candidate.recipient,
            country: candidate.country.code().to_owned(),
            content: candidate.content,
            multiplier: candidate.multiplier,
            worst_case,
            expected_cost,
        }
    }

    /// The slices that are not full, and the summary, when all rows have been seen.
    #[must_use]
    pub fn finish(mut self) -> (Vec<CutSlice>, Summary) {
        (self.cutter.rest(), self.summary)
    }

    /// What was seen so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn next_row(&mut self) -> u32 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.summary.rows += 1;
        seq
    }

    fn count(&mut self, file: &str, exclusion: &Exclusion) {
        self.summary.excluded(exclusion);
        if exclusion.reason.is_invalid() {
            self.summary.problem(Problem::new(Place::line(file, exclusion.line), exclusion.detail.clone()));
        }
    }

    fn candidate(&mut self, seq: u32, row: &Row, text: &str) -> Result<Candidate, (Reason, String)> {
        let (recipient, country, delivery, is_new) = match &self.definition.audience.recipient {
            RecipientColumn::Phone { column, .. } => {
                let phone = normalise(text, self.region).map_err(|refused| {
                    let reason = match refused {
                        PhoneRefused::NotMobile(_) => Reason::NotMobile,
                        PhoneRefused::Blank
                        | PhoneRefused::Rounded
                        | PhoneRefused::Decimal
                        | PhoneRefused::Placeholder
                        | PhoneRefused::Letters
                        | PhoneRefused::Characters
                        | PhoneRefused::NoCountryCode
                        | PhoneRefused::UnknownCountryCode
                        | PhoneRefused::TooShort
                        | PhoneRefused::TooLong
                        | PhoneRefused::NotInUse => Reason::InvalidRecipient,
                    };
                    (reason, format!("column {column}: {refused}"))
                })?;
                (phone.to_string(), phone.country(), delivery_to(&phone), self.phones.insert(phone.digits()))
            }
            RecipientColumn::UserId { column } => {
                let id = UserId::parse(text)
                    .map_err(|refused| (Reason::InvalidRecipient, format!("column {column}: {refused}")))?;
                let is_new = self.user_ids.insert(id.as_str().to_owned());
                (id.as_str().to_owned(), id.country(), delivery_to_country(id.country()), is_new)
            }
        };
        if !is_new {
            return Err((Reason::Duplicate, "an earlier row has the same recipient".to_owned()));
        }
        if let Delivery::NotDelivered(why) = delivery {
            return Err((Reason::NotDelivered, why.to_string()));
        }
        let zone_text = self.zone.map(|column| row.get(column));
        let zone = zone_for(zone_text, country, self.definition.schedule.zone)
            .map_err(|refused| (Reason::InvalidZone, refused.to_string()))?;
        let draw = Draw::of(&self.definition.campaign, &recipient);
        if draw.is_held_out(&self.definition) {
            return Err((Reason::HoldOut, "held out, to compare with".to_owned()));
        }
        let variant = draw.variant(&self.definition);
        let rendered = self
            .renderer
            .render(variant, &RowCells(row))
            .map_err(|error| (Reason::Unrenderable, error.to_string()))?;
        if let Some(multiplier) = rendered.multiplier {
            Multiplier::try_from(multiplier).map_err(|error| (Reason::Unrenderable, error.to_string()))?;
        }
        Ok(Candidate {
            seq,
            line: row.line(),
            recipient,
            country,
            zone,
            draw,
            variant,
            content: rendered.content,
            multiplier: rendered.multiplier,
        })
    }

    /// What a message costs at the most, and what it is expected to cost: the rate card's price, where it is
    /// not above the max price.
    fn costs(&self, candidate: &Candidate) -> (Micros, Micros) {
        let multiplier = candidate.multiplier.and_then(|m| Multiplier::try_from(m).ok()).unwrap_or_default();
        let max_price = self.max_price.map(|max_price| (max_price, multiplier));
        let country = candidate.country.code();
        let worst = worst_case(max_price, &self.card, Some(country), self.currency)
            .map_or(Micros::ZERO, |w| w.amount);
        let expected =
            self.card.price(country, self.currency).and_then(Micros::from_decimal_ceil).unwrap_or(worst);
        (worst, expected.min(worst))
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}
