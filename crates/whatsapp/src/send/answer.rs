//! Reads the platform's answer to a send into an outcome. Pure: what was received goes in, what is known
//! comes out.

use reqwest::header::{HeaderMap, LOCATION};
use serde::Deserialize;
use serde_json::Value;

use super::{Accepted, MessageStatus, Refusal, SendOutcome};
use crate::error_body::{ErrorBody, excerpt, shortened};
use crate::throttle;

/// Reads a complete answer.
///
/// | answer | outcome |
/// | --- | --- |
/// | 2xx with a message id | accepted |
/// | any status with an error object that has a code | refused, with the code |
/// | 4xx without one | refused, without a code: nothing in front of or in the platform took the request |
/// | 408 and 499 without one | unknown: a gateway gave up waiting, and cannot say for what |
/// | 5xx without one | unknown |
/// | 2xx without a message id, 1xx, 3xx | unknown |
pub(super) fn read(http_status: u16, headers: &HeaderMap, body: &[u8]) -> SendOutcome {
    let success = (200..300).contains(&http_status);
    if success && let Some(accepted) = accepted(headers, body) {
        return SendOutcome::Accepted(accepted);
    }
    let error = ErrorBody::read(body);
    if let Some(error) = error.as_ref().filter(|error| error.code.is_some()) {
        return SendOutcome::Refused(refusal(http_status, headers, error.clone()));
    }
    if (400..500).contains(&http_status) && !matches!(http_status, 408 | 499) {
        let error = error.filter(|error| !error.title.is_empty()).unwrap_or_else(|| ErrorBody {
            code: None,
            subcode: None,
            title: format!("HTTP {http_status} without an error code"),
            details: Some(excerpt(body)).filter(|text| !text.is_empty()),
            is_transient: false,
            fbtrace_id: None,
        });
        return SendOutcome::Refused(refusal(http_status, headers, error));
    }
    SendOutcome::Unknown(unreadable(http_status, headers, body))
}

/// The reason for an answer that broke off.
pub(super) fn broken_off(http_status: u16, why: &str) -> SendOutcome {
    SendOutcome::Unknown(format!("the platform's answer (HTTP {http_status}) broke off: {why}"))
}

fn unreadable(http_status: u16, headers: &HeaderMap, body: &[u8]) -> String {
    if (300..400).contains(&http_status) {
        let to = headers.get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
        return format!(
            "the platform answered with a redirect (HTTP {http_status}) to {}, which is not followed; base_url \
             should be the final address",
            to.as_deref().map_or("nowhere".to_owned(), |to| shortened(to, 200)),
        );
    }
    let said = match excerpt(body) {
        text if text.is_empty() => "nothing".to_owned(),
        text => format!("`{text}`"),
    };
    let missing = if (200..300).contains(&http_status) { "a message id" } else { "an error code" };
    format!("the platform answered HTTP {http_status} without {missing}; it said {said}")
}

fn refusal(http_status: u16, headers: &HeaderMap, error: ErrorBody) -> Refusal {
    Refusal {
        http_status,
        code: error.code,
        subcode: error.subcode,
        title: error.title,
        details: error.details,
        is_transient: error.is_transient,
        fbtrace_id: error.fbtrace_id,
        retry_after: throttle::retry_after(headers),
        usage: throttle::usage(headers),
    }
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    contacts: Vec<Contact>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Contact {
    wa_id: Option<String>,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    message_status: Option<String>,
}

fn accepted(headers: &HeaderMap, body: &[u8]) -> Option<Accepted> {
    // Anything odd in the answer must not hide the message id: a message without it is a message in doubt.
    let response = serde_json::from_slice(body).ok().or_else(|| salvaged(body))?;
    let Response { contacts, messages } = response;
    let message = messages.into_iter().find(|message| !message.id.is_empty())?;
    let contact = contacts.into_iter().next();
    let (wa_id, user_id) = contact.map_or((None, None), |contact| (contact.wa_id, contact.user_id));
    Some(Accepted {
        wamid: message.id,
        status: match message.message_status.as_deref() {
            Some("held_for_quality_assessment") => MessageStatus::Held,
            Some("paused") => MessageStatus::Paused,
            _ => MessageStatus::Accepted,
        },
        wa_id,
        user_id,
        usage: throttle::usage(headers),
    })
}

/// The message ids of an answer that is JSON but not quite of the documented shape.
fn salvaged(body: &[u8]) -> Option<Response> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let list = |key: &str| value.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    Some(Response {
        contacts: list("contacts")
            .iter()
            .map(|contact| Contact { wa_id: text(contact, "wa_id"), user_id: text(contact, "user_id") })
            .collect(),
        messages: list("messages")
            .iter()
            .filter_map(|message| {
                Some(Message { id: text(message, "id")?, message_status: text(message, "message_status") })
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, body: &str) -> SendOutcome {
        read(status, &HeaderMap::new(), body.as_bytes())
    }

    fn taken(body: &str) -> Accepted {
        match outcome(200, body) {
            SendOutcome::Accepted(accepted) => accepted,
            other @ (SendOutcome::Refused(_) | SendOutcome::NotSent(_) | SendOutcome::Unknown(_)) => {
                panic!("{other:?}")
            }
        }
    }

    #[test]
    fn a_message_id_is_acceptance() {
        let full = taken(
            r#"{"messaging_product":"whatsapp","contacts":[{"input":"+16315552222","wa_id":"16315552222","user_id":"US.13"}],
                "messages":[{"id":"wamid.A","message_status":"accepted"}],"success":true}"#,
        );
        assert_eq!((full.wamid.as_str(), full.status), ("wamid.A", MessageStatus::Accepted));
        assert_eq!((full.wa_id.as_deref(), full.user_id.as_deref()), (Some("16315552222"), Some("US.13")));

        let status = |status: &str| {
            taken(&format!(r#"{{"messages":[{{"id":"w","message_status":{status}}}]}}"#)).status
        };
        assert_eq!(status(r#""held_for_quality_assessment""#), MessageStatus::Held);
        assert_eq!(status(r#""paused""#), MessageStatus::Paused);
        for other in [r#""accepted""#, r#""new_in_2027""#, "null", "7", "{}"] {
            assert_eq!(status(other), MessageStatus::Accepted, "{other}");
        }
        assert_eq!(taken(r#"{"contacts":"odd","messages":[7,{"id":"w"}]}"#).wamid, "w");
        assert_eq!(taken(r#"{"contacts":[{"wa_id":491511234567}],"messages":[{"id":"w"}]}"#).wamid, "w");
    }

    #[test]
    fn success_without_a_message_id_is_unknown() {
        for body in [
            "",
            "ok",
            "<html>",
            "{}",
            "[]",
            r#"{"messages":[]}"#,
            r#"{"messages":[{}]}"#,
            r#"{"messages":[{"id":""}]}"#,
            r#"{"messages":[{"id":7}]}"#,
            r#"{"messages":[{"id":"wamid.A"}"#,
            r#"{"error":{"message":"no code"}}"#,
        ] {
            assert!(matches!(outcome(200, body), SendOutcome::Unknown(_)), "{body}");
        }
    }

    #[test]
    fn an_error_code_is_a_refusal_whatever_the_status() {
        for status in [200, 400, 401, 404, 408, 429, 500, 503] {
            let outcome =
                outcome(status, r#"{"error":{"code":131000,"message":"(#131000) Something went wrong"}}"#);
            let SendOutcome::Refused(refusal) = outcome else { panic!("{status}: {outcome:?}") };
            assert_eq!((refusal.http_status, refusal.code), (status, Some(131_000)));
            assert_eq!(refusal.title, "Something went wrong");
        }
    }

    #[test]
    fn without_a_code_only_a_4xx_is_a_refusal() {
        for status in [400, 401, 403, 404, 413, 429] {
            let outcome = outcome(status, "<html>nginx</html>");
            let SendOutcome::Refused(refusal) = outcome else { panic!("{status}: {outcome:?}") };
            assert_eq!((refusal.code, refusal.details.as_deref()), (None, Some("<html>nginx</html>")));
            assert_eq!(refusal.title, format!("HTTP {status} without an error code"));
        }
        let SendOutcome::Refused(refusal) = outcome(401, r#"{"detail":"Invalid api key"}"#) else { panic!() };
        assert_eq!(refusal.title, "Invalid api key");
        for status in [100, 301, 302, 303, 307, 308, 408, 499, 500, 502, 503, 504, 600, 999] {
            for body in ["", "<html>", "{}", r#"{"error":{"message":"x"}}"#] {
                assert!(matches!(outcome(status, body), SendOutcome::Unknown(_)), "{status} {body}");
            }
        }
    }

    #[test]
    fn an_unknown_says_what_came() {
        let say = |status, body| match outcome(status, body) {
            SendOutcome::Unknown(why) => why,
            other @ (SendOutcome::Refused(_) | SendOutcome::NotSent(_) | SendOutcome::Accepted(_)) => {
                panic!("{other:?}")
            }
        };
        insta::assert_snapshot!(say(502, ""), @"the platform answered HTTP 502 without an error code; it said nothing");
        insta::assert_snapshot!(say(500, "<h1>Oops</h1>\n"), @"the platform answered HTTP 500 without an error code; it said `<h1>Oops</h1>`");
        insta::assert_snapshot!(say(200, "OK"), @"the platform answered HTTP 200 without a message id; it said `OK`");
        insta::assert_snapshot!(say(307, ""), @"the platform answered with a redirect (HTTP 307) to nowhere, which is not followed; base_url should be the final address");
    }
}
