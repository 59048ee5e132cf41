//! One row of a CSV file: where it ends, and its fields.
//!
//! The splitter is our own and not a CSV library's for three things that a list of people needs. A quote that
//! is never closed costs the line it stands in and not the rest of the file: the row is given up and reading
//! goes on at the next line. Memory is bounded whatever the file holds. And every row knows its line.
//! Otherwise the rules are RFC 4180's, with a delimiter of choice and lines that may end in LF or CRLF; a
//! quote inside an unquoted field is text. A test compares it with the `csv` crate.

use super::reader::{Row, RowProblem};
use super::window::{MAX_ROW_BYTES, Window};
use crate::problem::{Place, Problem};

/// A row that goes on for more lines than this has a quote that was never meant to be open.
const MAX_LINES: u64 = 100;

/// How a CSV file is written.
pub(super) struct Csv {
    delimiter: u8,
    /// What ends an unquoted field, or is not allowed in it.
    stops: [bool; 256],
    /// What matters inside quotes.
    quoted_stops: [bool; 256],
    /// The fields of the row at hand.
    fields: Vec<Field>,
}

/// A field as it stands in the file, without its quotes: distances from the start of the row.
#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    /// Whether it has doubled quotes.
    doubled: bool,
}

/// What was found at the start of the window.
enum Found {
    /// A row: its length without and with its line end, and its lines.
    Row { length: usize, with_end: usize, lines: u64 },
    /// A quote at this distance that is not closed, or is closed in the middle of a field.
    BadQuote { at: usize, closed: bool },
    /// A line that is too long.
    TooLong,
    /// A byte that no text has, and the lines before it in this row.
    Nul { lines: u64 },
    /// The end of the text.
    End,
}

impl Csv {
    /// The delimiter that occurs most often in a header line, outside quotes: comma, semicolon or tab.
    pub(super) fn detect_delimiter(header: &[u8]) -> u8 {
        let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
        let mut quoted = false;
        for byte in header {
            quoted ^= *byte == b'"';
            if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| !quoted && delimiter == byte) {
                *count += 1;
            }
        }
        // The first of equals: comma before the others.
        let mut best = counts[0];
        for candidate in counts {
            if candidate.1 > best.1 {
                best = candidate;
            }
        }
        best.0
    }

    pub(super) fn new(delimiter: u8) -> Self {
        let mut stops = [false; 256];
        for byte in [delimiter, b'\n', 0] {
            stops[usize::from(byte)] = true;
        }
        let mut quoted_stops = [false; 256];
        for byte in [b'"', b'\n', 0] {
            quoted_stops[usize::from(byte)] = true;
        }
        Self { delimiter, stops, quoted_stops, fields: Vec::new() }
    }

    /// Reads the next row that is not blank; `None` at the end.
    pub(super) fn next(
        &mut self,
        window: &mut Window,
        file: &str,
        row: &mut Row,
    ) -> Option<Result<(), RowProblem>> {
        loop {
            let line = window.line();
            let found = match self.find_row(window) {
                Ok(found) => found,
                Err(problem) => return Some(Err(RowProblem::Fatal(problem))),
            };
            match found {
                Found::End => return None,
                Found::TooLong => return Some(Err(RowProblem::Fatal(too_long(file, line)))),
                Found::Nul { lines } => return Some(Err(RowProblem::Fatal(binary(file, line + lines)))),
                Found::BadQuote { at, closed } => {
                    let problem = bad_quote(window.text(), file, line, at, closed);
                    skip_line(window);
                    return Some(Err(RowProblem::Row(problem)));
                }
                Found::Row { length, with_end, lines } => {
                    let taken = self.take(&window.text()[..length], file, line, row);
                    window.consume(with_end, lines);
                    match taken {
                        Ok(Taken::Row) => return Some(Ok(())),
                        Ok(Taken::Blank) => {}
                        Err(problem) => return Some(Err(RowProblem::Row(problem))),
                    }
                }
            }
        }
    }

    /// Finds the row at the start of the window and its fields.
    fn find_row(&mut self, window: &mut Window) -> Result<Found, Problem> {
        self.fields.clear();
        let mut at = 0;
        let mut lines = 0;
        if window.byte(0)?.is_none() {
            return Ok(Found::End);
        }
        loop {
            let field_at = at;
            let mut quoted = None;
            if window.byte(at)? == Some(b'"') {
                match self.find_quote_end(window, at, &mut lines)? {
                    Ok(field) => {
                        at = field.end + 1;
                        quoted = Some(field);
                    }
                    Err(found) => return Ok(found),
                }
            }
            let stop = window.find(at, &self.stops)?;
            if stop.is_none() && window.is_too_long() {
                return Ok(too_long_or_unclosed(lines, field_at));
            }
            if let Some((_, 0)) = stop {
                return Ok(Found::Nul { lines });
            }
            let (end, is_last) = match stop {
                Some((end, byte)) => (end, byte == b'\n'),
                None => (window.text().len(), true),
            };
            // The carriage return of CRLF; at the end of the text too, where the last LF is missing.
            let content_end =
                if is_last && end > at && window.text()[end - 1] == b'\r' { end - 1 } else { end };
            match quoted {
                Some(field) if content_end == at => self.fields.push(field),
                Some(_) => return Ok(Found::BadQuote { at: field_at, closed: true }),
                None => self.fields.push(Field { start: field_at, end: content_end, doubled: false }),
            }
            if is_last {
                if content_end > MAX_ROW_BYTES {
                    return Ok(too_long_or_unclosed(lines, 0));
                }
                let with_end = end + usize::from(stop.is_some());
                return Ok(Found::Row { length: content_end, with_end, lines: lines + 1 });
            }
            at = end + 1;
        }
    }

    /// Finds the end of a quoted field that opens at `open`.
    fn find_quote_end(
        &self,
        window: &mut Window,
        open: usize,
        lines: &mut u64,
    ) -> Result<Result<Field, Found>, Problem> {
        let mut at = open + 1;
        let mut doubled = false;
        loop {
            match window.find(at, &self.quoted_stops)? {
                Some((end, b'"')) => {
                    if window.byte(end + 1)? != Some(b'"') {
                        return Ok(Ok(Field { start: open + 1, end, doubled }));
                    }
                    doubled = true;
                    at = end + 2;
                }
                Some((end, b'\n')) => {
                    *lines += 1;
                    if *lines >= MAX_LINES {
                        return Ok(Err(Found::BadQuote { at: open, closed: false }));
                    }
                    at = end + 1;
                }
                Some(_) => return Ok(Err(Found::Nul { lines: *lines })),
                None if window.is_too_long() => return Ok(Err(too_long_or_unclosed(*lines, open))),
                None => return Ok(Err(Found::BadQuote { at: open, closed: false })),
            }
        }
    }

    /// Checks a row's bytes and copies its fields.
    fn take(&self, bytes: &[u8], file: &str, line: u64, row: &mut Row) -> Result<Taken, Problem> {
        row.clear(line);
        if bytes.iter().all(|byte| *byte == self.delimiter || byte.is_ascii_whitespace()) {
            return Ok(Taken::Blank);
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to(), file, line))?;
        for field in &self.fields {
            // Fields end at ASCII bytes, so they begin and end between characters.
            let field_text = text.get(field.start..field.end).unwrap_or_default();
            if field.doubled {
                row.push_parts(
                    field_text
                        .split("\"\"")
                        .enumerate()
                        .flat_map(|(i, part)| [if i == 0 { "" } else { "\"" }, part]),
                );
            } else {
                row.push(field_text);
            }
        }
        Ok(Taken::Row)
    }
}

/// What a row's bytes were.
enum Taken {
    Row,
    /// Nothing but delimiters and white space, as spreadsheets leave below the last row.
    Blank,
}

/// A long row of one line is no text; one of several lines has a quote that is never closed.
fn too_long_or_unclosed(lines: u64, quote_at: usize) -> Found {
    if lines == 0 { Found::TooLong } else { Found::BadQuote { at: quote_at, closed: false } }
}

/// Moves on to the next line.
fn skip_line(window: &mut Window) {
    match window.text().iter().position(|byte| *byte == b'\n') {
        Some(end) => window.consume(end + 1, 1),
        None => window.consume(window.text().len(), 1),
    }
}

/// The place of a byte of a row: lines and characters before it.
fn place_of(bytes: &[u8], at: usize, file: &str, line: u64) -> Place {
    let before = &bytes[..at];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let lines = before.iter().filter(|byte| **byte == b'\n').count() as u64;
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() as u64 + 1;
    Place::at(file, line + lines, column)
}

fn bad_quote(bytes: &[u8], file: &str, line: u64, at: usize, closed: bool) -> Problem {
    let place = place_of(bytes, at, file, line);
    if closed {
        Problem::new(place, "a quoted value is followed by more text")
            .help("double the quotes inside a quoted value, as in \"the \"\"big\"\" sale\"")
    } else {
        Problem::new(place, "the quote that opens here is never closed").help("close it, or take it away")
    }
}

pub(super) fn too_long(file: &str, line: u64) -> Problem {
    Problem::new(Place::line(file, line), "the line is longer than 1 MB, so this is no list of recipients")
        .help("write one recipient per line")
}

pub(super) fn binary(file: &str, line: u64) -> Problem {
    Problem::new(Place::line(file, line), "has a zero byte, so this is no text file")
        .help("export it as CSV (UTF-8) or NDJSON")
}

pub(super) fn not_utf8(bytes: &[u8], at: usize, file: &str, line: u64) -> Problem {
    let byte = bytes.get(at).copied().unwrap_or_default();
    Problem::new(place_of(bytes, at, file, line), format!("the byte {byte:02X} is not valid UTF-8"))
        .help("save the file as UTF-8; in Excel: \"CSV UTF-8 (comma delimited)\"")
}
