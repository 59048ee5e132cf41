//! Texts in a drawing: escaped, measured by what letters are wide at the most in common fonts, and cut to fit.

/// The height of letters, in units of the drawing.
pub(crate) const SIZE: f64 = 13.0;
/// The height of letters at axes.
pub(crate) const SMALL: f64 = 11.5;

/// As text or attribute value of XML. Characters that XML may not have at all become U+FFFD.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                safe.push(char::REPLACEMENT_CHARACTER);
            }
            other => safe.push(other),
        }
    }
    safe
}

/// As the value of an `id`.
pub(crate) fn id(text: &str) -> String {
    let id: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    if id.starts_with(|c: char| c.is_ascii_alphabetic()) { id } else { format!("chart-{id}") }
}

/// How wide a text is at the most, in units of the drawing: rather too wide than too narrow.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|character| em(character) * size).sum()
}

fn em(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '\'' | '|' | '.' | ',' | ':' | ';' | '!' | 'I' => 0.34,
        ' ' | 'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
        'm' | 'M' | 'W' | '@' | '%' => 0.95,
        'w' | 'A'..='Z' | '&' | '+' | '=' | '<' | '>' | '…' => 0.78,
        '0'..='9' => 0.62,
        ascii if ascii.is_ascii() => 0.6,
        // Indic, Arabic and other letters are wider than Latin ones; Chinese, Japanese, Korean and pictures fill a square.
        '\u{a0}'..='\u{5ff}' => 0.72,
        '\u{600}'..='\u{10ff}' => 0.9,
        _ => 1.1,
    }
}

/// Cut to a width, with an ellipsis where something is left out.
pub(crate) fn fitted(text: &str, most: f64, size: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let ellipsis = width("…", size);
    let mut taken = 0.0;
    let mut cut = String::new();
    for character in text.chars() {
        taken += em(character) * size;
        if taken + ellipsis > most {
            break;
        }
        cut.push(character);
    }
    format!("{}…", cut.trim_end())
}

/// The first words of a list, and how many more there are: for descriptions.
pub(crate) fn listed(parts: &[String], most: usize) -> String {
    let shown: Vec<&str> = parts.iter().take(most).map(String::as_str).collect();
    let rest = parts.len().saturating_sub(most);
    let mut text = shown.join("; ");
    if rest > 0 {
        text.push_str(&format!("; and {rest} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_text() {
        assert_eq!(escaped("<b>\"&\"'\n\u{0}"), "&lt;b&gt;&quot;&amp;&quot;&#39; \u{fffd}");
        assert_eq!((id("a b<"), id("1")), ("a-b-".into(), "chart-1".into()));
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        let long = "a very long name of a country or a reason";
        assert_eq!(fitted(long, 1_000.0, SIZE), long);
        let cut = fitted(long, 100.0, SIZE);
        assert!(cut.ends_with('…') && width(&cut, SIZE) <= 100.0, "{cut}");
        assert_eq!(fitted("長い名前", 20.0, SIZE), "…");
        assert_eq!(fitted("", 0.0, SIZE), "");
    }

    #[test]
    fn lists_end() {
        let parts: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!((listed(&parts, 3), listed(&parts, 1)), ("a; b; c".into(), "a; and 2 more".into()));
    }
}
