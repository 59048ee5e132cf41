//! Credentials that do not print themselves.

use std::fmt;

/// An access token, an app secret or an API key. `Debug` and `Display` print `***`, so that a struct that
/// holds one can be logged; [`Secret::expose`] is the one way to the text.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is; trim line breaks of a file before.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the place that sends it or computes with it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all, as from an environment variable that is set to nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_no_letter_of_itself() {
        let secret = Secret::new("EAAG-token");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "EAAG-token");
    }
}
