//! What came beside statuses, by kind: counted durably, so that nothing that the platform says goes unnoticed.

use std::collections::BTreeMap;

use store::webhooks::WebhookCount;
use whatsapp::webhook::{Choice, Event};

/// More kinds than this are not told apart in one commit: unknown fields may have any name.
const MOST_KINDS: usize = 64;

/// The kind of what should have been readable and is not.
const UNREADABLE: &str = "unreadable";

/// What stands for the kinds beyond [`MOST_KINDS`], and for what a post has too much of to be told apart.
const FURTHER: &str = "other";

/// The longest name of a kind, and the longest id of a number, in characters.
const LONGEST: (usize, usize) = (100, 64);

/// How many events of each kind and number.
#[derive(Debug, Default)]
pub struct Seen {
    counts: BTreeMap<(String, String), u64>,
}

impl Seen {
    /// Counts an event that is no status.
    pub fn count(&mut self, event: &Event) {
        if let Event::Further { unreadable, other } = event {
            self.add(UNREADABLE.to_owned(), None, *unreadable);
            self.add(FURTHER.to_owned(), None, *other);
        } else if let Some((kind, number)) = kind(event) {
            self.add(kind, number, 1);
        }
    }

    /// Counts one of a kind, of a number.
    pub fn count_kind(&mut self, kind: String, number: Option<&str>) {
        self.add(kind, number, 1);
    }

    fn add(&mut self, kind: String, number: Option<&str>, n: u64) {
        if n == 0 {
            return;
        }
        let kind: String = kind.chars().take(LONGEST.0).collect();
        let number: String = number.unwrap_or_default().chars().take(LONGEST.1).collect();
        let mut key = (kind, number);
        if self.counts.len() >= MOST_KINDS && !self.counts.contains_key(&key) {
            key = (FURTHER.to_owned(), String::new());
        }
        *self.counts.entry(key).or_default() += n;
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Vec<WebhookCount> {
        let count = |((kind, number), n): (&(String, String), &u64)| WebhookCount {
            kind: kind.clone(),
            number: number.clone(),
            n: *n,
        };
        self.counts.iter().map(count).collect()
    }
}

/// The kind of an event and its number; `None` for statuses, which are counted with their messages, and for what stands
/// for many.
fn kind(event: &Event) -> Option<(String, Option<&str>)> {
    let plain = |kind: &str| (kind.to_owned(), None);
    Some(match event {
        Event::Status(_) | Event::Further { .. } => return None,
        Event::Preference(preference) => {
            let choice = match preference.choice {
                Choice::Stop => "stop",
                Choice::Resume => "resume",
            };
            (format!("preference.{choice}"), preference.phone_number_id.as_deref())
        }
        Event::Inbound(inbound) => ("inbound".to_owned(), inbound.phone_number_id.as_deref()),
        // The component tells a click on the button from one in the text.
        Event::UserAction(action) => {
            let mut kind = format!("click.{}", action.action);
            if let Some(component) = &action.component {
                kind = format!("{kind}.{}", component.to_ascii_lowercase());
            }
            (kind, action.phone_number_id.as_deref())
        }
        Event::AppError(error) => ("app_error".to_owned(), error.phone_number_id.as_deref()),
        Event::TemplateStatus(_) => plain("template_status"),
        Event::TemplateQuality(_) => plain("template_quality"),
        Event::TemplateCategory(_) => plain("template_category"),
        // Under a name of the platform's documentation: others may be any, and are in the log.
        Event::AccountUpdate(update) => {
            (format!("account_update.{}", update.event.known_name().unwrap_or(FURTHER)), None)
        }
        Event::PhoneQuality(_) => plain("phone_quality"),
        Event::Capability(_) => plain("capability"),
        Event::Alert(_) => plain("alert"),
        Event::Other { field } => (format!("other.{field}"), None),
        Event::Unreadable { .. } => plain(UNREADABLE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(body: &str) -> Vec<(String, String, u64)> {
        let mut seen = Seen::default();
        for posted in whatsapp::webhook::decode(body.as_bytes()).unwrap() {
            seen.count(&posted.event);
        }
        seen.counts().into_iter().map(|count| (count.kind, count.number, count.n)).collect()
    }

    fn row(kind: &str, number: &str, n: u64) -> (String, String, u64) {
        (kind.to_owned(), number.to_owned(), n)
    }

    #[test]
    fn clicks_are_counted_by_number_and_component() {
        let click = r#"{"timestamp":1,"action_type":"marketing_messages_link_click","marketing_messages_link_click_data":{"click_component":"cta"}}"#;
        let view = r#"{"timestamp":"1","action_type":"landing_page_view"}"#;
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"7"}},"user_actions":[{click},{click},{view}]}}}}]}}]}}"#
        );
        assert_eq!(
            counted(&body),
            [row("click.landing_page_view", "7", 1), row("click.marketing_messages_link_click.cta", "7", 2)]
        );
    }

    #[test]
    fn account_events_are_counted_by_their_name_and_unknown_ones_together() {
        let named = ["VERIFIED_ACCOUNT", "DISABLED_UPDATE", "ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION"];
        let named = named.into_iter().chain(["MM_LITE_TERMS_SIGNED", "verified_account"]).map(str::to_owned);
        let changes: Vec<String> = named
            .chain((0..90).map(|n| format!("UNHEARD_OF_{n}")))
            .map(|event| format!(r#"{{"field":"account_update","value":{{"event":"{event}"}}}}"#))
            .collect();
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{}]}}]}}"#,
            changes.join(",")
        );
        assert_eq!(
            counted(&body),
            [
                row("account_update.ACCOUNT_RESTRICTION", "", 1),
                row("account_update.ACCOUNT_VIOLATION", "", 1),
                row("account_update.DISABLED_UPDATE", "", 1),
                row("account_update.MM_LITE_TERMS_SIGNED", "", 1),
                row("account_update.VERIFIED_ACCOUNT", "", 2),
                row("account_update.other", "", 90),
            ]
        );
    }

    #[test]
    fn what_nobody_knows_is_counted_by_its_name_up_to_a_number_of_names() {
        let changes: Vec<String> =
            (0..200).map(|n| format!(r#"{{"field":"{n:03}{}","value":{{}}}}"#, "é".repeat(90))).collect();
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{}]}}]}}"#,
            changes.join(",")
        );
        let counted = counted(&body);
        assert_eq!(counted.len(), MOST_KINDS + 1);
        assert_eq!(counted[0], row("other", "", 200 - MOST_KINDS as u64));
        assert!(counted.iter().all(|(kind, ..)| kind.chars().count() <= LONGEST.0));
    }
}
