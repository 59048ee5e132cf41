//! [`SendRequest`] and the body it makes. The body borrows from the request and is written in one pass:
//! no tree of JSON values is built on the way.

use campaign::params::Content;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::components::{Components, has_components};

/// One message to send.
#[derive(Debug, Clone)]
pub struct SendRequest<'a> {
    /// Who gets it.
    pub to: Recipient<'a>,
    /// The template's name.
    pub template: &'a str,
    /// The template's language, for example `en` or `pt_BR`.
    pub language: &'a str,
    /// What is filled in.
    pub content: &'a Content,
    /// What the platform may do where the sender is not onboarded; `None` leaves it to Meta's default.
    pub product_policy: Option<ProductPolicy>,
    /// Whether activity may be shared with Meta for optimisation and click metrics; `None` leaves it to the
    /// account's setting.
    pub activity_sharing: Option<bool>,
    /// Multiplies the template's max price for this message; above 0, 1 changes nothing. Written as an exact
    /// JSON number.
    pub multiplier: Option<Decimal>,
    /// Echoed in every status of the message (`biz_opaque_callback_data`); at most 512 characters.
    pub callback_data: Option<&'a str>,
}

/// Who gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// A phone number in E.164, with or without its `+`.
    Phone(&'a str),
    /// A business-scoped user id, for example `US.13491208655302741918` (Meta: no delivery optimisation, and
    /// refused for templates with a max price).
    UserId(&'a str),
}

/// What the platform may do with a message where the sender is not onboarded to the Marketing Messages API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProductPolicy {
    /// Send it through the Cloud API instead (Meta's default).
    CloudApiFallback,
    /// Refuse it.
    Strict,
}

impl SendRequest<'_> {
    /// The request's body. Fails only where a value cannot be JSON, which no value of these types can be.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let bid = self.multiplier.map(exact_number).transpose()?;
        let (to, recipient) = match self.to {
            Recipient::Phone(number) => (Some(number), None),
            Recipient::UserId(id) => (None, Some(id)),
        };
        let body = Body {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to,
            recipient,
            kind: "template",
            template: Template {
                name: self.template,
                language: Language { policy: "deterministic", code: self.language },
                components: has_components(self.content).then_some(Components(self.content)),
            },
            product_policy: self.product_policy.map(|policy| match policy {
                ProductPolicy::CloudApiFallback => "CLOUD_API_FALLBACK",
                ProductPolicy::Strict => "STRICT",
            }),
            message_activity_sharing: self.activity_sharing,
            bid_spec: bid.as_deref().map(|multiplier| BidSpec { per_message_bid_multiplier: multiplier }),
            biz_opaque_callback_data: self.callback_data,
        };
        let mut json = Vec::with_capacity(768);
        serde_json::to_writer(&mut json, &body)?;
        Ok(json)
    }
}

/// A decimal as a JSON number with exactly its digits (no trailing zeros), never through a float.
fn exact_number(number: Decimal) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(number.normalize().to_string())
}

#[derive(Serialize)]
struct Body<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'static str,
    template: Template<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_activity_sharing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_spec: Option<BidSpec<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_opaque_callback_data: Option<&'a str>,
}

#[derive(Serialize)]
struct Template<'a> {
    name: &'a str,
    language: Language<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<Components<'a>>,
}

/// The policy is required by Meta's OpenAPI description and left out in its examples.
#[derive(Serialize)]
struct Language<'a> {
    policy: &'static str,
    code: &'a str,
}

/// In the send this object keeps the name `bid_spec`, also where the template's own is `optimization_spec`.
#[derive(Serialize)]
struct BidSpec<'a> {
    per_message_bid_multiplier: &'a RawValue,
}

#[cfg(test)]
mod tests {
    use campaign::params::{Param, ParamValue};

    use super::*;

    fn request(content: &Content) -> SendRequest<'_> {
        SendRequest {
            to: Recipient::Phone("919876543210"),
            template: "diwali_sale",
            language: "en",
            content,
            product_policy: None,
            activity_sharing: None,
            multiplier: None,
            callback_data: None,
        }
    }

    fn json(request: &SendRequest<'_>) -> String {
        String::from_utf8(request.to_json().unwrap()).unwrap()
    }

    #[test]
    fn the_smallest_body() {
        insta::assert_snapshot!(json(&request(&Content::default())), @r#"{"messaging_product":"whatsapp","recipient_type":"individual","to":"919876543210","type":"template","template":{"name":"diwali_sale","language":{"policy":"deterministic","code":"en"}}}"#);
    }

    #[test]
    fn the_fullest_body() {
        let content = Content {
            body: vec![Param { name: None, value: ParamValue::Text("Zoë \"Z\" \u{1f386}\n".into()) }],
            ..Content::default()
        };
        let full = SendRequest {
            to: Recipient::UserId("US.13491208655302741918"),
            product_policy: Some(ProductPolicy::Strict),
            activity_sharing: Some(false),
            multiplier: Some(Decimal::new(125, 2)),
            callback_data: Some("pl1.k3v9.7.41.2"),
            ..request(&content)
        };
        insta::assert_snapshot!(json(&full), @r#"{"messaging_product":"whatsapp","recipient_type":"individual","recipient":"US.13491208655302741918","type":"template","template":{"name":"diwali_sale","language":{"policy":"deterministic","code":"en"},"components":[{"type":"body","parameters":[{"type":"text","text":"Zoë \"Z\" 🎆\n"}]}]},"product_policy":"STRICT","message_activity_sharing":false,"bid_spec":{"per_message_bid_multiplier":1.25},"biz_opaque_callback_data":"pl1.k3v9.7.41.2"}"#);
        let fallback = SendRequest { product_policy: Some(ProductPolicy::CloudApiFallback), ..full };
        assert!(json(&fallback).contains(r#""product_policy":"CLOUD_API_FALLBACK""#));
    }

    #[test]
    fn the_multiplier_is_an_exact_number() {
        let content = Content::default();
        for (text, written) in [
            ("1", "1"),
            ("1.0", "1"),
            ("0.10", "0.1"),
            ("0.1234567890123456789012345678", "0.1234567890123456789012345678"),
            ("100", "100"),
        ] {
            let request = SendRequest { multiplier: Some(text.parse().unwrap()), ..request(&content) };
            let expected = format!(r#""bid_spec":{{"per_message_bid_multiplier":{written}}}"#);
            assert!(json(&request).contains(&expected), "{text}: {}", json(&request));
        }
    }
}
