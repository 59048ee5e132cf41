//! docs/rules.md says which story shows which rule of the platform: what it names is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use campaign::platform_error::TABLE;

/// What the table has to have a line for, beside the error classes.
const RULES: [&str; 11] = [
    "Template gate",
    "TTL",
    "Max price",
    "Budget",
    "Limits",
    "Throttling",
    "Retry-After",
    "Opt-outs",
    "Health brake",
    "Onboarding",
    "Schedules",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document() -> String {
    std::fs::read_to_string(root().join("docs/rules.md")).unwrap()
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split(" | ").map(str::trim).collect()
}

/// The lines of the tables, cut into cells.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let lines = document.lines().filter_map(|line| line.strip_prefix('|'));
    let rows = lines.filter(|line| !line.contains("---")).map(cells);
    rows.filter(|cells| cells.last() != Some(&"stories")).collect()
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Why a story is not there, where it is not.
fn missing(story: &str) -> Option<String> {
    let mut parts = story.splitn(3, "::");
    let (program, module, name) = (parts.next()?, parts.next()?, parts.next()?);
    let file = root().join(format!("tests/tests/{program}/{module}.rs"));
    let Ok(source) = std::fs::read_to_string(&file) else {
        return Some(format!("{story}: there is no {}", file.display()));
    };
    let Some(at) = source.find(&format!("fn {name}(")) else {
        return Some(format!("{story}: {module} tells no such story"));
    };
    let before = &source[..at];
    let attributes = &before[before.rfind("\n\n").unwrap_or(0)..];
    (!attributes.contains("#[test]") && !attributes.contains("#[tokio::test"))
        .then(|| format!("{story} is no test"))
}

#[test]
fn every_story_and_every_file_is_there() {
    let document = document();
    let rows = rows(&document);
    assert!(rows.len() > 25, "{} lines", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
        let stories: Vec<&str> = quoted(row[2]).collect();
        if stories.is_empty() {
            wrong.push(format!("{} has no story", row[0]));
        }
        wrong.extend(stories.into_iter().filter_map(missing));
        for file in quoted(row[1]).filter(|file| !root().join(file).is_file()) {
            wrong.push(format!("{}: there is no {file}", row[0]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_rule_and_every_class_has_a_line() {
    let document = document();
    let rules: Vec<&str> = rows(&document).into_iter().map(|row| row[0]).collect();
    let classes: BTreeSet<String> = TABLE.iter().map(|info| format!("`{}`", info.class.name())).collect();
    assert_eq!(classes.len(), 8);
    for wanted in RULES.iter().copied().chain(classes.iter().map(String::as_str)) {
        assert!(rules.iter().any(|rule| rule.starts_with(wanted)), "no line for {wanted}");
    }
}
