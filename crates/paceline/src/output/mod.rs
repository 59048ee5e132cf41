//! What people and machines read: numbers, times, tables, bars, JSON, and where they are written.
//!
//! Rendering is pure: it takes values, `now` and a [`Look`], and returns text. Only [`screen`] and
//! [`progress`] write.
//!
//! | module | holds |
//! | --- | --- |
//! | [`look`] | how wide and how colourful the reader's screen is |
//! | [`bars`] | shares as bars of characters |
//! | [`table`] | columns that fit the screen |
//! | [`screen`] | the one function that writes to standard output; text that is redrawn in place |
//! | [`progress`] | progress bars of long work, on standard error |

pub(crate) mod bars;
pub(crate) mod look;
pub(crate) mod progress;
pub(crate) mod screen;
pub(crate) mod table;

pub(crate) use desk::format;
pub(crate) use look::{Look, Tone};
pub(crate) use progress::Progress;
pub(crate) use screen::{Live, Reader, print, print_json, print_json_line};
pub(crate) use table::{Table, Text};
