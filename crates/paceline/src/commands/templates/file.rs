//! The file that `templates apply` reads: YAML, TOML or JSON, every problem with its place.

use std::path::Path;
use std::time::Duration;

use campaign::document::{self, Fields, Item, Node, Report, Value as Tree};
use campaign::money::{Currency, MaxPrice, Money};
use campaign::problem::{Place, Problem, Problems};
use serde_json::Value;
use whatsapp::account::{Category, ParameterFormat};

use crate::failure::{Failure, reason};

/// The shortest and the longest time to live (platform: `message_send_ttl_seconds` of marketing templates).
const TTL: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(12 * 60 * 60)..=Duration::from_secs(30 * 24 * 60 * 60);
/// The longest name (platform).
const LONGEST_NAME: usize = 512;

/// What the file says.
#[derive(Debug)]
pub(super) struct TemplatesFile {
    /// The sender whose account is meant, and where it stands.
    pub(super) account: Option<(String, Place)>,
    /// At least one; names and languages are unique.
    pub(super) templates: Vec<Wanted>,
}

/// A template as it is to be. What is `None` is left as it is.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) category: Category,
    pub(super) parameter_format: Option<(ParameterFormat, Place)>,
    pub(super) ttl_s: Option<u32>,
    pub(super) max_price: Option<WantedPrice>,
    /// The platform's component JSON, untouched.
    pub(super) components: Value,
}

/// A max price as it is written: per message.
#[derive(Debug)]
pub(super) struct WantedPrice {
    amount: String,
    /// The currency, where the file names it: it must be the account's.
    currency: Option<Currency>,
    /// Its path in the file, for messages.
    path: String,
    place: Place,
}

impl WantedPrice {
    /// The price and its `bid_amount` in an account that is billed in this currency.
    ///
    /// # Errors
    /// It cannot be expressed exactly, or is in another currency than the account.
    pub(super) fn in_account(&self, billed: Option<Currency>) -> Result<(Money, i32), Problem> {
        let problem = |said: String| Problem::new(self.place.clone(), format!("{}{said}", self.path));
        let currency = match (self.currency, billed) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                return Err(problem(format!(".currency is {ours}, and the account is billed in {theirs}"))
                    .help("a max price is in the account's currency: convert the amount"));
            }
            (Some(currency), _) | (None, Some(currency)) => currency,
            (None, None) => {
                return Err(problem(
                    " has no currency, and the account does not say in which it is billed".to_owned(),
                )
                .help("add currency, such as INR"));
            }
        };
        let price =
            Money::parse_in(&self.amount, currency).map_err(|error| problem(format!(".amount: {error}")))?;
        let bid = MaxPrice { price }.bid_amount().map_err(|error| problem(format!(".amount: {error}")))?;
        Ok((price, bid))
    }
}

/// Reads the file.
///
/// # Errors
/// Everything that is wrong with it, with file, line and column.
pub(super) fn read(file: &Path) -> Result<TemplatesFile, Failure> {
    let shown = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| {
        Problem::new(Place::file(&shown), format!("cannot be read: {}", reason(&error)))
            .help("check the path")
    })?;
    Ok(parse(&shown, &bytes)?)
}

fn parse(shown: &str, bytes: &[u8]) -> Result<TemplatesFile, Problems> {
    let node = document::parse(shown, bytes)?;
    let report = Report::new();
    let file = decode(&Item::root(&node, &report));
    report.into_result()?;
    file.ok_or_else(|| Problems(vec![Problem::new(Place::file(shown), "cannot be read")]))
}

fn decode(root: &Item<'_>) -> Option<TemplatesFile> {
    let fields = root.fields(&["account", "templates"])?;
    let account =
        fields.optional("account").and_then(|item| Some((item.text()?.to_owned(), item.place().clone())));
    let list = fields.required("templates")?;
    let items = list.list()?;
    if items.is_empty() {
        return list.wrong("is an empty list", "add a template: name, language and components");
    }
    let mut templates: Vec<Wanted> = Vec::new();
    for item in items {
        let Some(wanted) = template(&item) else { continue };
        if templates.iter().any(|known| known.name == wanted.name && known.language == wanted.language) {
            let said = format!("is {} ({}), which is in the file twice", wanted.name, wanted.language);
            let _: Option<()> = item.wrong(said, "keep one of them");
        }
        templates.push(wanted);
    }
    Some(TemplatesFile { account, templates })
}

fn template(item: &Item<'_>) -> Option<Wanted> {
    let fields =
        item.fields(&["name", "language", "category", "parameter_format", "ttl", "max_price", "components"])?;
    let name = fields.required("name").and_then(|item| {
        let name = item.text()?;
        let is_good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.len() <= LONGEST_NAME && name.bytes().all(is_good) {
            return Some(name.to_owned());
        }
        item.wrong("is no name of a template", "write up to 512 of a-z, 0-9 and _")
    });
    let language = fields.required("language").and_then(|item| Some(item.text()?.to_owned()));
    let category = match fields.optional("category") {
        None => Some(Category::Marketing),
        Some(item) => item.choice(&[
            ("MARKETING", Category::Marketing),
            ("UTILITY", Category::Utility),
            ("AUTHENTICATION", Category::Authentication),
        ]),
    };
    let parameter_format = fields.optional("parameter_format").and_then(|item| {
        let formats = [("NAMED", ParameterFormat::Named), ("POSITIONAL", ParameterFormat::Positional)];
        Some((item.choice(&formats)?, item.place().clone()))
    });
    let ttl_s = fields.optional("ttl").and_then(|item| {
        let ttl = item.duration(TTL)?;
        if ttl.subsec_nanos() > 0 {
            return item.wrong("is not a whole number of seconds", "write 12h to 30d in whole seconds");
        }
        u32::try_from(ttl.as_secs()).ok()
    });
    let max_price = fields.optional("max_price").and_then(|item| max_price(&item));
    let components = components(&fields);
    Some(Wanted {
        name: name?,
        language: language?,
        category: category?,
        parameter_format,
        ttl_s,
        max_price,
        components: components?,
    })
}

fn max_price(item: &Item<'_>) -> Option<WantedPrice> {
    let fields = item.fields(&["amount", "currency"])?;
    let amount = fields.required("amount").and_then(|item| Some((item.text_or_number()?, item)));
    let currency_item = fields.optional("currency");
    let currency = currency_item.as_ref().and_then(|item| item.parsed());
    let (amount, amount_item) = amount?;
    if currency_item.is_some() && currency.is_none() {
        return None;
    }
    let price = WantedPrice {
        amount: amount.to_owned(),
        currency,
        path: item.path().to_owned(),
        place: amount_item.place().clone(),
    };
    // What can be judged without the account is told with the file's other problems.
    if let Some(currency) = currency
        && let Err(problem) = price.in_account(Some(currency))
    {
        item.report().push(problem);
    }
    Some(price)
}

fn components(fields: &Fields<'_>) -> Option<Value> {
    let item = fields.required("components")?;
    for component in item.list()? {
        let Tree::Map(entries) = &component.node().value else {
            return component.unexpected("a component, a map with type");
        };
        if !entries.iter().any(|(key, _)| key.text == "type") {
            return component.wrong("has no type", "add type: HEADER, BODY, FOOTER, BUTTONS, …");
        }
    }
    Some(to_json(item.node()))
}

/// The tree as JSON, in the order of the file.
fn to_json(node: &Node) -> Value {
    match &node.value {
        Tree::Null => Value::Null,
        Tree::Bool(value) => Value::Bool(*value),
        Tree::Int { value, .. } => Value::from(*value),
        // JSON has no other numbers: what is none there (an infinity of YAML) stays the text that it is.
        Tree::Float(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        Tree::Text(text) => Value::String(text.clone()),
        Tree::List(items) => items.iter().map(to_json).collect(),
        Tree::Map(entries) => entries
            .iter()
            .map(|(key, node)| (key.text.clone(), to_json(node)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GOOD: &str = r#"
account: jaspers-in
templates:
  - name: eid_sale
    language: en
    ttl: 24h
    parameter_format: NAMED
    max_price: { amount: 0.87, currency: INR }
    components:
      - { type: BODY, text: "Hello {{name}}, it is Eid", example: { body_text_named_params: [ { param_name: name, example: Asha } ] } }
      - type: BUTTONS
        buttons: [ { type: URL, text: Open, url: "https://example.com/{{1}}", app_deep_link: { meta_app_id: 123, android_deep_link: "shop://x" } } ]
"#;

    #[test]
    fn reads_all_of_it() {
        let file = parse("t.yaml", GOOD.as_bytes()).unwrap();
        assert_eq!(file.account.as_ref().map(|(name, _)| name.as_str()), Some("jaspers-in"));
        let wanted = &file.templates[0];
        assert_eq!((wanted.category.clone(), wanted.ttl_s), (Category::Marketing, Some(86_400)));
        let (price, bid) = wanted.max_price.as_ref().unwrap().in_account(Some(Currency::INR)).unwrap();
        assert_eq!((price.to_string().as_str(), bid), ("INR 0.87", 87_000));
        let button = &wanted.components[1]["buttons"][0];
        assert_eq!(button["app_deep_link"], json!({ "meta_app_id": 123, "android_deep_link": "shop://x" }));
        let billed_in_dollars =
            wanted.max_price.as_ref().unwrap().in_account(Some(Currency::USD)).unwrap_err();
        assert_eq!(
            billed_in_dollars.to_string(),
            "t.yaml:8:26: templates[0].max_price.currency is INR, and the account is billed in USD; a max price is in the account's currency: convert the amount"
        );
    }

    #[test]
    fn says_everything_that_is_wrong_with_its_place() {
        let text = r#"
acount: x
templates:
  - name: Eid Sale
    language: en
    category: SALES
    ttl: 2h
    max_price: { amount: "0.8712345", currency: INR }
    components: [ { text: hi } ]
  - name: eid
    languge: en
    components: text
    max_price: { amount: many, currency: RUPEE }
    parameter_format: NAME
"#;
        insta::assert_snapshot!(parse("t.yaml", text.as_bytes()).unwrap_err().to_string());
        let twice = r#"{"templates": [
            {"name": "a", "language": "en", "components": [{"type": "BODY"}]},
            {"name": "a", "language": "en", "components": [{"type": "BODY"}]}]}"#;
        assert_eq!(
            parse("t.json", twice.as_bytes()).unwrap_err().to_string(),
            "t.json:3:13: templates[1] is a (en), which is in the file twice; keep one of them"
        );
        assert_eq!(
            parse("t.yaml", b"templates: []").unwrap_err().to_string(),
            "t.yaml:1:12: templates is an empty list; add a template: name, language and components"
        );
    }
}
