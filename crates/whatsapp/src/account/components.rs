//! A template's parts as the account has them, and the variables that a send must fill.

use std::fmt;

use serde_json::Value;

use super::ask::text;

/// The parts of a template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateComponents {
    /// Its header.
    pub header: Option<HeaderInfo>,
    /// Its body.
    pub body: TextInfo,
    /// Its footer; footers have no variables.
    pub footer: Option<String>,
    /// Its buttons, in their order: a button's place is its index in a send.
    pub buttons: Vec<ButtonInfo>,
    /// Whether it is a limited-time offer, which wants its end in every send.
    pub limited_time_offer: bool,
    /// The cards of a carousel.
    pub cards: Vec<CardInfo>,
    /// Kinds of component that this program does not know.
    pub unknown: Vec<String>,
}

/// A text with variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextInfo {
    /// With its placeholders, `Hi {{1}}`.
    pub text: String,
    /// The variables' names or numbers, each once, in the order in which they come: `["1", "2"]`.
    pub variables: Vec<String>,
}

impl TextInfo {
    fn of(text: String) -> Self {
        let variables = variables(&text);
        Self { text, variables }
    }
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderInfo {
    /// What it shows.
    pub format: HeaderFormat,
    /// Its text; empty for media.
    pub text: TextInfo,
}

/// What a header shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HeaderFormat {
    /// Text, with at most one variable.
    Text,
    /// An image, to be given in the send.
    Image,
    /// A video, to be given in the send.
    Video,
    /// A document, to be given in the send.
    Document,
    /// A GIF, to be given in the send.
    Gif,
    /// A place, to be given in the send.
    Location,
    /// A product, to be given in the send.
    Product,
    /// One this program does not know.
    Other(String),
}

impl fmt::Display for HeaderFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
            Self::Gif => "gif",
            Self::Location => "location",
            Self::Product => "product",
            Self::Other(name) => name,
        })
    }
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ButtonInfo {
    /// Its kind in lower case: `quick_reply`, `url`, `copy_code`, `catalog`, `mpm`, `flow`, `order_details`,
    /// `phone_number`, ...
    pub kind: String,
    /// Its label.
    pub label: String,
    /// Its address, for `url`, with the variables at its end.
    pub url: Option<TextInfo>,
}

/// A card of a carousel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardInfo {
    /// Its picture or video.
    pub header: Option<HeaderInfo>,
    /// Its body.
    pub body: TextInfo,
    /// Its buttons.
    pub buttons: Vec<ButtonInfo>,
}

/// Reads `components`.
pub(super) fn read(value: Option<&Value>) -> TemplateComponents {
    let mut parts = TemplateComponents::default();
    for component in list(value) {
        let kind = text(component, "type").unwrap_or_default().to_ascii_uppercase();
        match kind.as_str() {
            "HEADER" => parts.header = Some(header(component)),
            "BODY" => parts.body = TextInfo::of(text(component, "text").unwrap_or_default()),
            "FOOTER" => parts.footer = text(component, "text"),
            "BUTTONS" => parts.buttons.extend(list(component.get("buttons")).iter().map(button)),
            "LIMITED_TIME_OFFER" => parts.limited_time_offer = true,
            "CAROUSEL" => parts.cards.extend(list(component.get("cards")).iter().map(card)),
            _ => parts.unknown.push(kind),
        }
    }
    parts
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn header(component: &Value) -> HeaderInfo {
    let format = match text(component, "format").unwrap_or_default().to_ascii_uppercase().as_str() {
        "TEXT" => HeaderFormat::Text,
        "IMAGE" => HeaderFormat::Image,
        "VIDEO" => HeaderFormat::Video,
        "DOCUMENT" => HeaderFormat::Document,
        "GIF" => HeaderFormat::Gif,
        "LOCATION" => HeaderFormat::Location,
        "PRODUCT" => HeaderFormat::Product,
        other => HeaderFormat::Other(other.to_owned()),
    };
    HeaderInfo { format, text: TextInfo::of(text(component, "text").unwrap_or_default()) }
}

fn button(button: &Value) -> ButtonInfo {
    ButtonInfo {
        kind: text(button, "type").unwrap_or_default().to_ascii_lowercase(),
        label: text(button, "text").unwrap_or_default(),
        url: text(button, "url").map(TextInfo::of),
    }
}

fn card(card: &Value) -> CardInfo {
    let TemplateComponents { header, body, buttons, .. } = read_flat(card.get("components"));
    CardInfo { header, body, buttons }
}

/// A card's parts; a card has no cards, so that an answer cannot make this go on for ever.
fn read_flat(value: Option<&Value>) -> TemplateComponents {
    let flat: Vec<Value> = list(value).iter().filter(|part| part.get("cards").is_none()).cloned().collect();
    read(Some(&Value::Array(flat)))
}

/// The variables of a text, each once, in the order in which they come. What stands in braces and is neither
/// a number nor a name (`[a-z0-9_]`) is text.
fn variables(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in text.split("{{").skip(1) {
        let Some((name, _)) = part.split_once("}}") else { continue };
        let name = name.trim();
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_name && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_variables() {
        for (text, names) in [
            ("Hi {{1}}, {{2}} off until {{1}}", vec!["1", "2"]),
            ("Hi {{ first_name }}", vec!["first_name"]),
            ("{{1}}{{2}}", vec!["1", "2"]),
            ("no { braces } {{}} {{a b}} {{", vec![]),
            ("{{{1}}}", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(variables(text), names, "{text}");
        }
    }

    #[test]
    fn reads_a_template_with_everything() {
        let parts = read(Some(&json!([
            {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["x"]}},
            {"type": "BODY", "text": "Hi {{1}}, {{2}} off"},
            {"type": "FOOTER", "text": "Reply STOP to stop"},
            {"type": "limited_time_offer", "limited_time_offer": {"text": "Now", "has_expiration": true}},
            {"type": "BUTTONS", "buttons": [
                {"type": "COPY_CODE", "example": "SAVE20"},
                {"type": "URL", "text": "Shop", "url": "https://example.com/{{1}}"},
                {"type": "QUICK_REPLY", "text": "Stop"}]},
            {"type": "CAROUSEL", "cards": [{"components": [
                {"type": "HEADER", "format": "VIDEO"},
                {"type": "BODY", "text": "{{1}}"},
                {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Buy", "url": "https://example.com"}]},
                {"type": "CAROUSEL", "cards": []}]}]},
            {"type": "CALL_PERMISSION"}
        ])));
        assert_eq!(parts.header.as_ref().unwrap().format, HeaderFormat::Image);
        assert_eq!(parts.body.variables, ["1", "2"]);
        assert_eq!(parts.footer.as_deref(), Some("Reply STOP to stop"));
        assert!(parts.limited_time_offer);
        let kinds: Vec<&str> = parts.buttons.iter().map(|button| button.kind.as_str()).collect();
        assert_eq!(kinds, ["copy_code", "url", "quick_reply"]);
        assert_eq!(parts.buttons[1].url.as_ref().unwrap().variables, ["1"]);
        assert_eq!(parts.cards.len(), 1);
        assert_eq!(parts.cards[0].header.as_ref().unwrap().format, HeaderFormat::Video);
        assert!(parts.cards[0].buttons[0].url.as_ref().unwrap().variables.is_empty());
        assert_eq!(parts.unknown, ["CALL_PERMISSION"]);
        assert_eq!(read(None), TemplateComponents::default());
        assert_eq!(read(Some(&json!({"type": "BODY"}))), TemplateComponents::default());
    }
}
