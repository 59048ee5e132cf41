//! Takes what looks like the number of a phone out of texts that were recorded: a page is handed around.

/// So many digits are no code of the platform any more.
const DIGITS: usize = 8;

/// The text, with every run of eight digits and more, however they are set apart, replaced by dots.
pub(super) fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars() {
        let continues = matches!(character, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}') && !run.is_empty();
        if character.is_numeric() || character == '+' || continues {
            run.push(character);
        } else {
            end(&mut shown, &mut run);
            shown.push(character);
        }
    }
    end(&mut shown, &mut run);
    shown
}

fn end(shown: &mut String, run: &mut String) {
    if is_date(run) || run.chars().filter(|character| character.is_numeric()).count() < DIGITS {
        shown.push_str(run);
    } else {
        let told = run.trim_end_matches(|character: char| !character.is_numeric());
        shown.push('…');
        shown.push_str(run.strip_prefix(told).unwrap_or_default());
    }
    run.clear();
}

/// Whether it begins as a date does: `2026-11-08`.
fn is_date(run: &str) -> bool {
    let mut parts = run.splitn(3, '-');
    let mut is_next = |digits: usize| {
        parts.next().is_some_and(|part| {
            let own = part.split(' ').next().unwrap_or_default();
            own.len() == digits && own.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    is_next(4) && is_next(2) && is_next(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_phones_are_taken_out() {
        for (text, shown) in [
            ("(#131026) undeliverable", "(#131026) undeliverable"),
            ("131026 131049", "…"),
            ("+91 98200 00000 is no number", "… is no number"),
            ("to 919820000000, twice", "to …, twice"),
            ("919820000000", "…"),
            ("on 3 of 1000 days", "on 3 of 1000 days"),
            ("९१९८२००००००० ", "… "),
            ("paused until 2026-11-08 09:00 IST", "paused until 2026-11-08 09:00 IST"),
            ("9820-00-00000", "…"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }
}
