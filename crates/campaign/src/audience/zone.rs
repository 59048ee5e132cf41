//! The recipient's time zone: the row's own, else the country's, else the schedule's.

use std::str::FromStr;

use chrono_tz::{TZ_VARIANTS, Tz};

use super::country::Country;
use crate::document::nearest;

/// The text in the time zone column is not an IANA name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a time zone; {help}")]
pub struct ZoneRefused {
    text: String,
    help: String,
}

impl ZoneRefused {
    /// What would be right.
    pub fn help(&self) -> &str {
        &self.help
    }
}

/// The zone in which a recipient's windows are counted: what the row says, else the one zone of the
/// country, else the schedule's. A blank value counts as none.
///
/// # Errors
/// The row says something that is no name of the IANA time zone database.
pub fn zone_for(row_text: Option<&str>, country: Country, schedule_zone: Tz) -> Result<Tz, ZoneRefused> {
    match row_text.map(str::trim) {
        None | Some("") => Ok(country.zone().unwrap_or(schedule_zone)),
        Some(text) => Tz::from_str(text).map_err(|_| refused(text)),
    }
}

fn refused(text: &str) -> ZoneRefused {
    let text: String = text.chars().take(60).collect();
    let same_but_case = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(&text));
    let near = || {
        // Names that are much longer or shorter are not near: comparing them is what takes time.
        let reach = text.len().div_ceil(3);
        let names = TZ_VARIANTS.iter().map(|zone| zone.name());
        nearest(&text, names.filter(|name| name.len().abs_diff(text.len()) <= reach))
    };
    let help = match same_but_case.map(|zone| zone.name()).or_else(near) {
        Some(name) => format!("did you mean {name}?"),
        None => "write an IANA name such as Asia/Kolkata, or leave it blank".to_owned(),
    };
    ZoneRefused { text, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: Option<&str>, country: &str) -> Result<&'static str, String> {
        zone_for(text, country.parse().unwrap(), Tz::UTC).map(Tz::name).map_err(|refused| refused.to_string())
    }

    #[test]
    fn the_row_then_the_country_then_the_schedule() {
        assert_eq!(zone(Some("America/Sao_Paulo"), "IN"), Ok("America/Sao_Paulo"));
        assert_eq!(zone(Some(" Asia/Kolkata "), "BR"), Ok("Asia/Kolkata"));
        assert_eq!(zone(Some("  "), "IN"), Ok("Asia/Kolkata"));
        assert_eq!(zone(None, "DE"), Ok("Europe/Berlin"));
        assert_eq!(zone(None, "BR"), Ok("UTC"));
    }

    #[test]
    fn anything_else_is_a_problem_of_the_row() {
        assert_eq!(
            zone(Some("Asia/Calcuta"), "IN"),
            Err("\"Asia/Calcuta\" is not a time zone; did you mean Asia/Calcutta?".into())
        );
        assert_eq!(
            zone(Some("asia/kolkata"), "IN"),
            Err("\"asia/kolkata\" is not a time zone; did you mean Asia/Kolkata?".into())
        );
        for text in ["+05:30", "GMT+5:30 (Mumbai)", "0530", "ठीक है"] {
            let why = zone(Some(text), "IN").unwrap_err();
            assert!(why.starts_with(&format!("\"{text}\" is not a time zone; ")), "{why}");
        }
    }
}
