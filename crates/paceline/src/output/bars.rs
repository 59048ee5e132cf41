//! Shares as bars of characters. A bar never stands alone: its number is always beside it.

/// A bar of `width` characters. It is full only when the part is the whole, and empty only when the part
/// is nothing (bars of two characters and more).
pub(crate) fn bar(part: u64, whole: u64, width: usize) -> String {
    let full = filled(part, whole, width);
    "█".repeat(full) + &"░".repeat(width - full)
}

fn filled(part: u64, whole: u64, width: usize) -> usize {
    if whole == 0 || part == 0 || width == 0 {
        return 0;
    }
    if part >= whole {
        return width;
    }
    let exact = u128::from(part) * width as u128 / u128::from(whole);
    let full = usize::try_from(exact).unwrap_or(width);
    if width < 2 { full } else { full.clamp(1, width - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_empty_mean_all_and_nothing() {
        assert_eq!(bar(0, 10, 4), "░░░░");
        assert_eq!(bar(1, 1_000_000, 4), "█░░░");
        assert_eq!(bar(5, 10, 4), "██░░");
        assert_eq!(bar(999_999, 1_000_000, 4), "███░");
        assert_eq!(bar(10, 10, 4), "████");
        assert_eq!(bar(11, 10, 4), "████");
        assert_eq!(bar(0, 0, 4), "░░░░");
        assert_eq!(bar(1, 2, 0), "");
    }
}
