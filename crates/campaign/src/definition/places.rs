//! Where the values of a definition stand in its file, for checks that come after parsing.

use std::collections::BTreeMap;

use crate::document::{Node, Value};
use crate::problem::{Place, Problem};

/// The place of every value of a campaign file, by its path (`template.name`, `params.body[1]`).
///
/// Two definitions are equal whatever their places: equality of this type is always true, so that the same
/// campaign written in YAML and in TOML, or thawed from the database, compares equal.
#[derive(Debug, Clone, Default)]
pub struct Places {
    file: String,
    places: BTreeMap<String, Place>,
}

impl PartialEq for Places {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Places {
    pub(super) fn of(file: &str, node: &Node) -> Self {
        let mut places = Self { file: file.to_owned(), places: BTreeMap::new() };
        places.add("", node);
        places
    }

    /// Of a definition that was frozen: only its file is known.
    pub fn of_file(file: &str) -> Self {
        Self { file: file.to_owned(), places: BTreeMap::new() }
    }

    fn add(&mut self, path: &str, node: &Node) {
        match &node.value {
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.add(&format!("{path}[{i}]"), item);
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    let inner =
                        if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
                    self.add(&inner, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Int { .. } | Value::Float(_) | Value::Text(_) => {}
        }
        self.places.insert(path.to_owned(), node.place.clone());
    }

    /// Where the value at `path` begins; where the file does not write it, the nearest value around it, and
    /// at last the file itself.
    pub fn get(&self, path: &str) -> Place {
        let mut path = path;
        while !path.is_empty() {
            if let Some(place) = self.places.get(path) {
                return place.clone();
            }
            path = path.rfind(['.', '[']).map_or("", |at| &path[..at]);
        }
        Place::file(if self.file.is_empty() { "campaign file" } else { &self.file })
    }

    /// A problem with the value at `path`: its place, and a sentence that begins with the path.
    pub fn problem(&self, path: &str, said: impl std::fmt::Display) -> Problem {
        Problem::new(self.get(path), format!("{path} {said}"))
    }
}
