//! The wire format of template components (Marketing Messages API, `template.components`), written straight
//! from [`Content`] without copying any of it.

use campaign::params::{Button, ButtonKind, Card, Content, Header, Media, Param, ParamValue, ProductSection};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Whether anything is filled in: a template without parameters is sent without `components`.
pub(super) fn has_components(content: &Content) -> bool {
    let Content { header, body, buttons, offer_ends_ms, carousel } = content;
    header.is_some()
        || !body.is_empty()
        || !buttons.is_empty()
        || offer_ends_ms.is_some()
        || !carousel.is_empty()
}

/// All components of a message.
pub(super) struct Components<'a>(pub(super) &'a Content);

impl Serialize for Components<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let content = self.0;
        let mut seq = serializer.serialize_seq(None)?;
        header_and_body(&mut seq, content.header.as_ref(), &content.body)?;
        if let Some(expiration_time_ms) = content.offer_ends_ms {
            let limited_time_offer = Offer { expiration_time_ms };
            let parameters = [Parameter::LimitedTimeOffer { limited_time_offer }];
            seq.serialize_element(&Component::LimitedTimeOffer { parameters })?;
        }
        buttons(&mut seq, &content.buttons)?;
        if !content.carousel.is_empty() {
            seq.serialize_element(&Component::Carousel { cards: Cards(&content.carousel) })?;
        }
        seq.end()
    }
}

fn header_and_body<S: SerializeSeq>(
    seq: &mut S,
    header: Option<&Header>,
    body: &[Param],
) -> Result<(), S::Error> {
    if let Some(header) = header {
        seq.serialize_element(&Component::Header { parameters: [Parameter::of_header(header)] })?;
    }
    if !body.is_empty() {
        seq.serialize_element(&Component::Body { parameters: Params(body) })?;
    }
    Ok(())
}

fn buttons<S: SerializeSeq>(seq: &mut S, buttons: &[Button]) -> Result<(), S::Error> {
    for Button { index, kind } in buttons {
        let (sub_type, parameter) = button_parameter(kind);
        let parameters = parameter.map(|parameter| [parameter]);
        seq.serialize_element(&Component::Button { sub_type, index: Index(*index), parameters })?;
    }
    Ok(())
}

fn button_parameter(kind: &ButtonKind) -> (&'static str, Option<Parameter<'_>>) {
    match kind {
        ButtonKind::QuickReply { payload } => ("quick_reply", Some(Parameter::Payload { payload })),
        ButtonKind::Url { suffix } => ("url", Some(Parameter::Text { parameter_name: None, text: suffix })),
        ButtonKind::CopyCode { code } => ("copy_code", Some(Parameter::CouponCode { coupon_code: code })),
        ButtonKind::Catalog { thumbnail_product_retailer_id } => (
            "catalog",
            thumbnail_product_retailer_id.as_deref().map(|thumbnail_product_retailer_id| Parameter::Action {
                action: Action::Catalog { thumbnail_product_retailer_id },
            }),
        ),
        ButtonKind::Mpm { thumbnail_product_retailer_id, sections } => (
            "mpm",
            Some(Parameter::Action {
                action: Action::Mpm { thumbnail_product_retailer_id, sections: Sections(sections) },
            }),
        ),
        ButtonKind::Flow { flow_token, flow_action_data } => (
            "flow",
            Some(Parameter::Action {
                action: Action::Flow { flow_token, flow_action_data: flow_action_data.as_ref() },
            }),
        ),
        ButtonKind::OrderDetails { order_details } => {
            ("order_details", Some(Parameter::Action { action: Action::OrderDetails { order_details } }))
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Component<'a> {
    Header {
        parameters: [Parameter<'a>; 1],
    },
    Body {
        parameters: Params<'a>,
    },
    Button {
        sub_type: &'static str,
        index: Index,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameters: Option<[Parameter<'a>; 1]>,
    },
    LimitedTimeOffer {
        parameters: [Parameter<'a>; 1],
    },
    Carousel {
        cards: Cards<'a>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Parameter<'a> {
    Text {
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_name: Option<&'a str>,
        text: &'a str,
    },
    Currency {
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_name: Option<&'a str>,
        currency: Currency<'a>,
    },
    DateTime {
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_name: Option<&'a str>,
        date_time: DateTime<'a>,
    },
    Image {
        image: File<'a>,
    },
    Video {
        video: File<'a>,
    },
    Document {
        document: File<'a>,
    },
    Gif {
        gif: File<'a>,
    },
    Location {
        location: Location<'a>,
    },
    Product {
        product: Product<'a>,
    },
    Payload {
        payload: &'a str,
    },
    CouponCode {
        coupon_code: &'a str,
    },
    Action {
        action: Action<'a>,
    },
    LimitedTimeOffer {
        limited_time_offer: Offer,
    },
}

impl<'a> Parameter<'a> {
    fn of(param: &'a Param) -> Self {
        let parameter_name = param.name.as_deref();
        match &param.value {
            ParamValue::Text(text) => Self::Text { parameter_name, text },
            ParamValue::Currency { fallback, code, amount_1000 } => Self::Currency {
                parameter_name,
                currency: Currency { fallback_value: fallback, code, amount_1000: *amount_1000 },
            },
            ParamValue::DateTime { fallback } => {
                Self::DateTime { parameter_name, date_time: DateTime { fallback_value: fallback } }
            }
        }
    }

    fn of_header(header: &'a Header) -> Self {
        match header {
            Header::Text(param) => Self::of(param),
            Header::Image(media) => Self::Image { image: File::of(media, None) },
            Header::Video(media) => Self::Video { video: File::of(media, None) },
            Header::Document { media, filename } => {
                Self::Document { document: File::of(media, filename.as_deref()) }
            }
            Header::Gif(media) => Self::Gif { gif: File::of(media, None) },
            Header::Location { latitude, longitude, name, address } => {
                Self::Location { location: Location { latitude, longitude, name, address } }
            }
            Header::Product { product_retailer_id, catalog_id } => {
                Self::Product { product: Product { product_retailer_id, catalog_id } }
            }
        }
    }
}

#[derive(Serialize)]
struct Currency<'a> {
    fallback_value: &'a str,
    code: &'a str,
    amount_1000: i64,
}

#[derive(Serialize)]
struct DateTime<'a> {
    fallback_value: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

impl<'a> File<'a> {
    fn of(media: &'a Media, filename: Option<&'a str>) -> Self {
        match media {
            Media::Id(id) => Self { id: Some(id), link: None, filename },
            Media::Link(link) => Self { id: None, link: Some(link), filename },
        }
    }
}

#[derive(Serialize)]
struct Location<'a> {
    latitude: &'a str,
    longitude: &'a str,
    name: &'a str,
    address: &'a str,
}

#[derive(Serialize)]
struct Product<'a> {
    product_retailer_id: &'a str,
    catalog_id: &'a str,
}

#[derive(Serialize)]
struct Offer {
    expiration_time_ms: i64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Action<'a> {
    Catalog {
        thumbnail_product_retailer_id: &'a str,
    },
    Mpm {
        thumbnail_product_retailer_id: &'a str,
        sections: Sections<'a>,
    },
    Flow {
        flow_token: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        flow_action_data: Option<&'a Value>,
    },
    OrderDetails {
        order_details: &'a Value,
    },
}

/// A button's place, in quotes as in Meta's examples.
struct Index(u8);

impl Serialize for Index {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Params<'a>(&'a [Param]);

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Parameter::of))
    }
}

struct Sections<'a>(&'a [ProductSection]);

impl Serialize for Sections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Section<'a> {
            title: &'a str,
            product_items: Items<'a>,
        }
        serializer.collect_seq(
            self.0
                .iter()
                .map(|section| Section { title: &section.title, product_items: Items(&section.products) }),
        )
    }
}

struct Items<'a>(&'a [String]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Item<'a> {
            product_retailer_id: &'a str,
        }
        serializer.collect_seq(self.0.iter().map(|id| Item { product_retailer_id: id }))
    }
}

struct Cards<'a>(&'a [Card]);

impl Serialize for Cards<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Numbered<'a> {
            card_index: usize,
            components: CardComponents<'a>,
        }
        serializer.collect_seq(
            self.0
                .iter()
                .enumerate()
                .map(|(card_index, card)| Numbered { card_index, components: CardComponents(card) }),
        )
    }
}

struct CardComponents<'a>(&'a Card);

impl Serialize for CardComponents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        header_and_body(&mut seq, self.0.header.as_ref(), &self.0.body)?;
        buttons(&mut seq, &self.0.buttons)?;
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(content: &Content) -> String {
        serde_json::to_string(&Components(content)).unwrap()
    }

    fn header(header: Header) -> String {
        written(&Content { header: Some(header), ..Content::default() })
    }

    fn button(kind: ButtonKind) -> String {
        written(&Content { buttons: vec![Button { index: 1, kind }], ..Content::default() })
    }

    fn text(text: &str) -> Param {
        Param { name: None, value: ParamValue::Text(text.into()) }
    }

    #[test]
    fn headers() {
        let link = || Media::Link("https://example.com/a".into());
        insta::assert_snapshot!(header(Header::Text(text("Jo"))), @r#"[{"type":"header","parameters":[{"type":"text","text":"Jo"}]}]"#);
        insta::assert_snapshot!(header(Header::Text(Param { name: Some("who".into()), ..text("Jo") })), @r#"[{"type":"header","parameters":[{"type":"text","parameter_name":"who","text":"Jo"}]}]"#);
        insta::assert_snapshot!(header(Header::Image(link())), @r#"[{"type":"header","parameters":[{"type":"image","image":{"link":"https://example.com/a"}}]}]"#);
        insta::assert_snapshot!(header(Header::Image(Media::Id("1027".into()))), @r#"[{"type":"header","parameters":[{"type":"image","image":{"id":"1027"}}]}]"#);
        insta::assert_snapshot!(header(Header::Video(link())), @r#"[{"type":"header","parameters":[{"type":"video","video":{"link":"https://example.com/a"}}]}]"#);
        insta::assert_snapshot!(header(Header::Document { media: link(), filename: Some("offer.pdf".into()) }), @r#"[{"type":"header","parameters":[{"type":"document","document":{"link":"https://example.com/a","filename":"offer.pdf"}}]}]"#);
        insta::assert_snapshot!(header(Header::Document { media: Media::Id("9".into()), filename: None }), @r#"[{"type":"header","parameters":[{"type":"document","document":{"id":"9"}}]}]"#);
        insta::assert_snapshot!(header(Header::Gif(Media::Id("9".into()))), @r#"[{"type":"header","parameters":[{"type":"gif","gif":{"id":"9"}}]}]"#);
        insta::assert_snapshot!(header(Header::Location {
            latitude: "37.44".into(),
            longitude: "-122.16".into(),
            name: "Shop".into(),
            address: "1 Hacker Way".into(),
        }), @r#"[{"type":"header","parameters":[{"type":"location","location":{"latitude":"37.44","longitude":"-122.16","name":"Shop","address":"1 Hacker Way"}}]}]"#);
        insta::assert_snapshot!(header(Header::Product {
            product_retailer_id: "sku-1".into(),
            catalog_id: "194836987003835".into(),
        }), @r#"[{"type":"header","parameters":[{"type":"product","product":{"product_retailer_id":"sku-1","catalog_id":"194836987003835"}}]}]"#);
    }

    #[test]
    fn bodies() {
        let body = |body| written(&Content { body, ..Content::default() });
        insta::assert_snapshot!(body(vec![text("Jo"), text("20%")]), @r#"[{"type":"body","parameters":[{"type":"text","text":"Jo"},{"type":"text","text":"20%"}]}]"#);
        insta::assert_snapshot!(body(vec![Param { name: Some("first_name".into()), ..text("Jo") }]), @r#"[{"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"Jo"}]}]"#);
        insta::assert_snapshot!(body(vec![
            Param {
                name: None,
                value: ParamValue::Currency { fallback: "$100.99".into(), code: "USD".into(), amount_1000: 100_990 },
            },
            Param { name: Some("until".into()), value: ParamValue::DateTime { fallback: "February 25, 2027".into() } },
        ]), @r#"[{"type":"body","parameters":[{"type":"currency","currency":{"fallback_value":"$100.99","code":"USD","amount_1000":100990}},{"type":"date_time","parameter_name":"until","date_time":{"fallback_value":"February 25, 2027"}}]}]"#);
    }

    #[test]
    fn buttons() {
        insta::assert_snapshot!(button(ButtonKind::QuickReply { payload: "STOP".into() }), @r#"[{"type":"button","sub_type":"quick_reply","index":"1","parameters":[{"type":"payload","payload":"STOP"}]}]"#);
        insta::assert_snapshot!(button(ButtonKind::Url { suffix: "diwali?c=7".into() }), @r#"[{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"diwali?c=7"}]}]"#);
        insta::assert_snapshot!(button(ButtonKind::CopyCode { code: "SAVE20".into() }), @r#"[{"type":"button","sub_type":"copy_code","index":"1","parameters":[{"type":"coupon_code","coupon_code":"SAVE20"}]}]"#);
        insta::assert_snapshot!(button(ButtonKind::Catalog { thumbnail_product_retailer_id: Some("sku-1".into()) }), @r#"[{"type":"button","sub_type":"catalog","index":"1","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"sku-1"}}]}]"#);
        insta::assert_snapshot!(button(ButtonKind::Catalog { thumbnail_product_retailer_id: None }), @r#"[{"type":"button","sub_type":"catalog","index":"1"}]"#);
        insta::assert_snapshot!(button(ButtonKind::Mpm {
            thumbnail_product_retailer_id: "sku-1".into(),
            sections: vec![ProductSection { title: "Lights".into(), products: vec!["sku-1".into(), "sku-2".into()] }],
        }), @r#"[{"type":"button","sub_type":"mpm","index":"1","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"sku-1","sections":[{"title":"Lights","product_items":[{"product_retailer_id":"sku-1"},{"product_retailer_id":"sku-2"}]}]}}]}]"#);
        insta::assert_snapshot!(button(ButtonKind::Flow { flow_token: "tok".into(), flow_action_data: None }), @r#"[{"type":"button","sub_type":"flow","index":"1","parameters":[{"type":"action","action":{"flow_token":"tok"}}]}]"#);
        insta::assert_snapshot!(button(ButtonKind::Flow {
            flow_token: "tok".into(),
            flow_action_data: Some(json!({"screen": "WELCOME", "n": 1})),
        }), @r#"[{"type":"button","sub_type":"flow","index":"1","parameters":[{"type":"action","action":{"flow_token":"tok","flow_action_data":{"screen":"WELCOME","n":1}}}]}]"#);
        insta::assert_snapshot!(button(ButtonKind::OrderDetails {
            order_details: json!({"reference_id": "r1", "total_amount": {"value": 2100, "offset": 100}}),
        }), @r#"[{"type":"button","sub_type":"order_details","index":"1","parameters":[{"type":"action","action":{"order_details":{"reference_id":"r1","total_amount":{"value":2100,"offset":100}}}}]}]"#);
    }

    #[test]
    fn a_limited_time_offer_stands_between_body_and_buttons() {
        insta::assert_snapshot!(written(&Content {
            header: Some(Header::Image(Media::Id("9".into()))),
            body: vec![text("Jo")],
            buttons: vec![
                Button { index: 0, kind: ButtonKind::CopyCode { code: "SAVE20".into() } },
                Button { index: 1, kind: ButtonKind::Url { suffix: "x".into() } },
            ],
            offer_ends_ms: Some(1_794_110_400_000),
            carousel: vec![],
        }), @r#"[{"type":"header","parameters":[{"type":"image","image":{"id":"9"}}]},{"type":"body","parameters":[{"type":"text","text":"Jo"}]},{"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":1794110400000}}]},{"type":"button","sub_type":"copy_code","index":"0","parameters":[{"type":"coupon_code","coupon_code":"SAVE20"}]},{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"x"}]}]"#);
    }

    #[test]
    fn a_carousel_numbers_its_cards() {
        let card = |id: &str| Card {
            header: Some(Header::Image(Media::Id(id.into()))),
            body: vec![text("Lamp")],
            buttons: vec![
                Button { index: 0, kind: ButtonKind::QuickReply { payload: "more".into() } },
                Button { index: 1, kind: ButtonKind::Url { suffix: id.into() } },
            ],
        };
        insta::assert_snapshot!(written(&Content {
            body: vec![text("Jo")],
            carousel: vec![card("1"), Card { body: vec![], buttons: vec![], ..card("2") }],
            ..Content::default()
        }), @r#"[{"type":"body","parameters":[{"type":"text","text":"Jo"}]},{"type":"carousel","cards":[{"card_index":0,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},{"type":"body","parameters":[{"type":"text","text":"Lamp"}]},{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"more"}]},{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"1"}]}]},{"card_index":1,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"2"}}]}]}]}]"#);
    }

    #[test]
    fn nothing_filled_in_is_no_component() {
        assert!(!has_components(&Content::default()));
        assert!(has_components(&Content { offer_ends_ms: Some(1), ..Content::default() }));
    }
}
