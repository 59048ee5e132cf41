//! YAML, TOML and JSON as one tree that knows its lines and columns, and a decoder that reports every
//! problem of a file at once.
//!
//! ```
//! use campaign::document::{Item, Report, parse};
//!
//! let node = parse("job.yaml", b"name: nightly\nevery: 10m\nretries: many\n").unwrap();
//! let report = Report::new();
//! let fields = Item::root(&node, &report).fields(&["name", "every", "retries"]).unwrap();
//! assert_eq!(fields.required("name").and_then(|item| item.text()), Some("nightly"));
//! assert_eq!(fields.optional("retries").and_then(|item| item.int(0..=9)), None);
//! assert_eq!(
//!     report.into_result().unwrap_err().to_string(),
//!     "job.yaml:3:10: retries is the text \"many\", expected a whole number from 0 to 9",
//! );
//! ```

mod decode;
mod json;
mod nearest;
mod read;
mod toml;
mod tree;
mod yaml;

pub use decode::{Fields, Item, Report};
pub use nearest::nearest;
pub use read::{Format, MAX_BYTES, MAX_DEPTH, parse, parse_as};
pub use tree::{Key, Node, Value};
