//! Senders and the secrets of webhooks: what each provider needs, and what it says of a number.

use whatsapp::Provider;
use whatsapp::account::{AccountError, NumberStatus, PhoneNumberInfo};

use super::{Finding, Verdict};
use crate::config::{Config, Sender};

/// What webhooks are known by: those of Meta by their signature, those of 360dialog by a shared secret.
pub(super) fn webhook_secrets(config: &Config, findings: &mut Vec<Finding>) {
    if config.uses(Provider::Dialog360) {
        let header = &config.webhook.shared_secret_header;
        for secret in &config.webhook.shared_secrets {
            findings.push(match secret.read() {
                Ok(_) => Finding::good(
                    "webhook shared secret",
                    format!("{secret} is set; 360dialog must send it along in the header {header}"),
                ),
                Err(problem) => Finding::of("webhook shared secret", Verdict::Missing, &problem).help(format!(
                    "{}; any long random word, which 360dialog is told to send along in the header {header}: it does not sign its webhooks",
                    problem.help.as_deref().unwrap_or_default()
                )),
            });
        }
    }
    if !config.expects_signed_webhooks() {
        return;
    }
    for secret in &config.webhook.app_secrets {
        findings.push(match secret.read() {
            Ok(_) => Finding::good("webhook secret", format!("{secret} is set")),
            Err(problem) => Finding::of("webhook secret", Verdict::Missing, &problem).help(format!(
                "{}; it is the App Secret under App settings, Basic, of your app at developers.facebook.com",
                problem.help.as_deref().unwrap_or_default()
            )),
        });
    }
    findings.push(match config.webhook.verify_token.read() {
        Ok(_) => Finding::good("webhook verify token", format!("{} is set", config.webhook.verify_token)),
        Err(problem) => Finding::of("webhook verify token", Verdict::Warning, &problem)
            .help("needed when the webhook is subscribed in Meta's app dashboard: any word you choose, entered there too"),
    });
}

/// A sender's token, and what the platform says of its number.
pub(super) async fn sender(config: &Config, sender: &Sender, offline: bool, findings: &mut Vec<Finding>) {
    let what = format!("sender {}", sender.name);
    let token = match sender.token.read() {
        Ok(token) => token,
        Err(problem) => {
            let help = format!(
                "{}; it is a system user's token with the permission whatsapp_business_messaging (360dialog: the API key)",
                problem.help.as_deref().unwrap_or_default()
            );
            findings.push(Finding::of(what, Verdict::Missing, &problem).help(help));
            return;
        }
    };
    findings.push(Finding::good(
        &what,
        format!("token {} is set, {} messages/s", sender.token, sender.rate.per_second()),
    ));
    let client = match whatsapp::Client::new(config.client_config(sender, token)) {
        Ok(client) => client,
        Err(error) => {
            findings.push(Finding::new(what, Verdict::Missing, error.to_string()));
            return;
        }
    };
    if sender.provider == Provider::Dialog360 {
        findings.extend(dialog360(&what, sender));
        return;
    }
    if offline {
        return;
    }
    findings.push(match client.phone_number().await {
        Ok(info) => number(&what, &info),
        Err(error @ (AccountError::NotOffered { .. } | AccountError::InvalidId { .. })) => {
            Finding::new(what, Verdict::Warning, error.to_string())
        }
        Err(error @ AccountError::Unreachable { .. }) => {
            Finding::new(what, Verdict::Missing, error.to_string())
                .help("for a try without the platform: paceline simulate")
        }
        Err(error @ (AccountError::Refused { .. } | AccountError::Unreadable { .. })) => {
            Finding::new(what, Verdict::Missing, error.to_string())
                .help("check phone_number_id, and that the token belongs to its account and has not expired")
        }
    });
}

/// What is to be known of a sender at 360dialog: nothing can be asked there, so that its key is tried by the first
/// message.
fn dialog360(what: &str, sender: &Sender) -> Vec<Finding> {
    let mut found = vec![Finding::good(
        what,
        "360dialog does not tell of numbers, templates and onboarding through its messaging API: look in its hub; the key is first tried by a message",
    )];
    if sender.phone_number_id.is_none() {
        found.push(
            Finding::new(
                what,
                Verdict::Warning,
                "it has no phone_number_id: webhooks about its quality brake nothing",
            )
            .help("add phone_number_id, as 360dialog's hub shows it"),
        );
    }
    found
}

fn number(what: &str, info: &PhoneNumberInfo) -> Finding {
    let name = info.verified_name.as_deref().unwrap_or("without a verified name");
    let shown = info.display_phone_number.as_deref().unwrap_or(&info.id);
    match &info.status {
        NumberStatus::Connected | NumberStatus::Unknown => {
            Finding::good(what, format!("the platform knows it: {shown}, {name}"))
        }
        NumberStatus::Other(status) => {
            Finding::new(what, Verdict::Warning, format!("the platform says {status} of it: {shown}, {name}"))
                .help("look at the number in the WhatsApp manager")
        }
    }
}
