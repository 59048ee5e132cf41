//! Phone numbers and user ids as logs may show them.

/// The first four and the last four characters of a phone number or user id: `919876543210` becomes
/// `9198…3210`, `+4915112345678` becomes `+4915…5678`. That is enough to find a number again when one
/// knows it, and too little to call it.
///
/// With ten digits or fewer, four and four would leave next to nothing hidden: then only the last two are
/// shown (`…10`), and with fewer than six characters none (`…`).
pub fn mask_phone(number: &str) -> String {
    let (sign, rest) = match number.strip_prefix('+') {
        Some(rest) => ("+", rest),
        None => ("", number),
    };
    let chars: Vec<char> = rest.chars().collect();
    let shown = match chars.len() {
        0..6 => (0, 0),
        6..11 => (0, 2),
        _ => (4, 4),
    };
    let head: String = chars.iter().take(shown.0).collect();
    let tail: String = chars.iter().skip(chars.len() - shown.1).collect();
    format!("{sign}{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_ends_only() {
        for (number, shown) in [
            ("919876543210", "9198…3210"),
            ("+4915112345678", "+4915…5678"),
            ("16505551234", "1650…1234"),
            ("US.1349abcdef", "US.1…cdef"),
            ("6505551234", "…34"),
            ("12345", "…"),
            ("", "…"),
            ("+", "+…"),
            ("ééééééééééééé", "éééé…éééé"),
        ] {
            assert_eq!(mask_phone(number), shown, "{number}");
        }
    }
}
