//! Reading the components of a send: every kind of component and parameter, with its required fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::errors::ApiError;

/// What a send fills in, reduced to what a template is compared with.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Filled {
    /// The header's parameter.
    pub(crate) header: Option<Param>,
    /// The body's parameters.
    pub(crate) body: Vec<Param>,
    /// The buttons' kinds, by index.
    pub(crate) buttons: BTreeMap<u64, String>,
    /// Whether it fills in a limited-time offer.
    pub(crate) limited_time_offer: bool,
    /// The cards of a carousel.
    pub(crate) cards: Vec<Filled>,
}

/// One parameter.
#[derive(Debug, PartialEq)]
pub(crate) struct Param {
    /// `text`, `image`, `currency`...
    pub(crate) kind: String,
    /// The name, for named parameters.
    pub(crate) name: Option<String>,
    /// The text that stands in its place.
    pub(crate) text: String,
}

type Checked<T> = Result<T, ApiError>;

fn missing<T>(path: &str) -> Checked<T> {
    Err(ApiError::new(131008, format!("{path} is required.")))
}

fn invalid<T>(path: &str, why: &str) -> Checked<T> {
    Err(ApiError::new(131009, format!("{path} {why}")))
}

fn object<'a>(value: &'a Value, path: &str) -> Checked<&'a Map<String, Value>> {
    value.as_object().map_or_else(|| invalid(path, "must be an object."), Ok)
}

fn list<'a>(map: &'a Map<String, Value>, key: &str, path: &str) -> Checked<&'a [Value]> {
    match map.get(key) {
        Some(Value::Array(items)) => Ok(items),
        Some(_) => invalid(&format!("{path}['{key}']"), "must be an array."),
        None => missing(&format!("{path}['{key}']")),
    }
}

fn string<'a>(map: &'a Map<String, Value>, key: &str, path: &str) -> Checked<&'a str> {
    match map.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::String(_)) | None => missing(&format!("{path}['{key}']")),
        Some(_) => invalid(&format!("{path}['{key}']"), "must be a string."),
    }
}

fn only(map: &Map<String, Value>, keys: &[&str], path: &str) -> Checked<()> {
    match map.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(ApiError::new(100, format!("Unexpected key \"{key}\" on param \"{path}\"."))),
        None => Ok(()),
    }
}

/// Reads the components of a message or of a carousel card.
///
/// # Errors
/// 100 for keys that do not belong, 131008 for what is missing, 131009 for what is not valid.
pub(crate) fn check_components(value: &Value, path: &str) -> Checked<Filled> {
    let Value::Array(items) = value else { return invalid(path, "must be an array.") };
    let mut filled = Filled::default();
    for (n, item) in items.iter().enumerate() {
        let path = format!("{path}[{n}]");
        let item = object(item, &path)?;
        match string(item, "type", &path)?.to_ascii_lowercase().as_str() {
            "header" => filled.header = header(item, &path)?,
            "body" => filled.body = body(item, &path)?,
            "button" => {
                let (index, kind) = button(item, &path)?;
                if filled.buttons.insert(index, kind).is_some() {
                    return invalid(&path, "repeats the index of another button.");
                }
            }
            "limited_time_offer" => {
                limited_time_offer(item, &path)?;
                filled.limited_time_offer = true;
            }
            "carousel" => filled.cards = carousel(item, &path)?,
            other => return invalid(&path, &format!("has the unknown type \"{other}\".")),
        }
    }
    if filled.buttons.len() > 10 {
        return invalid(path, "has more than 10 buttons.");
    }
    Ok(filled)
}

fn header(item: &Map<String, Value>, path: &str) -> Checked<Option<Param>> {
    only(item, &["type", "parameters"], path)?;
    let parameters = list(item, "parameters", path)?;
    if parameters.len() > 1 {
        return invalid(path, "has more than one header parameter.");
    }
    let Some(parameter) = parameters.first() else { return Ok(None) };
    let path = format!("{path}['parameters'][0]");
    let map = object(parameter, &path)?;
    let kind = string(map, "type", &path)?;
    let mut text = String::new();
    match kind {
        "text" => {
            only(map, &["type", "text", "parameter_name"], &path)?;
            text = string(map, "text", &path)?.to_owned();
            if text.chars().count() > 60 {
                return Err(ApiError::new(132005, "header text is longer than 60 characters."));
            }
        }
        "image" | "video" | "gif" | "document" => {
            only(map, &["type", kind], &path)?;
            media(map.get(kind), &format!("{path}['{kind}']"), kind == "document")?;
        }
        "location" => {
            let path = format!("{path}['location']");
            let place = object(map.get("location").unwrap_or(&Value::Null), &path)?;
            only(place, &["latitude", "longitude", "name", "address"], &path)?;
            for key in ["latitude", "longitude"] {
                let degrees = match place.get(key) {
                    Some(Value::String(text)) => text.parse::<f64>().ok(),
                    Some(Value::Number(number)) => number.as_f64(),
                    Some(_) => None,
                    None => return missing(&format!("{path}['{key}']")),
                };
                if !degrees.is_some_and(|degrees| (-180.0..=180.0).contains(&degrees)) {
                    return invalid(&format!("{path}['{key}']"), "is not a number of degrees.");
                }
            }
            string(place, "name", &path)?;
            string(place, "address", &path)?;
        }
        "product" => {
            let path = format!("{path}['product']");
            let product = object(map.get("product").unwrap_or(&Value::Null), &path)?;
            string(product, "product_retailer_id", &path)?;
            string(product, "catalog_id", &path)?;
        }
        other => return invalid(&path, &format!("has the unknown header type \"{other}\".")),
    }
    Ok(Some(Param { kind: kind.to_owned(), name: name(map, &path)?, text }))
}

fn media(value: Option<&Value>, path: &str, is_document: bool) -> Checked<()> {
    let Some(value) = value else { return missing(path) };
    let map = object(value, path)?;
    let keys: &[&str] = if is_document { &["id", "link", "filename"] } else { &["id", "link"] };
    only(map, keys, path)?;
    match (map.get("id"), map.get("link")) {
        (Some(_), Some(_)) => invalid(path, "has both id and link."),
        (None, None) => invalid(path, "needs an id or a link."),
        (Some(_), None) => string(map, "id", path).map(|_| ()),
        (None, Some(_)) => {
            let link = string(map, "link", path)?;
            if link.starts_with("https://") || link.starts_with("http://") {
                Ok(())
            } else {
                invalid(path, "link is not a URL.")
            }
        }
    }
}

fn name(map: &Map<String, Value>, path: &str) -> Checked<Option<String>> {
    match map.get("parameter_name") {
        None => Ok(None),
        Some(_) => string(map, "parameter_name", path).map(|name| Some(name.to_owned())),
    }
}

fn body(item: &Map<String, Value>, path: &str) -> Checked<Vec<Param>> {
    only(item, &["type", "parameters"], path)?;
    let mut params = Vec::new();
    for (n, parameter) in list(item, "parameters", path)?.iter().enumerate() {
        let path = format!("{path}['parameters'][{n}]");
        let map = object(parameter, &path)?;
        let kind = string(map, "type", &path)?;
        let text = match kind {
            "text" => {
                only(map, &["type", "text", "parameter_name"], &path)?;
                let text = string(map, "text", &path)?;
                // Meta: parameters have no new lines, tabs, or more than four spaces in a row.
                if text.contains(['\n', '\t']) || text.contains("     ") {
                    return Err(ApiError::new(
                        132018,
                        format!(
                            "{path}: Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
                        ),
                    ));
                }
                text
            }
            "currency" => {
                only(map, &["type", "currency", "parameter_name"], &path)?;
                let path = format!("{path}['currency']");
                let amount = object(map.get("currency").unwrap_or(&Value::Null), &path)?;
                if string(amount, "code", &path)?.len() != 3 {
                    return invalid(&path, "code is not an ISO 4217 code.");
                }
                if !amount.get("amount_1000").is_some_and(Value::is_i64) {
                    return invalid(&path, "amount_1000 must be a whole number.");
                }
                string(amount, "fallback_value", &path)?
            }
            "date_time" => {
                only(map, &["type", "date_time", "parameter_name"], &path)?;
                let path = format!("{path}['date_time']");
                let when = object(map.get("date_time").unwrap_or(&Value::Null), &path)?;
                string(when, "fallback_value", &path)?
            }
            other => return invalid(&path, &format!("has the unknown body parameter type \"{other}\".")),
        };
        params.push(Param { kind: kind.to_owned(), name: name(map, &path)?, text: text.to_owned() });
    }
    Ok(params)
}

fn button(item: &Map<String, Value>, path: &str) -> Checked<(u64, String)> {
    only(item, &["type", "sub_type", "index", "parameters"], path)?;
    let kind = string(item, "sub_type", path)?.to_ascii_lowercase();
    let index = match item.get("index") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(number) => number.as_u64(),
        None => return missing(&format!("{path}['index']")),
    };
    let Some(index) = index.filter(|index| *index < 10) else {
        return invalid(&format!("{path}['index']"), "must be a number from 0 to 9.");
    };
    let parameters = match item.get("parameters") {
        None => &[][..],
        Some(_) => list(item, "parameters", path)?,
    };
    let path = format!("{path}['parameters']");
    let optional = matches!(kind.as_str(), "catalog" | "flow" | "phone_number" | "request_contact_info");
    let parameter = match parameters {
        [one] => object(one, &path)?,
        [] if optional => return Ok((index, kind)),
        _ => return invalid(&path, "must have exactly one parameter."),
    };
    let given = string(parameter, "type", &path)?;
    let expected = match kind.as_str() {
        "quick_reply" => "payload",
        "url" => "text",
        "copy_code" => "coupon_code",
        "catalog" | "mpm" | "flow" | "order_details" => "action",
        "phone_number" | "request_contact_info" => return invalid(&path, "takes no parameters."),
        other => return invalid(&path, &format!("belongs to the unknown sub_type \"{other}\".")),
    };
    if given != expected {
        return invalid(&path, &format!("of a {kind} button must have the type \"{expected}\"."));
    }
    match kind.as_str() {
        "quick_reply" => {
            string(parameter, "payload", &path)?;
        }
        "url" => {
            if string(parameter, "text", &path)?.chars().count() > 2000 {
                return invalid(&path, "makes a URL of more than 2000 characters.");
            }
        }
        "copy_code" => {
            if string(parameter, "coupon_code", &path)?.chars().count() > 15 {
                return invalid(&path, "coupon_code is longer than 15 characters.");
            }
        }
        _ => action(&kind, parameter, &path)?,
    }
    Ok((index, kind))
}

fn action(kind: &str, parameter: &Map<String, Value>, path: &str) -> Checked<()> {
    let path = format!("{path}['action']");
    let Some(action) = parameter.get("action") else { return missing(&path) };
    let action = object(action, &path)?;
    match kind {
        "mpm" => {
            string(action, "thumbnail_product_retailer_id", &path)?;
            let sections = list(action, "sections", &path)?;
            if !(1..=10).contains(&sections.len()) {
                return invalid(&path, "must have 1 to 10 sections.");
            }
            let mut products = 0;
            for section in sections {
                let section = object(section, &path)?;
                if string(section, "title", &path)?.chars().count() > 24 {
                    return invalid(&path, "has a section title of more than 24 characters.");
                }
                for item in list(section, "product_items", &path)? {
                    string(object(item, &path)?, "product_retailer_id", &path)?;
                    products += 1;
                }
            }
            if !(1..=30).contains(&products) {
                return invalid(&path, "must have 1 to 30 products.");
            }
        }
        "flow" => {
            if action.contains_key("flow_token") {
                string(action, "flow_token", &path)?;
            }
        }
        "order_details" => {
            let path = format!("{path}['order_details']");
            let Some(order) = action.get("order_details") else { return missing(&path) };
            let order = object(order, &path)?;
            string(order, "reference_id", &path)?;
            string(order, "currency", &path)?;
            if !order.get("total_amount").is_some_and(Value::is_object) {
                return missing(&format!("{path}['total_amount']"));
            }
        }
        _ => {
            if action.contains_key("thumbnail_product_retailer_id") {
                string(action, "thumbnail_product_retailer_id", &path)?;
            }
        }
    }
    Ok(())
}

fn limited_time_offer(item: &Map<String, Value>, path: &str) -> Checked<()> {
    only(item, &["type", "parameters"], path)?;
    let [parameter] = list(item, "parameters", path)? else {
        return invalid(path, "must have exactly one parameter.");
    };
    let parameter = object(parameter, path)?;
    if string(parameter, "type", path)? != "limited_time_offer" {
        return invalid(path, "parameter must have the type \"limited_time_offer\".");
    }
    let ends = parameter.get("limited_time_offer").and_then(|offer| offer.get("expiration_time_ms"));
    if ends.and_then(Value::as_i64).is_none_or(|ends| ends <= 0) {
        return invalid(path, "expiration_time_ms must be a time in milliseconds since 1970.");
    }
    Ok(())
}

fn carousel(item: &Map<String, Value>, path: &str) -> Checked<Vec<Filled>> {
    only(item, &["type", "cards"], path)?;
    let cards = list(item, "cards", path)?;
    if !(2..=10).contains(&cards.len()) {
        return invalid(path, "must have 2 to 10 cards.");
    }
    let mut filled = Vec::new();
    for (n, card) in cards.iter().enumerate() {
        let path = format!("{path}['cards'][{n}]");
        let card = object(card, &path)?;
        only(card, &["card_index", "components"], &path)?;
        let index =
            card.get("card_index").and_then(|index| index.as_u64().or_else(|| index.as_str()?.parse().ok()));
        if index != Some(n as u64) {
            return invalid(&format!("{path}['card_index']"), &format!("must be {n}."));
        }
        let components = card.get("components").unwrap_or(&Value::Null);
        let inner = check_components(components, &format!("{path}['components']"))?;
        if inner.limited_time_offer || !inner.cards.is_empty() {
            return invalid(&path, "has a component that a card cannot have.");
        }
        filled.push(inner);
    }
    Ok(filled)
}
