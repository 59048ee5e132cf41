//! Sets of days of the week, as people write them: `mon-sat`, `sat,sun`, `fri-mon`, `daily`.

use std::fmt;
use std::str::FromStr;

use chrono::Weekday;
use serde::{Deserialize, Serialize};

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const LONG_NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A set of days of the week with at least one day in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Weekdays {
    /// Bit 0 is Monday, bit 6 is Sunday.
    bits: u8,
}

/// The text is not a set of days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeekdaysError {
    /// There is nothing in it.
    #[error("no day is named; write daily, mon-fri or sat,sun")]
    Empty,
    /// A part of it is not a day.
    #[error(
        "\"{0}\" is not a day; the days are mon, tue, wed, thu, fri, sat and sun, as in mon-fri or sat,sun"
    )]
    NotADay(String),
}

impl Weekdays {
    /// Every day.
    pub const DAILY: Self = Self { bits: 0b111_1111 };

    /// Whether the day is among them.
    pub fn contains(self, day: Weekday) -> bool {
        self.bits & (1 << day.num_days_from_monday()) != 0
    }

    /// The days of an iterator; `None` where it has none.
    pub fn of(days: impl IntoIterator<Item = Weekday>) -> Option<Self> {
        let bits = days.into_iter().fold(0u8, |bits, day| bits | (1 << day.num_days_from_monday()));
        (bits != 0).then_some(Self { bits })
    }

    fn has(self, place: usize) -> bool {
        self.bits & (1 << (place % 7)) != 0
    }
}

fn place(name: &str) -> Result<usize, WeekdaysError> {
    let lower = name.trim().to_lowercase();
    NAMES
        .iter()
        .position(|n| *n == lower)
        .or_else(|| LONG_NAMES.iter().position(|n| *n == lower))
        .ok_or_else(|| WeekdaysError::NotADay(name.trim().to_owned()))
}

impl FromStr for Weekdays {
    type Err = WeekdaysError;

    fn from_str(text: &str) -> Result<Self, WeekdaysError> {
        if text.trim().is_empty() {
            return Err(WeekdaysError::Empty);
        }
        let mut bits = 0;
        for part in text.split(',') {
            if part.trim().eq_ignore_ascii_case("daily") {
                bits |= Self::DAILY.bits;
            } else if let Some((first, last)) = part.split_once('-') {
                let (first, last) = (place(first)?, place(last)?);
                // A range may run over Sunday: fri-mon is four days.
                let days = (last + 7 - first) % 7 + 1;
                for day in first..first + days {
                    bits |= 1 << (day % 7);
                }
            } else {
                bits |= 1 << place(part)?;
            }
        }
        Ok(Self { bits })
    }
}

/// As few parts as can be: ranges of three days and more with a hyphen, also over Sunday; all days as `daily`.
impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DAILY {
            return f.write_str("daily");
        }
        let mut parts = Vec::new();
        // Runs begin on a day whose eve is not in the set; not every day is, so there is such a day.
        for first in (0..7).filter(|d| self.has(*d) && !self.has(d + 6)) {
            let days = (0..7).take_while(|n| self.has(first + n)).count();
            let name = |n: usize| NAMES[(first + n) % 7];
            if days >= 3 {
                parts.push(format!("{}-{}", name(0), name(days - 1)));
            } else {
                parts.extend((0..days).map(|n| name(n).to_owned()));
            }
        }
        f.write_str(&parts.join(","))
    }
}

impl TryFrom<String> for Weekdays {
    type Error = WeekdaysError;

    fn try_from(text: String) -> Result<Self, WeekdaysError> {
        text.parse()
    }
}

impl From<Weekdays> for String {
    fn from(days: Weekdays) -> Self {
        days.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_people_write() {
        for (text, shown) in [
            ("mon-sat", "mon-sat"),
            ("sat,sun", "sat,sun"),
            ("Sat, Sun", "sat,sun"),
            ("fri-mon", "fri-mon"),
            ("daily", "daily"),
            ("mon-sun", "daily"),
            ("wed-tue", "daily"),
            ("mon,tue,wed,fri", "mon-wed,fri"),
            ("monday,Wednesday", "mon,wed"),
            ("tue-tue", "tue"),
            ("sun,mon", "sun,mon"),
        ] {
            let days: Weekdays = text.parse().unwrap();
            let expected: Weekdays = shown.parse().unwrap();
            assert_eq!(days, expected, "{text}");
            assert_eq!(days.to_string(), shown, "{text}");
        }
        let days: Weekdays = "fri-mon".parse().unwrap();
        assert!(days.contains(Weekday::Sun) && days.contains(Weekday::Mon) && !days.contains(Weekday::Tue));
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!("".parse::<Weekdays>(), Err(WeekdaysError::Empty));
        for (text, part) in
            [("funday", "funday"), ("mon-", ""), ("mon,,tue", ""), ("mon-tue-wed", "tue-wed"), ("1-5", "1")]
        {
            assert_eq!(text.parse::<Weekdays>(), Err(WeekdaysError::NotADay(part.to_owned())), "{text}");
        }
    }

    #[test]
    fn every_set_comes_back_as_it_went() {
        for bits in 1..=0b111_1111 {
            let days = Weekdays { bits };
            assert_eq!(days.to_string().parse(), Ok(days), "{days}");
        }
    }
}
