//! Expressions over the columns of a row: `{{ first_name | default('there') }}`.
//!
//! Text outside `{{ … }}` is taken as it is. Inside stands one Jinja expression (minijinja): column names,
//! texts, numbers, operators, `a if b else c` and [`FILTERS`](super::filters::FILTERS). A column whose name
//! is not a plain word is written `row['First name']`. There are no statements (`{% … %}`) and no functions.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::{Environment, Expression as Compiled, Value};
use serde::{Deserialize, Serialize};

use super::filters;
use crate::document::nearest;

/// A text that may hold expressions, as it is written in the campaign file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expression {
    source: String,
}

/// Why a text is not an expression: a sentence with its advice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpressionError(String);

impl Expression {
    /// Checks a text.
    ///
    /// # Errors
    /// A brace that is not closed, a syntax error, an unknown filter or test, or a statement.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        for piece in pieces(source)? {
            if let Piece::Computed(computed) = &piece {
                computed.check()?;
            }
        }
        Ok(Self { source: source.to_owned() })
    }

    /// The text as it is written in the file.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is the same for every row.
    pub fn is_constant(&self) -> bool {
        self.columns().is_empty()
    }

    /// Whether it has no `{{ … }}` at all.
    pub fn is_literal(&self) -> bool {
        !self.source.contains("{{")
    }

    /// The columns it refers to, in alphabetical order.
    pub fn columns(&self) -> BTreeSet<String> {
        let mut columns = BTreeSet::new();
        for piece in pieces(&self.source).unwrap_or_default() {
            match piece {
                Piece::Literal(_) => {}
                Piece::Column { name, .. } => {
                    columns.insert(name);
                }
                Piece::Computed(computed) => {
                    columns.extend(computed.columns.into_iter().map(|(_, name)| name))
                }
            }
        }
        columns
    }
}

/// A part of a text.
#[derive(Debug)]
pub(super) enum Piece {
    /// Taken as it is.
    Literal(String),
    /// The plain value of a column: by far the most common, and done without the template engine.
    Column {
        /// The column.
        name: String,
        /// What stands for an empty value.
        default: Option<String>,
    },
    /// Anything else.
    Computed(Computed),
}

/// An expression for the template engine.
#[derive(Debug)]
pub(super) struct Computed {
    /// The compiled form.
    pub(super) program: Compiled<'static, 'static>,
    /// The columns it refers to: the name inside the program, and the column's.
    pub(super) columns: Vec<(String, String)>,
    /// Whether the author has thought of empty values: it has a default or a condition.
    pub(super) may_be_empty: bool,
}

/// The engine: our filters, the standard tests, no functions, nothing undefined passes silently.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    let functions: Vec<String> = engine.globals().map(|(name, _)| name.to_owned()).collect();
    for name in &functions {
        engine.remove_global(name);
    }
    filters::install(&mut engine);
    engine
});

/// Cuts a text into its parts and compiles them.
pub(super) fn pieces(source: &str) -> Result<Vec<Piece>, ExpressionError> {
    for (sign, name) in [("{%", "statements"), ("{#", "comments")] {
        let looks_meant = source.contains(if sign == "{%" { "%}" } else { "#}" });
        if looks_meant && source.contains(sign) {
            return Err(ExpressionError(format!(
                "has {sign}, but {name} are not supported; write an expression, such as {{{{ 'a' if column else 'b' }}}}"
            )));
        }
    }
    let mut out = Vec::new();
    let mut rest = source;
    let mut trim_next = false;
    loop {
        let Some(open) = rest.find("{{") else {
            literal(&mut out, if trim_next { rest.trim_start() } else { rest })?;
            return Ok(out);
        };
        let inside = &rest[open + 2..];
        let end = end_of_expression(inside).ok_or_else(|| {
            ExpressionError(
                "has {{ without }}, or a text inside it without its closing quote; close both".to_owned(),
            )
        })?;
        let mut before = if trim_next { rest[..open].trim_start() } else { &rest[..open] };
        let mut expression = &inside[..end];
        // Jinja's sign for "no white space here".
        if let Some(trimmed) = expression.strip_prefix('-') {
            expression = trimmed;
            before = before.trim_end();
        }
        trim_next = expression.ends_with('-');
        expression = expression.strip_suffix('-').unwrap_or(expression);
        literal(&mut out, before)?;
        out.push(expression_piece(expression.trim())?);
        rest = &inside[end + 2..];
    }
}

fn literal(out: &mut Vec<Piece>, text: &str) -> Result<(), ExpressionError> {
    if text.contains("}}") {
        return Err(ExpressionError("has }} without {{; open the expression with {{".to_owned()));
    }
    if !text.is_empty() {
        out.push(Piece::Literal(text.to_owned()));
    }
    Ok(())
}

/// The offset of the `}}` that closes an expression: not in a text, not in a map.
fn end_of_expression(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let (mut at, mut depth) = (0, 0_u32);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' => at = end_of_text(bytes, at)?,
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The offset of the quote that closes the text that begins at `at`.
fn end_of_text(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = *bytes.get(at)?;
    let mut end = at + 1;
    while *bytes.get(end)? != quote {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    Some(end)
}

fn expression_piece(source: &str) -> Result<Piece, ExpressionError> {
    if source.is_empty() {
        return Err(ExpressionError("has nothing between {{ and }}; write a column's name there".to_owned()));
    }
    if source.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ExpressionError(format!(
            "has {{{{{source}}}}}, which is a place in the template and not a column; write the name of a column"
        )));
    }
    let scan = Scan::of(source)?;
    if let Some(plain) = scan.plain_column(source) {
        return Ok(plain);
    }
    let program = ENGINE.compile_expression_owned(scan.rewritten).map_err(|error| {
        ExpressionError(format!("has an expression that cannot be read: {}", reason(&error)))
    })?;
    let columns = program
        .undeclared_variables(false)
        .into_iter()
        .map(|name| match name.strip_prefix(ALIAS).and_then(|number| number.parse::<usize>().ok()) {
            Some(number) => match scan.quoted_columns.get(number) {
                Some(column) => (name, column.clone()),
                None => (name.clone(), name),
            },
            None => (name.clone(), name),
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    Ok(Piece::Computed(Computed { program, columns, may_be_empty: scan.may_be_empty }))
}

/// How `row['First name']` is called inside a program, followed by a number.
const ALIAS: &str = "row_column_";

/// What a look at the words of an expression finds.
struct Scan {
    /// The expression with `row['…']` replaced by plain names.
    rewritten: String,
    /// The columns that were replaced.
    quoted_columns: Vec<String>,
    may_be_empty: bool,
}

impl Scan {
    fn of(source: &str) -> Result<Self, ExpressionError> {
        let bytes = source.as_bytes();
        let mut scan = Self { rewritten: String::new(), quoted_columns: Vec::new(), may_be_empty: false };
        let (mut at, mut copied) = (0, 0);
        let mut after_pipe = false;
        let mut after_dot = false;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\'' | b'"' => {
                    at = end_of_text(bytes, at)
                        .ok_or_else(|| ExpressionError("has a text without its closing quote".to_owned()))?;
                    after_pipe = false;
                }
                b'|' => after_pipe = true,
                b if b.is_ascii_alphabetic() || *b == b'_' => {
                    let end = word_end(bytes, at);
                    let word = &source[at..end];
                    if after_pipe {
                        check_filter(word)?;
                    }
                    if matches!(word, "if" | "or" | "and" | "not" | "in" | "is")
                        || (after_pipe && matches!(word, "default" | "d"))
                    {
                        scan.may_be_empty = true;
                    }
                    after_pipe = false;
                    if word == "row" && !after_dot && bytes.get(end) == Some(&b'[') {
                        let (column, next) = row_access(source, end + 1)?;
                        scan.rewritten.push_str(&source[copied..at]);
                        scan.rewritten.push_str(&format!("{ALIAS}{}", scan.quoted_columns.len()));
                        scan.quoted_columns.push(column);
                        copied = next;
                        at = next;
                        continue;
                    }
                    after_dot = false;
                    at = end;
                    continue;
                }
                b if b.is_ascii_whitespace() => {}
                b => {
                    after_pipe = false;
                    after_dot = *b == b'.';
                }
            }
            at += 1;
        }
        scan.rewritten.push_str(&source[copied..]);
        Ok(scan)
    }

    /// `column`, `row['Column']`, or either with `| default('text')`.
    fn plain_column(&self, source: &str) -> Option<Piece> {
        let (subject, default) = match self.rewritten.split_once('|') {
            None => (self.rewritten.trim(), None),
            Some((subject, filter)) => {
                let argument = filter.trim().strip_prefix("default(")?.strip_suffix(')')?.trim();
                let quote = argument.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
                let text = argument.strip_prefix(quote)?.strip_suffix(quote)?;
                if text.contains(quote) || text.contains('\\') {
                    return None;
                }
                (subject.trim(), Some(text.to_owned()))
            }
        };
        let name = match (self.quoted_columns.as_slice(), subject.strip_prefix(ALIAS)) {
            ([column], Some("0")) => column.clone(),
            _ => subject.to_owned(),
        };
        let reserved =
            ["true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else"];
        let is_word = !subject.is_empty()
            && word_end(subject.as_bytes(), 0) == subject.len()
            && !subject.starts_with(|c: char| c.is_ascii_digit());
        (is_word && !reserved.contains(&subject) && !source.contains(ALIAS))
            .then_some(Piece::Column { name, default })
    }
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    let word = bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    at + word
}

/// The column in `row['…']` (from after the bracket), and the offset after the closing bracket.
fn row_access(source: &str, start: usize) -> Result<(String, usize), ExpressionError> {
    let wrong =
        || ExpressionError("uses row[…] without a column's name; write row['Column name']".to_owned());
    let rest = source.get(start..).ok_or_else(wrong)?;
    let open = start + (rest.len() - rest.trim_start().len());
    if !matches!(source.as_bytes().get(open), Some(b'\'' | b'"')) {
        return Err(wrong());
    }
    let close = end_of_text(source.as_bytes(), open).ok_or_else(wrong)?;
    let name = source.get(open + 1..close).ok_or_else(wrong)?;
    let after = source.get(close + 1..).ok_or_else(wrong)?;
    let trimmed = after.trim_start();
    if name.is_empty() || name.contains('\\') || !trimmed.starts_with(']') {
        return Err(wrong());
    }
    Ok((name.to_owned(), close + 1 + (after.len() - trimmed.len()) + 1))
}

fn check_filter(name: &str) -> Result<(), ExpressionError> {
    if filters::FILTERS.contains(&name) {
        return Ok(());
    }
    Err(ExpressionError(match nearest(name, filters::FILTERS.iter().copied()) {
        Some(meant) => format!("has an unknown filter {name}; did you mean {meant}?"),
        None => format!("has an unknown filter {name}; known filters are {}", filters::FILTERS.join(", ")),
    }))
}

impl Computed {
    /// Runs the program once on plain values: what it calls but does not exist shows up before any row does.
    fn check(&self) -> Result<(), ExpressionError> {
        use minijinja::ErrorKind;
        for sample in ["1", ""] {
            let row: Value =
                self.columns.iter().map(|(name, _)| (name.as_str(), Value::from(sample))).collect();
            if let Err(error) = self.program.eval(row)
                && matches!(
                    error.kind(),
                    ErrorKind::UnknownFilter
                        | ErrorKind::UnknownTest
                        | ErrorKind::UnknownFunction
                        | ErrorKind::UnknownMethod
                )
            {
                let advice = if error.kind() == ErrorKind::UnknownFunction {
                    "; there are no functions, only filters such as default and upper"
                } else {
                    ""
                };
                let why = reason(&error);
                return Err(ExpressionError(format!("has an expression that cannot work: {why}{advice}")));
            }
        }
        Ok(())
    }
}

/// An error of the engine, in one line and without its internal names.
pub(super) fn reason(error: &minijinja::Error) -> String {
    let text = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let mut text = text.replace('\n', " ").replace(ALIAS, "column ");
    if let Some((at, _)) = text.char_indices().nth(200) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(source: &str) -> Vec<String> {
        Expression::parse(source).unwrap().columns().into_iter().collect()
    }

    fn error(source: &str) -> String {
        Expression::parse(source).unwrap_err().to_string()
    }

    #[test]
    fn names_the_columns_it_uses() {
        assert_eq!(columns("no columns { here } at 50 %"), Vec::<String>::new());
        assert_eq!(
            columns("{{ first_name | default('}} there') }}, {{discount}}"),
            ["discount", "first_name"]
        );
        assert_eq!(columns("{{ a if b == 'x' else c | upper }}"), ["a", "b", "c"]);
        assert_eq!(columns("{{ row['First name'] | title }} {{ row[\"x-y\"] }}"), ["First name", "x-y"]);
        assert_eq!(columns("{{ row }}"), ["row"]);
        assert_eq!(columns("{{ 'row[1]' }}"), Vec::<String>::new());
    }

    #[test]
    fn plain_columns_need_no_engine() {
        for source in ["{{ a }}", "{{a|default('x')}}", "{{ row['A b'] | default(\"y\") }}"] {
            assert!(matches!(pieces(source).unwrap()[..], [Piece::Column { .. }]), "{source}");
        }
        for source in
            ["{{ a | upper }}", "{{ true }}", "{{ 'a' }}", "{{ a | default('x' ~ 'y') }}", "{{ a.b }}"]
        {
            assert!(matches!(pieces(source).unwrap()[..], [Piece::Computed(_)]), "{source}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        insta::assert_snapshot!(
            [
                "{{ a",
                "a }}",
                "{{ }}",
                "{{ a | }}",
                "{{ a b }}",
                "{{1}}",
                "{{ a | uper }}",
                "{{ a | xyzzy }}",
                "{% if a %}b{% endif %}",
                "{{ range(5) }}",
                "{{ a is sparkling }}",
                "{{ row[a] }}",
                "{{ a + }}",
                "{{ 'a }}",
                "{{ a.upper() }}",
                "{{ ( }}",
            ]
            .map(|source| format!("{source}\n    {}", error(source)))
            .join("\n")
        );
    }

    #[test]
    fn white_space_control_is_understood() {
        let shown = format!("{:?}", pieces("a {{- b -}} c").unwrap());
        assert!(shown.contains("Literal(\"a\")") && shown.contains("Literal(\"c\")"), "{shown}");
    }
}
