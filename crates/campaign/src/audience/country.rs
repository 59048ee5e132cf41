//! What a country means for a campaign: its name, its time zone, whether the platform delivers marketing
//! there, and whether it optimises and measures.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use rlibphonenumber::Region;
use serde::{Deserialize, Serialize};

use super::country_table::{COUNTRIES, Entry};
use super::phone::Phone;

/// A country or territory by its ISO 3166 code of two letters (and `XK`, `AC`, `TA`, which have calling
/// codes but no or only a reserved ISO code). Only codes of the table exist as values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// The text is not a country's code of two letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a country's code of two letters, such as IN or DE")]
pub struct NotACountry(String);

impl Country {
    /// The United States.
    pub const US: Self = Self(*b"US");

    /// The code: two capital letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The English name as it reads after "in": `India`, `the United States`.
    pub fn name(self) -> &'static str {
        self.entry().map_or("an unknown country", |(_, name, _)| name)
    }

    /// The time zone that the whole country keeps; `None` where it has several clocks (US, BR, MX, AU, ID,
    /// RU, ES, PT and others).
    pub fn zone(self) -> Option<Tz> {
        self.entry().and_then(|(_, _, zone)| *zone)
    }

    /// Whether Meta neither optimises delivery nor measures clicks for recipients or senders here (platform:
    /// the EEA, the United Kingdom, Japan, South Korea). The per-user marketing limits do not apply here.
    ///
    /// Åland, Svalbard and the French overseas departments share the numbers and the law of their EEA
    /// country (judgement: Svalbard too, whose numbers are Norway's).
    pub fn is_unoptimised(self) -> bool {
        self.is_eea() || matches!(&self.0, b"GB" | b"GG" | b"IM" | b"JE" | b"JP" | b"KR")
    }

    /// Whether it belongs to the European Economic Area: the 27 members of the EU, and Iceland,
    /// Liechtenstein and Norway; with the territories that are part of it and have a code of their own.
    pub fn is_eea(self) -> bool {
        const MEMBERS: [&[u8; 2]; 30] = [
            b"AT", b"BE", b"BG", b"CY", b"CZ", b"DE", b"DK", b"EE", b"ES", b"FI", b"FR", b"GR", b"HR", b"HU",
            b"IE", b"IS", b"IT", b"LI", b"LT", b"LU", b"LV", b"MT", b"NL", b"NO", b"PL", b"PT", b"RO", b"SE",
            b"SI", b"SK",
        ];
        // Åland; Guadeloupe, French Guiana, Martinique, Mayotte, Réunion, Saint Martin; Svalbard.
        const TERRITORIES: [&[u8; 2]; 8] = [b"AX", b"GP", b"GF", b"MQ", b"YT", b"RE", b"MF", b"SJ"];
        MEMBERS.contains(&&self.0) || TERRITORIES.contains(&&self.0)
    }

    /// Whether it is Russia (platform: since 20 June 2025 no click metrics for senders or recipients there,
    /// and no optimisation for businesses there).
    pub fn is_russia(self) -> bool {
        self.0 == *b"RU"
    }

    /// All countries of the table, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        COUNTRIES.iter().map(|(code, _, _)| Self(*code))
    }

    pub(super) fn of_region(region: Region) -> Option<Self> {
        // The number of a region is its two letters; `World` (satellites and the like) has none.
        Self::of_code((region as u16).to_be_bytes())
    }

    pub(super) fn region(self) -> Option<Region> {
        Region::from_code(self.code()).ok()
    }

    fn of_code(code: [u8; 2]) -> Option<Self> {
        let found = COUNTRIES.binary_search_by_key(&code, |(code, _, _)| *code);
        found.is_ok().then_some(Self(code))
    }

    fn entry(self) -> Option<&'static Entry> {
        COUNTRIES.binary_search_by_key(&self.0, |(code, _, _)| *code).ok().and_then(|at| COUNTRIES.get(at))
    }
}

impl FromStr for Country {
    type Err = NotACountry;

    /// Reads a code; lower case is accepted.
    fn from_str(text: &str) -> Result<Self, NotACountry> {
        <[u8; 2]>::try_from(text.as_bytes())
            .ok()
            .and_then(|code| Self::of_code(code.map(|letter| letter.to_ascii_uppercase())))
            .ok_or_else(|| NotACountry(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Country {
    type Error = NotACountry;

    fn try_from(text: String) -> Result<Self, NotACountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.code().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whether the platform delivers marketing messages to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It does.
    Deliverable,
    /// It does not, and a send would be refused or lost.
    NotDelivered(NotDelivered),
}

/// Why the platform does not deliver marketing messages to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotDelivered {
    /// A number of the United States (platform: not delivered since 1 April 2025, error 131049).
    UnitedStates,
    /// Cuba, Iran, North Korea or Syria (platform: users cannot receive).
    Sanctioned(Country),
    /// Crimea (platform: users cannot receive).
    Crimea,
    /// The Donetsk region (platform: users cannot receive).
    Donetsk,
    /// The Luhansk region (platform: users cannot receive).
    Luhansk,
}

impl fmt::Display for NotDelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::UnitedStates => "numbers of the United States",
            Self::Sanctioned(country) => country.name(),
            Self::Crimea => "Crimea",
            Self::Donetsk => "the Donetsk region",
            Self::Luhansk => "the Luhansk region",
        };
        write!(f, "WhatsApp does not deliver marketing messages to {place}")
    }
}

/// Whether the platform delivers marketing messages to a number.
///
/// US numbers are told from Canadian and Caribbean ones by area code, as libphonenumber has them. Puerto
/// Rico, Guam and the other territories count as countries of their own (judgement: Meta's rate card too
/// lists Puerto Rico with Latin America, and not with North America).
///
/// The occupied regions of Ukraine are known by number only in part, because Ukrainian mobile numbers say
/// nothing about the place (judgement, from the Russian numbering plan): +7 978 is mobile in Crimea, +7 365
/// and +7 869 are fixed lines there, +7 949 is mobile in the Donetsk region, +7 959 in the Luhansk region;
/// of the Ukrainian plan, +380 65 and +380 692 are fixed lines in Crimea. Fixed lines are refused before.
pub fn delivery_to(phone: &Phone) -> Delivery {
    let starts_with = |prefix: u64, digits: u32| phone.leading(digits) == prefix;
    if starts_with(7978, 4)
        || starts_with(7365, 4)
        || starts_with(7869, 4)
        || starts_with(38065, 5)
        || starts_with(380_692, 6)
    {
        return Delivery::NotDelivered(NotDelivered::Crimea);
    }
    if starts_with(7949, 4) {
        return Delivery::NotDelivered(NotDelivered::Donetsk);
    }
    if starts_with(7959, 4) {
        return Delivery::NotDelivered(NotDelivered::Luhansk);
    }
    delivery_to_country(phone.country())
}

/// Whether the platform delivers marketing messages to people of a country: all that a business-scoped user
/// id tells.
pub fn delivery_to_country(country: Country) -> Delivery {
    match &country.0 {
        b"US" => Delivery::NotDelivered(NotDelivered::UnitedStates),
        b"CU" | b"IR" | b"KP" | b"SY" => Delivery::NotDelivered(NotDelivered::Sanctioned(country)),
        _ => Delivery::Deliverable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::normalise;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    #[test]
    fn the_table_is_sorted_and_covers_every_region_with_a_calling_code() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        for region in rlibphonenumber::PHONE_NUMBER_UTIL.get_supported_regions() {
            assert!(Country::of_region(region).is_some(), "{region} is missing");
            assert_eq!(Country::of_region(region).and_then(Country::region), Some(region));
        }
        assert_eq!(Country::of_region(Region::World), None);
    }

    #[test]
    fn codes_are_read_in_either_case_and_nothing_else_is() {
        assert_eq!(country("in").code(), "IN");
        for text in ["", "I", "IND", "India", "ZZ", "1A", "é", "91"] {
            assert!(text.parse::<Country>().is_err(), "{text}");
        }
        assert_eq!(
            "India".parse::<Country>().unwrap_err().to_string(),
            "\"India\" is not a country's code of two letters, such as IN or DE"
        );
        assert_eq!(serde_json::to_string(&country("DE")).unwrap(), "\"DE\"");
        assert_eq!(serde_json::from_str::<Country>("\"de\"").unwrap(), country("DE"));
        assert!(serde_json::from_str::<Country>("\"QQ\"").is_err());
    }

    #[test]
    fn a_country_has_a_zone_only_if_it_keeps_one_clock() {
        for (code, zone) in [
            ("IN", "Asia/Kolkata"),
            ("DE", "Europe/Berlin"),
            ("GB", "Europe/London"),
            ("AE", "Asia/Dubai"),
            ("ZA", "Africa/Johannesburg"),
            ("FR", "Europe/Paris"),
            ("NG", "Africa/Lagos"),
            ("CN", "Asia/Shanghai"),
            ("AR", "America/Argentina/Buenos_Aires"),
            ("MY", "Asia/Kuala_Lumpur"),
            ("XK", "Europe/Belgrade"),
            ("JP", "Asia/Tokyo"),
            ("KR", "Asia/Seoul"),
            ("NP", "Asia/Kathmandu"),
            ("PR", "America/Puerto_Rico"),
        ] {
            assert_eq!(country(code).zone().map(Tz::name), Some(zone), "{code}");
        }
        for code in ["US", "CA", "BR", "MX", "AU", "ID", "RU", "ES", "PT", "CL", "NZ", "CD", "MN", "EC", "AQ"]
        {
            assert_eq!(country(code).zone(), None, "{code}");
        }
    }

    #[test]
    fn optimisation_and_russia() {
        let unoptimised: Vec<String> =
            Country::all().filter(|c| c.is_unoptimised()).map(|c| c.to_string()).collect();
        assert_eq!(
            unoptimised.join(" "),
            "AT AX BE BG CY CZ DE DK EE ES FI FR GB GF GG GP GR HR HU IE IM IS IT JE JP KR LI LT LU LV MF MQ MT NL \
             NO PL PT RE RO SE SI SJ SK YT"
        );
        assert!(!country("CH").is_unoptimised(), "Switzerland is not in the EEA");
        assert_eq!(Country::all().filter(|c| c.is_russia()).count(), 1);
    }

    #[test]
    fn north_american_numbers_are_told_apart_by_area_code() {
        for (number, code) in [
            ("+12122345678", "US"),
            ("+13102345678", "US"),
            ("+14152345678", "US"),
            ("+19072345678", "US"),
            ("+18082345678", "US"),
            ("+14162345678", "CA"),
            ("+16042345678", "CA"),
            ("+15142345678", "CA"),
            ("+18762345678", "JM"),
            ("+18682911234", "TT"),
            ("+12423591234", "BS"),
            ("+18092345678", "DO"),
            ("+18292345678", "DO"),
            ("+12462501234", "BB"),
            ("+17872345678", "PR"),
            ("+16713001234", "GU"),
        ] {
            let phone = normalise(number, None).unwrap_or_else(|why| panic!("{number}: {why}"));
            assert_eq!(phone.country().code(), code, "{number}");
            let refused = Delivery::NotDelivered(NotDelivered::UnitedStates);
            let expected = if code == "US" { refused } else { Delivery::Deliverable };
            assert_eq!(delivery_to(&phone), expected, "{number}");
        }
    }

    #[test]
    fn places_that_whatsapp_does_not_deliver_to() {
        for (number, expected) in [
            ("+79781234567", Some(NotDelivered::Crimea)),
            ("+79491234567", Some(NotDelivered::Donetsk)),
            ("+79591234567", Some(NotDelivered::Luhansk)),
            ("+5351234567", Some(NotDelivered::Sanctioned(country("CU")))),
            ("+989121234567", Some(NotDelivered::Sanctioned(country("IR")))),
            ("+8501921234567", Some(NotDelivered::Sanctioned(country("KP")))),
            ("+963944567890", Some(NotDelivered::Sanctioned(country("SY")))),
            ("+79161234567", None),
            ("+77012345678", None),
            ("+380501234567", None),
        ] {
            let phone = normalise(number, None).unwrap_or_else(|why| panic!("{number}: {why}"));
            let expected = expected.map_or(Delivery::Deliverable, Delivery::NotDelivered);
            assert_eq!(delivery_to(&phone), expected, "{number}");
        }
        assert_eq!(
            NotDelivered::Sanctioned(country("KP")).to_string(),
            "WhatsApp does not deliver marketing messages to North Korea"
        );
    }
}
