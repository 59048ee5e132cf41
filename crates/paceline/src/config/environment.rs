//! Environment variables that override workers.toml: `PACELINE_SECTION__KEY`, as in `PACELINE_STORE__URL`.
//! They are put into the file's tree, so that they are read and refused exactly as what the file says.

use std::ffi::OsString;

use campaign::document::{Key, Node, Value};
use campaign::problem::{Place, Problem, Problems};

const PREFIX: &str = "PACELINE_";

/// A value for a key of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Override {
    variable: String,
    section: String,
    key: String,
    text: String,
}

/// The overrides among these variables, in the order of their names. A variable that begins with
/// `PACELINE_` and has no `__` is none.
///
/// # Errors
/// Variables whose value is not UTF-8 text, and those that mean a sender: senders have no place of their
/// own in a flat list of names.
pub(super) fn overrides(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<Override>, Problems> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (variable, text) in variables {
        let Ok(variable) = variable.into_string() else { continue };
        let Some((section, key)) = variable.strip_prefix(PREFIX).and_then(|rest| rest.split_once("__"))
        else {
            continue;
        };
        let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
        let problem = |said: &str| Problem::new(place(&variable), said);
        if section == "senders" {
            problems.push(problem("means a sender, and senders are set in workers.toml only").help(
                "remove the variable; a sender's secret comes from the variable that its token_env names",
            ));
            continue;
        }
        match text.into_string() {
            Ok(text) => found.push(Override { variable, section, key, text }),
            Err(_) => problems.push(problem("is not UTF-8 text").help("set it again")),
        }
    }
    found.sort_by(|a, b| a.variable.cmp(&b.variable));
    problems.sort();
    if problems.is_empty() { Ok(found) } else { Err(Problems(problems)) }
}

/// How a place in the environment begins.
const PLACE: &str = "environment variable ";

fn place(variable: &str) -> Place {
    Place::file(format!("{PLACE}{variable}"))
}

/// Whether a value came from the environment.
pub(super) fn is_place(place: &Place) -> bool {
    place.file.starts_with(PLACE)
}

/// The variable that overrides a key, `store.url` for example.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replacen('.', "__", 1).to_ascii_uppercase())
}

/// Puts the overrides into the tree of the file.
///
/// # Errors
/// Where the file has something else than a section under a section's name.
pub(super) fn apply(root: &mut Node, overrides: Vec<Override>) -> Result<(), Problems> {
    for one in overrides {
        let place = place(&one.variable);
        let value = Node { value: typed(&one), place: place.clone() };
        let Value::Map(sections) = &mut root.value else { continue };
        let section = match sections.iter_mut().position(|(key, _)| key.text == one.section) {
            Some(at) => &mut sections[at].1,
            None => {
                let key = Key { text: one.section.clone(), place: place.clone() };
                sections.push((key, Node { value: Value::Map(Vec::new()), place: place.clone() }));
                let last = sections.len() - 1;
                &mut sections[last].1
            }
        };
        let Value::Map(entries) = &mut section.value else {
            return Err(Problems(vec![
                Problem::new(
                    section.place.clone(),
                    format!("{} is {}, expected a section", one.section, section.value.describe()),
                )
                .help(format!("write [{}] with its keys below", one.section)),
            ]));
        };
        // A secret that is named by one key in the file may be named by the other in the environment.
        for suffix in ["_env", "_file"] {
            if let Some(stem) = one.key.strip_suffix(suffix) {
                let other = if suffix == "_env" { format!("{stem}_file") } else { format!("{stem}_env") };
                entries.retain(|(key, _)| key.text != other);
            }
        }
        match entries.iter_mut().find(|(key, _)| key.text == one.key) {
            Some((_, old)) => *old = value,
            None => entries.push((Key { text: one.key, place }, value)),
        }
    }
    Ok(())
}

/// The text as the type that its key has. What is not of that type stays a text, and is refused as one.
fn typed(one: &Override) -> Value {
    let text = || Value::Text(one.text.clone());
    match (one.section.as_str(), one.key.as_str()) {
        ("worker", _) => match one.text.trim().parse() {
            Ok(value) => Value::Int { value, text: one.text.trim().to_owned() },
            Err(_) => text(),
        },
        ("platform", "correlate") => match one.text.trim() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => text(),
        },
        ("webhook", "app_secret_env" | "app_secret_file") if one.text.contains(',') => Value::List(
            one.text
                .split(',')
                .map(|part| Node { value: Value::Text(part.trim().to_owned()), place: place(&one.variable) })
                .collect(),
        ),
        _ => text(),
    }
}
