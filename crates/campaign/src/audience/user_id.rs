//! Business-scoped user ids: how the platform names a person who hides the phone number from a business.

use std::fmt;

use super::country::Country;

/// A business-scoped user id such as `IN.1349F2`: a country's code, a dot, and 1 to 128 letters and digits
/// (platform: the `recipient` of a send; no delivery optimisation and no max price for it).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId {
    text: Box<str>,
    country: Country,
}

/// Why a text is not a business-scoped user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UserIdRefused {
    /// Nothing is there.
    #[error("the user id is empty")]
    Blank,
    /// It looks like a phone number.
    #[error("a phone number and not a business-scoped user id; use audience.phone for phone numbers")]
    Phone,
    /// It does not begin with a country's code and a dot.
    #[error("a user id begins with a country's code and a dot, as in IN.1349")]
    NoCountry,
    /// What stands after the dot is not 1 to 128 letters and digits.
    #[error("a user id has 1 to 128 letters and digits after the dot, as in IN.1349")]
    NotAlphanumeric,
}

impl UserIdRefused {
    /// A fixed word for tables and files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Phone => "phone",
            Self::NoCountry => "no_country",
            Self::NotAlphanumeric => "not_alphanumeric",
        }
    }
}

impl UserId {
    /// Reads an id; blanks around it do not matter.
    ///
    /// # Errors
    /// The text is empty, a phone number, or not of the form.
    pub fn parse(text: &str) -> Result<Self, UserIdRefused> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UserIdRefused::Blank);
        }
        if text.bytes().all(|b| b.is_ascii_digit() || b"+-() ".contains(&b)) {
            return Err(UserIdRefused::Phone);
        }
        let (code, id) = text.split_once('.').ok_or(UserIdRefused::NoCountry)?;
        let country: Country = code.parse().map_err(|_| UserIdRefused::NoCountry)?;
        if country.code() != code {
            return Err(UserIdRefused::NoCountry);
        }
        if id.is_empty() || id.len() > 128 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(UserIdRefused::NotAlphanumeric);
        }
        Ok(Self { text: text.into(), country })
    }

    /// The id as it is sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The person's country.
    pub fn country(&self) -> Country {
        self.country
    }

    /// The id with most of it hidden, for logs: `IN.13…`.
    pub fn masked(&self) -> String {
        format!("{}…", self.text.get(..5).unwrap_or(self.country.code()))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Masked: ids of people do not belong in logs.
impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids() {
        let id = UserId::parse(" IN.1349F2abc ").unwrap();
        assert_eq!((id.as_str(), id.country().code()), ("IN.1349F2abc", "IN"));
        assert_eq!(format!("{id:?}"), "UserId(IN.13…)");
        assert_eq!(UserId::parse("US.1").unwrap().masked(), "US…");
        assert!(UserId::parse(&format!("DE.{}", "7".repeat(128))).is_ok());
    }

    #[test]
    fn refuses_the_rest() {
        for (text, why) in [
            ("", UserIdRefused::Blank),
            (" \t", UserIdRefused::Blank),
            ("+91 98765 43210", UserIdRefused::Phone),
            ("IN1349", UserIdRefused::NoCountry),
            ("in.1349", UserIdRefused::NoCountry),
            ("ZZ.1349", UserIdRefused::NoCountry),
            (".1349", UserIdRefused::NoCountry),
            ("IN.", UserIdRefused::NotAlphanumeric),
            ("IN.13 49", UserIdRefused::NotAlphanumeric),
            ("IN.13.49", UserIdRefused::NotAlphanumeric),
            ("IN.१३४९", UserIdRefused::NotAlphanumeric),
        ] {
            assert_eq!(UserId::parse(text), Err(why), "{text}");
        }
        assert_eq!(UserId::parse(&format!("DE.{}", "7".repeat(129))), Err(UserIdRefused::NotAlphanumeric));
    }
}
