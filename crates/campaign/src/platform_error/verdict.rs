//! What one error means, from its code, HTTP status, text and circumstances.

use serde::{Deserialize, Serialize};

use super::code::{Class, Delay, Scope, Stopped};
use super::table::{SYNC_WAIT, lookup};

/// How we learnt of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learnt {
    /// From the answer to our request. An ambiguous error leaves open whether the message was sent.
    Answer,
    /// From a `failed` status webhook: the message was accepted before and has certainly failed.
    Status,
}

/// What is known about the message beside the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances<'a> {
    /// How we learnt of the error.
    pub learnt: Learnt,
    /// Whether the template is new or was idle until now (see [`crate::gate::GateState::is_unsettled`]):
    /// then 131009 means "not synced yet".
    pub template_unsettled: bool,
    /// The recipient's country, as a two-letter ISO code, where it is known.
    pub country: Option<&'a str>,
}

/// What an error means for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What to do.
    pub class: Class,
    /// Whether the message may have been sent all the same: then its outcome is unknown, and it becomes
    /// `in_doubt` instead of being tried again.
    pub ambiguous: bool,
    /// What the error reaches: where it is narrower than the class, this is what counts (a missing
    /// permission is of class `StopAll`, but reaches one account).
    pub scope: Scope,
    /// How long to wait before another try.
    pub delay: Delay,
    /// Whether the try uses up one of the message's attempts.
    pub counts_as_attempt: bool,
    /// Whether what `scope` names should slow down.
    pub throttle: bool,
    /// Whether the template's gate closes ([`crate::gate::GateState::on_not_synced`]).
    pub closes_gate: bool,
    /// Whether many of them in a row should stop the template.
    pub breaker: bool,
    /// Whether a stop lifts without anybody doing anything.
    pub lifts_by_itself: bool,
    /// What happened and what to do, in plain English.
    pub explanation: String,
}

impl Verdict {
    fn new(class: Class, scope: Scope, explanation: impl Into<String>) -> Self {
        let again = matches!(class, Class::Retry | Class::Later);
        Self {
            class,
            ambiguous: false,
            scope,
            delay: if again { Delay::Backoff } else { Delay::Never },
            counts_as_attempt: !class.stops(),
            throttle: false,
            closes_gate: false,
            breaker: false,
            lifts_by_itself: false,
            explanation: explanation.into(),
        }
    }

    /// What the error stops: what its class says, or what is narrower, where its scope is.
    pub fn stops(&self) -> Option<Stopped> {
        match self.class {
            Class::StopTemplate => Some(Stopped::Template),
            Class::StopSender => Some(Stopped::Sender),
            Class::StopAccount => Some(Stopped::Account),
            Class::StopAll if self.scope == Scope::Account => Some(Stopped::Account),
            Class::StopAll => Some(Stopped::Token),
            Class::Retry | Class::Later | Class::DropRecipient | Class::OurBug => None,
        }
    }

    fn ambiguous(mut self) -> Self {
        self.ambiguous = true;
        self
    }

    fn breaker(mut self) -> Self {
        self.breaker = true;
        self
    }

    fn throttle(mut self) -> Self {
        self.throttle = true;
        self.counts_as_attempt = false;
        self
    }
}

/// What an error means: `code` is the platform's (`None` where the body held none, as an HTML page does),
/// `http_status` that of the answer (`None` for webhooks), `details` the error's message, title and
/// details, in any order.
///
/// Codes that the platform does not document are judged by their HTTP status: 401 stops everything, 429
/// slows down, 408 and 5xx leave open whether the message was sent, and any other is this message's own
/// failure, many of which in a row stop the template. Without a code, 403 stops the account (360dialog
/// answers so when it blocks one), and what is neither an error nor an answer we can read is in doubt. A 400 without a
/// code is read by its words (360dialog: error code reference): a number that it switched off, overdue invoices, its own
/// limit.
pub fn classify(
    code: Option<i64>,
    http_status: Option<u16>,
    details: &str,
    circumstances: Circumstances<'_>,
) -> Verdict {
    let mut verdict = match code {
        Some(code) => coded(code, http_status, details, circumstances),
        None => own_words(http_status, details).unwrap_or_else(|| uncoded(http_status, circumstances.learnt)),
    };
    match circumstances.learnt {
        Learnt::Answer => {}
        // A status says what became of the message: nothing about it is open.
        Learnt::Status => verdict.ambiguous = false,
    }
    verdict
}

fn coded(code: i64, http_status: Option<u16>, details: &str, circumstances: Circumstances<'_>) -> Verdict {
    let text = details.to_lowercase();
    if let Some(special) = special(code, &text, circumstances) {
        return special;
    }
    let Some(info) = lookup(code) else {
        return unknown(code, http_status, details, circumstances.learnt);
    };
    Verdict {
        class: info.class,
        ambiguous: info.ambiguous,
        scope: info.scope,
        delay: info.delay,
        counts_as_attempt: info.counts_as_attempt,
        throttle: info.throttle,
        closes_gate: code == 134_101,
        breaker: info.breaker,
        lifts_by_itself: info.lifts_by_itself,
        explanation: format!("{}: {}", info.title, info.advice),
    }
}

/// Codes whose meaning depends on the text or on what we know about the message.
fn special(code: i64, text: &str, circumstances: Circumstances<'_>) -> Option<Verdict> {
    match code {
        // Meta: "You need to sign the testing legal agreement before sending out messages."
        100 if text.contains("legal agreement") => Some(Verdict::new(
            Class::StopAccount,
            Scope::Account,
            "Agreement not signed: sending with a max price needs Meta's max-price agreement. Sign it, then resume.",
        )),
        // 360dialog: "#200 You must accept the Marketing Messages Lite API terms".
        10 | 200..=299 if text.contains("marketing messages") && text.contains("terms") => {
            Some(Verdict::new(
                Class::StopAccount,
                Scope::Account,
                "Not onboarded: the terms of the Marketing Messages API are not accepted for this account. Accept them (onboarding status), then resume.",
            ))
        }
        131_009 if circumstances.template_unsettled || says_not_synced(text) => {
            let mut verdict = Verdict::new(
                Class::Later,
                Scope::Template,
                "Template not synced yet: it is new or was idle, and the platform is still preparing it. Sending waits 10 minutes by itself.",
            );
            verdict.delay = Delay::Fixed(SYNC_WAIT);
            verdict.counts_as_attempt = false;
            verdict.closes_gate = true;
            Some(verdict)
        }
        // Meta: no marketing is delivered to US numbers since April 2025; another try would fail as well.
        131_049 if circumstances.country == Some("US") => Some(Verdict::new(
            Class::DropRecipient,
            Scope::Recipient,
            "United States number: Meta delivers no marketing to US numbers. Leave them out of the audience.",
        )),
        _ => None,
    }
}

fn says_not_synced(text: &str) -> bool {
    text.contains("sync") || text.contains("10 minutes")
}

fn unknown(code: i64, http_status: Option<u16>, details: &str, learnt: Learnt) -> Verdict {
    let said = shortened(details);
    let said = if said.is_empty() { String::new() } else { format!(" It says: {said}") };
    match http_status {
        Some(401) => Verdict::new(
            Class::StopAll,
            Scope::App,
            format!("Token refused: the platform answered 401 with the unknown code {code}.{said}"),
        ),
        Some(429) => Verdict::new(
            Class::Retry,
            Scope::Sender,
            format!("Sending too fast: the platform answered 429 with the unknown code {code}.{said}"),
        )
        .throttle(),
        Some(status @ (408 | 500..=599)) => Verdict::new(
            Class::Retry,
            Scope::Message,
            format!(
                "Unknown platform error {code} (HTTP {status}): the message may have been sent.{said}"
            ),
        )
        .ambiguous(),
        // What was not answered with an error is not a refusal: nobody knows what became of it.
        Some(status @ (0..=399 | 600..)) if learnt == Learnt::Answer => Verdict::new(
            Class::Retry,
            Scope::Message,
            format!("Unknown platform error {code} in an answer of HTTP {status}: the message may have been sent.{said}"),
        )
        .ambiguous(),
        Some(_) | None => Verdict::new(
            Class::DropRecipient,
            Scope::Recipient,
            format!("Unknown platform error {code}: Paceline does not know this code; look it up in Meta's documentation.{said}"),
        )
        .breaker(),
    }
}

/// Refusals that 360dialog makes itself: HTTP 400, no code, a sentence.
fn own_words(http_status: Option<u16>, details: &str) -> Option<Verdict> {
    if http_status != Some(400) {
        return None;
    }
    let text = details.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["lack of payment", "overdue invoice"]) {
        return Some(Verdict::new(
            Class::StopAccount,
            Scope::Account,
            "Invoices overdue: 360dialog sends nothing until they are paid. Pay them in its hub, then resume.",
        ));
    }
    if says(&["api has been disabled"]) {
        return Some(Verdict::new(
            Class::StopSender,
            Scope::Sender,
            "Number switched off: 360dialog says that its WhatsApp access has been disabled. Ask 360dialog's support, then resume.",
        ));
    }
    let too_fast = says(&["exceeded the endpoint rate limit", "exceeded the limit of"]);
    too_fast.then(|| {
        Verdict::new(
            Class::Retry,
            Scope::Sender,
            "Sending too fast: 360dialog's own limit is reached. The sender slows down by itself.",
        )
        .throttle()
    })
}

fn uncoded(http_status: Option<u16>, learnt: Learnt) -> Verdict {
    match http_status {
        Some(401) => Verdict::new(
            Class::StopAll,
            Scope::App,
            "Key or token refused: the platform answered 401. Check the sender's token or API key.",
        ),
        Some(403) => Verdict::new(
            Class::StopAccount,
            Scope::Account,
            "Access blocked: the platform answered 403 without an error code. Check the account with the provider.",
        ),
        Some(429) => Verdict::new(
            Class::Retry,
            Scope::Sender,
            "Sending too fast: the platform answered 429. The sender slows down by itself.",
        )
        .throttle(),
        Some(status @ (300..=399 | 404 | 405)) => Verdict::new(
            Class::OurBug,
            Scope::Sender,
            format!("Wrong address: the platform answered {status} without an error code. Check base_url, api_version and phone_number_id."),
        )
        .breaker(),
        Some(status @ (400..=407 | 409..=499)) => Verdict::new(
            Class::DropRecipient,
            Scope::Recipient,
            format!("Refused without an error code: the platform answered {status}. If many fail so, look at the raw answer."),
        )
        .breaker(),
        Some(status) => Verdict::new(
            Class::Retry,
            Scope::Message,
            format!("No usable answer: the platform answered {status} without an error code, so the message may have been sent."),
        )
        .ambiguous(),
        None => match learnt {
            Learnt::Answer => {
                Verdict::new(Class::Retry, Scope::Message, "No usable answer: the message may have been sent.")
                    .ambiguous()
            }
            Learnt::Status => Verdict::new(
                Class::DropRecipient,
                Scope::Recipient,
                "Failed without a reason: the platform reports a failure and gives no error code.",
            )
            .breaker(),
        },
    }
}

/// The text on one line, without control characters, at most 200 characters: it comes from outside.
fn shortened(details: &str) -> String {
    const MOST: usize = 200;
    let clean: String = details.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if clean.chars().count() <= MOST {
        return clean;
    }
    clean.chars().take(MOST - 3).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::table::TABLE;
    use super::*;

    const PLAIN: Circumstances<'static> =
        Circumstances { learnt: Learnt::Answer, template_unsettled: false, country: Some("IN") };

    fn class(code: i64) -> Class {
        classify(Some(code), lookup(code).and_then(|i| i.http), "", PLAIN).class
    }

    /// The codes of the platform's documents with their classes, written down apart from the table.
    const EXPECTED: &[(&[i64], Class)] = &[
        (&[1, 2, 4, 613, 80_007, 130_429, 131_000, 131_016, 131_057, 133_004], Class::Retry),
        (&[131_049, 131_056, 134_101], Class::Later),
        (
            &[
                130_403, 130_472, 130_497, 131_021, 131_026, 131_030, 131_050, 131_062, 132_005, 132_008,
                137_000,
            ],
            Class::DropRecipient,
        ),
        (
            &[
                131_055, 132_001, 132_007, 132_015, 132_016, 132_068, 132_069, 134_011, 134_100, 134_102,
                134_103, 2_388_019,
            ],
            Class::StopTemplate,
        ),
        (
            &[
                33, 131_037, 131_045, 131_048, 133_000, 133_005, 133_006, 133_008, 133_009, 133_010, 133_015,
                133_016,
            ],
            Class::StopSender,
        ),
        (&[368, 131_005, 131_031, 131_042, 131_063, 131_064], Class::StopAccount),
        (&[0, 3, 10, 104, 190, 200, 201, 250, 299], Class::StopAll),
        (
            &[
                100, 131_008, 131_009, 131_047, 131_051, 131_052, 131_053, 131_061, 132_000, 132_012,
                132_018, 135_000, 200_005, 200_006, 200_007, 1_752_041, 2_388_040, 2_388_047, 2_388_072,
                2_388_073, 2_388_293, 2_388_299,
            ],
            Class::OurBug,
        ),
    ];

    #[test]
    fn every_documented_code_has_its_class() {
        for (codes, expected) in EXPECTED {
            for code in *codes {
                assert!(lookup(*code).is_some(), "{code} is missing");
                assert_eq!(class(*code), *expected, "{code}");
            }
        }
        let expected =
            |info: &&super::super::CodeInfo| EXPECTED.iter().any(|(codes, _)| codes.contains(&info.first));
        let surplus: Vec<_> = TABLE.iter().filter(|i| !expected(i)).map(|i| i.first).collect();
        assert_eq!(surplus, Vec::<i64>::new(), "codes that the list above does not know");
    }

    #[test]
    fn the_table_is_in_order_and_consistent() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].last < pair[1].first, "{} and {}", pair[0].first, pair[1].first);
        }
        for info in TABLE {
            assert!(info.first <= info.last, "{}", info.first);
            assert!(!info.title.is_empty() && !info.title.ends_with('.'), "{}", info.first);
            assert!(info.advice.ends_with('.'), "{}", info.first);
            let again = matches!(info.class, Class::Retry | Class::Later);
            assert_eq!(info.delay != Delay::Never, again, "{}", info.first);
            assert!(!info.ambiguous || info.class == Class::Retry, "{}", info.first);
        }
    }

    #[test]
    fn only_documented_codes_are_ambiguous() {
        let ambiguous: Vec<_> = TABLE.iter().filter(|i| i.ambiguous).map(|i| i.first).collect();
        assert_eq!(ambiguous, [1, 2, 131_000, 131_016]);
        let opt_outs: Vec<_> = TABLE.iter().filter(|i| i.opt_out).map(|i| i.first).collect();
        assert_eq!(opt_outs, [131_050]);
        let throttles: Vec<_> = TABLE.iter().filter(|i| i.throttle).map(|i| i.first).collect();
        assert_eq!(throttles, [4, 613, 80_007, 130_429]);
    }

    #[test]
    fn http_statuses_are_the_documented_ones() {
        for (code, http) in [
            (0, Some(401)),
            (2, Some(503)),
            (3, Some(500)),
            (10, Some(403)),
            (299, Some(403)),
            (130_429, Some(400)),
            (131_000, Some(500)),
            (132_001, Some(404)),
            (133_004, Some(503)),
            (134_102, Some(500)),
            (134_103, None),
            (130_403, None),
        ] {
            assert_eq!(lookup(code).unwrap().http, http, "{code}");
        }
    }

    #[test]
    fn text_changes_the_class() {
        let details = "You need to sign the testing legal agreement before sending out messages.";
        assert_eq!(classify(Some(100), Some(400), details, PLAIN).class, Class::StopAccount);
        let details = "#200 You must accept the Marketing Messages Lite API terms";
        let verdict = classify(Some(200), Some(403), details, PLAIN);
        assert_eq!((verdict.class, verdict.scope), (Class::StopAccount, Scope::Account));
        let details = "Ad sync incomplete: wait 10 min";
        let verdict = classify(Some(131_009), Some(400), details, PLAIN);
        assert!(verdict.closes_gate && !verdict.counts_as_attempt);
    }

    #[test]
    fn circumstances_change_the_class() {
        let unsettled = Circumstances { template_unsettled: true, ..PLAIN };
        let verdict = classify(Some(131_009), Some(400), "Parameter value is not valid", unsettled);
        assert_eq!((verdict.class, verdict.delay), (Class::Later, Delay::Fixed(SYNC_WAIT)));
        assert!(verdict.closes_gate && !verdict.counts_as_attempt);
        assert!(!classify(Some(131_009), Some(400), "", PLAIN).closes_gate);
        assert!(classify(Some(134_101), Some(400), "", PLAIN).closes_gate);

        let american = Circumstances { country: Some("US"), ..PLAIN };
        assert_eq!(classify(Some(131_049), None, "", american).class, Class::DropRecipient);
        let canadian = Circumstances { country: Some("CA"), ..PLAIN };
        assert_eq!(classify(Some(131_049), None, "", canadian).class, Class::Later);

        let status = Circumstances { learnt: Learnt::Status, ..PLAIN };
        assert!(classify(Some(131_000), Some(500), "", PLAIN).ambiguous);
        assert!(!classify(Some(131_000), None, "", status).ambiguous);
    }

    #[test]
    fn codes_nobody_knows() {
        let verdict = |code, http| classify(code, http, "odd\nthing", PLAIN);
        let refused = verdict(Some(999_999), Some(400));
        assert_eq!((refused.class, refused.breaker, refused.ambiguous), (Class::DropRecipient, true, false));
        assert!(refused.explanation.ends_with("It says: odd thing"), "{}", refused.explanation);
        for http in [408, 500, 502, 599, 200, 302] {
            let open = verdict(Some(999_999), Some(http));
            assert_eq!((open.class, open.ambiguous), (Class::Retry, true), "{http}");
        }
        let fast = verdict(Some(999_999), Some(429));
        assert_eq!((fast.class, fast.throttle, fast.counts_as_attempt), (Class::Retry, true, false));
        assert_eq!(verdict(Some(-7), Some(401)).class, Class::StopAll);
        assert_eq!(verdict(Some(i64::MIN), None).class, Class::DropRecipient);
        assert_eq!(verdict(Some(i64::MAX), None).class, Class::DropRecipient);
    }

    #[test]
    fn answers_without_a_code() {
        let verdict = |http| classify(None, http, "<html>Bad gateway</html>", PLAIN);
        for http in
            [Some(200), Some(204), Some(408), Some(500), Some(502), Some(504), Some(999), Some(0), None]
        {
            let open = verdict(http);
            assert_eq!((open.class, open.ambiguous), (Class::Retry, true), "{http:?}");
        }
        assert_eq!(verdict(Some(400)).class, Class::DropRecipient);
        assert_eq!(verdict(Some(401)).class, Class::StopAll);
        assert_eq!(verdict(Some(403)).class, Class::StopAccount);
        assert_eq!(verdict(Some(404)).class, Class::OurBug);
        assert_eq!(verdict(Some(301)).class, Class::OurBug);
        assert!(verdict(Some(429)).throttle);
        let status = Circumstances { learnt: Learnt::Status, ..PLAIN };
        assert_eq!(classify(None, None, "", status).class, Class::DropRecipient);
    }

    #[test]
    fn what_360dialog_says_itself() {
        let says = |text: &str| classify(None, Some(400), text, PLAIN);
        let off =
            says("Your WhatsApp for Business API has been disabled. If you believe this is a mistake, …");
        assert_eq!((off.class, off.counts_as_attempt), (Class::StopSender, false));
        let unpaid = says("Could not send message due to lack of payment. Messaging can resume once …");
        assert_eq!((unpaid.class, unpaid.counts_as_attempt), (Class::StopAccount, false));
        for text in [
            "You have exceeded the endpoint rate limit.",
            "You have exceeded the limit of 1 request every 5 seconds.",
        ] {
            let fast = says(text);
            assert_eq!(
                (fast.class, fast.throttle, fast.counts_as_attempt),
                (Class::Retry, true, false),
                "{text}"
            );
        }
        for text in ["", "<html>JavaScript is disabled</html>", "payment template"] {
            assert_eq!(says(text).class, Class::DropRecipient, "{text}");
        }
        let other = classify(None, Some(500), "Your WhatsApp for Business API has been disabled.", PLAIN);
        assert!(other.ambiguous, "only a 400 is a refusal");
    }

    #[test]
    fn stops_reach_no_further_than_they_must() {
        for info in TABLE {
            let widest = match info.class {
                Class::StopTemplate => Scope::Template,
                Class::StopSender => Scope::Sender,
                Class::StopAccount => Scope::Account,
                Class::StopAll => Scope::App,
                Class::Retry | Class::Later | Class::DropRecipient | Class::OurBug => continue,
            };
            assert!(info.scope <= widest && info.scope >= Scope::Template, "{}", info.first);
            assert!(!info.counts_as_attempt, "{}", info.first);
        }
        assert_eq!(lookup(250).unwrap().scope, Scope::Account);
    }

    #[test]
    fn texts_from_outside_are_cut() {
        let long = format!("a\u{7}b {}", "é".repeat(500));
        let short = shortened(&long);
        assert_eq!(short.chars().count(), 200);
        assert!(short.starts_with("a b ") && short.ends_with("..."));
    }
}
