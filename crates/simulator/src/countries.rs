//! Where the platform does not deliver marketing messages, by phone number.

/// Area codes of +1 that are not in the United States: Canada, the Caribbean, the Pacific, and codes that
/// belong to no place (NANP numbering plan).
const NOT_US: &[&str] = &[
    // Canada
    "204", "226", "236", "249", "250", "257", "263", "289", "306", "343", "354", "365", "367", "368", "382",
    "387", "403", "416", "418", "428", "431", "437", "438", "450", "460", "468", "474", "506", "514", "519",
    "537", "548", "568", "579", "581", "584", "587", "600", "604", "613", "622", "639", "647", "672", "683",
    "705", "709", "742", "753", "778", "780", "782", "807", "819", "825", "867", "873", "879", "902", "905",
    "942", // Caribbean, Bermuda, Pacific
    "242", "246", "264", "268", "284", "340", "345", "441", "473", "649", "658", "664", "670", "671", "684",
    "721", "758", "767", "784", "787", "809", "829", "849", "868", "869", "876", "939",
    // No place
    "500", "521", "522", "533", "544", "566", "577", "588", "700", "710", "800", "833", "844", "855", "866",
    "877", "888", "900",
];

/// Whether these digits (country code first) are a number with a US area code. Meta does not deliver
/// marketing messages to them (131049).
pub(crate) fn is_us(digits: &str) -> bool {
    digits.len() == 11 && digits.starts_with('1') && !NOT_US.contains(&&digits[1..4])
}

/// Whether these digits are a number of Cuba, Iran, North Korea or Syria, which cannot receive messages.
pub(crate) fn is_sanctioned(digits: &str) -> bool {
    ["53", "98", "850", "963"].iter().any(|code| digits.starts_with(code))
}

/// Calling codes of a few countries, the longer ones first.
const CODES: &[(&str, &str)] = &[
    ("966", "SA"),
    ("971", "AE"),
    ("27", "ZA"),
    ("31", "NL"),
    ("33", "FR"),
    ("34", "ES"),
    ("39", "IT"),
    ("44", "GB"),
    ("49", "DE"),
    ("52", "MX"),
    ("55", "BR"),
    ("61", "AU"),
    ("62", "ID"),
    ("65", "SG"),
    ("81", "JP"),
    ("91", "IN"),
    ("7", "RU"),
    ("1", "US"),
];

/// The country of a recipient, as far as it is known here: of a number by its code, of a user id by its first letters.
pub(crate) fn of(recipient: &str) -> &str {
    if let Some((country, _)) = recipient.split_once('.') {
        return country;
    }
    let digits = recipient.trim_start_matches('+');
    CODES.iter().find(|(code, _)| digits.starts_with(code)).map_or("ZZ", |(_, country)| country)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn us_numbers_are_told_from_their_neighbours() {
        for (digits, us) in
            [("12125550123", true), ("16315552222", true), ("14165550123", false), ("18095550123", false)]
        {
            assert_eq!(is_us(digits), us, "{digits}");
        }
        assert!(!is_us("919876543210"));
        assert!(is_sanctioned("989121234567"));
        assert!(!is_sanctioned("919876543210"));
    }
}
