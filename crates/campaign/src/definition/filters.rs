//! The filters that expressions may use. They work on text, as all values of a CSV are text.

use minijinja::value::Rest;
use minijinja::{Environment, Error, ErrorKind, Value};

/// The names of all filters.
///
/// | filter | does |
/// | --- | --- |
/// | `default('x')`, `d('x')` | `x` where the value is missing or blank |
/// | `upper`, `lower`, `title`, `capitalize` | letter case |
/// | `trim` | removes white space at both ends |
/// | `truncate(n)`, `truncate(n, '…')` | at most `n` characters, the ending included |
/// | `replace('a', 'b')` | replaces every `a` |
/// | `first_word` | the text up to the first white space |
/// | `urlencode` | makes a text safe inside a URL |
/// | `int`, `float`, `round(n)`, `abs` | numbers |
/// | `length` | the number of characters |
pub const FILTERS: [&str; 17] = [
    "default",
    "d",
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "truncate",
    "replace",
    "first_word",
    "urlencode",
    "int",
    "float",
    "round",
    "abs",
    "length",
    "string",
];

/// Puts our filters into the engine. The standard ones of other names stay out of reach, since
/// expressions are checked against [`FILTERS`].
pub(super) fn install(engine: &mut Environment<'static>) {
    engine.add_filter("default", default);
    engine.add_filter("d", default);
    engine.add_filter("trim", |value: Value| text(&value).trim().to_owned());
    engine.add_filter("truncate", truncate);
    engine.add_filter("first_word", |value: Value| {
        text(&value).split_whitespace().next().unwrap_or("").to_owned()
    });
    engine.add_filter("urlencode", |value: Value| urlencode(&text(&value)));
    engine.add_filter("length", |value: Value| text(&value).chars().count());
    engine.add_filter("string", |value: Value| text(&value));
}

/// A value as it is shown to a recipient: nothing for what is missing.
pub(super) fn text(value: &Value) -> String {
    if value.is_undefined() || value.is_none() {
        String::new()
    } else if let Some(text) = value.as_str() {
        text.to_owned()
    } else {
        value.to_string()
    }
}

/// Jinja's own `default` keeps an empty text, but a CSV cannot say "missing" in any other way.
fn default(value: Value, rest: Rest<Value>) -> Value {
    if text(&value).trim().is_empty() {
        rest.first().cloned().unwrap_or_else(|| Value::from(""))
    } else {
        value
    }
}

fn truncate(value: Value, length: usize, ending: Option<String>) -> Result<String, Error> {
    let value = text(&value);
    if value.chars().count() <= length {
        return Ok(value);
    }
    let ending = ending.unwrap_or_else(|| "…".to_owned());
    let kept = length.checked_sub(ending.chars().count()).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("truncate({length}) leaves no room for its ending {ending}"),
        )
    })?;
    let mut out: String = value.chars().take(kept).collect::<String>().trim_end().to_owned();
    out.push_str(&ending);
    Ok(out)
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn urlencode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(expression: &str) -> String {
        let mut engine = Environment::new();
        install(&mut engine);
        let result = engine.compile_expression_owned(expression.to_owned()).unwrap().eval(());
        result.map_or_else(|error| super::super::expression::reason(&error), |value| text(&value))
    }

    #[test]
    fn they_do_what_they_say() {
        assert_eq!(eval("'' | default('x')"), "x");
        assert_eq!(eval("' ' | d('x')"), "x");
        assert_eq!(eval("'a' | default('x')"), "a");
        assert_eq!(eval("nothing | default('x') | upper"), "X");
        assert_eq!(eval("'  ana maria ' | trim | title"), "Ana Maria");
        assert_eq!(eval("'Ana Maria' | first_word"), "Ana");
        assert_eq!(eval("'a b/ü' | urlencode"), "a%20b%2F%C3%BC");
        assert_eq!(eval("'abcdefgh' | truncate(4)"), "abc…");
        assert_eq!(eval("'abc d efgh' | truncate(7, '...')"), "abc...");
        assert_eq!(eval("'abc' | truncate(2, '...')"), "truncate(2) leaves no room for its ending ...");
        assert_eq!(eval("'12' | int + 1"), "13");
        assert_eq!(eval("'1.26' | float | round(1)"), "1.3");
        assert_eq!(eval("'été' | length"), "3");
        assert_eq!(eval("'a-b' | replace('-', '+') | capitalize"), "A+b");
    }

    #[test]
    fn every_name_is_a_filter_of_the_engine() {
        for name in FILTERS {
            let shown = eval(&format!("'1' | {name}"));
            assert!(!shown.contains("unknown"), "{name}: {shown}");
        }
    }
}
