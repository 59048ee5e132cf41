//! What several keys of a campaign file must agree on.

use rust_decimal::Decimal;

use super::model::{Definition, Pace, RecipientColumn, Speed};
use super::params::{ButtonKindParams, ButtonParams, Params, TextParam};
use crate::document::Report;
use crate::pacing::format_duration;
use crate::problem::Problem;

/// Reports every rule that the definition breaks.
pub(super) fn check(definition: &Definition, report: &Report) {
    let rules = Rules { definition, report };
    rules.schedule();
    rules.pace(&definition.pace);
    rules.delivery();
    rules.variants();
    rules.retry();
    rules.params("params", &definition.params);
    for (i, variant) in definition.variants.iter().enumerate() {
        if let Some(params) = &variant.params {
            rules.params(&format!("variants[{i}].params"), params);
        }
    }
    if definition.holdout.percent() == Decimal::ONE_HUNDRED {
        rules.wrong(
            "holdout",
            "is 100%, which leaves nobody to send to",
            "write a smaller share, such as 5%",
        );
    }
}

struct Rules<'d> {
    definition: &'d Definition,
    report: &'d Report,
}

impl Rules<'_> {
    fn wrong(&self, path: &str, said: impl std::fmt::Display, help: &str) {
        self.report.push(Problem::help(self.definition.places.problem(path, said), help));
    }

    fn schedule(&self) {
        let schedule = &self.definition.schedule;
        let Some(end) = schedule.end else { return };
        if let Some(start) = schedule.start {
            if end < start {
                self.wrong(
                    "schedule.end",
                    format!("is before schedule.start ({})", start.to_rfc3339()),
                    "move the end after the start",
                );
            } else if end == start {
                self.wrong("schedule.end", "is the same as schedule.start", "move the end after the start");
            }
        }
    }

    fn pace(&self, pace: &Pace) {
        let Some(Speed::Rate(rate)) = pace.speed else { return };
        for (i, step) in pace.ramp.iter().enumerate() {
            if step.rate > rate {
                self.wrong(
                    &format!("pace.ramp[{i}].rate"),
                    format!("is {}, faster than pace.rate ({rate})", step.rate),
                    "a ramp leads up to the rate: write a slower step, or raise pace.rate",
                );
            }
        }
    }

    fn delivery(&self) {
        let Some(max_price) = &self.definition.delivery.max_price else { return };
        if matches!(self.definition.audience.recipient, RecipientColumn::UserId { .. }) {
            self.wrong(
                "delivery.max_price",
                "does not work with audience.user_id: the platform refuses such messages (131062)",
                "name recipients by phone, or remove max_price",
            );
        }
        if let Some(budget) = &self.definition.budget
            && budget.currency != max_price.price.currency
        {
            self.wrong(
                "budget.currency",
                format!("is {}, but delivery.max_price is in {}", budget.currency, max_price.price.currency),
                "write both in the currency the account is billed in",
            );
        }
    }

    fn variants(&self) {
        let variants = &self.definition.variants;
        for (i, variant) in variants.iter().enumerate() {
            if variants[..i].iter().any(|other| other.name == variant.name) {
                self.wrong(
                    &format!("variants[{i}].name"),
                    format!("is {}, which an earlier variant has", variant.name),
                    "give each variant a name of its own",
                );
            }
        }
        if variants.len() > 100 {
            self.wrong("variants", format!("has {} variants", variants.len()), "write at most 100");
        }
    }

    fn retry(&self) {
        let retry = &self.definition.retry;
        if retry.max < retry.base {
            self.wrong(
                "retry.max",
                format!(
                    "is {}, less than retry.base ({})",
                    format_duration(retry.max),
                    format_duration(retry.base)
                ),
                "write a longest wait that is not below the first one",
            );
        }
    }

    fn params(&self, path: &str, params: &Params) {
        self.naming(path, params.is_named(), &params.body);
        self.buttons(&format!("{path}.buttons"), &params.buttons);
        for (i, card) in params.carousel.iter().enumerate() {
            self.naming(&format!("{path}.carousel[{i}]"), params.is_named(), &card.body);
            self.buttons(&format!("{path}.carousel[{i}].buttons"), &card.buttons);
        }
        if params.offer_ends.is_some() {
            self.offer(path, params);
        }
    }

    /// Platform: the parameters of a template are all named or all positional.
    fn naming(&self, path: &str, named: Option<bool>, body: &[TextParam]) {
        let (Some(named), Some(first)) = (named, body.first()) else { return };
        if first.name.is_some() != named {
            let (this, that) = if named { ("positional", "named") } else { ("named", "positional") };
            self.wrong(
                &format!("{path}.body"),
                format!("has {this} parameters where others of the template are {that}"),
                "a template has one kind: write maps of names everywhere, or lists and plain texts everywhere",
            );
        }
    }

    /// Platform: at most 10 buttons, 2 of them with a URL, 1 to copy a code.
    fn buttons(&self, path: &str, buttons: &[ButtonParams]) {
        if buttons.len() > 10 {
            self.wrong(path, format!("has {} buttons", buttons.len()), "a template has at most 10");
        }
        for (i, button) in buttons.iter().enumerate() {
            if buttons[..i].iter().any(|other| other.index == button.index) {
                self.wrong(
                    &format!("{path}[{i}].index"),
                    format!("is {}, which an earlier button has", button.index),
                    "write each button's place in the template, from 0",
                );
            }
        }
        let count = |kind: fn(&ButtonKindParams) -> bool| buttons.iter().filter(|b| kind(&b.kind)).count();
        let urls = count(|kind| matches!(kind, ButtonKindParams::Url(_)));
        if urls > 2 {
            self.wrong(path, format!("has {urls} url buttons"), "a template has at most 2");
        }
        let codes = count(|kind| matches!(kind, ButtonKindParams::CopyCode(_)));
        if codes > 1 {
            self.wrong(path, format!("has {codes} copy_code buttons"), "a template has at most 1");
        }
    }

    /// Platform: with a limited-time offer, the button that copies the code is the first and the URL the second.
    fn offer(&self, path: &str, params: &Params) {
        let has_code = params.buttons.iter().any(|b| matches!(b.kind, ButtonKindParams::CopyCode(_)));
        for (i, button) in params.buttons.iter().enumerate() {
            let (name, right) = match &button.kind {
                ButtonKindParams::CopyCode(_) => ("copy_code", 0),
                ButtonKindParams::Url(_) if has_code => ("url", 1),
                // The template may have a code that the file does not fill.
                ButtonKindParams::Url(_) => ("url", button.index.min(1)),
                ButtonKindParams::QuickReply(_)
                | ButtonKindParams::Catalog { .. }
                | ButtonKindParams::Mpm { .. }
                | ButtonKindParams::Flow { .. }
                | ButtonKindParams::OrderDetails(_) => {
                    self.wrong(
                        &format!("{path}.buttons[{i}]"),
                        "does not go with a limited-time offer",
                        "an offer has a copy_code button and a url button",
                    );
                    continue;
                }
            };
            if button.index != right {
                self.wrong(
                    &format!("{path}.buttons[{i}].index"),
                    format!(
                        "is {}, but with a limited-time offer the {name} button has index {right}",
                        button.index
                    ),
                    "put copy_code at index 0 and url at index 1",
                );
            }
        }
        if !params.carousel.is_empty() {
            self.wrong(
                &format!("{path}.carousel"),
                "does not go with a limited-time offer",
                "keep the carousel or the offer, as the template has it",
            );
        }
    }
}
