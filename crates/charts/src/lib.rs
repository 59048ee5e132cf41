//! Charts as SVG, for pages and reports. Pure: values in, one `<svg>` element out, always the same for the same values.
//!
//! | module | draws or does |
//! | --- | --- |
//! | [`lines`] | several series over time or another axis |
//! | [`bars`] | named amounts, the name above its bar |
//! | [`columns`] | amounts of equal parts of something, such as the hours of a day |
//! | [`funnel`] | steps, each with its share of the step before |
//! | [`intervals`] | shares with the range that they may really lie in |
//! | [`budget`] | what is spent and reserved of an amount, and what is left |
//! | [`time`] | ticks at round times of a zone's clocks |
//! | [`number`] | numbers and shares, as people write them |
//! | [`theme`] | the stylesheet, and the colours of bright and of dark pages |
//! | `svg`, `text`, `axis` | the element with its title and description; widths and cuts of texts; round ticks |
//!
//! Every chart is built the same way: `new(id, title)`, the values, `render()`.
//!
//! ```
//! let svg = charts::Bars::new("failures", "Failed messages by reason")
//!     .bar("Undeliverable", 1_200)
//!     .bar("Too many marketing messages", 34)
//!     .render();
//! assert!(svg.starts_with("<svg ") && svg.contains("1,200"));
//! ```
//!
//! - **Ids** must be unique on the page that a chart is put on: its title, description and patterns are named after it.
//!   They may have ASCII letters, digits, `-` and `_`; whatever else is in one becomes `-`.
//! - **Size**: a chart is [`WIDTH`] units wide unless [`width`](Bars::width) says otherwise, and fills the width that the page
//!   gives it. The letters are 13 units high: the default is readable on a phone, and at up to 560 px beside another chart.
//! - **Who cannot see it** hears the title and a description with the main numbers; a page should have the numbers in a
//!   table too. **Who cannot tell colours apart** has direct labels, dashes, shapes and hatching; the colours are those of
//!   Okabe and Ito.
//! - **Colours** are presentation attributes for bright pages, so that a chart stands alone; [`theme::STYLESHEET`] sets
//!   them by custom properties (`--chart-1` to `--chart-4`, `--chart-text`, `--chart-quiet`, `--chart-grid`, `--chart-paper`),
//!   which a page may set, for the dark for example to [`theme::DARK`]. There are no `style` attributes and no scripts: a
//!   page may forbid both.
//! - **Texts** are escaped, and cut where they do not fit; the whole text is then in a `<title>` of its own.

pub mod bars;
pub mod budget;
pub mod columns;
pub mod funnel;
pub mod intervals;
pub mod lines;
pub mod number;
pub mod theme;
pub mod time;

mod axis;
mod svg;
mod text;

pub use bars::Bars;
pub use budget::Budget;
pub use columns::Columns;
pub use funnel::Funnel;
pub use intervals::Intervals;
pub use lines::{Lines, Tick};

/// How wide a chart is unless it is told otherwise, in units of its own.
pub const WIDTH: f64 = 400.0;
/// No chart is narrower.
pub const NARROWEST: f64 = 240.0;
