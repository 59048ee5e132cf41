//! One row's content: walks compiled parameters and holds what the platform demands of each kind.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::params::{
    ButtonKindParams, ButtonParams, CardParams, HeaderParams, JsonParams, MediaParams, Params, TextParam,
    TextValue,
};
use super::renderer::{Filled, RenderError, Row, Slot, shown};
use super::text_rules::{self, bad_link, bad_url_end, one_line, too_long};
use crate::params::{Button, ButtonKind, Card, Content, Header, Media, Param, ParamValue, ProductSection};

type Rendering<T> = Result<T, RenderError>;

/// Fills parameters from one row.
pub(super) struct Fill<'r> {
    pub(super) row: &'r Row<'r>,
    /// The zone of times that have no offset.
    pub(super) zone: Tz,
}

impl<'r> Fill<'r> {
    pub(super) fn content(&self, params: &'r Params<Slot>) -> Rendering<Content> {
        Ok(Content {
            header: params.header.as_ref().map(|header| self.header(header)).transpose()?,
            body: self.body(&params.body, "body", text_rules::BODY)?,
            buttons: self.buttons(&params.buttons)?,
            offer_ends_ms: params.offer_ends.as_ref().map(|slot| self.offer_ends(slot)).transpose()?,
            carousel: params
                .carousel
                .iter()
                .enumerate()
                .map(|(i, card)| self.card(card, i))
                .collect::<Rendering<_>>()?,
        })
    }

    fn card(&self, card: &'r CardParams<Slot>, number: usize) -> Rendering<Card> {
        Ok(Card {
            header: card.header.as_ref().map(|header| self.header(header)).transpose()?,
            body: if card.body.is_empty() {
                Vec::new()
            } else {
                self.body(&card.body, &format!("carousel[{number}].body"), text_rules::CARD_BODY)?
            },
            buttons: self.buttons(&card.buttons)?,
        })
    }

    /// Text as it stands, without white space at its ends.
    fn plain(&self, slot: &'r Slot) -> Rendering<String> {
        Ok(slot.text(self.row)?.trim().to_owned())
    }

    /// Text in one line, of at most `limit` characters.
    fn line(&self, slot: &'r Slot, limit: usize) -> Rendering<String> {
        let text = slot.text(self.row)?;
        let text = one_line(&text).into_owned();
        match too_long(&text, limit) {
            Some(said) => Err(RenderError::new(&slot.path, format!("{said}; add | truncate({limit})"))),
            None => Ok(text),
        }
    }

    fn body(&self, params: &'r [TextParam<Slot>], path: &str, limit: usize) -> Rendering<Vec<Param>> {
        let mut out = Vec::with_capacity(params.len());
        let mut length = 0;
        for param in params {
            let param = self.text_param(param, limit)?;
            length += match &param.value {
                ParamValue::Text(text)
                | ParamValue::Currency { fallback: text, .. }
                | ParamValue::DateTime { fallback: text } => text.len(),
            };
            out.push(param);
        }
        // Bytes are at least as many as characters: count only where it matters.
        if length > limit {
            let characters: usize = out
                .iter()
                .map(|param| match &param.value {
                    ParamValue::Text(text) => text.chars().count(),
                    ParamValue::Currency { .. } | ParamValue::DateTime { .. } => 0,
                })
                .sum();
            if characters > limit {
                return Err(RenderError::new(
                    path,
                    format!(
                        "has {characters} characters in all, more than the {limit} allowed; shorten with | truncate"
                    ),
                ));
            }
        }
        Ok(out)
    }

    fn text_param(&self, param: &'r TextParam<Slot>, limit: usize) -> Rendering<Param> {
        let value = match &param.value {
            TextValue::Text(slot) => ParamValue::Text(self.line(slot, limit)?),
            TextValue::DateTime(slot) => ParamValue::DateTime { fallback: self.line(slot, limit)? },
            TextValue::Currency { amount, code, fallback } => {
                let text = self.plain(amount)?;
                let wrong = || {
                    RenderError::new(
                        &amount.path,
                        format!(
                            "is \"{}\", which is not an amount with at most three decimals",
                            shown(&text)
                        ),
                    )
                };
                let thousandths = Decimal::from_str_exact(&text)
                    .ok()
                    .and_then(|amount| amount.checked_mul(Decimal::ONE_THOUSAND))
                    .filter(|thousandths| thousandths.fract().is_zero())
                    .and_then(|thousandths| thousandths.to_i64())
                    .ok_or_else(wrong)?;
                let fallback = match fallback {
                    Some(slot) => self.line(slot, limit)?,
                    None => format!("{code} {text}"),
                };
                ParamValue::Currency { fallback, code: code.clone(), amount_1000: thousandths }
            }
        };
        Ok(Param { name: param.name.clone(), value })
    }

    fn media(&self, media: &'r MediaParams<Slot>) -> Rendering<Media> {
        match media {
            MediaParams::Id(slot) => Ok(Media::Id(self.plain(slot)?)),
            MediaParams::Link(slot) => {
                let link = self.plain(slot)?;
                match bad_link(&link) {
                    Some(said) => Err(RenderError::new(&slot.path, format!("\"{}\" {said}", shown(&link)))),
                    None => Ok(Media::Link(link)),
                }
            }
        }
    }

    fn header(&self, header: &'r HeaderParams<Slot>) -> Rendering<Header> {
        Ok(match header {
            HeaderParams::Text(param) => Header::Text(self.text_param(param, text_rules::HEADER)?),
            HeaderParams::Image(image) => Header::Image(self.media(image)?),
            HeaderParams::Video(video) => Header::Video(self.media(video)?),
            HeaderParams::Gif(gif) => Header::Gif(self.media(gif)?),
            HeaderParams::Document { media, filename } => Header::Document {
                media: self.media(media)?,
                filename: filename.as_ref().map(|slot| self.line(slot, text_rules::BODY)).transpose()?,
            },
            HeaderParams::Location { latitude, longitude, name, address } => Header::Location {
                latitude: self.degrees(latitude, 90)?,
                longitude: self.degrees(longitude, 180)?,
                name: self.line(name, text_rules::BODY)?,
                address: self.line(address, text_rules::BODY)?,
            },
            HeaderParams::Product { product_retailer_id, catalog_id } => Header::Product {
                product_retailer_id: self.plain(product_retailer_id)?,
                catalog_id: self.plain(catalog_id)?,
            },
        })
    }

    fn degrees(&self, slot: &'r Slot, limit: i64) -> Rendering<String> {
        let text = self.plain(slot)?;
        let limit_of = Decimal::from(limit);
        let right = Decimal::from_str_exact(&text).is_ok_and(|degrees| degrees.abs() <= limit_of);
        if right {
            return Ok(text);
        }
        Err(RenderError::new(
            &slot.path,
            format!("is \"{}\"; write degrees from -{limit} to {limit}", shown(&text)),
        ))
    }

    fn buttons(&self, buttons: &'r [ButtonParams<Slot>]) -> Rendering<Vec<Button>> {
        buttons
            .iter()
            .map(|button| Ok(Button { index: button.index, kind: self.button(&button.kind)? }))
            .collect()
    }

    fn button(&self, kind: &'r ButtonKindParams<Slot>) -> Rendering<ButtonKind> {
        Ok(match kind {
            ButtonKindParams::QuickReply(slot) => ButtonKind::QuickReply { payload: self.plain(slot)? },
            ButtonKindParams::Url(slot) => {
                let suffix = self.plain(slot)?;
                if let Some(said) = bad_url_end(&suffix) {
                    return Err(RenderError::new(&slot.path, said));
                }
                ButtonKind::Url { suffix }
            }
            ButtonKindParams::CopyCode(slot) => {
                let code = self.plain(slot)?;
                if let Some(said) = too_long(&code, text_rules::COUPON) {
                    return Err(RenderError::new(&slot.path, said));
                }
                ButtonKind::CopyCode { code }
            }
            ButtonKindParams::Catalog { thumbnail_product_retailer_id } => ButtonKind::Catalog {
                thumbnail_product_retailer_id: thumbnail_product_retailer_id
                    .as_ref()
                    .map(|slot| self.plain(slot))
                    .transpose()?,
            },
            ButtonKindParams::Mpm { thumbnail_product_retailer_id, sections } => ButtonKind::Mpm {
                thumbnail_product_retailer_id: self.plain(thumbnail_product_retailer_id)?,
                sections: sections
                    .iter()
                    .map(|section| {
                        Ok(ProductSection {
                            title: self.line(&section.title, text_rules::SECTION_TITLE)?,
                            products: section
                                .products
                                .iter()
                                .map(|slot| self.plain(slot))
                                .collect::<Rendering<_>>()?,
                        })
                    })
                    .collect::<Rendering<_>>()?,
            },
            ButtonKindParams::Flow { flow_token, flow_action_data } => ButtonKind::Flow {
                flow_token: self.plain(flow_token)?,
                flow_action_data: flow_action_data.as_ref().map(|data| self.json(data)).transpose()?,
            },
            ButtonKindParams::OrderDetails(details) => {
                ButtonKind::OrderDetails { order_details: self.json(details)? }
            }
        })
    }

    fn json(&self, value: &'r JsonParams<Slot>) -> Rendering<serde_json::Value> {
        use serde_json::Value;
        Ok(match value {
            JsonParams::Plain(plain) => plain.clone(),
            JsonParams::Text(slot) if slot.is_blank_literal() => Value::String(slot.literal()),
            JsonParams::Text(slot) => match slot.fill(self.row)? {
                Filled::Text(text) => Value::String(text.into_owned()),
                Filled::Other(other) => serde_json::to_value(&other)
                    .map_err(|_| RenderError::new(&slot.path, "is not a value that JSON has"))?,
            },
            JsonParams::List(items) => {
                Value::Array(items.iter().map(|item| self.json(item)).collect::<Rendering<_>>()?)
            }
            JsonParams::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), self.json(item)?)))
                    .collect::<Rendering<_>>()?,
            ),
        })
    }

    /// When an offer ends: milliseconds since 1970, a time with an offset, or one on the schedule's clock.
    fn offer_ends(&self, slot: &'r Slot) -> Rendering<i64> {
        let text = self.plain(slot)?;
        let wrong = || {
            RenderError::new(
                &slot.path,
                format!(
                    "is \"{}\"; write a time such as 2026-11-08T21:00:00+05:30, or milliseconds since 1970",
                    shown(&text)
                ),
            )
        };
        // Thirteen digits are milliseconds from 2001 to 2286; fewer would be seconds, a likely slip.
        if text.len() == 13 && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map_err(|_| wrong());
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
            return Ok(time.timestamp_millis());
        }
        let local = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())
            .ok_or_else(wrong)?;
        match self.zone.from_local_datetime(&local) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Ok(time.timestamp_millis()),
            LocalResult::None => Err(wrong()),
        }
    }
}
