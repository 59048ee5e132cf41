//! What webhooks about templates, numbers and accounts mean for what is sent. Pure: events in, brakes set and lifted.

use chrono::{DateTime, TimeDelta, Utc};
use store::brake::{Brake, BrakeChange, Cause, Lifted, Subject};
use store::model::TemplateKey;
use whatsapp::health::Quality;
use whatsapp::webhook::{
    AccountEvent, AccountUpdate, NumberEvent, PhoneQuality, TemplateCategory, TemplateEvent, TemplateQuality,
    TemplateRef, TemplateStatus,
};

/// The only category that may be sent through the Marketing Messages API.
const MARKETING: &str = "MARKETING";

/// How the restrictions begin that keep a business from writing first; others (no further numbers, no answers) leave
/// marketing alone.
const RESTRICTS_SENDING: &str = "RESTRICTED_BIZ_INITIATED";

/// A template was paused, disabled, approved again, …
#[must_use]
pub fn template_status(status: &TemplateStatus, now: DateTime<Utc>) -> Option<BrakeChange> {
    let on = subject(&status.template)?;
    let said = || {
        let words = [&status.title, &status.reason, &status.description];
        let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
        if words.is_empty() { String::new() } else { format!(" Meta says: {}.", words.join(", ")) }
    };
    let happened = match &status.event {
        TemplateEvent::Approved | TemplateEvent::Reinstated | TemplateEvent::Unarchived => {
            // What may be sent again may be, whatever its rating: nothing else would better it.
            let causes = [Cause::Status, Cause::Quality].map(Lifted::Cause);
            return Some(BrakeChange::Lift(on, causes.into_iter().chain([Lifted::Refusals]).collect(), now));
        }
        TemplateEvent::Paused => {
            "Meta paused the template. A pause for quality lifts after 3 or 6 hours; one for pacing is lifted in WhatsApp Manager."
        }
        TemplateEvent::Disabled => "Meta disabled the template for good. Make a new one.",
        TemplateEvent::Rejected => {
            "Meta rejected the template. Edit it in WhatsApp Manager, or appeal there."
        }
        TemplateEvent::Deleted | TemplateEvent::PendingDeletion => {
            "The template was deleted. Make a new one."
        }
        TemplateEvent::Archived => "The template was archived. Bring it back in WhatsApp Manager.",
        TemplateEvent::Pending | TemplateEvent::InAppeal => "Meta reviews the template; wait for the result.",
        TemplateEvent::Flagged
        | TemplateEvent::LimitExceeded
        | TemplateEvent::Locked
        | TemplateEvent::Other(_) => return None,
    };
    // A pause ends by itself, and a word of it that comes late, or twice, must not be the last one.
    let until = (status.event == TemplateEvent::Paused).then(|| now + pause(status.title.as_deref()));
    Some(set(on, Cause::Status, format!("{happened}{}", said()), now, until))
}

/// How long a pause takes (Meta: the first 3 hours, the second 6; one for pacing is lifted by hand).
fn pause(title: Option<&str>) -> TimeDelta {
    TimeDelta::hours(if title == Some("FIRST_PAUSE") { 3 } else { 6 })
}

/// A template's quality changed: red stops it, as every further message makes its pausing likelier.
#[must_use]
pub fn template_quality(quality: &TemplateQuality, now: DateTime<Utc>) -> Option<BrakeChange> {
    let on = subject(&quality.template)?;
    Some(match quality.new {
        Quality::Red => set(
            on,
            Cause::Quality,
            "The template's quality is low (RED): people block or report it, and more messages would get it paused. Look at the template and the audience."
                .to_owned(),
            now,
            None,
        ),
        Quality::Green | Quality::Yellow | Quality::Unknown => {
            BrakeChange::Lift(on, vec![Lifted::Cause(Cause::Quality)], now)
        }
    })
}

/// A template's category has changed: only marketing templates may be sent this way. One that is about to change stays
/// what it is until then.
#[must_use]
pub fn template_category(category: &TemplateCategory, now: DateTime<Utc>) -> Option<BrakeChange> {
    let TemplateCategory::Completed { template, new, .. } = category else { return None };
    let on = subject(template)?;
    if new.eq_ignore_ascii_case(MARKETING) {
        return Some(BrakeChange::Lift(on, vec![Lifted::Cause(Cause::Category), Lifted::Refusals], now));
    }
    let reason = format!(
        "Meta changed the template's category to {new}, and only marketing templates may be sent this way. Appeal in WhatsApp Manager, or make a new one."
    );
    Some(set(on, Cause::Category, reason, now, None))
}

/// An account was disabled, restricted, reinstated, onboarded.
#[must_use]
pub fn account(update: &AccountUpdate, now: DateTime<Utc>) -> Option<BrakeChange> {
    let on = Subject::Account(update.waba_id.clone()?);
    let stopped = |reason: &str, until| Some(set(on.clone(), Cause::Status, reason.to_owned(), now, until));
    match &update.event {
        AccountEvent::TermsSigned | AccountEvent::AdAccountLinked => {
            Some(BrakeChange::Lift(on, vec![Lifted::Refusals], now))
        }
        AccountEvent::Deleted => stopped("The WhatsApp Business account was deleted.", None),
        AccountEvent::Disabled { state, .. } => match state.as_deref() {
            Some("DISABLE") => stopped(
                "Meta disabled the WhatsApp Business account. Read the notice in Business Manager and appeal there.",
                None,
            ),
            Some("REINSTATE") => Some(BrakeChange::Lift(on, vec![Lifted::Everything], now)),
            _ => None,
        },
        AccountEvent::Restriction { restrictions } => {
            let of_sending = || restrictions.iter().filter(|one| one.kind.starts_with(RESTRICTS_SENDING));
            of_sending().next()?;
            // The longest one counts; one without an end most of all.
            let until = of_sending().map(|one| one.until).collect::<Option<Vec<_>>>();
            let until = until.and_then(|ends| ends.into_iter().max());
            stopped(
                "Meta restricted what the WhatsApp Business account may send. Read the notice in Business Manager.",
                until,
            )
        }
        AccountEvent::Violation { .. } | AccountEvent::Other(_) => None,
    }
}

/// What the platform answers where a number is at a limit: too many people blocked it, or it wrote to too many.
const AT_ITS_LIMIT: i64 = 131_048;

/// A sender's number was flagged for its quality, or is no longer. A limit that falls stops nothing: the platform
/// refuses what is above it, and those answers do.
#[must_use]
pub fn number(number: &PhoneQuality, sender: &str, now: DateTime<Utc>) -> Option<BrakeChange> {
    let on = Subject::Sender(sender.to_owned());
    match &number.event {
        NumberEvent::Flagged => Some(set(
            on,
            Cause::Quality,
            "Meta flagged the number: its quality is low, and more messages would get it restricted. It goes on when Meta takes the flag off; look at its quality in WhatsApp Manager, at the templates and at the audience."
                .to_owned(),
            now,
            None,
        )),
        NumberEvent::Unflagged => {
            let causes = [Cause::Quality, Cause::Refused(AT_ITS_LIMIT)].map(Lifted::Cause);
            Some(BrakeChange::Lift(on, causes.into(), now))
        }
        NumberEvent::Upgrade => Some(more_is_allowed(sender, now)),
        NumberEvent::Downgrade
        | NumberEvent::Onboarding
        | NumberEvent::ThroughputUpgrade
        | NumberEvent::Other(_) => None,
    }
}

/// A sender may write to more people: what was refused for its limit may be tried again.
#[must_use]
pub fn more_is_allowed(sender: &str, now: DateTime<Utc>) -> BrakeChange {
    BrakeChange::Lift(
        Subject::Sender(sender.to_owned()),
        vec![Lifted::Cause(Cause::Refused(AT_ITS_LIMIT))],
        now,
    )
}

fn set(
    on: Subject,
    cause: Cause,
    reason: String,
    since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
) -> BrakeChange {
    BrakeChange::Set(Brake { on, cause, reason, since, until })
}

fn subject(template: &TemplateRef) -> Option<Subject> {
    key(template).map(Subject::Template)
}

/// The template, where the webhook says which one it is.
pub(crate) fn key(template: &TemplateRef) -> Option<TemplateKey> {
    Some(TemplateKey {
        waba_id: template.waba_id.clone()?,
        name: template.name.clone()?,
        language: template.language.clone()?,
    })
}

#[cfg(test)]
mod tests {
    use whatsapp::webhook::Restriction;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn template() -> TemplateRef {
        let text = |text: &str| Some(text.to_owned());
        TemplateRef { id: None, name: text("sale"), language: text("en"), waba_id: text("1") }
    }

    fn on() -> Subject {
        Subject::Template(TemplateKey { waba_id: "1".into(), name: "sale".into(), language: "en".into() })
    }

    fn status(event: TemplateEvent) -> TemplateStatus {
        TemplateStatus {
            template: template(),
            event,
            reason: None,
            title: Some("FIRST_PAUSE".into()),
            description: None,
            category: None,
        }
    }

    fn is_set(change: Option<BrakeChange>, cause: Cause) -> Brake {
        match change {
            Some(BrakeChange::Set(brake)) if brake.cause == cause => brake,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_paused_template_stands_still_until_it_is_approved_again() {
        let brake = is_set(template_status(&status(TemplateEvent::Paused), now()), Cause::Status);
        assert_eq!((brake.on, brake.until), (on(), Some(now() + TimeDelta::hours(3))));
        assert!(brake.reason.ends_with("Meta says: FIRST_PAUSE."), "{}", brake.reason);
        for event in [TemplateEvent::Disabled, TemplateEvent::Rejected, TemplateEvent::Archived] {
            is_set(template_status(&status(event), now()), Cause::Status);
        }
        let lifted = template_status(&status(TemplateEvent::Approved), now());
        let causes = vec![Lifted::Cause(Cause::Status), Lifted::Cause(Cause::Quality), Lifted::Refusals];
        assert_eq!(lifted, Some(BrakeChange::Lift(on(), causes, now())));
        assert_eq!(template_status(&status(TemplateEvent::Flagged), now()), None);
    }

    #[test]
    fn only_a_red_template_stands_still() {
        let quality = |new| TemplateQuality { template: template(), previous: Quality::Green, new };
        is_set(template_quality(&quality(Quality::Red), now()), Cause::Quality);
        for new in [Quality::Yellow, Quality::Green, Quality::Unknown] {
            let lifted = BrakeChange::Lift(on(), vec![Lifted::Cause(Cause::Quality)], now());
            assert_eq!(template_quality(&quality(new), now()), Some(lifted));
        }
    }

    #[test]
    fn a_template_of_another_category_stands_still_once_it_has_changed() {
        let completed =
            |new: &str| TemplateCategory::Completed { template: template(), previous: None, new: new.into() };
        is_set(template_category(&completed("UTILITY"), now()), Cause::Category);
        let lifted = vec![Lifted::Cause(Cause::Category), Lifted::Refusals];
        let marketing = template_category(&completed("marketing"), now());
        assert_eq!(marketing, Some(BrakeChange::Lift(on(), lifted, now())));
        let impending = TemplateCategory::Impending {
            template: template(),
            current: "MARKETING".into(),
            correct: "UTILITY".into(),
            at: None,
        };
        assert_eq!(template_category(&impending, now()), None);
    }

    #[test]
    fn an_account_stands_still_as_long_as_it_is_restricted() {
        let update = |event| AccountUpdate { waba_id: Some("1".into()), owner_business_id: None, event };
        let disabled = |state: &str| AccountEvent::Disabled { state: Some(state.into()), date: None };
        let brake = is_set(account(&update(disabled("DISABLE")), now()), Cause::Status);
        assert_eq!(brake.on, Subject::Account("1".into()));
        assert_eq!(account(&update(disabled("SCHEDULE_FOR_DISABLE")), now()), None);
        let lifted = BrakeChange::Lift(Subject::Account("1".into()), vec![Lifted::Everything], now());
        assert_eq!(account(&update(disabled("REINSTATE")), now()), Some(lifted));

        let later = |hours| Some(now() + chrono::TimeDelta::hours(hours));
        let restricted = |ends: &[(&str, Option<DateTime<Utc>>)]| {
            let one = |(kind, until): &(&str, _)| Restriction { kind: (*kind).to_owned(), until: *until };
            account(
                &update(AccountEvent::Restriction { restrictions: ends.iter().map(one).collect() }),
                now(),
            )
        };
        let sending = "RESTRICTED_BIZ_INITIATED_MESSAGING";
        assert_eq!(
            is_set(restricted(&[(sending, later(1)), (sending, later(2))]), Cause::Status).until,
            later(2)
        );
        assert_eq!(is_set(restricted(&[(sending, later(1)), (sending, None)]), Cause::Status).until, None);
        assert_eq!(restricted(&[("RESTRICTED_ADD_PHONE_NUMBER_ACTION", None)]), None);
    }

    #[test]
    fn only_a_flag_stops_a_number() {
        let told = |event| PhoneQuality { display_phone_number: None, waba_id: None, event, limit: None };
        let brake = is_set(number(&told(NumberEvent::Flagged), "shop", now()), Cause::Quality);
        assert_eq!((brake.on, brake.until), (Subject::Sender("shop".into()), None));
        let limit = Lifted::Cause(Cause::Refused(131_048));
        for (event, lifted) in [
            (NumberEvent::Unflagged, vec![Lifted::Cause(Cause::Quality), limit]),
            (NumberEvent::Upgrade, vec![limit]),
        ] {
            let change = BrakeChange::Lift(Subject::Sender("shop".into()), lifted, now());
            assert_eq!(number(&told(event), "shop", now()), Some(change));
        }
        for event in [NumberEvent::Downgrade, NumberEvent::ThroughputUpgrade, NumberEvent::Onboarding] {
            assert_eq!(number(&told(event), "shop", now()), None);
        }
    }

    #[test]
    fn what_cannot_be_told_apart_changes_nothing() {
        let unnamed = TemplateStatus { template: TemplateRef::default(), ..status(TemplateEvent::Paused) };
        assert_eq!(template_status(&unnamed, now()), None);
    }
}
