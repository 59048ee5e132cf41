//! The tree that every format is read into: values, each with the place where it stands in the file.

use crate::problem::Place;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins: file, line and column.
    pub place: Place,
}

/// A key of a map and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key's text.
    pub text: String,
    /// Where it begins.
    pub place: Place,
}

/// A value of YAML, TOML or JSON. Dates and times of TOML are texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: `null`, `~` or no value at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Int {
        /// The number.
        value: i64,
        /// As it is written in the file, for example `007`.
        text: String,
    },
    /// Any other number, as it is written in the file: nothing is lost to binary fractions.
    Float(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file, without duplicate keys.
    Map(Vec<(Key, Node)>),
}

impl Value {
    /// What a person would call this value, for example `the text "60"` or `a list`.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "empty".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int { text, .. } | Self::Float(text) => format!("the number {text}"),
            Self::Text(text) => format!("the text {}", quoted(text)),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }
}

/// A text in quotes for a message: without line breaks, and cut after 60 characters.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut out = String::with_capacity(text.len().min(SHOWN) + 5);
    out.push('"');
    for (i, c) in text.chars().enumerate() {
        if i == SHOWN {
            out.push('…');
            break;
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out.push('"');
    out
}
