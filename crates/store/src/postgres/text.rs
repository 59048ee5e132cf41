//! Text as PostgreSQL takes it.

use std::borrow::Cow;

/// The text without NUL characters, which PostgreSQL refuses and platforms and files may hold: U+FFFD stands for
/// them.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_refused_is_replaced() {
        assert!(matches!(clean("Priyá"), Cow::Borrowed("Priyá")));
        assert_eq!(clean("a\0b"), "a\u{fffd}b");
    }
}
