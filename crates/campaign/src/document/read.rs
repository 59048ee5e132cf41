//! From the bytes of a file to the tree: what is refused before any parser sees it, and which parser reads it.

use super::tree::Node;
use super::{json, toml, yaml};
use crate::problem::{Place, Problem, Problems};

/// The largest file that is read: 1 MB. A campaign file has some hundred lines.
pub const MAX_BYTES: usize = 1_000_000;

/// How deep lists and maps may be nested.
pub const MAX_DEPTH: usize = 40;

/// A format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, one document, no aliases, no tags.
    Yaml,
    /// TOML 1.1.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file's name ends in, if it is one of ours.
    pub fn of(file_name: &str) -> Option<Self> {
        let (_, extension) = file_name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Reads a file in the format that its name ends in.
///
/// # Errors
/// All syntax problems that the format's parser can tell apart (YAML and JSON stop at the first), or
/// why the file is not read at all: name, size, not text.
pub fn parse(file_name: &str, bytes: &[u8]) -> Result<Node, Problems> {
    let format = Format::of(file_name).ok_or_else(|| {
        one(Problem::new(Place::file(file_name), "has a name that does not tell its format")
            .help("name it *.yaml, *.yml, *.toml or *.json"))
    })?;
    parse_as(format, file_name, bytes)
}

/// Reads a file in the given format, whatever its name.
///
/// # Errors
/// As [`parse`].
pub fn parse_as(format: Format, file_name: &str, bytes: &[u8]) -> Result<Node, Problems> {
    if bytes.len() > MAX_BYTES {
        return Err(one(Problem::new(
            Place::file(file_name),
            format!("has {} bytes, more than the {MAX_BYTES} that are read", bytes.len()),
        )
        .help("check that this is the right file: rows of an audience belong into a CSV or NDJSON file")));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let place = Lines::new(&good).place(file_name, good.len());
            let byte = bytes[error.valid_up_to()];
            return Err(one(Problem::new(
                place,
                format!("is not UTF-8 text: byte 0x{byte:02x} is out of place"),
            )
            .help("save the file as UTF-8 text, or check that this is the right file")));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = text.find('\0') {
        let place = Lines::new(text).place(file_name, at);
        return Err(one(Problem::new(place, "is a binary file: it has a NUL byte")
            .help("check that this is the right file; it must be UTF-8 text")));
    }
    if text.trim().is_empty() {
        return Err(one(
            Problem::new(Place::file(file_name), "is empty").help("see the examples for a start")
        ));
    }
    match format {
        Format::Yaml => yaml::read(file_name, text),
        Format::Toml => toml::read(file_name, text),
        Format::Json => json::read(file_name, text),
    }
}

pub(super) fn one(problem: Problem) -> Problems {
    Problems(vec![problem])
}

pub(super) fn too_deep(place: Place) -> Problem {
    Problem::new(place, format!("lists and maps are nested more than {MAX_DEPTH} deep"))
        .help("check the brackets and the indentation")
}

/// Finds line and column of a byte offset: lines end with LF, columns count characters.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    pub(super) fn place(&self, file_name: &str, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        Place::at(file_name, line as u64 + 1, column as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Value;
    use super::*;

    fn refusal(name: &str, bytes: &[u8]) -> String {
        parse(name, bytes).unwrap_err().to_string()
    }

    #[test]
    fn the_three_formats_make_the_same_tree() {
        let yaml =
            parse("a.yaml", b"a: 1\nb: [x, 2.50, true]\nc: {d: \"2026-11-08T09:00:00+05:30\"}\n").unwrap();
        let toml =
            parse("a.toml", b"a = 1\nb = ['x', 2.50, true]\n[c]\nd = 2026-11-08T09:00:00+05:30\n").unwrap();
        let json =
            parse("a.json", br#"{"a": 1, "b": ["x", 2.50, true], "c": {"d": "2026-11-08T09:00:00+05:30"}}"#)
                .unwrap();
        fn plain(node: &Node) -> String {
            match &node.value {
                Value::List(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(",")),
                Value::Map(entries) => {
                    let entries: Vec<_> =
                        entries.iter().map(|(k, v)| format!("{}:{}", k.text, plain(v))).collect();
                    format!("{{{}}}", entries.join(","))
                }
                Value::Null | Value::Bool(_) | Value::Int { .. } | Value::Float(_) | Value::Text(_) => {
                    node.value.describe()
                }
            }
        }
        assert_eq!(plain(&yaml), plain(&toml));
        assert_eq!(plain(&yaml), plain(&json));
        assert!(plain(&yaml).contains("the number 2.50"), "numbers keep their text");
    }

    #[test]
    fn refuses_what_is_not_a_text_file() {
        assert_eq!(refusal("a.yaml", b""), "a.yaml: is empty; see the examples for a start");
        assert_eq!(refusal("a.json", b" \n\t"), "a.json: is empty; see the examples for a start");
        assert!(refusal("a.yaml", b"a: b\nc: \0").starts_with("a.yaml:2:4: is a binary file"));
        assert!(refusal("a.yaml", b"a: b\nc: \xff").starts_with("a.yaml:2:4: is not UTF-8 text: byte 0xff"));
        assert!(refusal("a.yaml", &vec![b'a'; MAX_BYTES + 1]).starts_with("a.yaml: has 1000001 bytes"));
        assert!(refusal("a.txt", b"a: b").starts_with("a.txt: has a name that does not tell its format"));
    }

    #[test]
    fn duplicate_keys_are_refused_in_every_format() {
        assert!(refusal("a.yaml", b"a: 1\nb: 2\na: 3\n").starts_with("a.yaml:3:1: "));
        assert!(refusal("a.toml", b"a = 1\nb = 2\na = 3\n").starts_with("a.toml:3:1: "));
        assert!(
            refusal("a.json", b"{\"a\": 1,\n\"a\": 3}\n").starts_with("a.json:2:1: key a is given twice")
        );
    }

    #[test]
    fn depth_and_aliases_cannot_blow_up() {
        for (name, open) in [
            ("a.yaml", "["),
            ("a.yaml", "{a: "),
            ("a.yaml", "- "),
            ("a.yaml", "? "),
            ("a.yaml", "- {a: ["),
            ("a.yaml", "? - "),
            ("a.yaml", "[? "),
            ("a.json", "["),
            ("a.json", "{\"a\":["),
        ] {
            let text = open.repeat(MAX_BYTES / open.len() - 1);
            assert!(parse(name, text.as_bytes()).is_err(), "{name} {open}");
        }
        let toml = format!("a = {}", "[".repeat(100_000));
        assert!(parse("a.toml", toml.as_bytes()).is_err());
        let stairs: String = (0..1400).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
        assert!(parse("a.yaml", stairs.as_bytes()).is_err());
        assert!(refusal("a.yaml", b"a: &x [1]\nb: *x\n").starts_with("a.yaml:2:4: uses the alias *x"));
    }
}
