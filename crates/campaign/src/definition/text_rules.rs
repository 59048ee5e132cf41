//! What the platform accepts as the text of a parameter, and how rendered text is brought into that form.

use std::borrow::Cow;

/// Platform: a body has at most 1,024 characters, so its parameters have not more.
pub(super) const BODY: usize = 1_024;
/// Platform: the body of a carousel's card.
pub(super) const CARD_BODY: usize = 160;
/// Platform: a header's text.
pub(super) const HEADER: usize = 60;
/// Platform: a coupon code.
pub(super) const COUPON: usize = 15;
/// Platform: a whole URL; its end has not more.
pub(super) const URL: usize = 2_000;
/// Platform: the title of a section of products.
pub(super) const SECTION_TITLE: usize = 24;
/// Platform: consecutive spaces that a parameter may have.
const SPACES: usize = 4;

/// Text for a body or header: the platform refuses line breaks, tabs and more than four consecutive spaces
/// there, so these become one space. White space at both ends goes.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let clean = !text.contains("     ") && !text.chars().any(char::is_control);
    if clean {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != ' ' && !c.is_control() {
            out.push(c);
            continue;
        }
        let (mut spaces, mut broken) = (usize::from(c == ' '), c != ' ');
        while let Some(next) = chars.next_if(|next| *next == ' ' || next.is_control()) {
            spaces += usize::from(next == ' ');
            broken |= next != ' ';
        }
        let kept = if broken || spaces > SPACES { 1 } else { spaces };
        out.extend(std::iter::repeat_n(' ', kept));
    }
    Cow::Owned(out)
}

/// What is wrong with the length of a text, if it is too long: characters are counted.
pub(super) fn too_long(text: &str, limit: usize) -> Option<String> {
    // A character has at most four bytes: short texts need no counting.
    if text.len() <= limit {
        return None;
    }
    let length = text.chars().count();
    (length > limit).then(|| format!("has {length} characters, more than the {limit} allowed"))
}

/// What is wrong with an address, if anything.
pub(super) fn bad_link(link: &str) -> Option<String> {
    if !link.starts_with("https://") || link.len() == "https://".len() {
        return Some("is not an https address".to_owned());
    }
    bad_url_end(link)
}

/// What is wrong with a URL or its end, if anything.
pub(super) fn bad_url_end(url: &str) -> Option<String> {
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("has white space in a URL; add | urlencode to the column".to_owned());
    }
    too_long(url, URL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brings_text_into_one_line() {
        for (text, clean) in [
            ("plain", "plain"),
            ("  at the ends\n", "at the ends"),
            ("a\nb\r\nc\td", "a b c d"),
            ("four    spaces stay", "four    spaces stay"),
            ("five     do not", "five do not"),
            ("a \n b", "a b"),
            ("zero\u{0}byte", "zero byte"),
            ("", ""),
        ] {
            assert_eq!(one_line(text), clean, "{text:?}");
        }
    }

    #[test]
    fn lengths_count_characters() {
        assert_eq!(too_long("ééé", 3), None);
        assert_eq!(too_long("éééé", 3).unwrap(), "has 4 characters, more than the 3 allowed");
    }

    #[test]
    fn links_are_https_and_without_spaces() {
        assert_eq!(bad_link("https://example.com/a.jpg"), None);
        assert!(bad_link("http://example.com").is_some());
        assert!(bad_link("https://").is_some());
        assert!(bad_link("https://example.com/a b").is_some());
    }
}
