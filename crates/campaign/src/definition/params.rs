//! What the file's `params` say: for each component of the template, the expressions that fill it.
//!
//! The types mirror [`crate::params`], with an expression `E` where that has a text. They are generic so
//! that the renderer can hold the same shape with compiled expressions.

use serde::{Deserialize, Serialize};

use super::expression::Expression;

/// What fills the template's components.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Params<E = Expression> {
    /// `header`: the header's parameter.
    pub header: Option<HeaderParams<E>>,
    /// `body`: the body's parameters, in order or each with its name.
    pub body: Vec<TextParam<E>>,
    /// `buttons`: the buttons that take a parameter.
    pub buttons: Vec<ButtonParams<E>>,
    /// `limited_time_offer.ends`: when the offer ends, RFC 3339 or milliseconds since 1970.
    pub offer_ends: Option<E>,
    /// `carousel`: the cards, 2 to 10.
    pub carousel: Vec<CardParams<E>>,
}

impl<E> Default for Params<E> {
    fn default() -> Self {
        Self { header: None, body: Vec::new(), buttons: Vec::new(), offer_ends: None, carousel: Vec::new() }
    }
}

/// A parameter of a header text or of a body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextParam<E = Expression> {
    /// Its name, for templates with named parameters.
    pub name: Option<String>,
    /// What fills it.
    pub value: TextValue<E>,
}

/// What fills a [`TextParam`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextValue<E = Expression> {
    /// Text.
    Text(E),
    /// An amount of money.
    Currency {
        /// The amount, a decimal number with at most three decimals.
        amount: E,
        /// ISO 4217 code.
        code: String,
        /// Shown where the client cannot localise; code and amount where absent.
        fallback: Option<E>,
    },
    /// A date and time as text.
    DateTime(E),
}

/// A medium.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaParams<E = Expression> {
    /// The id of an upload.
    Id(E),
    /// An https address.
    Link(E),
}

/// What fills a header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderParams<E = Expression> {
    /// Its one text variable.
    Text(TextParam<E>),
    /// An image.
    Image(MediaParams<E>),
    /// A video.
    Video(MediaParams<E>),
    /// A document.
    Document {
        /// The file.
        media: MediaParams<E>,
        /// The name the recipient sees.
        filename: Option<E>,
    },
    /// An mp4 shown as a GIF.
    Gif(MediaParams<E>),
    /// A place.
    Location {
        /// Degrees, -90 to 90.
        latitude: E,
        /// Degrees, -180 to 180.
        longitude: E,
        /// Name of the place.
        name: E,
        /// Its address.
        address: E,
    },
    /// A product.
    Product {
        /// The product.
        product_retailer_id: E,
        /// Its catalogue.
        catalog_id: E,
    },
}

/// What fills a button.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ButtonParams<E = Expression> {
    /// Its place in the template, from 0.
    pub index: u8,
    /// Its kind and what fills it.
    pub kind: ButtonKindParams<E>,
}

/// What fills a button, by its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonKindParams<E = Expression> {
    /// The payload of a quick reply.
    QuickReply(E),
    /// The end of a URL.
    Url(E),
    /// A coupon code.
    CopyCode(E),
    /// A catalogue.
    Catalog {
        /// The product whose picture is shown.
        thumbnail_product_retailer_id: Option<E>,
    },
    /// A multi-product message.
    Mpm {
        /// The product whose picture is shown.
        thumbnail_product_retailer_id: E,
        /// Its sections, 1 to 10.
        sections: Vec<SectionParams<E>>,
    },
    /// A flow.
    Flow {
        /// The token that comes back.
        flow_token: E,
        /// Data for the first screen.
        flow_action_data: Option<JsonParams<E>>,
    },
    /// The platform's `order_details` object.
    OrderDetails(JsonParams<E>),
}

/// A section of a multi-product message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SectionParams<E = Expression> {
    /// Its title.
    pub title: E,
    /// Its products.
    pub products: Vec<E>,
}

/// A card of a carousel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardParams<E = Expression> {
    /// Its picture, video or product.
    pub header: Option<HeaderParams<E>>,
    /// Its body's parameters.
    pub body: Vec<TextParam<E>>,
    /// Its buttons that take a parameter.
    pub buttons: Vec<ButtonParams<E>>,
}

/// A JSON value whose texts are expressions. A text that is one expression keeps the expression's type:
/// `"{{ total | int }}"` makes a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonParams<E = Expression> {
    /// null, true, false or a number.
    Plain(serde_json::Value),
    /// A text.
    Text(E),
    /// A list.
    List(Vec<JsonParams<E>>),
    /// An object, in the order of the file.
    Map(Vec<(String, JsonParams<E>)>),
}

/// Makes one expression into something else; the path names it as the file does, without the leading
/// `params.`.
type Map<'m, E, F, X> = &'m mut dyn FnMut(&str, &E) -> Result<F, X>;

impl<E> Params<E> {
    /// The same shape with every expression replaced, in the order of the components.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn try_map<F, X>(&self, f: &mut dyn FnMut(&str, &E) -> Result<F, X>) -> Result<Params<F>, X> {
        let offer_ends = match &self.offer_ends {
            Some(ends) => Some(f("limited_time_offer.ends", ends)?),
            None => None,
        };
        Ok(Params {
            header: header(&self.header, "header", f)?,
            body: body(&self.body, "body", f)?,
            buttons: buttons(&self.buttons, "buttons", f)?,
            offer_ends,
            carousel: self
                .carousel
                .iter()
                .enumerate()
                .map(|(i, card)| {
                    Ok(CardParams {
                        header: header(&card.header, &format!("carousel[{i}].header"), f)?,
                        body: body(&card.body, &format!("carousel[{i}].body"), f)?,
                        buttons: buttons(&card.buttons, &format!("carousel[{i}].buttons"), f)?,
                    })
                })
                .collect::<Result<_, X>>()?,
        })
    }

    /// Calls `f` with every expression and its path in the file, without the leading `params.`.
    pub fn for_each(&self, f: &mut dyn FnMut(&str, &E)) {
        let result: Result<Params<()>, std::convert::Infallible> = self.try_map(&mut |path, expression| {
            f(path, expression);
            Ok(())
        });
        match result {
            Ok(_) => {}
            Err(never) => match never {},
        }
    }

    /// Whether parameters of header text and body have names; `None` where there are none.
    pub fn is_named(&self) -> Option<bool> {
        let header = match &self.header {
            Some(HeaderParams::Text(param)) => Some(param),
            Some(
                HeaderParams::Image(_)
                | HeaderParams::Video(_)
                | HeaderParams::Document { .. }
                | HeaderParams::Gif(_)
                | HeaderParams::Location { .. }
                | HeaderParams::Product { .. },
            )
            | None => None,
        };
        header.or_else(|| self.body.first()).map(|param| param.name.is_some())
    }
}

fn text_param<E, F, X>(param: &TextParam<E>, path: &str, f: Map<'_, E, F, X>) -> Result<TextParam<F>, X> {
    let value = match &param.value {
        TextValue::Text(text) => TextValue::Text(f(path, text)?),
        TextValue::Currency { amount, code, fallback } => TextValue::Currency {
            amount: f(&format!("{path}.currency.amount"), amount)?,
            code: code.clone(),
            fallback: optional(fallback, &format!("{path}.currency.fallback"), f)?,
        },
        TextValue::DateTime(text) => TextValue::DateTime(f(&format!("{path}.date_time"), text)?),
    };
    Ok(TextParam { name: param.name.clone(), value })
}

fn optional<E, F, X>(value: &Option<E>, path: &str, f: Map<'_, E, F, X>) -> Result<Option<F>, X> {
    value.as_ref().map(|value| f(path, value)).transpose()
}

fn body<E, F, X>(params: &[TextParam<E>], path: &str, f: Map<'_, E, F, X>) -> Result<Vec<TextParam<F>>, X> {
    params
        .iter()
        .enumerate()
        .map(|(i, param)| match &param.name {
            Some(name) => text_param(param, &format!("{path}.{name}"), f),
            None => text_param(param, &format!("{path}[{i}]"), f),
        })
        .collect()
}

fn media<E, F, X>(media: &MediaParams<E>, path: &str, f: Map<'_, E, F, X>) -> Result<MediaParams<F>, X> {
    Ok(match media {
        MediaParams::Id(id) => MediaParams::Id(f(&format!("{path}.id"), id)?),
        MediaParams::Link(link) => MediaParams::Link(f(&format!("{path}.link"), link)?),
    })
}

fn header<E, F, X>(
    header: &Option<HeaderParams<E>>,
    path: &str,
    f: Map<'_, E, F, X>,
) -> Result<Option<HeaderParams<F>>, X> {
    let Some(header) = header else { return Ok(None) };
    Ok(Some(match header {
        HeaderParams::Text(param) => {
            let path = match &param.name {
                Some(name) => format!("{path}.text.{name}"),
                None => format!("{path}.text"),
            };
            HeaderParams::Text(text_param(param, &path, f)?)
        }
        HeaderParams::Image(image) => HeaderParams::Image(media(image, &format!("{path}.image"), f)?),
        HeaderParams::Video(video) => HeaderParams::Video(media(video, &format!("{path}.video"), f)?),
        HeaderParams::Document { media: document, filename } => HeaderParams::Document {
            media: media(document, &format!("{path}.document"), f)?,
            filename: optional(filename, &format!("{path}.document.filename"), f)?,
        },
        HeaderParams::Gif(gif) => HeaderParams::Gif(media(gif, &format!("{path}.gif"), f)?),
        HeaderParams::Location { latitude, longitude, name, address } => HeaderParams::Location {
            latitude: f(&format!("{path}.location.latitude"), latitude)?,
            longitude: f(&format!("{path}.location.longitude"), longitude)?,
            name: f(&format!("{path}.location.name"), name)?,
            address: f(&format!("{path}.location.address"), address)?,
        },
        HeaderParams::Product { product_retailer_id, catalog_id } => HeaderParams::Product {
            product_retailer_id: f(&format!("{path}.product.product_retailer_id"), product_retailer_id)?,
            catalog_id: f(&format!("{path}.product.catalog_id"), catalog_id)?,
        },
    }))
}

fn buttons<E, F, X>(
    buttons: &[ButtonParams<E>],
    path: &str,
    f: Map<'_, E, F, X>,
) -> Result<Vec<ButtonParams<F>>, X> {
    buttons
        .iter()
        .enumerate()
        .map(|(i, button)| {
            let kind = button_kind(&button.kind, &format!("{path}[{i}]"), f)?;
            Ok(ButtonParams { index: button.index, kind })
        })
        .collect()
}

fn button_kind<E, F, X>(
    kind: &ButtonKindParams<E>,
    path: &str,
    f: Map<'_, E, F, X>,
) -> Result<ButtonKindParams<F>, X> {
    const THUMBNAIL: &str = "thumbnail_product_retailer_id";
    Ok(match kind {
        ButtonKindParams::QuickReply(text) => {
            ButtonKindParams::QuickReply(f(&format!("{path}.quick_reply"), text)?)
        }
        ButtonKindParams::Url(text) => ButtonKindParams::Url(f(&format!("{path}.url"), text)?),
        ButtonKindParams::CopyCode(text) => {
            ButtonKindParams::CopyCode(f(&format!("{path}.copy_code"), text)?)
        }
        ButtonKindParams::Catalog { thumbnail_product_retailer_id } => ButtonKindParams::Catalog {
            thumbnail_product_retailer_id: optional(
                thumbnail_product_retailer_id,
                &format!("{path}.catalog.{THUMBNAIL}"),
                f,
            )?,
        },
        ButtonKindParams::Mpm { thumbnail_product_retailer_id, sections } => ButtonKindParams::Mpm {
            thumbnail_product_retailer_id: f(
                &format!("{path}.mpm.{THUMBNAIL}"),
                thumbnail_product_retailer_id,
            )?,
            sections: sections
                .iter()
                .enumerate()
                .map(|(i, section)| {
                    Ok(SectionParams {
                        title: f(&format!("{path}.mpm.sections[{i}].title"), &section.title)?,
                        products: section
                            .products
                            .iter()
                            .enumerate()
                            .map(|(j, product)| {
                                f(&format!("{path}.mpm.sections[{i}].products[{j}]"), product)
                            })
                            .collect::<Result<_, X>>()?,
                    })
                })
                .collect::<Result<_, X>>()?,
        },
        ButtonKindParams::Flow { flow_token, flow_action_data } => ButtonKindParams::Flow {
            flow_token: f(&format!("{path}.flow.flow_token"), flow_token)?,
            flow_action_data: match flow_action_data {
                Some(data) => Some(json(data, &format!("{path}.flow.flow_action_data"), f)?),
                None => None,
            },
        },
        ButtonKindParams::OrderDetails(details) => {
            ButtonKindParams::OrderDetails(json(details, &format!("{path}.order_details"), f)?)
        }
    })
}

fn json<E, F, X>(value: &JsonParams<E>, path: &str, f: Map<'_, E, F, X>) -> Result<JsonParams<F>, X> {
    Ok(match value {
        JsonParams::Plain(plain) => JsonParams::Plain(plain.clone()),
        JsonParams::Text(text) => JsonParams::Text(f(path, text)?),
        JsonParams::List(items) => JsonParams::List(
            items
                .iter()
                .enumerate()
                .map(|(i, item)| json(item, &format!("{path}[{i}]"), f))
                .collect::<Result<_, X>>()?,
        ),
        JsonParams::Map(entries) => JsonParams::Map(
            entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), json(item, &format!("{path}.{key}"), f)?)))
                .collect::<Result<_, X>>()?,
        ),
    })
}
