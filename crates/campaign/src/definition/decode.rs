//! From the tree of a campaign file to a [`Definition`]: each key on its own. What several keys must agree
//! on is in [`super::rules`].

use std::time::Duration;

use rust_decimal::Decimal;

use super::decode_params::{expression, params};
use super::decode_schedule::{pace, schedule};
use super::expression::Expression;
use super::keys;
use super::model::{
    Audience, DEFAULT_IN_DOUBT_AFTER, DEFAULT_MAX_INVALID, DEFAULT_STOP_AFTER, Definition, Delivery,
    FrequencyCap, InDoubt, Limits, MaxPrice, ProductPolicy, RecipientColumn, RetryLimits, StopWhen,
    TemplateName, Variant,
};
use super::params::Params;
use super::percent::Percent;
use super::places::Places;
use super::rules;
use crate::audience::Country;
use crate::document::{self, Fields, Item, Report, Value};
use crate::money::Money;
use crate::problem::Problems;

const DAY: Duration = Duration::from_secs(86_400);

impl Definition {
    /// Reads a campaign file: YAML, TOML or JSON by its name.
    ///
    /// # Errors
    /// All problems of the file at once, each with its place.
    pub fn parse(file_name: &str, bytes: &[u8]) -> Result<Self, Problems> {
        let node = document::parse(file_name, bytes)?;
        let report = Report::new();
        let definition = definition(&Item::root(&node, &report), &Places::of(file_name, &node));
        if let Some(definition) = &definition {
            rules::check(definition, &report);
        }
        report.into_result()?;
        // Without a definition there is a problem, and it has just been returned.
        definition.ok_or_else(Problems::default)
    }
}

/// The definition, as far as it can be read. Where a required key is missing or wrong, which is reported, an
/// empty value stands for it, so that the rules can still judge the rest.
fn definition(root: &Item<'_>, places: &Places) -> Option<Definition> {
    let top = root.fields(keys::TOP)?;
    let campaign = top.required("campaign").and_then(|item| campaign_key(&item)).unwrap_or_default();
    let senders = top.required("sender").and_then(|item| senders(&item)).unwrap_or_default();
    let template = top
        .required("template")
        .and_then(|item| template_name(&item))
        .unwrap_or_else(|| TemplateName { name: String::new(), language: String::new() });
    let audience = top.required("audience").and_then(|item| audience(&item)).unwrap_or_else(|| Audience {
        file: String::new(),
        max_invalid: DEFAULT_MAX_INVALID,
        recipient: RecipientColumn::Phone { column: String::new(), region: None },
        timezone_column: None,
        delimiter: None,
    });
    let params = or_default(&top, "params", params);
    let schedule = or_default(&top, "schedule", schedule);
    let pace = or_default(&top, "pace", pace);
    let delivery = or_default(&top, "delivery", delivery);
    let budget = top.optional("budget").and_then(|item| money(&item.fields(keys::MONEY)?));
    let limits = or_default(&top, "limits", limits);
    let variants = or_default(&top, "variants", variants);
    let holdout = top.optional("holdout").and_then(|item| percent(&item)).unwrap_or(Percent::ZERO);
    let stop_when = top.optional("stop_when").and_then(|item| stop_when(&item));
    let in_doubt = top
        .optional("in_doubt")
        .and_then(|item| {
            item.choice(&[("hold", InDoubt::Hold), ("resend", InDoubt::Resend), ("drop", InDoubt::Drop)])
        })
        .unwrap_or_default();
    let in_doubt_after = top
        .optional("in_doubt_after")
        .and_then(|item| item.duration(Duration::from_secs(1)..=DAY * 30))
        .unwrap_or(DEFAULT_IN_DOUBT_AFTER);
    let retry = or_default(&top, "retry", retry);
    Some(Definition {
        campaign,
        senders,
        template,
        audience,
        params,
        schedule,
        pace,
        delivery,
        budget,
        limits,
        variants,
        holdout,
        stop_when,
        in_doubt,
        in_doubt_after,
        retry,
        places: places.clone(),
    })
}

/// The value of an optional key, or its default where the key is absent or wrong (and reported).
fn or_default<T: Default>(fields: &Fields<'_>, key: &'static str, read: fn(&Item<'_>) -> Option<T>) -> T {
    fields.optional(key).and_then(|item| read(&item)).unwrap_or_default()
}

fn campaign_key(item: &Item<'_>) -> Option<String> {
    let key = item.text()?;
    let right =
        key.len() <= 64 && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if right {
        return Some(key.to_owned());
    }
    item.wrong(
        format!("is \"{}\", which is not a campaign key", short(key)),
        "write 1 to 64 of a-z, 0-9 and -, such as diwali-2026-in",
    )
}

fn short(text: &str) -> String {
    let mut out: String = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

fn senders(item: &Item<'_>) -> Option<Vec<String>> {
    let items = item.one_or_many();
    if items.is_empty() {
        return item.wrong("is an empty list", "name at least one sender of workers.toml");
    }
    let mut names: Vec<String> = Vec::new();
    for item in &items {
        let Some(name) = item.text() else { continue };
        if names.iter().any(|known| known == name) {
            let _: Option<()> =
                item.wrong(format!("names the sender {} twice", short(name)), "name each sender once");
        }
        names.push(name.to_owned());
    }
    Some(names)
}

fn template_name(item: &Item<'_>) -> Option<TemplateName> {
    let fields = item.fields(keys::TEMPLATE)?;
    let name = fields.required("name").and_then(|item| {
        let name = item.text()?;
        let right = name.len() <= 512
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if right {
            return Some(name.to_owned());
        }
        item.wrong(
            format!("is \"{}\", which is not a template's name", short(name)),
            "write 1 to 512 of a-z, 0-9 and _, as the template is called at the platform",
        )
    });
    let language = fields.required("language").and_then(|item| {
        let language = item.text()?;
        let (base, region) = match language.split_once('_') {
            Some((base, region)) => (base, Some(region)),
            None => (language, None),
        };
        let right = matches!(base.len(), 2 | 3)
            && base.bytes().all(|b| b.is_ascii_lowercase())
            && region
                .is_none_or(|r| matches!(r.len(), 2..=4) && r.bytes().all(|b| b.is_ascii_alphanumeric()));
        if right {
            return Some(language.to_owned());
        }
        item.wrong(
            format!("is \"{}\", which is not a template's language", short(language)),
            "write a code such as en, en_US or pt_BR",
        )
    });
    Some(TemplateName { name: name?, language: language? })
}

const DELIMITERS: &str =
    "write \",\", \";\", \"tab\" or \"|\", or remove the key to have it found from the header";

fn audience(item: &Item<'_>) -> Option<Audience> {
    let fields = item.fields(keys::AUDIENCE)?;
    let file = fields.required("file").and_then(|item| item.text());
    let max_invalid =
        fields.optional("max_invalid").and_then(|item| percent(&item)).unwrap_or(DEFAULT_MAX_INVALID);
    let phone = fields.optional("phone").and_then(|item| {
        let fields = item.fields(keys::PHONE)?;
        let column = fields.required("column").and_then(|item| item.text());
        let region = fields.optional("region").and_then(|item| item.parsed::<Country>());
        Some(RecipientColumn::Phone { column: column?.to_owned(), region })
    });
    let user_id = fields.optional("user_id").and_then(|item| column(&item));
    let recipient = match (fields.has("phone"), fields.has("user_id")) {
        (true, true) => item.wrong(
            "has both phone and user_id",
            "keep the one that names the recipients; user_id has no delivery optimisation and no max price",
        ),
        (false, false) => item.wrong(
            "does not say which column names the recipients",
            "add phone: { column: phone } or user_id: { column: bsuid }",
        ),
        (true, false) => phone,
        (false, true) => user_id.map(|column| RecipientColumn::UserId { column }),
    };
    let timezone_column = fields.optional("timezone").and_then(|item| column(&item));
    let delimiter = fields.optional("delimiter").and_then(|item| match &item.node().value {
        Value::Text(text) => match text.as_str() {
            "," => Some(','),
            ";" => Some(';'),
            "tab" | "\t" => Some('\t'),
            "|" => Some('|'),
            _ => item.wrong(format!("is \"{}\", which separates no columns", short(text)), DELIMITERS),
        },
        Value::Null
        | Value::Bool(_)
        | Value::Int { .. }
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_) => item.wrong(format!("is {}", item.node().value.describe()), DELIMITERS),
    });
    Some(Audience { file: file?.to_owned(), max_invalid, recipient: recipient?, timezone_column, delimiter })
}

fn column(item: &Item<'_>) -> Option<String> {
    Some(item.fields(keys::COLUMN)?.required("column")?.text()?.to_owned())
}

fn percent(item: &Item<'_>) -> Option<Percent> {
    match item.text_or_number()?.parse() {
        Ok(percent) => Some(percent),
        Err(error) => item.refused(error),
    }
}

fn delivery(item: &Item<'_>) -> Option<Delivery> {
    let fields = item.fields(keys::DELIVERY)?;
    let ttl = fields.optional("ttl").and_then(|item| {
        // Platform: message_send_ttl_seconds of marketing templates, 43,200 to 2,592,000, whole seconds.
        let ttl = item.duration(DAY / 2..=DAY * 30)?;
        if ttl.subsec_nanos() > 0 {
            return item.wrong("is not a whole number of seconds", "write 12h to 30d in whole seconds");
        }
        Some(ttl)
    });
    let product_policy = fields
        .optional("product_policy")
        .and_then(|item| {
            item.choice(&[
                ("strict", ProductPolicy::Strict),
                ("cloud_api_fallback", ProductPolicy::CloudApiFallback),
            ])
        })
        .unwrap_or_default();
    let activity_sharing = fields.optional("activity_sharing").and_then(|item| item.bool());
    let max_price = fields.optional("max_price").and_then(|item| {
        let fields = item.fields(keys::MAX_PRICE)?;
        let price = money(&fields);
        let multiplier = match fields.optional("multiplier") {
            None => Expression::parse("1").ok(),
            Some(item) => multiplier(&item),
        };
        Some(MaxPrice { price: price?, multiplier: multiplier? })
    });
    Some(Delivery { ttl, product_policy, activity_sharing, max_price })
}

fn multiplier(item: &Item<'_>) -> Option<Expression> {
    let expression = expression(item)?;
    if let Some(text) = super::renderer::constant(&expression)
        && !Decimal::from_str_exact(text.trim()).is_ok_and(|value| value > Decimal::ZERO)
    {
        return item.wrong(
            format!("is \"{}\", which is not a positive number", short(&text)),
            "write a number above 0, such as 1.5, or an expression such as \"{{ bid | default(1) }}\"",
        );
    }
    Some(expression)
}

/// A positive amount of money, from the fields `amount` and `currency`.
fn money(fields: &Fields<'_>) -> Option<Money> {
    let amount_item = fields.required("amount");
    let amount = amount_item.as_ref().and_then(|item| item.text_or_number());
    let currency = fields.required("currency").and_then(|item| item.parsed());
    let (amount_item, amount, currency) = (amount_item?, amount?, currency?);
    match Money::parse_in(amount, currency) {
        Ok(money) if money.amount > Decimal::ZERO => Some(money),
        Ok(_) => {
            amount_item.wrong(format!("is {}", short(amount)), "write an amount above 0, such as \"0.87\"")
        }
        Err(error) => amount_item.refused(error),
    }
}

fn limits(item: &Item<'_>) -> Option<Limits> {
    let fields = item.fields(keys::LIMITS)?;
    let per_recipient = fields.optional("per_recipient").and_then(|item| {
        let fields = item.fields(keys::FREQUENCY_CAP)?;
        let max = fields.required("max").and_then(|item| item.int(1..=1_000));
        let per = fields.required("per").and_then(|item| item.duration(Duration::from_secs(60)..=DAY * 365));
        Some(FrequencyCap { max: u32::try_from(max?).ok()?, per: per? })
    });
    Some(Limits { per_recipient })
}

fn variants(item: &Item<'_>) -> Option<Vec<Variant>> {
    let items = item.list()?;
    if items.is_empty() {
        return item.wrong("is an empty list", "describe at least two variants, or remove the key");
    }
    let variants: Vec<_> = items.iter().map(variant).collect();
    variants.into_iter().collect()
}

fn variant(item: &Item<'_>) -> Option<Variant> {
    let fields = item.fields(keys::VARIANT)?;
    let name = fields.required("name").and_then(|item| {
        let name = item.text()?;
        let right = name.len() <= 32
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if right {
            return Some(name.to_owned());
        }
        item.wrong(
            format!("is \"{}\", which is not a variant's name", short(name)),
            "write 1 to 32 of a-z, 0-9, - and _",
        )
    });
    let weight = match fields.optional("weight") {
        None => Some(1),
        Some(item) => item.int(1..=1_000_000),
    };
    let template = fields.optional("template").and_then(|item| template_name(&item));
    let params: Option<Params> = fields.optional("params").and_then(|item| params(&item));
    Some(Variant { name: name?, weight: u32::try_from(weight?).ok()?, template, params })
}

fn stop_when(item: &Item<'_>) -> Option<StopWhen> {
    let fields = item.fields(keys::STOP_WHEN)?;
    let failure_rate = fields.required("failure_rate").and_then(|item| {
        let rate = percent(&item)?;
        if rate == Percent::ZERO {
            return item.wrong("is 0%, which stops at once", "write more than 0%, such as 20%");
        }
        Some(rate)
    });
    let after = match fields.optional("after") {
        None => Some(DEFAULT_STOP_AFTER),
        Some(item) => item.int(1..=i64::from(u32::MAX)).and_then(|after| u32::try_from(after).ok()),
    };
    Some(StopWhen { failure_rate: failure_rate?, after: after? })
}

fn retry(item: &Item<'_>) -> Option<RetryLimits> {
    let fields = item.fields(keys::RETRY)?;
    let default = RetryLimits::default();
    let attempts = fields
        .optional("attempts")
        .and_then(|item| item.int(1..=20))
        .and_then(|attempts| u32::try_from(attempts).ok())
        .unwrap_or(default.attempts);
    let wait = Duration::from_millis(100)..=DAY;
    let base = fields.optional("base").and_then(|item| item.duration(wait.clone())).unwrap_or(default.base);
    let max = match fields.optional("max") {
        Some(item) => item.duration(wait).unwrap_or(default.max.max(base)),
        None => default.max.max(base),
    };
    Some(RetryLimits { attempts, base, max })
}
