//! YAML into the tree: one document, text keys, no tags; aliases are refused, since a small file could
//! stand for gigabytes.

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, Scalar, YamlData};

use super::read::{MAX_DEPTH, one, too_deep};
use super::tree::{Key, Node, Value, quoted};
use crate::problem::{Place, Problem, Problems};

/// The parser frees its tree by recursion, so the depth is bounded before it builds one: block collections
/// nest only by indentation, and flow collections are limited to 255 by the parser itself.
const MAX_INDENTATION: usize = 200;

pub(super) fn read(file_name: &str, text: &str) -> Result<Node, Problems> {
    if let Some(problem) = refused_before_parsing(file_name, text) {
        return Err(one(problem));
    }
    let documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let place = place(file_name, error.marker());
        one(match error.info() {
            "duplicated key in mapping" => {
                let key = key_at(text, error.marker());
                Problem::new(place, format!("key {key} is given twice")).help("keep one of them")
            }
            info => Problem::new(place, format!("is not valid YAML: {info}"))
                .help("check the indentation, the quotes and the brackets"),
        })
    })?;
    let mut walk = Walk { file_name, text, offsets: None, problems: Vec::new() };
    let mut documents = documents.into_iter();
    let Some(first) = documents.next() else {
        return Err(one(
            Problem::new(Place::file(file_name), "is empty").help("see the examples for a start")
        ));
    };
    if let Some(second) = documents.next() {
        return Err(one(Problem::new(
            place(file_name, &second.span.start),
            "holds more than one YAML document",
        )
        .help("remove the line --- and put each document into a file of its own")));
    }
    let node = walk.node(&first, 0);
    if walk.problems.is_empty() { Ok(node) } else { Err(Problems(walk.problems)) }
}

fn place(file_name: &str, marker: &Marker) -> Place {
    Place::at(file_name, marker.line().max(1) as u64, marker.col() as u64 + 1)
}

/// The key that begins at the marker, as it is written.
fn key_at(text: &str, marker: &Marker) -> String {
    let rest: String = text.chars().skip(marker.index()).take(60).collect();
    rest.split([':', '\n', ',', '}']).next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned()
}

fn refused_before_parsing(file_name: &str, text: &str) -> Option<Problem> {
    let mut anchors = std::collections::BTreeSet::new();
    for (number, line) in text.split(['\n', '\r']).enumerate() {
        let indentation = line.chars().take_while(|c| matches!(c, ' ' | '\t' | '-' | '?' | ':')).count();
        if indentation > MAX_INDENTATION {
            let number = line_number(text, number);
            return Some(
                Problem::new(
                    Place::at(file_name, number, MAX_INDENTATION as u64 + 1),
                    format!("is indented by more than {MAX_INDENTATION} columns"),
                )
                .help("check the indentation"),
            );
        }
        anchors.extend(names(line, '&').map(|(_, name)| name));
    }
    if anchors.is_empty() {
        return None;
    }
    for (number, line) in text.split(['\n', '\r']).enumerate() {
        for (column, name) in names(line, '*') {
            if anchors.contains(name) {
                let number = line_number(text, number);
                return Some(
                    Problem::new(
                        Place::at(file_name, number, column as u64 + 1),
                        format!("uses the alias *{name} of the anchor &{name}, which is not supported"),
                    )
                    .help("write the value out at both places"),
                );
            }
        }
    }
    None
}

/// The line number of a piece of `text.split(['\n', '\r'])`, where CRLF makes two pieces of one line.
fn line_number(text: &str, piece: usize) -> u64 {
    let crlf = text.contains("\r\n");
    (if crlf { piece / 2 } else { piece }) as u64 + 1
}

/// What looks like an anchor (`&name`) or alias (`*name`) in a line: the sign where a value may begin, and a
/// name up to the next space or bracket. Column from 0.
fn names(line: &str, sign: char) -> impl Iterator<Item = (usize, &str)> {
    let mut before = ' ';
    line.char_indices().enumerate().filter_map(move |(column, (at, c))| {
        let begins =
            matches!(before, ' ' | '\t' | '[' | ']' | '{' | '}' | ',' | ':' | '-' | '?' | '"' | '\'');
        before = c;
        if c != sign || !begins {
            return None;
        }
        let rest = &line[at + 1..];
        let end = rest.find([' ', '\t', ',', '[', ']', '{', '}']).unwrap_or(rest.len());
        (end > 0).then_some((column, &rest[..end]))
    })
}

struct Walk<'t> {
    file_name: &'t str,
    text: &'t str,
    /// The byte offset of each character, made when the first number needs it.
    offsets: Option<Vec<usize>>,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn node(&mut self, node: &MarkedYaml<'_>, depth: usize) -> Node {
        let place = place(self.file_name, &node.span.start);
        if depth > MAX_DEPTH {
            self.problems.push(too_deep(place.clone()));
            return Node { value: Value::Null, place };
        }
        let value = match &node.data {
            YamlData::Value(scalar) => self.scalar(scalar, node),
            YamlData::Sequence(items) => {
                Value::List(items.iter().map(|item| self.node(item, depth + 1)).collect())
            }
            YamlData::Mapping(entries) => {
                let mut out = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    if let Some(key) = self.key(key) {
                        out.push((key, self.node(value, depth + 1)));
                    }
                }
                Value::Map(out)
            }
            YamlData::Tagged(tag, _) => {
                self.problems.push(
                    Problem::new(
                        place.clone(),
                        format!("has the YAML tag {}, which is not supported", quoted(&tag.to_string())),
                    )
                    .help("remove the tag"),
                );
                Value::Null
            }
            YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
                self.problems.push(
                    Problem::new(place.clone(), "has a value that YAML cannot read")
                        .help("put the value in quotes"),
                );
                Value::Null
            }
        };
        Node { value, place }
    }

    fn key(&mut self, key: &MarkedYaml<'_>) -> Option<Key> {
        let place = place(self.file_name, &key.span.start);
        let text = match &key.data {
            YamlData::Value(Scalar::String(text)) => text.to_string(),
            YamlData::Value(Scalar::Integer(_) | Scalar::FloatingPoint(_) | Scalar::Boolean(_)) => {
                self.source(key).unwrap_or_default()
            }
            YamlData::Mapping(_) => {
                self.problems.push(
                    Problem::new(place, "has a key that is a map, where an expression may be meant")
                        .help("put expressions in quotes: \"{{ … }}\""),
                );
                return None;
            }
            YamlData::Value(Scalar::Null)
            | YamlData::Sequence(_)
            | YamlData::Tagged(..)
            | YamlData::Representation(..)
            | YamlData::Alias(_)
            | YamlData::BadValue => {
                self.problems
                    .push(Problem::new(place, "has a key that is not a text").help("keys are plain words"));
                return None;
            }
        };
        Some(Key { text, place })
    }

    fn scalar(&mut self, scalar: &Scalar<'_>, node: &MarkedYaml<'_>) -> Value {
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => Value::Bool(*value),
            Scalar::Integer(value) => {
                Value::Int { value: *value, text: self.source(node).unwrap_or_else(|| value.to_string()) }
            }
            Scalar::FloatingPoint(value) => {
                Value::Float(self.source(node).unwrap_or_else(|| value.to_string()))
            }
            Scalar::String(text) => Value::Text(text.to_string()),
        }
    }

    /// A plain scalar as it is written in the file.
    fn source(&mut self, node: &MarkedYaml<'_>) -> Option<String> {
        let text = self.text;
        let offsets = self.offsets.get_or_insert_with(|| {
            text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len())).collect()
        });
        let start = *offsets.get(node.span.start.index())?;
        let end = *offsets.get(node.span.end.index())?;
        let source = text.get(start..end)?.trim();
        source.chars().any(|c| c.is_ascii_digit()).then(|| source.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        let node = read("a.yaml", "é: é\na: 007\nb: 0.870\nc: 106540352242922123456\nd: 1.\n").unwrap();
        let Value::Map(entries) = &node.value else { panic!("{node:?}") };
        assert_eq!(entries[1].1.value, Value::Int { value: 7, text: "007".into() });
        assert_eq!(entries[2].1.value, Value::Float("0.870".into()));
        assert_eq!(entries[3].1.value, Value::Float("106540352242922123456".into()));
        assert_eq!(entries[2].1.place, Place::at("a.yaml", 3, 4));
    }

    #[test]
    fn a_forgotten_quote_around_an_expression_is_explained() {
        let error = read("a.yaml", "body: [ {{ first_name }} ]\n").unwrap_err().to_string();
        assert!(error.contains("put expressions in quotes: \"{{ … }}\""), "{error}");
    }

    #[test]
    fn an_ampersand_or_a_star_in_a_text_is_no_alias() {
        assert!(read("a.yaml", "a: Tom &Jerry\nb: \"5 *stars\"\n").is_ok());
        assert!(read("a.yaml", "a: &x 5\nb: 6\n").is_ok(), "an anchor that nothing uses harms nobody");
    }

    #[test]
    fn one_document_only() {
        assert!(
            read("a.yaml", "a: 1\n---\nb: 2\n")
                .unwrap_err()
                .to_string()
                .starts_with("a.yaml:3:1: holds more than one")
        );
        assert!(read("a.yaml", "---\na: 1\n...\n").is_ok());
        assert!(read("a.yaml", "a: !point {x: 3}\n").unwrap_err().to_string().contains("YAML tag"));
    }
}
