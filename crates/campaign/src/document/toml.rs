//! TOML into the tree. Dates and times become texts.

use toml::de::{DeTable, DeValue};

use super::read::{Lines, MAX_DEPTH, too_deep};
use super::tree::{Key, Node, Value};
use crate::problem::{Place, Problem, Problems};

pub(super) fn read(file_name: &str, text: &str) -> Result<Node, Problems> {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let mut problems: Vec<Problem> = errors
            .iter()
            .map(|error| {
                let place = match error.span() {
                    Some(span) => lines.place(file_name, span.start),
                    None => Place::file(file_name),
                };
                Problem::new(place, format!("is not valid TOML: {}", error.message().replace('\n', ", ")))
            })
            .collect();
        problems.sort();
        // One slip can make the parser complain about everything after it.
        problems.truncate(10);
        return Err(Problems(problems));
    }
    let mut walk = Walk { file_name, lines, problems: Vec::new() };
    let start = walk.lines.place(file_name, 0);
    let value = walk.table(table.get_ref(), 0);
    if walk.problems.is_empty() { Ok(Node { value, place: start }) } else { Err(Problems(walk.problems)) }
}

struct Walk<'t> {
    file_name: &'t str,
    lines: Lines<'t>,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, depth: usize) -> Value {
        let mut entries: Vec<(usize, Key, Node)> = table
            .iter()
            .map(|(key, value)| {
                let at = key.span().start;
                let place = self.lines.place(self.file_name, at);
                let key = Key { text: key.get_ref().to_string(), place };
                (at, key, self.value(value.get_ref(), value.span().start, depth + 1))
            })
            .collect();
        entries.sort_by_key(|(at, _, _)| *at);
        Value::Map(entries.into_iter().map(|(_, key, node)| (key, node)).collect())
    }

    fn value(&mut self, value: &DeValue<'_>, at: usize, depth: usize) -> Node {
        let place = self.lines.place(self.file_name, at);
        if depth > MAX_DEPTH {
            self.problems.push(too_deep(place.clone()));
            return Node { value: Value::Null, place };
        }
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(int) => match i64::from_str_radix(int.as_str(), int.radix()) {
                Ok(value) => Value::Int { value, text: int.to_string() },
                Err(_) => Value::Float(int.to_string()),
            },
            DeValue::Float(float) => Value::Float(float.as_str().to_owned()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(date) => Value::Text(date.to_string()),
            DeValue::Array(items) => Value::List(
                items.iter().map(|item| self.value(item.get_ref(), item.span().start, depth + 1)).collect(),
            ),
            DeValue::Table(table) => self.table(table, depth),
        };
        Node { value, place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_and_place_of_the_file() {
        let node = read("a.toml", "z = 1\n\n[b]\nx = 0x1F\nat = 09:30:00\n").unwrap();
        let Value::Map(entries) = &node.value else { panic!("{node:?}") };
        assert_eq!(entries.iter().map(|(key, _)| key.text.as_str()).collect::<Vec<_>>(), ["z", "b"]);
        let Value::Map(inner) = &entries[1].1.value else { panic!("{node:?}") };
        assert!(matches!(inner[0].1.value, Value::Int { value: 31, .. }), "{:?}", inner[0].1);
        assert_eq!(inner[0].1.place, Place::at("a.toml", 4, 5));
        assert_eq!(inner[1].1.value, Value::Text("09:30:00".into()));
    }

    #[test]
    fn all_syntax_errors_are_reported() {
        let error = read("a.toml", "a = \nb = [1, 2\nc == 3\n").unwrap_err();
        assert!(error.0.len() > 1, "{error}");
        assert_eq!(error.0[0].place.line, Some(1));
    }
}
