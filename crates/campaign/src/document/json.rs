//! JSON into the tree. serde_json judges the syntax; the walk here only adds places and finds duplicate keys.

use super::read::{Lines, MAX_DEPTH, one, too_deep};
use super::tree::{Key, Node, Value};
use crate::problem::{Place, Problem, Problems};

pub(super) fn read(file_name: &str, text: &str) -> Result<Node, Problems> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let place = Place::at(file_name, error.line() as u64, (error.column() as u64).max(1));
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        return Err(one(Problem::new(place, format!("is not valid JSON: {message}"))));
    }
    let mut walk = Walk { file_name, text, at: 0, lines: Lines::new(text), problems: Vec::new() };
    let node = walk.value(0);
    match (node, walk.problems.is_empty()) {
        (Some(node), true) => Ok(node),
        (_, false) => Err(Problems(walk.problems)),
        (None, true) => Err(one(Problem::new(walk.place(walk.at), "is not valid JSON"))),
    }
}

/// Walks text that is known to be valid JSON; it stays total (`None`) if it should not be.
struct Walk<'t> {
    file_name: &'t str,
    text: &'t str,
    at: usize,
    lines: Lines<'t>,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn place(&self, at: usize) -> Place {
        self.lines.place(self.file_name, at)
    }

    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Steps over `byte` if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        let first = self.peek()?;
        let place = self.place(self.at);
        if depth > MAX_DEPTH {
            self.problems.push(too_deep(place));
            return None;
        }
        let value = match first {
            b'{' => self.map(depth)?,
            b'[' => self.list(depth)?,
            b'"' => Value::Text(self.string()?),
            _ => self.scalar()?,
        };
        Some(Node { value, place })
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut entries: Vec<(Key, Node)> = Vec::new();
        if self.take(b'}') {
            return Some(Value::Map(entries));
        }
        let mut seen = std::collections::BTreeSet::new();
        loop {
            self.peek()?;
            let place = self.place(self.at);
            let text = self.string()?;
            if !self.take(b':') {
                return None;
            }
            let node = self.value(depth + 1)?;
            if seen.insert(text.clone()) {
                entries.push((Key { text, place }, node));
            } else {
                self.problems
                    .push(Problem::new(place, format!("key {text} is given twice")).help("keep one of them"));
            }
            if self.take(b'}') {
                return Some(Value::Map(entries));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Some(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Some(Value::List(items));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut end = start + 1;
        while *bytes.get(end)? != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.at = end + 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }

    fn scalar(&mut self) -> Option<Value> {
        let rest = self.text.get(self.at..)?;
        let end = rest
            .find(|c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let word = rest.get(..end)?;
        self.at += end;
        Some(match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => match number.parse() {
                Ok(value) => Value::Int { value, text: number.to_owned() },
                Err(_) => Value::Float(number.to_owned()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_unescaped_and_places_found() {
        let node = read("a.json", "{\n  \"a\\u0041\": [\"\\ud83d\\ude00\\/\",\t-1.5e3]\n}").unwrap();
        let Value::Map(entries) = &node.value else { panic!("{node:?}") };
        assert_eq!(entries[0].0.text, "aA");
        let Value::List(items) = &entries[0].1.value else { panic!("{node:?}") };
        assert_eq!(items[0].value, Value::Text("😀/".into()));
        assert_eq!(items[1].value, Value::Float("-1.5e3".into()));
        assert_eq!(items[1].place, Place::at("a.json", 2, 33));
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let error = read("a.json", "{\n  \"a\": ]\n}").unwrap_err();
        assert_eq!(error.to_string(), "a.json:2:8: is not valid JSON: expected value");
    }
}
