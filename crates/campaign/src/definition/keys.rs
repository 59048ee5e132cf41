//! Every key that a campaign file may have, by the path of the map it stands in.

/// The keys of each map: the path of the map (`[]` stands for any item of a list), and its keys.
pub(super) const KEYS: &[(&str, &[&str])] = &[
    ("", TOP),
    ("template", TEMPLATE),
    ("audience", AUDIENCE),
    ("audience.phone", PHONE),
    ("audience.user_id", COLUMN),
    ("audience.timezone", COLUMN),
    ("params", PARAMS),
    ("params.header", HEADER),
    ("params.header.image", MEDIA),
    ("params.header.video", MEDIA),
    ("params.header.document", DOCUMENT),
    ("params.header.gif", MEDIA),
    ("params.header.location", LOCATION),
    ("params.header.product", PRODUCT),
    ("params.body[]", TEXT_PARAM),
    ("params.body[].currency", CURRENCY),
    ("params.buttons[]", BUTTON),
    ("params.buttons[].catalog", CATALOG),
    ("params.buttons[].mpm", MPM),
    ("params.buttons[].mpm.sections[]", SECTION),
    ("params.buttons[].flow", FLOW),
    ("params.limited_time_offer", OFFER),
    ("params.carousel[]", CARD),
    ("schedule", SCHEDULE),
    ("schedule.windows[]", WINDOW),
    ("pace", PACE),
    ("pace.ramp[]", RAMP),
    ("delivery", DELIVERY),
    ("delivery.max_price", MAX_PRICE),
    ("budget", MONEY),
    ("limits", LIMITS),
    ("limits.per_recipient", FREQUENCY_CAP),
    ("variants[]", VARIANT),
    ("stop_when", STOP_WHEN),
    ("retry", RETRY),
];

/// Every key that a campaign file may have, as the path of its map and the key: `("pace", "rate")`. Maps that
/// occur in several places (the parameters of a variant, of a carousel's card) are listed once, where they
/// first occur; `[]` stands for any item of a list.
pub fn known_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.iter().flat_map(|(path, keys)| keys.iter().map(move |key| (*path, *key)))
}

pub(super) const TOP: &[&str] = &[
    "campaign",
    "sender",
    "template",
    "audience",
    "params",
    "schedule",
    "pace",
    "delivery",
    "budget",
    "limits",
    "variants",
    "holdout",
    "stop_when",
    "in_doubt",
    "in_doubt_after",
    "retry",
];
pub(super) const TEMPLATE: &[&str] = &["name", "language"];
pub(super) const AUDIENCE: &[&str] = &["file", "max_invalid", "phone", "user_id", "timezone", "delimiter"];
pub(super) const PHONE: &[&str] = &["column", "region"];
pub(super) const COLUMN: &[&str] = &["column"];
pub(super) const PARAMS: &[&str] = &["header", "body", "buttons", "limited_time_offer", "carousel"];
pub(super) const HEADER: &[&str] = &["text", "image", "video", "document", "gif", "location", "product"];
pub(super) const MEDIA: &[&str] = &["id", "link"];
pub(super) const DOCUMENT: &[&str] = &["id", "link", "filename"];
pub(super) const LOCATION: &[&str] = &["latitude", "longitude", "name", "address"];
pub(super) const PRODUCT: &[&str] = &["product_retailer_id", "catalog_id"];
pub(super) const TEXT_PARAM: &[&str] = &["currency", "date_time"];
pub(super) const CURRENCY: &[&str] = &["amount", "code", "fallback"];
pub(super) const BUTTON: &[&str] =
    &["index", "quick_reply", "url", "copy_code", "catalog", "mpm", "flow", "order_details"];
pub(super) const CATALOG: &[&str] = &["thumbnail_product_retailer_id"];
pub(super) const MPM: &[&str] = &["thumbnail_product_retailer_id", "sections"];
pub(super) const SECTION: &[&str] = &["title", "products"];
pub(super) const FLOW: &[&str] = &["flow_token", "flow_action_data"];
pub(super) const OFFER: &[&str] = &["ends"];
pub(super) const CARD: &[&str] = &["header", "body", "buttons"];
pub(super) const SCHEDULE: &[&str] = &["start", "end", "zone", "windows", "repeat"];
pub(super) const WINDOW: &[&str] = &["days", "from", "to", "in"];
pub(super) const PACE: &[&str] = &["rate", "over", "weight", "ramp"];
pub(super) const RAMP: &[&str] = &["rate", "for"];
pub(super) const DELIVERY: &[&str] = &["ttl", "product_policy", "activity_sharing", "max_price"];
pub(super) const MAX_PRICE: &[&str] = &["amount", "currency", "multiplier"];
pub(super) const MONEY: &[&str] = &["amount", "currency"];
pub(super) const LIMITS: &[&str] = &["per_recipient"];
pub(super) const FREQUENCY_CAP: &[&str] = &["max", "per"];
pub(super) const VARIANT: &[&str] = &["name", "weight", "template", "params"];
pub(super) const STOP_WHEN: &[&str] = &["failure_rate", "after"];
pub(super) const RETRY: &[&str] = &["attempts", "base", "max"];
