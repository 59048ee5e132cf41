//! What is filled into a template for one recipient: rendered once at launch, then frozen.
//!
//! These types name the kinds of template component that the platform accepts in a send
//! (Marketing Messages API, "template" object). `whatsapp` turns them into the wire format;
//! [`crate::definition`] makes them from the campaign file's expressions and a row.

use serde::{Deserialize, Serialize};

/// All that is filled into a template for one recipient.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Content {
    /// The header's parameter, where the template's header has one.
    #[serde(default, rename = "h", skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The body's parameters, in order (positional) or each with its name.
    #[serde(default, rename = "b", skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Param>,
    /// The buttons that take a parameter.
    #[serde(default, rename = "u", skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// When a limited-time offer ends: milliseconds since 1970 (UTC).
    #[serde(default, rename = "o", skip_serializing_if = "Option::is_none")]
    pub offer_ends_ms: Option<i64>,
    /// The cards of a carousel, 2 to 10.
    #[serde(default, rename = "c", skip_serializing_if = "Vec::is_empty")]
    pub carousel: Vec<Card>,
}

/// A parameter of a header text or of a body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// The parameter's name, for templates with named parameters (`[a-z_]+`).
    #[serde(default, rename = "n", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is filled in.
    #[serde(rename = "v")]
    pub value: ParamValue,
}

/// What a [`Param`] fills in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamValue {
    /// Plain text.
    Text(String),
    /// An amount of money, shown as the recipient's locale writes it.
    Currency {
        /// Shown where the client cannot localise.
        fallback: String,
        /// ISO 4217 code.
        code: String,
        /// The amount times 1,000.
        amount_1000: i64,
    },
    /// A date and time; the platform shows the fallback text.
    DateTime {
        /// What is shown.
        fallback: String,
    },
}

/// A medium, either uploaded before (ids expire after 30 days) or fetched by the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// The id of an upload.
    Id(String),
    /// An https address.
    Link(String),
}

/// The parameter of a header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// One text variable, at most 60 characters.
    Text(Param),
    /// An image, at most 5 MB.
    Image(Media),
    /// A video, at most 16 MB.
    Video(Media),
    /// A document, at most 100 MB.
    Document {
        /// The file.
        media: Media,
        /// The name the recipient sees.
        filename: Option<String>,
    },
    /// An mp4 of at most 3.5 MB shown as a GIF; a larger one is shown as a video.
    Gif(Media),
    /// A place on the map.
    Location {
        /// Degrees, as text.
        latitude: String,
        /// Degrees, as text.
        longitude: String,
        /// Name of the place.
        name: String,
        /// Its address.
        address: String,
    },
    /// A product of a catalogue.
    Product {
        /// The product.
        product_retailer_id: String,
        /// Its catalogue.
        catalog_id: String,
    },
}

/// A button that takes a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Button {
    /// The button's place in the template, from 0; at most 10 buttons.
    #[serde(rename = "i")]
    pub index: u8,
    /// Its kind and parameter.
    #[serde(rename = "k")]
    pub kind: ButtonKind,
}

/// Kinds of button that take a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonKind {
    /// Comes back in the webhook when the recipient taps it.
    QuickReply {
        /// The payload.
        payload: String,
    },
    /// The variable end of the button's address; the whole address has at most 2,000 characters.
    Url {
        /// What stands for the variable.
        suffix: String,
    },
    /// A coupon code to copy, at most 15 characters.
    CopyCode {
        /// The code.
        code: String,
    },
    /// Opens the catalogue.
    Catalog {
        /// The product whose picture is shown.
        thumbnail_product_retailer_id: Option<String>,
    },
    /// A multi-product message: at most 10 sections and 30 products.
    Mpm {
        /// The product whose picture is shown.
        thumbnail_product_retailer_id: String,
        /// The sections.
        sections: Vec<ProductSection>,
    },
    /// Opens a flow.
    Flow {
        /// The token that comes back with the flow's answer.
        flow_token: String,
        /// Data for the first screen.
        flow_action_data: Option<serde_json::Value>,
    },
    /// Order details (templates made with the display format ORDER_DETAILS), passed through as they are.
    OrderDetails {
        /// The platform's `order_details` object.
        order_details: serde_json::Value,
    },
}

/// A section of a multi-product message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSection {
    /// At most 24 characters.
    pub title: String,
    /// The products' retailer ids.
    pub products: Vec<String>,
}

/// A card of a carousel.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Card {
    /// Its picture or video.
    #[serde(default, rename = "h", skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// Its body's parameters; at most 160 characters when rendered.
    #[serde(default, rename = "b", skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Param>,
    /// Its buttons that take a parameter.
    #[serde(default, rename = "u", skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}
