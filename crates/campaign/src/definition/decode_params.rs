//! Decoding of `params`: every kind of template component that a send may fill.

use super::expression::Expression;
use super::keys;
use super::params::{
    ButtonKindParams, ButtonParams, CardParams, HeaderParams, JsonParams, MediaParams, Params, SectionParams,
    TextParam, TextValue,
};
use crate::document::{Fields, Item, Value};
use crate::money::Currency;

pub(super) fn params(item: &Item<'_>) -> Option<Params> {
    let fields = item.fields(keys::PARAMS)?;
    let header = fields.optional("header").and_then(|item| header(&item));
    let body = fields.optional("body").and_then(|item| body(&item)).unwrap_or_default();
    let buttons = fields.optional("buttons").and_then(|item| buttons(&item)).unwrap_or_default();
    let offer_ends = fields
        .optional("limited_time_offer")
        .and_then(|item| expression(&item.fields(keys::OFFER)?.required("ends")?));
    let carousel = fields.optional("carousel").and_then(|item| carousel(&item)).unwrap_or_default();
    Some(Params { header, body, buttons, offer_ends, carousel })
}

/// An expression from a text, or from a number as it is written.
pub(super) fn expression(item: &Item<'_>) -> Option<Expression> {
    match Expression::parse(item.text_or_number()?) {
        Ok(expression) => Some(expression),
        Err(error) => item.wrong(error, ""),
    }
}

fn required(fields: &Fields<'_>, key: &'static str) -> Option<Expression> {
    expression(&fields.required(key)?)
}

/// The one key of `keys` that the map has; with none or several of them, a problem.
fn only<'d>(fields: &Fields<'d>, keys: &'static [&'static str]) -> Option<(&'static str, Item<'d>)> {
    let present: Vec<&'static str> = keys.iter().copied().filter(|key| fields.has(key)).collect();
    match present.as_slice() {
        [key] => Some((key, fields.optional(key)?)),
        [] => fields.item().wrong("does not say what it is", format!("add one of {}", keys.join(", "))),
        several => fields.item().wrong(format!("has {} at once", several.join(" and ")), "keep one of them"),
    }
}

fn header(item: &Item<'_>) -> Option<HeaderParams> {
    let fields = item.fields(keys::HEADER)?;
    let (key, item) = only(&fields, keys::HEADER)?;
    Some(match key {
        "text" => HeaderParams::Text(header_text(&item)?),
        "image" => HeaderParams::Image(media(&item.fields(keys::MEDIA)?)?),
        "video" => HeaderParams::Video(media(&item.fields(keys::MEDIA)?)?),
        "gif" => HeaderParams::Gif(media(&item.fields(keys::MEDIA)?)?),
        "document" => {
            let fields = item.fields(keys::DOCUMENT)?;
            let filename = fields.optional("filename").and_then(|item| expression(&item));
            HeaderParams::Document { media: media(&fields)?, filename }
        }
        "location" => {
            let fields = item.fields(keys::LOCATION)?;
            let (latitude, longitude) = (required(&fields, "latitude"), required(&fields, "longitude"));
            let (name, address) = (required(&fields, "name"), required(&fields, "address"));
            HeaderParams::Location {
                latitude: latitude?,
                longitude: longitude?,
                name: name?,
                address: address?,
            }
        }
        _ => {
            let fields = item.fields(keys::PRODUCT)?;
            let (product, catalog) =
                (required(&fields, "product_retailer_id"), required(&fields, "catalog_id"));
            HeaderParams::Product { product_retailer_id: product?, catalog_id: catalog? }
        }
    })
}

/// A header's one variable: an expression, or a map of its name to it.
fn header_text(item: &Item<'_>) -> Option<TextParam> {
    if !matches!(item.node().value, Value::Map(_)) {
        return Some(TextParam { name: None, value: TextValue::Text(expression(item)?) });
    }
    let entries = item.entries()?;
    let [(name, value)] = entries.as_slice() else {
        return item.wrong(
            format!("has {} variables", entries.len()),
            "a header has one: write text: \"{{ column }}\", or text: { its_name: \"{{ column }}\" }",
        );
    };
    Some(TextParam { name: Some(param_name(name, value)?), value: TextValue::Text(expression(value)?) })
}

fn media(fields: &Fields<'_>) -> Option<MediaParams> {
    let (key, item) = only(fields, keys::MEDIA)?;
    let source = expression(&item)?;
    if key == "id" {
        return Some(MediaParams::Id(source));
    }
    if source.is_literal() && !source.source().starts_with("https://") {
        return item.wrong("is not an https address", "write a link that begins with https://");
    }
    Some(MediaParams::Link(source))
}

/// A list for positional parameters, a map for named ones.
fn body(item: &Item<'_>) -> Option<Vec<TextParam>> {
    if matches!(item.node().value, Value::Map(_)) {
        let entries = item.entries()?;
        let params: Vec<_> = entries
            .iter()
            .map(|(name, item)| {
                let (name, value) = (param_name(name, item), text_value(item));
                Some(TextParam { name: Some(name?), value: value? })
            })
            .collect();
        return params.into_iter().collect();
    }
    if !matches!(item.node().value, Value::List(_)) {
        return item.unexpected("a list of parameters, or a map for named parameters");
    }
    let params: Vec<_> =
        item.list()?.iter().map(|item| Some(TextParam { name: None, value: text_value(item)? })).collect();
    params.into_iter().collect()
}

/// Platform: names of parameters are of `[a-z_]`.
fn param_name(name: &str, item: &Item<'_>) -> Option<String> {
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
        return Some(name.to_owned());
    }
    item.wrong(
        "does not have a parameter's name",
        "names of parameters are of a-z and _; for positions write a list",
    )
}

fn text_value(item: &Item<'_>) -> Option<TextValue> {
    if !matches!(item.node().value, Value::Map(_)) {
        return Some(TextValue::Text(expression(item)?));
    }
    let fields = item.fields(keys::TEXT_PARAM)?;
    let (key, item) = only(&fields, keys::TEXT_PARAM)?;
    if key == "date_time" {
        return Some(TextValue::DateTime(expression(&item)?));
    }
    let fields = item.fields(keys::CURRENCY)?;
    let amount = required(&fields, "amount");
    let code = fields.required("code").and_then(|item| item.parsed::<Currency>());
    let fallback = fields.optional("fallback").and_then(|item| expression(&item));
    Some(TextValue::Currency { amount: amount?, code: code?.code().to_owned(), fallback })
}

fn buttons(item: &Item<'_>) -> Option<Vec<ButtonParams>> {
    let buttons: Vec<_> = item.list()?.iter().map(button).collect();
    buttons.into_iter().collect()
}

fn button(item: &Item<'_>) -> Option<ButtonParams> {
    let fields = item.fields(keys::BUTTON)?;
    // Platform: at most 10 buttons.
    let index = fields.required("index").and_then(|item| item.int(0..=9));
    let (key, item) = only(&fields, &keys::BUTTON[1..])?;
    let kind = match key {
        "quick_reply" => ButtonKindParams::QuickReply(expression(&item)?),
        "url" => ButtonKindParams::Url(expression(&item)?),
        "copy_code" => ButtonKindParams::CopyCode(expression(&item)?),
        "catalog" => {
            let fields = item.fields(keys::CATALOG)?;
            let thumbnail =
                fields.optional("thumbnail_product_retailer_id").and_then(|item| expression(&item));
            ButtonKindParams::Catalog { thumbnail_product_retailer_id: thumbnail }
        }
        "mpm" => mpm(&item)?,
        "flow" => {
            let fields = item.fields(keys::FLOW)?;
            let token = required(&fields, "flow_token");
            let flow_action_data = fields.optional("flow_action_data").and_then(|item| json_object(&item));
            ButtonKindParams::Flow { flow_token: token?, flow_action_data }
        }
        _ => ButtonKindParams::OrderDetails(json_object(&item)?),
    };
    Some(ButtonParams { index: u8::try_from(index?).ok()?, kind })
}

/// Platform: at most 10 sections and 30 products.
fn mpm(item: &Item<'_>) -> Option<ButtonKindParams> {
    let fields = item.fields(keys::MPM)?;
    let thumbnail = required(&fields, "thumbnail_product_retailer_id");
    let list = fields.required("sections")?;
    let sections: Vec<_> = list
        .list()?
        .iter()
        .map(|item| {
            let fields = item.fields(keys::SECTION)?;
            let title = required(&fields, "title");
            let list = fields.required("products")?;
            let products: Vec<_> = list.list()?.iter().map(expression).collect();
            if products.is_empty() {
                return list.wrong("is an empty list", "name at least one product");
            }
            Some(SectionParams { title: title?, products: products.into_iter().collect::<Option<_>>()? })
        })
        .collect();
    if sections.is_empty() || sections.len() > 10 {
        return list.wrong(counted(sections.len(), "section"), "write 1 to 10");
    }
    let sections: Vec<SectionParams> = sections.into_iter().collect::<Option<_>>()?;
    let products: usize = sections.iter().map(|section| section.products.len()).sum();
    if products > 30 {
        return list.wrong(format!("has {products} products"), "a multi-product message holds at most 30");
    }
    Some(ButtonKindParams::Mpm { thumbnail_product_retailer_id: thumbnail?, sections })
}

fn counted(count: usize, what: &str) -> String {
    format!("has {count} {what}{}", if count == 1 { "" } else { "s" })
}

fn carousel(item: &Item<'_>) -> Option<Vec<CardParams>> {
    let cards = item.list()?;
    // Platform: 2 to 10 cards.
    if !(2..=10).contains(&cards.len()) {
        return item.wrong(counted(cards.len(), "card"), "a carousel has 2 to 10 cards");
    }
    let cards: Vec<_> = cards
        .iter()
        .map(|item| {
            let fields = item.fields(keys::CARD)?;
            let header = fields.optional("header").and_then(|item| {
                let header = header(&item)?;
                match header {
                    HeaderParams::Image(_)
                    | HeaderParams::Video(_)
                    | HeaderParams::Gif(_)
                    | HeaderParams::Product { .. } => Some(header),
                    HeaderParams::Text(_) | HeaderParams::Document { .. } | HeaderParams::Location { .. } => {
                        item.wrong(
                            "cannot be on a card",
                            "the header of a card is an image, a video, a gif or a product",
                        )
                    }
                }
            });
            let body = fields.optional("body").and_then(|item| body(&item)).unwrap_or_default();
            let buttons = fields.optional("buttons").and_then(|item| buttons(&item)).unwrap_or_default();
            Some(CardParams { header, body, buttons })
        })
        .collect();
    cards.into_iter().collect()
}

fn json_object(item: &Item<'_>) -> Option<JsonParams> {
    if matches!(item.node().value, Value::Map(_)) { json(item) } else { item.unexpected("a map") }
}

fn json(item: &Item<'_>) -> Option<JsonParams> {
    Some(match &item.node().value {
        Value::Null => JsonParams::Plain(serde_json::Value::Null),
        Value::Bool(value) => JsonParams::Plain((*value).into()),
        Value::Int { value, .. } => JsonParams::Plain((*value).into()),
        Value::Float(text) => match text.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
            Some(number) => JsonParams::Plain(number.into()),
            None => return item.wrong("is a number that JSON does not have", "put it in quotes"),
        },
        // Empty texts are data here, not forgotten values.
        Value::Text(text) => match Expression::parse(text) {
            Ok(expression) => JsonParams::Text(expression),
            Err(error) => return item.wrong(error, ""),
        },
        Value::List(_) => {
            let items: Vec<_> = item.list()?.iter().map(json).collect();
            JsonParams::List(items.into_iter().collect::<Option<_>>()?)
        }
        Value::Map(_) => {
            let entries: Vec<_> =
                item.entries()?.iter().map(|(key, item)| ((*key).to_owned(), json(item))).collect();
            JsonParams::Map(entries.into_iter().map(|(key, item)| Some((key, item?))).collect::<Option<_>>()?)
        }
    })
}
