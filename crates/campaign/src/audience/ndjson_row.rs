//! One row of an NDJSON file: an object on a line, its values as text.
//!
//! Text is taken as it is, `true` and `false` as these words, `null` and a missing key as blank. A number is
//! written as JSON has it where it is whole; one with a fraction or an exponent keeps a fraction (`12.0`), so
//! that a phone number a spreadsheet has rounded is still seen as such. Amounts whose last zeros matter are
//! best written as texts.

use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::csv_row::{binary, not_utf8, too_long};
use super::reader::{Row, RowProblem};
use super::window::{MAX_ROW_BYTES, Window};
use crate::problem::{Place, Problem};

/// What ends a line, or is not allowed in it.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    stops[b'\n' as usize] = true;
    stops[0] = true;
    stops
};

/// Reads the next row that is not blank into the columns; `None` at the end.
pub(super) fn next(
    window: &mut Window,
    file: &str,
    columns: &[String],
    row: &mut Row,
) -> Option<Result<(), RowProblem>> {
    loop {
        let line = window.line();
        let (length, with_end) = match find_line(window, file) {
            Ok(Some(found)) => found,
            Ok(None) => return None,
            Err(problem) => return Some(Err(RowProblem::Fatal(problem))),
        };
        let bytes = &window.text()[..length];
        let read = if bytes.trim_ascii().is_empty() {
            None
        } else {
            Some(read_object(bytes, file, line, columns, row))
        };
        window.consume(with_end, 1);
        match read {
            None => {}
            Some(Ok(())) => return Some(Ok(())),
            Some(Err(problem)) => return Some(Err(RowProblem::Row(problem))),
        }
    }
}

/// The keys of the first object, in their order; it is read again as the first row.
pub(super) fn columns(window: &mut Window, file: &str) -> Result<Vec<String>, Problem> {
    loop {
        let line = window.line();
        let Some((length, with_end)) = find_line(window, file)? else {
            return Err(Problem::new(Place::file(file), "has no rows").help("write one JSON object per line"));
        };
        let bytes = &window.text()[..length];
        if bytes.trim_ascii().is_empty() {
            window.consume(with_end, 1);
            continue;
        }
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::new(Place::line(file, line), "is a JSON list, and not one object per line")
                .help("unpack it, for example with jq -c '.[]'"));
        }
        let text = text(bytes, file, line)?;
        let mut keys = Vec::new();
        read_with(text, file, line, Keys(&mut keys))?;
        return Ok(keys);
    }
}

/// The length of the line at the start of the window without and with its end; `None` at the end.
fn find_line(window: &mut Window, file: &str) -> Result<Option<(usize, usize)>, Problem> {
    if window.byte(0)?.is_none() {
        return Ok(None);
    }
    let found = match window.find(0, &STOPS)? {
        Some((_, 0)) => return Err(binary(file, window.line())),
        Some((end, _)) => (end, end + 1),
        None => (window.text().len(), window.text().len()),
    };
    if found.0 > MAX_ROW_BYTES { Err(too_long(file, window.line())) } else { Ok(Some(found)) }
}

fn text<'b>(bytes: &'b [u8], file: &str, line: u64) -> Result<&'b str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to(), file, line))
}

fn read_object(
    bytes: &[u8],
    file: &str,
    line: u64,
    columns: &[String],
    row: &mut Row,
) -> Result<(), Problem> {
    let text = text(bytes, file, line)?;
    row.clear(line);
    row.blank(columns.len());
    read_with(text, file, line, Values { columns, row })
}

fn read_with<'de, S>(text: &'de str, file: &str, line: u64, visitor: S) -> Result<(), Problem>
where
    S: Visitor<'de, Value = ()>,
{
    let help = "write one JSON object per line, such as {\"phone\": \"+919876543210\"}";
    if !text.trim_start().starts_with('{') {
        return Err(Problem::new(Place::line(file, line), "is not a JSON object").help(help));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    (&mut json).deserialize_map(visitor).and_then(|()| json.end()).map_err(|error| {
        let full = error.to_string();
        // serde_json adds the place within the line it was given.
        let reason = full.rsplit_once(" at line ").map_or(full.as_str(), |(reason, _)| reason);
        let before = text.as_bytes().get(..error.column().saturating_sub(1)).unwrap_or(text.as_bytes());
        let column = String::from_utf8_lossy(before).chars().count() as u64 + 1;
        match error.classify() {
            // Our own words about a value.
            serde_json::error::Category::Data => Problem::new(Place::at(file, line, column), reason),
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => {
                Problem::new(Place::at(file, line, column), format!("is not valid JSON: {reason}")).help(help)
            }
        }
    })
}

/// Collects the keys of an object.
struct Keys<'k>(&'k mut Vec<String>);

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            self.0.push(key);
        }
        Ok(())
    }
}

/// Writes the values of an object into a row.
struct Values<'r> {
    columns: &'r [String],
    row: &'r mut Row,
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { columns, row } = self;
        let mut expected = 0;
        while let Some(column) = map.next_key_seed(Key { columns, expected })? {
            // A key that the first object does not have cannot be a column that the campaign uses.
            let Some(column) = column else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if row.is_set(column) {
                return Err(A::Error::custom(format!(
                    "the key {} stands twice in this row; keep one",
                    columns[column]
                )));
            }
            map.next_value_seed(Cell { row, column, name: &columns[column] })?;
            expected = column + 1;
        }
        Ok(())
    }
}

/// Finds the column of a key, first where the last object had it.
struct Key<'c> {
    columns: &'c [String],
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        if self.columns.get(self.expected).is_some_and(|column| column == key) {
            return Ok(Some(self.expected));
        }
        Ok(self.columns.iter().position(|column| column == key))
    }
}

/// Writes one value into a row.
struct Cell<'r> {
    row: &'r mut Row,
    column: usize,
    name: &'r str,
}

impl Cell<'_> {
    fn write(self, value: fmt::Arguments<'_>) {
        self.row.set(self.column, |text| {
            // Writing to a String does not fail.
            let _ = text.write_fmt(value);
        });
    }
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text, a number, true, false or null for {}", self.name)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.row.set(self.column, |text| text.push_str(value));
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.write(format_args!("{value}"));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.write(format_args!("{value}"));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.write(format_args!("{value}"));
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.write(format_args!("{value:?}"));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.row.set(self.column, |_| {});
        Ok(())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(format!("{} is a list; write a text, a number, true, false or null", self.name)))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(format!(
            "{} is an object; write a text, a number, true, false or null",
            self.name
        )))
    }
}
