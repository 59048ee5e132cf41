//! What the account's template and the file's do not have in common. Only what the file says is compared: the
//! platform adds keys of its own, and what the file leaves out stays as it is.

use serde::Serialize;
use serde_json::Value;
use whatsapp::account::TemplateInfo;

use super::file::Wanted;
use super::list::ttl;
use super::price::Price;
use crate::output::format;

/// Keys whose values the platform does not give back as they were: samples become addresses of its own.
const NOT_COMPARED: &[&str] = &["example"];
/// How much of a text is shown.
const SHOWN: usize = 60;

/// One difference, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// What differs: `ttl`, `max_price`, `category`, or a place in the components (`BODY.text`).
    pub(super) what: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// Whether what differs is of this part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Differences {
    pub(super) category: bool,
    pub(super) ttl: bool,
    pub(super) max_price: bool,
    pub(super) components: bool,
    pub(super) all: Vec<Difference>,
}

impl Differences {
    /// Between a template of the account and what it is to be; `bid_amount` is the wanted max price's.
    pub(super) fn between(
        theirs: &TemplateInfo,
        ours: &Wanted,
        max_price: Option<&Price>,
        was: Option<&Price>,
    ) -> Self {
        let mut found = Self::default();
        if theirs.category != ours.category {
            found.category = true;
            found.add("category", theirs.category.to_string(), ours.category.to_string());
        }
        if let Some(seconds) = ours.ttl_s {
            let (is, wanted) = (ttl(theirs.message_send_ttl_seconds), ttl(Some(seconds.into())));
            if is != wanted {
                found.ttl = true;
                found.add("ttl", format::span(is), format::span(wanted));
            }
        }
        if let Some(wanted) = max_price
            && was.map(|price| price.bid_amount) != Some(wanted.bid_amount)
        {
            found.max_price = true;
            let was = was.map_or_else(|| "none".to_owned(), Price::per_message);
            found.add("max_price", was, wanted.per_message());
        }
        let before = found.all.len();
        compare_components(&theirs.components_json, &ours.components, &mut found.all);
        found.components = found.all.len() > before;
        found
    }

    fn add(&mut self, what: &str, from: String, to: String) {
        self.all.push(Difference { what: what.to_owned(), from, to });
    }

    /// Whether a call-to-action's address differs: the platform measures clicks of the old one only.
    pub(super) fn has_new_address(&self) -> bool {
        self.all.iter().any(|difference| difference.what.ends_with(".url"))
    }
}

fn compare_components(theirs: &Value, ours: &Value, found: &mut Vec<Difference>) {
    let (Some(theirs), Some(ours)) = (theirs.as_array(), ours.as_array()) else {
        let to = format::counted(ours.as_array().map_or(0, |list| list.len() as u64), "part");
        found.push(Difference { what: "components".to_owned(), from: "not told".to_owned(), to });
        return;
    };
    let kinds = |list: &[Value]| list.iter().map(kind).collect::<Vec<_>>().join(", ");
    if theirs.len() != ours.len() || theirs.iter().zip(ours).any(|(theirs, ours)| kind(theirs) != kind(ours))
    {
        found.push(Difference { what: "components".to_owned(), from: kinds(theirs), to: kinds(ours) });
        return;
    }
    for (theirs, ours) in theirs.iter().zip(ours) {
        compare(&kind(ours), theirs, ours, found);
    }
}

fn kind(component: &Value) -> String {
    component["type"].as_str().unwrap_or("(no type)").to_ascii_uppercase()
}

fn compare(path: &str, theirs: &Value, ours: &Value, found: &mut Vec<Difference>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, wanted) in ours.iter().filter(|(key, _)| !NOT_COMPARED.contains(&key.as_str())) {
                let path = format!("{path}.{key}");
                match theirs.get(key) {
                    Some(is) => compare(&path, is, wanted, found),
                    None => {
                        found.push(Difference { what: path, from: "nothing".to_owned(), to: shown(wanted) })
                    }
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (i, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                compare(&format!("{path}[{i}]"), theirs, ours, found);
            }
        }
        _ if is_same(path, theirs, ours) => {}
        _ => found.push(Difference { what: path.to_owned(), from: shown(theirs), to: shown(ours) }),
    }
}

/// Numbers may come back as texts, and words of the platform in another case.
fn is_same(path: &str, theirs: &Value, ours: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let is_word = path.ends_with(".type") || path.ends_with(".format");
    match (text(theirs), text(ours)) {
        (Some(theirs), Some(ours)) if is_word => theirs.eq_ignore_ascii_case(&ours),
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => theirs == ours,
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("\"{}\"", text.replace('\n', " ")),
        Value::Array(items) => format::counted(items.len() as u64, "item"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(theirs: Value, ours: Value) -> Vec<String> {
        let mut found = Vec::new();
        compare_components(&theirs, &ours, &mut found);
        found.into_iter().map(|d| format!("{}: {} → {}", d.what, d.from, d.to)).collect()
    }

    #[test]
    fn what_the_platform_adds_is_no_difference() {
        let ours = json!([
            { "type": "body", "text": "Hi {{1}}, hello", "example": { "body_text": [["Asha"]] } },
            { "type": "BUTTONS", "buttons": [{ "type": "URL", "text": "Go", "app_deep_link": { "meta_app_id": 7 } }] }
        ]);
        let theirs = json!([
            { "type": "BODY", "text": "Hi {{1}}, hello", "example": { "body_text": [["x"]] }, "id": 5 },
            { "type": "BUTTONS", "buttons": [
                { "type": "url", "text": "Go", "url": "https://a.example", "app_deep_link": { "meta_app_id": "7" } }] }
        ]);
        assert_eq!(found(theirs, ours), Vec::<String>::new());
    }

    #[test]
    fn differences_have_their_place() {
        let one = |text: &str, url: &str| json!([{ "type": "BODY", "text": text }, { "type": "BUTTONS", "buttons": [{ "type": "URL", "url": url }] }]);
        assert_eq!(
            found(one("a", "https://a.example"), one("b", "https://b.example")),
            [
                "BODY.text: \"a\" → \"b\"",
                "BUTTONS.buttons[0].url: \"https://a.example\" → \"https://b.example\""
            ]
        );
        assert_eq!(
            found(json!([{ "type": "BODY" }]), json!([{ "type": "HEADER" }, { "type": "BODY" }])),
            ["components: BODY → HEADER, BODY"]
        );
        assert_eq!(found(Value::Null, json!([{ "type": "BODY" }])), ["components: not told → 1 part"]);
        assert_eq!(
            found(json!([{ "type": "BODY" }]), json!([{ "type": "BODY", "text": "é".repeat(80) }])),
            [format!("BODY.text: nothing → \"{}…", "é".repeat(59))]
        );
    }
}
