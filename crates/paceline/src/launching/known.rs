//! Templates as they are kept, from what the account told.

use store::model::TemplateKey;
use store::registry::{ReadTemplate, TemplateFacts};
use whatsapp::account::TemplateInfo;

/// A template of an account as it is kept.
pub(crate) fn known(waba_id: &str, info: &TemplateInfo) -> ReadTemplate {
    ReadTemplate {
        key: TemplateKey {
            waba_id: waba_id.to_owned(),
            name: info.name.clone(),
            language: info.language.clone(),
        },
        facts: TemplateFacts {
            category: info.category.to_string(),
            status: info.status.to_string(),
            quality: info.quality.to_string(),
            parameter_format: info.parameter_format.to_string(),
            ttl_s: info.message_send_ttl_seconds,
            bid_amount: info.max_price.as_ref().map(|price| price.bid_amount),
            ..TemplateFacts::default()
        },
    }
}
