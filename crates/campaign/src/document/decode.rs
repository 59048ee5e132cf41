//! The decoder: typed access to the tree that collects every problem instead of stopping at the first.
//!
//! A getter returns `None` where it has pushed a problem to the [`Report`] (or where an optional key is
//! absent); the caller goes on with the rest and asks the report at the end.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use rust_decimal::Decimal;

use super::nearest::nearest;
use super::tree::{Node, Value, quoted};
use crate::pacing::{format_duration, parse_duration};
use crate::problem::{Place, Problem, Problems};

/// Where problems are collected while a tree is decoded.
#[derive(Debug, Default)]
pub struct Report {
    problems: RefCell<Vec<Problem>>,
}

impl Report {
    /// A report without problems.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem.
    pub fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Whether nothing is wrong so far.
    pub fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// All problems in the order of their places, each once.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub fn into_result(self) -> Result<(), Problems> {
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort();
        problems.dedup();
        Err(Problems(problems))
    }
}

/// A value of the tree, with the path that names it (`pace.ramp[0].rate`) and the report it complains to.
#[derive(Debug, Clone)]
pub struct Item<'d> {
    node: &'d Node,
    path: String,
    report: &'d Report,
}

impl<'d> Item<'d> {
    /// The whole file.
    pub fn root(node: &'d Node, report: &'d Report) -> Self {
        Self { node, path: String::new(), report }
    }

    /// The value's path from the top of the file, as `schedule.windows[0].days`; empty for the whole file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the value begins.
    pub fn place(&self) -> &'d Place {
        &self.node.place
    }

    /// The value as it was read.
    pub fn node(&self) -> &'d Node {
        self.node
    }

    /// The report this value complains to.
    pub fn report(&self) -> &'d Report {
        self.report
    }

    fn name(&self) -> &str {
        if self.path.is_empty() { "the file" } else { &self.path }
    }

    /// Reports that something is wrong with this value: `said` continues the sentence that its path begins,
    /// as `is in the past`; `help` says what would be right. Returns `None`, for the end of a getter.
    pub fn wrong<T>(&self, said: impl Display, help: impl Into<String>) -> Option<T> {
        let problem = Problem::new(self.node.place.clone(), format!("{} {said}", self.name()));
        let help = help.into();
        self.report.push(if help.is_empty() { problem } else { problem.help(help) });
        None
    }

    /// Reports an error whose text is a whole sentence, advice included, as `"5" has no unit; write 5s`.
    pub fn refused<T>(&self, error: impl Display) -> Option<T> {
        self.report.push(Problem::new(self.node.place.clone(), format!("{}: {error}", self.name())));
        None
    }

    /// Reports that this value is not what is `expected`, as `a text` or `a rate such as 60/s`.
    pub fn unexpected<T>(&self, expected: impl Display) -> Option<T> {
        self.wrong(format!("is {}, expected {expected}", self.node.value.describe()), "")
    }

    /// The fields of a map, of which all `keys` are known. Each unknown key is a problem of its own, with the
    /// known one that it may have meant.
    pub fn fields(&self, keys: &'static [&'static str]) -> Option<Fields<'d>> {
        let Value::Map(entries) = &self.node.value else {
            return self.unexpected(format!("a map with {}", some_of(keys)));
        };
        for (key, _) in entries {
            if keys.contains(&key.text.as_str()) {
                continue;
            }
            let inside = if self.path.is_empty() { String::new() } else { format!(" in {}", self.path) };
            let help = match nearest(&key.text, keys.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known keys are {}", keys.join(", ")),
            };
            self.report.push(
                Problem::new(key.place.clone(), format!("unknown key {}{inside}", shown(&key.text)))
                    .help(help),
            );
        }
        Some(Fields { item: self.clone(), keys })
    }

    /// The entries of a map whose keys are not fixed, in the order of the file.
    pub fn entries(&self) -> Option<Vec<(&'d str, Item<'d>)>> {
        let Value::Map(entries) = &self.node.value else {
            return self.unexpected("a map");
        };
        Some(entries.iter().map(|(key, node)| (key.text.as_str(), self.child(&key.text, node))).collect())
    }

    /// The items of a list.
    pub fn list(&self) -> Option<Vec<Item<'d>>> {
        let Value::List(items) = &self.node.value else {
            return self.unexpected("a list");
        };
        Some(self.items(items))
    }

    /// The items of a list, or the value itself where it is not a list.
    pub fn one_or_many(&self) -> Vec<Item<'d>> {
        match &self.node.value {
            Value::List(items) => self.items(items),
            Value::Null
            | Value::Bool(_)
            | Value::Int { .. }
            | Value::Float(_)
            | Value::Text(_)
            | Value::Map(_) => vec![self.clone()],
        }
    }

    fn items(&self, items: &'d [Node]) -> Vec<Item<'d>> {
        items
            .iter()
            .enumerate()
            .map(|(i, node)| Item { node, path: format!("{}[{i}]", self.path), report: self.report })
            .collect()
    }

    fn child(&self, key: &str, node: &'d Node) -> Item<'d> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Item { node, path, report: self.report }
    }

    /// A text that is not blank.
    pub fn text(&self) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) if text.trim().is_empty() => {
                self.wrong("is an empty text", "give it a value or remove it")
            }
            Value::Text(text) => Some(text),
            Value::Int { text, .. } | Value::Float(text) => self.wrong(
                format!("is the number {text}, expected a text"),
                format!("put it in quotes: \"{text}\""),
            ),
            Value::Bool(value) => {
                self.wrong(format!("is {value}, expected a text"), format!("put it in quotes: \"{value}\""))
            }
            Value::Null | Value::List(_) | Value::Map(_) => self.unexpected("a text"),
        }
    }

    /// A text, or a number as it is written.
    pub fn text_or_number(&self) -> Option<&'d str> {
        match &self.node.value {
            Value::Int { text, .. } | Value::Float(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => self.text(),
        }
    }

    /// A whole number in a range.
    pub fn int(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let (low, high) = (*range.start(), *range.end());
        let expected = if high == i64::MAX {
            format!("a whole number from {low}")
        } else {
            format!("a whole number from {low} to {high}")
        };
        match &self.node.value {
            Value::Int { value, .. } if range.contains(value) => Some(*value),
            Value::Null
            | Value::Bool(_)
            | Value::Int { .. }
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => self.unexpected(expected),
        }
    }

    /// `true` or `false`.
    pub fn bool(&self) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::Null
            | Value::Int { .. }
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => self.unexpected("true or false"),
        }
    }

    /// A decimal number, exact, from a number or (better, since no editor reformats it) a text.
    pub fn decimal(&self) -> Option<Decimal> {
        let text = match &self.node.value {
            Value::Int { text, .. } | Value::Float(text) | Value::Text(text) => text,
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                return self.unexpected("a decimal number such as \"0.87\"");
            }
        };
        match Decimal::from_str_exact(text.trim()) {
            Ok(value) => Some(value),
            Err(_) => self.unexpected("a decimal number such as \"0.87\""),
        }
    }

    /// A duration in a range, as `24h` or `1h30m`.
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let Value::Text(text) = &self.node.value else {
            return self.wrong(
                format!("is {}, expected a duration", self.node.value.describe()),
                "write a number with its unit, such as 500ms, 30s, 10m, 24h or 7d",
            );
        };
        let value = match parse_duration(text) {
            Ok(value) => value,
            Err(error) => return self.refused(error),
        };
        if range.contains(&value) {
            return Some(value);
        }
        let (low, high) = (range.start(), range.end());
        let help = if *high == Duration::MAX {
            format!("write at least {}", format_duration(*low))
        } else {
            format!("write {} to {}", format_duration(*low), format_duration(*high))
        };
        self.wrong(format!("is {text}, which is out of range"), help)
    }

    /// A text, or a number as it is written, that `T` can be read from. The error's text is a sentence of its own, with its advice.
    pub fn parsed<T>(&self) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text_or_number()?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => self.refused(error),
        }
    }

    /// One of some words, each with what it stands for.
    pub fn choice<T: Clone>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let words: Vec<&'static str> = choices.iter().map(|(word, _)| *word).collect();
        let Value::Text(text) = &self.node.value else {
            return self.unexpected(one_of(&words));
        };
        if let Some((_, value)) = choices.iter().find(|(word, _)| word == text) {
            return Some(value.clone());
        }
        match nearest(text, words.iter().copied()) {
            Some(meant) => self.wrong(
                format!("is {}, expected {}", quoted(text), one_of(&words)),
                format!("did you mean {meant}?"),
            ),
            None => self.wrong(format!("is {}, expected {}", quoted(text), one_of(&words)), ""),
        }
    }
}

/// The fields of a map with known keys: see [`Item::fields`].
#[derive(Debug, Clone)]
pub struct Fields<'d> {
    item: Item<'d>,
    keys: &'static [&'static str],
}

impl<'d> Fields<'d> {
    /// The map itself, for problems that concern all of it.
    pub fn item(&self) -> &Item<'d> {
        &self.item
    }

    fn entry(&self, key: &str) -> Option<Item<'d>> {
        debug_assert!(
            self.keys.contains(&key),
            "{key} is asked for but not a known key of {}",
            self.item.name()
        );
        let Value::Map(entries) = &self.item.node.value else { return None };
        let (_, node) = entries.iter().find(|(known, _)| known.text == key)?;
        Some(self.item.child(key, node))
    }

    /// The value of a key that may be left out. A key without a value is a problem: it looks set and is not.
    pub fn optional(&self, key: &'static str) -> Option<Item<'d>> {
        let item = self.entry(key)?;
        match item.node.value {
            Value::Null => item.wrong("has no value", "give it one or remove the key"),
            Value::Bool(_)
            | Value::Int { .. }
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => Some(item),
        }
    }

    /// The value of a key that must be there.
    pub fn required(&self, key: &'static str) -> Option<Item<'d>> {
        if self.entry(key).is_none() {
            let path =
                if self.item.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.item.path) };
            let place = self.item.node.place.clone();
            self.item
                .report
                .push(Problem::new(place, format!("{path} is missing")).help(format!("add the key {key}")));
        }
        self.optional(key)
    }

    /// Whether the key is written in the file, with or without a value.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }
}

fn shown(key: &str) -> String {
    let plain = !key.is_empty()
        && key.len() <= 40
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if plain { key.to_owned() } else { quoted(key) }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [word] => (*word).to_owned(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}

fn some_of(keys: &[&str]) -> String {
    match keys {
        [] => "no keys".to_owned(),
        [key] => format!("the key {key}"),
        keys if keys.len() <= 6 => format!("the keys {}", keys.join(", ")),
        keys => format!("keys such as {}", keys[..4].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::parse;
    use super::*;

    #[test]
    fn every_problem_is_reported_in_the_order_of_the_file() {
        let node =
            parse("w.toml", b"nmae = 'x'\ncount = 'five'\non = 1\nkind = 'postgers'\nempty = ' '\n").unwrap();
        let report = Report::new();
        let fields = Item::root(&node, &report).fields(&["name", "count", "on", "kind", "empty"]).unwrap();
        assert_eq!(fields.required("name").and_then(|i| i.text()), None);
        assert_eq!(fields.optional("kind").and_then(|i| i.choice(&[("postgres", 1), ("sqlite", 2)])), None);
        assert_eq!(fields.optional("on").and_then(|i| i.bool()), None);
        assert_eq!(fields.optional("count").and_then(|i| i.int(1..=i64::MAX)), None);
        assert_eq!(fields.optional("empty").and_then(|i| i.text()), None);
        assert!(!report.is_clean());
        insta::assert_snapshot!(report.into_result().unwrap_err().to_string(), @r#"
        w.toml:1:1: name is missing; add the key name
        w.toml:1:1: unknown key nmae; did you mean name?
        w.toml:2:9: count is the text "five", expected a whole number from 1
        w.toml:3:6: on is the number 1, expected true or false
        w.toml:4:8: kind is "postgers", expected postgres or sqlite; did you mean postgres?
        w.toml:5:9: empty is an empty text; give it a value or remove it
        "#);
    }

    #[test]
    fn decimals_are_exact() {
        let node = parse("a.yaml", b"[\"0.87\", 0.870, 5, 1e3, x]").unwrap();
        let report = Report::new();
        let items = Item::root(&node, &report).list().unwrap();
        let read: Vec<_> = items.iter().map(|i| i.decimal().map(|d| d.to_string())).collect();
        assert_eq!(read, [Some("0.87".into()), Some("0.870".into()), Some("5".into()), None, None]);
    }
}
