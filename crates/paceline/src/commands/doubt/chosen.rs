//! Which messages are meant: numbers and ranges, as `--seq` takes them.

use std::fmt;
use std::str::FromStr;

use campaign::ids::Seq;

/// A message's number, or the first and the last of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) first: u32,
    pub(super) last: u32,
    /// Whether one message was named, and no range.
    pub(super) is_one: bool,
}

impl Chosen {
    /// Whether the message is among them.
    pub(super) const fn contains(self, seq: Seq) -> bool {
        self.first <= seq.0 && seq.0 <= self.last
    }
}

/// The text is no number and no range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotChosen {
    NoNumber,
    Backwards,
}

impl fmt::Display for NotChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoNumber => "should be a message's seq such as 17, or a range such as 20-29",
            Self::Backwards => "a range goes from the smaller number to the larger one",
        })
    }
}

impl std::error::Error for NotChosen {}

impl FromStr for Chosen {
    type Err = NotChosen;

    fn from_str(text: &str) -> Result<Self, NotChosen> {
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| NotChosen::NoNumber);
        match text.split_once('-') {
            None => {
                let one = number(text)?;
                Ok(Self { first: one, last: one, is_one: true })
            }
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return Err(NotChosen::Backwards);
                }
                Ok(Self { first, last, is_one: false })
            }
        }
    }
}

/// Numbers as people write them: `3, 5-9, 12`.
pub(super) fn in_words(seqs: &[Seq]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for Seq(seq) in seqs.iter().copied() {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(seq) => *last = seq,
            _ => runs.push((seq, seq)),
        }
    }
    let word = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges() {
        assert_eq!("17".parse(), Ok(Chosen { first: 17, last: 17, is_one: true }));
        assert_eq!("3-5".parse(), Ok(Chosen { first: 3, last: 5, is_one: false }));
        for bad in ["", "x", "-5", "3-", "1.5", "99999999999"] {
            assert_eq!(bad.parse::<Chosen>(), Err(NotChosen::NoNumber), "{bad}");
        }
        assert_eq!("5-3".parse::<Chosen>(), Err(NotChosen::Backwards));
    }

    #[test]
    fn neighbours_are_told_together() {
        assert_eq!(in_words(&[3, 5, 6, 7, 12].map(Seq)), "3, 5-7, 12");
        assert_eq!(in_words(&[]), "");
    }
}
