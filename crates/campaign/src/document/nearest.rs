//! "Did you mean": the known word nearest to a mistyped one.

/// The candidate that `word` most likely meant, if one is near: at most one edit in three characters
/// (insert, delete, replace, or swap of neighbours), letter case and `-`/`_` aside; or one that `word`
/// begins.
///
/// ```
/// use campaign::document::nearest;
/// assert_eq!(nearest("shedule", ["schedule", "sender"]), Some("schedule"));
/// assert_eq!(nearest("colour", ["schedule", "sender"]), None);
/// ```
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = plain(word);
    let limit = word.len().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| {
            let plain = plain(candidate);
            let begins = word.len() >= 3 && plain.starts_with(&word);
            (if begins { limit } else { distance(&word, &plain) }, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> Vec<char> {
    // Long words are cut: a mistyped key is short, and the distance is quadratic.
    word.chars()
        .take(64)
        .flat_map(char::to_lowercase)
        .map(|c| if c == '-' || c == ' ' { '_' } else { c })
        .collect()
}

/// Optimal string alignment distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        let d = |a: &str, b: &str| distance(&plain(a), &plain(b));
        assert_eq!(d("", "abc"), 3);
        assert_eq!(d("kitten", "sitting"), 3);
        assert_eq!(d("tlt", "ttl"), 1, "a swap is one edit");
        assert_eq!(d("Max-Price", "max_price"), 0);
    }

    #[test]
    fn takes_the_nearest() {
        assert_eq!(nearest("rmap", ["rate", "ramp", "over"]), Some("ramp"));
        assert_eq!(nearest("lang", ["name", "language"]), Some("language"));
        assert_eq!(nearest("", ["a"]), None);
    }
}
