//! The platform's error object, out of whatever it is wrapped in.
//!
//! Meta: `{"error":{"message":"(#code) title","code":..,"error_data":{"details":..},..}}`. 360dialog passes
//! that on, sometimes inside `{"detail":..}`, and answers its own refusals with a text in `detail`, or in
//! `meta.developerMessage` (newer: `developer_message`).

use serde_json::{Map, Value};

/// Titles and details are shown to people and kept with each message: no more than this many characters.
const MAX_TITLE: usize = 300;
const MAX_DETAILS: usize = 1_000;
/// How much of a body that is no error object is quoted.
const MAX_EXCERPT: usize = 200;

/// What an error body says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub(crate) code: Option<i64>,
    pub(crate) subcode: Option<i64>,
    pub(crate) title: String,
    pub(crate) details: Option<String>,
    pub(crate) is_transient: bool,
    pub(crate) fbtrace_id: Option<String>,
}

impl ErrorBody {
    /// Reads an error body; `None` where the body is no JSON object that speaks of an error.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let root = value.as_object()?;
        let detail = root.get("detail");
        let error = [
            root.get("error"),
            detail.and_then(|detail| detail.get("error")),
            detail,
            root.get("errors").and_then(|errors| errors.get(0)),
        ]
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .next();
        if let Some(error) = error {
            return Some(Self::from_object(error));
        }
        let said = [root.get("error"), detail, root.get("message")];
        let meta = root.get("meta");
        let developer =
            ["developer_message", "developerMessage"].map(|key| meta.and_then(|meta| meta.get(key)));
        let text = said.into_iter().chain(developer).flatten().find_map(Value::as_str)?;
        Some(Self {
            code: None,
            subcode: None,
            title: shortened(text, MAX_TITLE),
            details: None,
            is_transient: false,
            fbtrace_id: None,
        })
    }

    fn from_object(error: &Map<String, Value>) -> Self {
        let text = |key: &str| error.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let title = text("message")
            .or_else(|| text("title"))
            .or_else(|| text("error_user_title"))
            .unwrap_or_default();
        let details = error
            .get("error_data")
            .and_then(|data| data.get("details").or(Some(data)))
            .and_then(Value::as_str)
            .or_else(|| text("details"))
            .or_else(|| text("error_user_msg"));
        Self {
            code: error.get("code").and_then(integer),
            subcode: error.get("error_subcode").and_then(integer),
            title: shortened(without_code(title), MAX_TITLE),
            details: details.map(|details| shortened(details, MAX_DETAILS)),
            is_transient: error.get("is_transient").and_then(Value::as_bool).unwrap_or(false),
            fbtrace_id: text("fbtrace_id").map(|id| shortened(id, 64)),
        }
    }
}

/// The beginning of a body that could not be read as anything else, for a person: one line, no control
/// characters. Empty where there is nothing to show.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let head = body.get(..4 * MAX_EXCERPT).unwrap_or(body);
    shortened(&String::from_utf8_lossy(head), MAX_EXCERPT)
}

/// One line of at most `max` characters.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    let mut words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    match line.char_indices().nth(max) {
        Some((end, _)) => {
            line.truncate(end);
            line.push('…');
            line
        }
        None => line,
    }
}

/// `(#131030) Recipient not in list` without its `(#131030) `: the code is told apart from the title.
fn without_code(title: &str) -> &str {
    title
        .strip_prefix("(#")
        .and_then(|rest| rest.split_once(')'))
        .filter(|(code, _)| code.bytes().all(|b| b.is_ascii_digit()))
        .map_or(title, |(_, rest)| rest.trim_start())
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_metas_object() {
        let body = br#"{"error":{"message":"(#131030) Recipient phone number not in allowed list","type":"OAuthException",
            "code":131030,"error_subcode":2655007,"error_data":{"messaging_product":"whatsapp","details":"Add it first."},
            "fbtrace_id":"Az8or2yhqkZfEZ-_4Qn_Bam","is_transient":true}}"#;
        assert_eq!(
            ErrorBody::read(body),
            Some(ErrorBody {
                code: Some(131_030),
                subcode: Some(2_655_007),
                title: "Recipient phone number not in allowed list".into(),
                details: Some("Add it first.".into()),
                is_transient: true,
                fbtrace_id: Some("Az8or2yhqkZfEZ-_4Qn_Bam".into()),
            })
        );
    }

    #[test]
    fn reads_what_360dialog_wraps() {
        let code = |body: &str| ErrorBody::read(body.as_bytes()).map(|error| (error.code, error.title));
        let some = |code, title: &str| Some((code, title.to_owned()));
        assert_eq!(
            code(r#"{"detail":{"error":{"code":130429,"message":"(#130429) Slow"}}}"#),
            some(Some(130_429), "Slow")
        );
        assert_eq!(code(r#"{"detail":{"code":"190","message":"x"}}"#), some(Some(190), "x"));
        assert_eq!(code(r#"{"errors":[{"code":1014,"title":"t","details":"d"}]}"#), some(Some(1014), "t"));
        assert_eq!(code(r#"{"detail":"Invalid api key"}"#), some(None, "Invalid api key"));
        assert_eq!(code(r#"{"meta":{"developer_message":"Rate"}}"#), some(None, "Rate"));
        let older = r#"{"meta":{"httpCode":401,"developerMessage":"Invalid API key","success":false}}"#;
        assert_eq!(code(older), some(None, "Invalid API key"));
        assert_eq!(code(r#"{"error":{}}"#), some(None, ""));
    }

    #[test]
    fn other_bodies_are_no_errors() {
        for body in [
            "",
            "<html>",
            "[]",
            "7",
            "{}",
            r#"{"error":null}"#,
            r#"{"messages":[]}"#,
            "{\"error\":\"x",
            "\u{0}",
        ] {
            assert_eq!(ErrorBody::read(body.as_bytes()), None, "{body}");
        }
        let deep = format!("{{\"error\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(ErrorBody::read(deep.as_bytes()), None);
    }

    #[test]
    fn quotes_are_short_and_on_one_line() {
        assert_eq!(excerpt(b"<html>\r\n  <b>502\tBad\x00 Gateway</b>"), "<html> <b>502 Bad Gateway</b>");
        assert_eq!(excerpt(b""), "");
        assert_eq!(shortened("ééééé", 3), "ééé…");
        assert_eq!(excerpt(&vec![b'x'; 100_000]).chars().count(), MAX_EXCERPT + 1);
    }
}
