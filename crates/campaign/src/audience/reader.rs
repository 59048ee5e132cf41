//! The rows of an audience file: CSV with a header or NDJSON, plain or packed, streamed in flat memory.
//!
//! A problem is either one row's, and reading goes on after it, or the file's, and reading ends.

use std::io::Read;

use super::csv_row::{Csv, binary};
use super::ndjson_row;
use super::source::Source;
use super::window::Window;
use crate::document::nearest;
use crate::problem::{Place, Problem};

/// More columns than this are a mistake in the file.
pub const MAX_COLUMNS: usize = 1_000;

/// One row of an audience: give the same one to each [`AudienceReader::next_row`], so that its memory is used
/// again.
#[derive(Debug, Clone, Default)]
pub struct Row {
    line: u64,
    text: String,
    /// For each column, where its value stands in `text`; `None` where the row has none.
    spans: Vec<Option<(u32, u32)>>,
}

impl Row {
    /// The line of the file on which the row starts, from 1 (the header is line 1).
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The value of a column; blank where the row has none, or there is no such column.
    pub fn get(&self, column: usize) -> &str {
        let span = self.spans.get(column).copied().flatten();
        span.and_then(|(start, end)| self.text.get(start as usize..end as usize)).unwrap_or_default()
    }

    /// The values in the order of [`AudienceReader::columns`].
    pub fn values(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.spans.len()).map(|column| self.get(column))
    }

    pub(super) fn clear(&mut self, line: u64) {
        self.line = line;
        self.text.clear();
        self.spans.clear();
    }

    pub(super) fn blank(&mut self, columns: usize) {
        self.spans.resize(columns, None);
    }

    pub(super) fn is_set(&self, column: usize) -> bool {
        self.spans.get(column).is_some_and(Option::is_some)
    }

    pub(super) fn push(&mut self, value: &str) {
        self.push_parts([value]);
    }

    pub(super) fn push_parts<'p>(&mut self, parts: impl IntoIterator<Item = &'p str>) {
        let start = self.text.len();
        self.text.extend(parts);
        self.spans.push(Some(span(start, self.text.len())));
    }

    pub(super) fn set(&mut self, column: usize, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        if let Some(place) = self.spans.get_mut(column) {
            *place = Some(span(start, self.text.len()));
        }
    }
}

/// A row has at most 1 MB, so its offsets fit.
fn span(start: usize, end: usize) -> (u32, u32) {
    (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX))
}

/// What is wrong, and how much of the file it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowProblem {
    /// One row cannot be used; the next call reads the row after it.
    Row(Problem),
    /// The file cannot be read on; the next call returns `None`.
    Fatal(Problem),
}

impl RowProblem {
    /// The problem, whatever it concerns.
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Row(problem) | Self::Fatal(problem) => problem,
        }
    }
}

enum Format {
    Csv(Box<Csv>),
    Ndjson,
}

/// Reads an audience file row by row.
///
/// Memory stays below about 2 MB (and the window of a zstd file, at most 128 MB, usually 8), whatever the file
/// holds. A row takes about half a microsecond.
pub struct AudienceReader {
    file: String,
    window: Window,
    format: Format,
    columns: Vec<String>,
    rows: u64,
    ended: bool,
}

impl AudienceReader {
    /// Opens an audience. `file` is its name as the user gave it: it stands in problems, and its ending tells
    /// NDJSON (`.ndjson`, `.jsonl`, `.json`) from CSV (any other); `.gz` or `.zst` may follow. Whether it is packed is
    /// seen from the content. The delimiter of a CSV is found from the header: comma, semicolon or tab.
    ///
    /// # Errors
    /// The file is empty, packed wrongly, not text, not UTF-8, or its header has blank or double names.
    pub fn open(file: &str, source: impl Read + Send + 'static) -> Result<Self, Problem> {
        Self::open_with_delimiter(file, source, None)
    }

    /// As [`AudienceReader::open`], with the delimiter of a CSV told.
    ///
    /// # Errors
    /// As [`AudienceReader::open`]; or the delimiter is not one ASCII character other than a quote or a line end.
    pub fn open_with_delimiter(
        file: &str,
        source: impl Read + Send + 'static,
        delimiter: Option<char>,
    ) -> Result<Self, Problem> {
        let delimiter = match delimiter {
            None => None,
            Some(c) => {
                Some(u8::try_from(c).ok().filter(|b| b.is_ascii() && !b"\"\r\n\0".contains(b)).ok_or_else(
                    || {
                        Problem::new(Place::file(file), format!("cannot be split at {c:?}"))
                            .help("use one ASCII character, such as , or ; or |")
                    },
                )?)
            }
        };
        let mut window = Window::new(Source::open(file, Box::new(source))?);
        check_text(&mut window, file)?;
        if is_ndjson(file) {
            let columns = ndjson_row::columns(&mut window, file)?;
            let reader = Self {
                file: file.to_owned(),
                window,
                format: Format::Ndjson,
                columns,
                rows: 0,
                ended: false,
            };
            reader.check_columns(None)?;
            return Ok(reader);
        }
        Self::open_csv(file, window, delimiter)
    }

    fn open_csv(file: &str, mut window: Window, delimiter: Option<u8>) -> Result<Self, Problem> {
        let told = match delimiter {
            Some(delimiter) => Some(delimiter),
            None => excel_separator(&mut window)?,
        };
        let delimiter = match told {
            Some(delimiter) => delimiter,
            None => Csv::detect_delimiter(first_line(&mut window)?),
        };
        let mut csv = Csv::new(delimiter);
        let mut header = Row::default();
        match csv.next(&mut window, file, &mut header) {
            None => {
                return Err(Problem::new(Place::file(file), "has only blank lines")
                    .help("export the audience again, with a header line"));
            }
            Some(Err(RowProblem::Row(problem) | RowProblem::Fatal(problem))) => return Err(problem),
            Some(Ok(())) => {}
        }
        let columns: Vec<String> = header.values().map(|name| name.trim().to_owned()).collect();
        let reader = Self {
            file: file.to_owned(),
            window,
            format: Format::Csv(Box::new(csv)),
            columns,
            rows: 0,
            ended: false,
        };
        reader.check_columns(Some(header.line()))?;
        Ok(reader)
    }

    /// The file as the user named it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The names of the columns: of the CSV header, without white space around them; or the keys of the first
    /// NDJSON object.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The index of a column by its exact name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The index of a column; or the problem that it is missing, at the place that names it (a key of the
    /// campaign file).
    ///
    /// # Errors
    /// There is no column of that name.
    pub fn require_column(&self, name: &str, place: &Place) -> Result<usize, Problem> {
        self.column(name).ok_or_else(|| {
            let problem = Problem::new(place.clone(), format!("{} has no column \"{name}\"", self.file));
            match nearest(name, self.columns.iter().map(String::as_str)) {
                Some(near) => problem.help(format!("did you mean {near}?")),
                None => {
                    let known: Vec<&str> = self.columns.iter().take(20).map(String::as_str).collect();
                    let more = if self.columns.len() > known.len() { ", …" } else { "" };
                    problem.help(format!("it has {}{more}", known.join(", ")))
                }
            }
        })
    }

    /// Reads the next row; `None` at the end. Lines without any value are passed over. An NDJSON object may miss
    /// keys, which are blank, and keys that the first object does not have are passed over.
    ///
    /// # Errors
    /// [`RowProblem::Row`]: a wrong number of fields, invalid UTF-8, a quote that is not closed, bad JSON.
    /// [`RowProblem::Fatal`]: no rows at all, a line of more than 1 MB, a zero byte, corrupt packing, a disk error.
    pub fn next_row(&mut self, row: &mut Row) -> Option<Result<(), RowProblem>> {
        if self.ended {
            return None;
        }
        let read = match &mut self.format {
            Format::Csv(csv) => csv.next(&mut self.window, &self.file, row),
            Format::Ndjson => ndjson_row::next(&mut self.window, &self.file, &self.columns, row),
        };
        let result = match read {
            None if self.rows == 0 => Err(RowProblem::Fatal(
                Problem::new(Place::file(&self.file), "has a header but no rows")
                    .help("export the audience again"),
            )),
            None => {
                self.ended = true;
                return None;
            }
            Some(Ok(())) if row.spans.len() != self.columns.len() => {
                Err(RowProblem::Row(self.wrong_count(row)))
            }
            Some(result) => result,
        };
        self.rows += 1;
        self.ended = matches!(result, Err(RowProblem::Fatal(_)));
        Some(result)
    }

    /// Rows read so far, bad ones too.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the file read so far, as it is stored: for a progress bar next to the file's size.
    pub fn stored_bytes(&self) -> u64 {
        self.window.stored_bytes()
    }

    /// The SHA-256 of the file as it is stored, in hex. Reads to the end of the file first where that was not
    /// reached yet.
    ///
    /// # Errors
    /// The rest could not be read.
    pub fn finish(self) -> Result<String, Problem> {
        self.window.finish()
    }

    fn wrong_count(&self, row: &Row) -> Problem {
        let count = row.spans.len();
        let noun = if count == 1 { "value" } else { "values" };
        let help = if count > self.columns.len() {
            "put values that contain the delimiter in double quotes"
        } else {
            "leave blank values empty, but keep their delimiters"
        };
        Problem::new(
            Place::line(&self.file, row.line),
            format!("has {count} {noun}, but the header has {}", self.columns.len()),
        )
        .help(help)
    }

    fn check_columns(&self, line: Option<u64>) -> Result<(), Problem> {
        let place = || Place { file: self.file.clone(), line, column: None };
        if self.columns.is_empty() {
            return Err(
                Problem::new(place(), "the first row has no keys").help("write at least the phone number")
            );
        }
        if self.columns.len() > MAX_COLUMNS {
            return Err(Problem::new(place(), format!("has {} columns", self.columns.len()))
                .help(format!("at most {MAX_COLUMNS} are read; export only those that the campaign uses")));
        }
        let mut seen = std::collections::BTreeMap::new();
        for (index, name) in self.columns.iter().enumerate() {
            if name.is_empty() {
                return Err(Problem::new(place(), format!("column {} has no name", index + 1))
                    .help("name it, or take the column away"));
            }
            if let Some(before) = seen.insert(name, index) {
                return Err(Problem::new(
                    place(),
                    format!("columns {} and {} are both named \"{name}\"", before + 1, index + 1),
                )
                .help("give each column its own name"));
            }
        }
        if let [only] = &self.columns[..]
            && only.starts_with('{')
            && matches!(self.format, Format::Csv(_))
        {
            return Err(Problem::new(place(), "holds JSON objects, but is not named so")
                .help("give it the ending .ndjson"));
        }
        if self.columns.iter().any(|name| name.contains('\r')) {
            return Err(Problem::new(place(), "its lines end in a carriage return only")
                .help("save it with the line ends of Unix (LF) or Windows (CRLF)"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for AudienceReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AudienceReader")
            .field("file", &self.file)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

fn is_ndjson(file: &str) -> bool {
    let name = file.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    [".ndjson", ".jsonl", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// How much of the beginning is looked at to see whether it is text.
const LOOK_AT: usize = 8 * 1024;

/// Refuses what is no UTF-8 text at first sight, and steps over a byte order mark.
fn check_text(window: &mut Window, file: &str) -> Result<(), Problem> {
    while window.text().len() < LOOK_AT && window.more()? {}
    let text = window.text();
    let text = &text[..text.len().min(LOOK_AT)];
    let problem = |message: &str, help: &str| Err(Problem::new(Place::file(file), message).help(help));
    if text.trim_ascii().is_empty() && window.text().len() < LOOK_AT {
        return problem("is empty", "export the audience again, with a header line");
    }
    let pairs = text.len() / 2;
    let zeros = |from: usize| text.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let is_wide = pairs >= 4 && (zeros(0) * 10 > pairs * 9 || zeros(1) * 10 > pairs * 9);
    if text.starts_with(&[0xFF, 0xFE]) || text.starts_with(&[0xFE, 0xFF]) || is_wide {
        return problem(
            "is UTF-16, not UTF-8",
            "save it as UTF-8; in Excel: \"CSV UTF-8 (comma delimited)\"",
        );
    }
    if text.starts_with(b"PK\x03\x04") {
        return problem("is an Excel workbook or a zip archive", "export it as CSV (UTF-8)");
    }
    if text.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        return problem("is an Excel workbook of the old kind", "export it as CSV (UTF-8)");
    }
    if text.starts_with(b"%PDF") {
        return problem("is a PDF", "export the list as CSV (UTF-8)");
    }
    if text.contains(&0) {
        let line =
            text.iter().take_while(|byte| **byte != 0).filter(|byte| **byte == b'\n').count() as u64 + 1;
        return Err(binary(file, line));
    }
    if text.starts_with(&[0xEF, 0xBB, 0xBF]) {
        window.consume(3, 0);
    }
    Ok(())
}

/// The header line, as far as it is in memory.
fn first_line(window: &mut Window) -> Result<&[u8], Problem> {
    let mut newline = [false; 256];
    newline[usize::from(b'\n')] = true;
    let end = window.find(0, &newline)?.map_or(window.text().len(), |(end, _)| end);
    Ok(&window.text()[..end])
}

/// Steps over Excel's line `sep=;`, and gives its delimiter.
fn excel_separator(window: &mut Window) -> Result<Option<u8>, Problem> {
    let length = first_line(window)?.len();
    let has_end = window.text().len() > length;
    let line = window.text()[..length].trim_ascii_end();
    let delimiter = match line.strip_prefix(b"sep=") {
        Some([delimiter]) if !b"\"\r\n".contains(delimiter) && delimiter.is_ascii() => *delimiter,
        // The tab of `sep=<tab>` is trimmed away.
        Some([]) if window.text()[..length].contains(&b'\t') => b'\t',
        _ => return Ok(None),
    };
    window.consume(length + usize::from(has_end), 1);
    Ok(Some(delimiter))
}
