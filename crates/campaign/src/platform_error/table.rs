//! Every error code that the platform documents, in order, with what it means and what to do.
//!
//! Codes, HTTP statuses and meanings: Meta, "Error codes" of the WhatsApp Business Platform (December
//! 2025), the Marketing Messages API pages (to mid 2026) and the Graph API's general codes. Which class a
//! code belongs to is Paceline's own judgement. Where no HTTP status is documented there is none here.

use std::time::Duration;

use super::code::{Class, CodeInfo, Delay, Scope, Usage};

use Class::{DropRecipient, Later, OurBug, Retry, StopAccount, StopAll, StopSender, StopTemplate};

const fn code(code: i64, class: Class, scope: Scope, title: &'static str, advice: &'static str) -> CodeInfo {
    CodeInfo::new(code, class, scope, title, advice)
}

const MINUTE: Duration = Duration::from_secs(60);
/// How long the platform takes to sync a new or idle template (Meta: "wait 10 minutes").
pub(crate) const SYNC_WAIT: Duration = Duration::from_secs(600);
/// The shortest wait before a person whom Meta shields may be tried again (Meta: per-user limits).
const SHIELDED: Duration = Duration::from_secs(24 * 3600);

/// What is known of a code; `None` for codes that the platform does not document.
pub fn lookup(code: i64) -> Option<&'static CodeInfo> {
    let place = TABLE.partition_point(|info| info.last < code);
    TABLE.get(place).filter(|info| info.first <= code)
}

/// How long a person whom Meta shields, as this code says, is left alone by every campaign (Meta, per-user limits:
/// tries within 24 hours may block the pair for longer); `None` for codes that say nothing of the kind.
pub fn cool_down(code: i64) -> Option<Duration> {
    let info = lookup(code)?;
    (info.class == Later && info.scope == Scope::Recipient).then_some(SHIELDED)
}

/// All documented codes, by code.
pub static TABLE: &[CodeInfo] = &[
    code(0, StopAll, Scope::App, "Token refused",
        "The access token has expired or is not valid. Make a new one, put it where token_env points, and restart.")
        .http(401),
    code(1, Retry, Scope::Message, "Unknown API error",
        "The platform failed without saying why; the message may have been sent. If it goes on, look at Meta's status page.")
        .ambiguous(),
    code(2, Retry, Scope::Message, "Platform unavailable",
        "The platform is down or overloaded; the message may have been sent. If it goes on, look at Meta's status page.")
        .http(503).ambiguous(),
    code(3, StopAll, Scope::App, "App lacks a capability",
        "The app or its token lacks a capability or permission for this call. Check the app's permissions: whatsapp_business_messaging is needed.")
        .http(500),
    code(4, Retry, Scope::App, "App is calling too often",
        "The app has used up its calls for now; everything that uses it slows down. Look at what else uses the same app.")
        .throttle().delay(Delay::AtLeast(MINUTE)),
    code(10, StopAll, Scope::Account, "Permission missing",
        "The token may not act for this WhatsApp Business account: a permission was never granted or was taken away. Grant it again in Business Manager.")
        .http(403),
    code(33, StopSender, Scope::Sender, "Phone number gone",
        "The business phone number's id does not exist: it was deleted or is wrong. Check phone_number_id."),
    code(100, OurBug, Scope::Template, "Invalid parameter",
        "The platform refused a parameter of the request. The details name it; compare the campaign's params with the template."),
    code(104, StopAll, Scope::App, "Token missing",
        "The request carried no usable access token. Check the variable that token_env names.")
        .http(401),
    code(190, StopAll, Scope::App, "Token expired",
        "The access token has expired. Make a new one, put it where token_env points, and restart.")
        .http(401),
    code(200, StopAll, Scope::Account, "Permission missing",
        "The token may not act for this WhatsApp Business account: a permission was never granted or was taken away. Grant it again in Business Manager.")
        .to(299).http(403),
    code(368, StopAccount, Scope::Account, "Blocked for policy violations",
        "Meta has blocked the account for a time because of policy violations. Read the notice in Business Manager and appeal there.")
        .http(403),
    code(613, Retry, Scope::App, "Too many calls",
        "A rate limit of the Graph API was reached; sending slows down by itself.")
        .throttle(),
    code(80007, Retry, Scope::Account, "Account is calling too often",
        "The WhatsApp Business account has reached its rate limit; all its numbers slow down. Look at what else uses the account.")
        .throttle().delay(Delay::AtLeast(MINUTE)),
    code(130_403, DropRecipient, Scope::Recipient, "Blocked recipient",
        "The number is on a block list of the business. Take it out of the audience.")
        .http_unknown(),
    code(130_429, Retry, Scope::Sender, "Sending too fast",
        "The number's throughput was exceeded; it slows down by itself. If it stays, lower the sender's rate or look at what else sends on it.")
        .throttle(),
    code(130_472, DropRecipient, Scope::Recipient, "In an experiment of Meta's",
        "Meta keeps a small share of people out of marketing as an experiment. Nothing to do: this person is not reachable in this campaign."),
    code(130_497, DropRecipient, Scope::Country, "Country restricted",
        "The business may not message people in this country. Leave the country out of the audience, or sort it out with Meta.")
        .http(403).breaker(),
    code(131_000, Retry, Scope::Message, "Something went wrong",
        "The platform failed without saying why; the message may have been sent. If it goes on, look at Meta's status page.")
        .http(500).ambiguous(),
    code(131_005, StopAccount, Scope::Account, "Access denied",
        "A permission was never granted or was taken away. Check the token's permissions for this account.")
        .http(403),
    code(131_008, OurBug, Scope::Template, "Parameter missing",
        "A required parameter is missing from the request. The details name it; compare the campaign's params with the template."),
    code(131_009, OurBug, Scope::Template, "Parameter value invalid",
        "A parameter's value is not valid. The details name it; compare the campaign's params with the template. On a new or idle template it means that the template is not synced yet."),
    code(131_016, Retry, Scope::Message, "Service unavailable",
        "A part of the platform is down for a time; the message may have been sent. If it goes on, look at Meta's status page.")
        .http(500).ambiguous(),
    code(131_021, DropRecipient, Scope::Recipient, "Recipient is the sender",
        "The number is the sender's own. Take it out of the audience."),
    code(131_026, DropRecipient, Scope::Recipient, "Undeliverable",
        "The number is not on WhatsApp, has a very old app, or has not accepted WhatsApp's terms. Nothing to do for this campaign."),
    code(131_030, DropRecipient, Scope::Recipient, "Not on the test list",
        "The sender is a test number, which only reaches numbers on its list of allowed recipients. Add the number there, or use a real sender.")
        .breaker(),
    code(131_031, StopAccount, Scope::Account, "Account locked",
        "The account is locked or restricted for policy violations, or its data could not be verified. See Business Manager.")
        .http(403),
    code(131_037, StopSender, Scope::Sender, "Display name not approved",
        "The number's display name needs approval before it may send. See WhatsApp Manager, phone numbers."),
    code(131_042, StopAccount, Scope::Account, "Payment problem",
        "Meta cannot charge the account: no payment method, no credit line, or a failed payment. Fix it in Business Manager, billing."),
    code(131_045, StopSender, Scope::Sender, "Number not registered properly",
        "The number's certificate or registration is not valid. Register the number again.")
        .http(500),
    code(131_047, OurBug, Scope::Message, "Outside the service window",
        "More than 24 hours passed since the person last wrote, which templates should not mind. Check that the message is a template."),
    code(131_048, StopSender, Scope::Sender, "Spam limit reached",
        "Too many people blocked or reported messages of this number; Meta limits it. Wait for its quality to recover, and look at the audience and the template."),
    code(131_049, Later, Scope::Recipient, "Held back by Meta",
        "Meta chose not to deliver, to keep the person from getting too much marketing. They are tried again after a day at the earliest.")
        .delay(Delay::Doubling(SHIELDED)),
    code(131_050, DropRecipient, Scope::Recipient, "Opted out",
        "The person stopped marketing messages from this business. They are on the do-not-send list.")
        .opt_out(),
    code(131_051, OurBug, Scope::Message, "Message type not supported",
        "The platform does not know this type of message. Please report it as a defect of Paceline."),
    code(131_052, OurBug, Scope::Template, "Media could not be downloaded",
        "The platform could not fetch the campaign's media. Check that its link is public, reachable and of an allowed type and size."),
    code(131_053, OurBug, Scope::Template, "Media could not be uploaded",
        "The platform could not take the campaign's media. Check its type and size, and that an uploaded id is less than 30 days old."),
    code(131_055, StopTemplate, Scope::Template, "Not a marketing template",
        "This way of sending takes marketing templates only. The template's category has probably changed; look at it in WhatsApp Manager."),
    code(131_056, Later, Scope::Pair, "Too many messages to one person",
        "This number sent too many messages to this person in a short time. They are tried again with growing waits.")
        .delay(Delay::PowersOfFour),
    code(131_057, Retry, Scope::Sender, "Number in maintenance",
        "The number is in maintenance, mostly for a higher throughput; it takes about a minute.")
        .http(500).no_attempt().delay(Delay::AtLeast(Duration::from_secs(15))),
    code(131_061, OurBug, Scope::Template, "Wrong way to send a max-price template",
        "A template with a max price may only be sent by the Marketing Messages API. Please report it as a defect of Paceline.")
        .http_unknown(),
    code(131_062, DropRecipient, Scope::Recipient, "User id not allowed here",
        "This message cannot be sent to a business-scoped user id, for example because the template has a max price. Use the phone number."),
    code(131_063, StopAccount, Scope::Account, "Marketing is off on the Cloud API",
        "The account does not allow marketing templates on the Cloud API, or the terms of the Marketing Messages API are not signed. Sign them (onboarding status)."),
    code(131_064, StopAccount, Scope::Account, "Too many miscategorised templates",
        "Meta limits the account because its templates are in the wrong category. Look at the templates' categories in WhatsApp Manager."),
    code(132_000, OurBug, Scope::Template, "Wrong number of parameters",
        "The message has more or fewer parameters than the template. Compare the campaign's params with the template; it may have been edited."),
    code(132_001, StopTemplate, Scope::Template, "Template not there",
        "The template does not exist in this language or is not approved. Check its name, language and status in WhatsApp Manager.")
        .http(404),
    code(132_005, DropRecipient, Scope::Recipient, "Text too long",
        "With this person's data the text is longer than allowed. Shorten the data or the template.")
        .breaker(),
    code(132_007, StopTemplate, Scope::Template, "Template violates a policy",
        "The template's content violates a policy or its format rules. Edit the template in WhatsApp Manager."),
    code(132_008, DropRecipient, Scope::Recipient, "Parameter value refused",
        "A parameter's value, mostly this person's data, is not allowed, for example because of line breaks or many blanks. Clean the data.")
        .breaker(),
    code(132_012, OurBug, Scope::Template, "Parameter of the wrong format",
        "A parameter is not of the format that the template wants. Compare the campaign's params with the template."),
    code(132_015, StopTemplate, Scope::Template, "Template paused",
        "Meta paused the template because of poor quality, or while it was being tried out. A pause for quality lifts after 3 or 6 hours; one for pacing is lifted in WhatsApp Manager.")
        .lifts_by_itself(),
    code(132_016, StopTemplate, Scope::Template, "Template disabled",
        "Meta disabled the template for good after it was paused too often. Make a new one."),
    code(132_018, OurBug, Scope::Template, "Problem with the template's parameters",
        "The platform could not work with the template's parameters. Compare the campaign's params with the template."),
    code(132_068, StopTemplate, Scope::Template, "Flow blocked",
        "The flow behind the template's button is blocked. Fix the flow in WhatsApp Manager."),
    code(132_069, StopTemplate, Scope::Template, "Flow slowed down",
        "The flow behind the template's button is limited to 10 messages an hour. Fix the flow in WhatsApp Manager.")
        .lifts_by_itself(),
    code(133_000, StopSender, Scope::Sender, "Number half deregistered",
        "An earlier deregistration of the number was not completed. Deregister it again, then register it.")
        .http(500),
    code(133_004, Retry, Scope::Message, "Server unavailable",
        "The platform's server is unavailable for a time. If it goes on, look at Meta's status page.")
        .http(503),
    code(133_005, StopSender, Scope::Sender, "Wrong two-step PIN",
        "The number's two-step verification PIN is wrong. Register the number again with the right one."),
    code(133_006, StopSender, Scope::Sender, "Number not verified",
        "The number must be verified again before it can be registered."),
    code(133_008, StopSender, Scope::Sender, "Too many PIN tries",
        "The two-step verification PIN was tried too often. Wait as long as the details say, then register again.")
        .lifts_by_itself(),
    code(133_009, StopSender, Scope::Sender, "PIN entered too fast",
        "The two-step verification PIN was entered too fast. Wait as long as the details say, then register again.")
        .lifts_by_itself(),
    code(133_010, StopSender, Scope::Sender, "Number not registered",
        "The phone number is not registered on the platform. Register it before sending."),
    code(133_015, StopSender, Scope::Sender, "Number just deleted",
        "The number was deleted a moment ago and the deletion is not complete. Wait five minutes, then register it.")
        .lifts_by_itself(),
    code(133_016, StopSender, Scope::Sender, "Registered too often",
        "The number was registered and deregistered too often. Meta blocks it for some days.")
        .lifts_by_itself(),
    code(134_011, StopTemplate, Scope::Template, "Payment terms not accepted",
        "The template asks for an order's payment, and the business has not accepted the terms of WhatsApp Payments. Accept them in WhatsApp Manager."),
    code(134_100, StopTemplate, Scope::Template, "Only marketing messages here",
        "The Marketing Messages API takes marketing templates only. The template's category has probably changed; look at it in WhatsApp Manager."),
    code(134_101, Later, Scope::Template, "Template still syncing",
        "The template is new or was idle, and the platform is still preparing it. Sending waits 10 minutes by itself.")
        .no_attempt().delay(Delay::Fixed(SYNC_WAIT)),
    code(134_102, StopTemplate, Scope::Template, "Template unavailable",
        "The platform failed to prepare the template, or the account is not eligible for the Marketing Messages API. Check the onboarding status.")
        .http(500),
    code(134_103, StopTemplate, Scope::Template, "Template cannot be used (134103)",
        "Meta lists this code without saying what it means. Look at the template and the onboarding status, and keep the details.")
        .http_unknown(),
    code(135_000, OurBug, Scope::Template, "Generic error with the parameters",
        "The platform could not work with the request's parameters and does not say which. Compare the campaign's params with the template."),
    code(137_000, DropRecipient, Scope::Recipient, "Recipient's identity changed",
        "The person's identity key is not the expected one: they have probably changed their phone. Nothing to do for this campaign.")
        .http_unknown(),
    code(200_005, OurBug, Scope::Message, "Template figures unavailable",
        "The figures of templates could not be read: they are not switched on, or cannot be switched off again.")
        .to(200_007).http_unknown().usage(Usage::Templates),
    code(1_752_041, OurBug, Scope::Message, "Onboarding already asked for",
        "An onboarding request was sent to this business before: nothing more to do.")
        .usage(Usage::Onboarding),
    code(2_388_019, StopTemplate, Scope::Template, "Too many templates",
        "The account has as many templates as it may have. Delete some that are not used.")
        .http_unknown().usage(Usage::Templates),
    code(2_388_040, OurBug, Scope::Template, "Template's text too long",
        "A field of the template has too many characters.")
        .http_unknown().usage(Usage::Templates),
    code(2_388_047, OurBug, Scope::Template, "Template's header malformed",
        "The template's header does not follow the format rules.")
        .http_unknown().usage(Usage::Templates),
    code(2_388_072, OurBug, Scope::Template, "Template's body malformed",
        "The template's body does not follow the format rules.")
        .http_unknown().usage(Usage::Templates),
    code(2_388_073, OurBug, Scope::Template, "Template's footer malformed",
        "The template's footer does not follow the format rules.")
        .http_unknown().usage(Usage::Templates),
    code(2_388_293, OurBug, Scope::Template, "Too many parameters for the text",
        "The template has too many parameters for the length of its text.")
        .http_unknown().usage(Usage::Templates),
    code(2_388_299, OurBug, Scope::Template, "Parameter at the edge",
        "The template begins or ends with a parameter.")
        .http_unknown().usage(Usage::Templates),
];
