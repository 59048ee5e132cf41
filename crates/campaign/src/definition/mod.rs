//! The campaign file: its keys, its defaults, its rules, and how its parameters are filled from a row.
//!
//! | file | is responsible for |
//! | --- | --- |
//! | `model` | [`Definition`]: what a file means, every default filled in |
//! | `params` | the expressions that fill each component of a template |
//! | `keys` | every key there is |
//! | `decode`, `decode_schedule`, `decode_params` | from the file's tree to the model, key by key |
//! | `rules` | what several keys must agree on |
//! | `expression`, `filters` | `{{ column \| filter }}` |
//! | `renderer`, `fill`, `text_rules` | one row's content, and what the platform demands of it |
//! | `percent`, `places` | shares, where values stand in the file |

mod decode;
mod decode_params;
mod decode_schedule;
mod expression;
mod fill;
mod filters;
mod keys;
mod model;
pub mod params;
mod percent;
mod places;
mod renderer;
mod rules;
mod text_rules;

pub use expression::{Expression, ExpressionError};
pub use filters::FILTERS;
pub use keys::known_keys;
pub use model::{
    Audience, ColumnUse, DEFAULT_IN_DOUBT_AFTER, DEFAULT_MAX_INVALID, DEFAULT_STOP_AFTER, Definition,
    Delivery, FrequencyCap, InDoubt, Limits, MaxPrice, Pace, ProductPolicy, RecipientColumn, RetryLimits,
    Schedule, Speed, StopWhen, TemplateName, Variant,
};
pub use percent::{Percent, PercentError};
pub use places::Places;
pub use renderer::{Cells, RenderError, Rendered, Renderer};

/// The JSON Schema (draft 2020-12) of the campaign file, for editors.
pub const JSON_SCHEMA: &str = include_str!("../../schema/campaign.schema.json");
