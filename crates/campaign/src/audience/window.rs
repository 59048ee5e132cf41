//! The part of an audience's text that is in memory: from the start of the row at hand onwards, never much
//! more than the longest row that is allowed.

use super::source::Source;
use crate::problem::Problem;

/// The longest row, in bytes. A row of an audience has some hundred; a longer one than this is no text.
pub const MAX_ROW_BYTES: usize = 1_000_000;

/// How much is read at a time at least, where the source gives that much.
const STEP: usize = 64 * 1024;

/// A window that slides over the text.
pub(super) struct Window {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    /// The line in which the window starts, from 1.
    line: u64,
}

impl Window {
    pub(super) fn new(source: Source) -> Self {
        Self { source, buffer: vec![0; 4 * STEP], start: 0, end: 0, at_end: false, line: 1 }
    }

    /// The text that is in memory: see [`Window::more`].
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads on, so that [`Window::text`] becomes longer; false at the end of the text, and where it is
    /// longer than a row may be already.
    pub(super) fn more(&mut self) -> Result<bool, Problem> {
        if self.at_end || self.end - self.start > MAX_ROW_BYTES {
            return Ok(false);
        }
        if self.buffer.len() - self.end < STEP {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.buffer.len() - self.end < STEP {
                let longer = (self.buffer.len() * 2).min(MAX_ROW_BYTES + 2 * STEP);
                self.buffer.reserve_exact(longer - self.buffer.len());
                self.buffer.resize(longer, 0);
            }
        }
        let count = self.source.read(&mut self.buffer[self.end..])?;
        self.end += count;
        self.at_end = count == 0;
        Ok(count > 0)
    }

    /// The next byte at a distance from the start of the window; `None` at the end of the text or of what a
    /// row may be: see [`Window::is_too_long`].
    pub(super) fn byte(&mut self, at: usize) -> Result<Option<u8>, Problem> {
        loop {
            if let Some(byte) = self.text().get(at) {
                return Ok(Some(*byte));
            }
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    /// The distance to the next byte that is `wanted`, from `from` on; `None` as for [`Window::byte`].
    pub(super) fn find(
        &mut self,
        mut from: usize,
        wanted: &[bool; 256],
    ) -> Result<Option<(usize, u8)>, Problem> {
        loop {
            let text = self.text().get(from..).unwrap_or_default();
            if let Some(at) = text.iter().position(|byte| wanted[usize::from(*byte)]) {
                return Ok(Some((from + at, text[at])));
            }
            from += text.len();
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    /// Whether the window ends because a row may not be longer, and not because the text ends.
    pub(super) fn is_too_long(&self) -> bool {
        !self.at_end && self.end - self.start > MAX_ROW_BYTES
    }

    /// The line in which the window starts, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Moves the start of the window on, over some lines.
    pub(super) fn consume(&mut self, bytes: usize, lines: u64) {
        self.start = (self.start + bytes).min(self.end);
        self.line += lines;
    }

    /// Bytes of the stored file read so far.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.source.stored_bytes()
    }

    /// See [`Source::finish`].
    pub(super) fn finish(self) -> Result<String, Problem> {
        self.source.finish()
    }
}
