//! The one function that writes to standard output, and text that is redrawn in place.
//!
//! A reader that goes away (`paceline status | head -1`) is no error: writing then ends quietly, and a
//! command that goes on for long asks `print` whether anybody still reads.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;

/// Whether anybody reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// As far as we know.
    There,
    /// No more: there is no use in writing on.
    Gone,
}

/// Writes text to standard output, and a newline where it does not end with one.
///
/// # Errors
/// Standard output cannot be written to, for another reason than that its reader went away.
pub(crate) fn print(text: &str) -> Result<Reader, Failure> {
    quietly(write_to(&mut io::stdout().lock(), text))
}

/// Writes a value as indented JSON.
///
/// # Errors
/// As `print`.
pub(crate) fn print_json<T: Serialize + ?Sized>(value: &T) -> Result<Reader, Failure> {
    let text = serde_json::to_string_pretty(value).context("the answer could not be written as JSON")?;
    print(&text)
}

/// Writes a value as JSON on one line: for streams of values.
///
/// # Errors
/// As `print`.
pub(crate) fn print_json_line<T: Serialize + ?Sized>(value: &T) -> Result<Reader, Failure> {
    let text = serde_json::to_string(value).context("the answer could not be written as JSON")?;
    print(&text)
}

/// Judges the result of writing: a reader that went away is no failure.
///
/// # Errors
/// Any other error of writing.
pub(crate) fn quietly(written: io::Result<()>) -> Result<Reader, Failure> {
    match written {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => {
            Err(anyhow::Error::new(error).context("standard output could not be written to").into())
        }
    }
}

/// Whether standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

fn write_to(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Text on a terminal that is redrawn in place. What does not fit the terminal's height is left out until
/// [`Live::end`].
#[derive(Debug)]
pub(crate) struct Live {
    region: ProgressBar,
}

impl Live {
    /// A region at the bottom of standard output, which must be a terminal.
    pub(crate) fn on_stdout() -> Self {
        let region = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            region.set_style(style);
        }
        Self { region }
    }

    /// Shows this text in place of the last one.
    pub(crate) fn show(&self, text: &str) {
        self.region.set_message(text.trim_end().to_owned());
        self.region.tick();
    }

    /// Removes the region and leaves this text in its place.
    ///
    /// # Errors
    /// As `print`.
    pub(crate) fn end(self, text: &str) -> Result<Reader, Failure> {
        self.region.finish_and_clear();
        print(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_with_one_newline() {
        for text in ["a\nb", "a\nb\n"] {
            let mut out = Vec::new();
            write_to(&mut out, text).unwrap();
            assert_eq!(out, b"a\nb\n");
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        assert_eq!(quietly(Err(ErrorKind::BrokenPipe.into())).ok(), Some(Reader::Gone));
        assert_eq!(quietly(Ok(())).ok(), Some(Reader::There));
        assert!(quietly(Err(ErrorKind::StorageFull.into())).is_err());
    }
}
