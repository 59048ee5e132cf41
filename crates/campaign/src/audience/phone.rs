//! Phone numbers as people type and export them, to the one form the platform takes: E.164 without the plus.
//!
//! The rules of each country are libphonenumber's. Around them stand the cases that an export brings along:
//! spreadsheets that turned numbers into `9.19877E+11`, apostrophes that keep them text, `00` for the plus,
//! invisible characters, letters, and two numbers in one cell.

use std::fmt;
use std::num::NonZeroU64;

use rlibphonenumber::{
    NotANumberError, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberType, Region, ValidationError,
};
use serde::{Deserialize, Serialize};

use super::country::Country;

/// A mobile number that libphonenumber holds valid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Phone {
    /// E.164 has at most 15 digits and never begins with 0, so the number itself is the text.
    digits: NonZeroU64,
    country: Country,
}

impl Phone {
    /// The E.164 number without the plus, as a number: 919876543210. Equal people have equal numbers.
    pub fn digits(&self) -> u64 {
        self.digits.get()
    }

    /// The country the number belongs to.
    pub fn country(&self) -> Country {
        self.country
    }

    /// The number with its middle hidden, for logs: `91********10`.
    pub fn masked(&self) -> String {
        let text = self.to_string();
        let hidden = text.len().saturating_sub(4);
        format!(
            "{}{}{}",
            &text[..2.min(text.len())],
            "*".repeat(hidden),
            &text[text.len().saturating_sub(2)..]
        )
    }

    /// Its first `count` digits as a number; all of it where it has fewer.
    pub(super) fn leading(&self, count: u32) -> u64 {
        let surplus = (self.digits.ilog10() + 1).saturating_sub(count);
        self.digits.get() / 10_u64.pow(surplus)
    }
}

/// The digits without the plus, as the platform takes them.
impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.digits)
    }
}

/// Masked: people's numbers do not belong in logs.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({} {})", self.country, self.masked())
    }
}

/// Why a text is not a number that a message can be sent to. The text says what is wrong and what to do, and
/// never repeats the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PhoneRefused {
    /// Nothing is there.
    #[error("the phone number is empty")]
    Blank,
    /// A spreadsheet rounded it to a form like `9.19877E+11`: the last digits are lost.
    #[error(
        "a spreadsheet turned the number into scientific notation and lost its last digits; \
         format the column as text and export again"
    )]
    Rounded,
    /// A spreadsheet or a data frame made a decimal number of it: `919876543210.0`.
    #[error(
        "a spreadsheet turned the number into a decimal ending in .0; format the column as text and export again"
    )]
    Decimal,
    /// A formula's error such as `#N/A`, or a missing value such as `NULL` or `nan`.
    #[error("holds an error or a placeholder of the program that exported it, not a number")]
    Placeholder,
    /// It has letters, or an extension.
    #[error("has letters in it; a WhatsApp number has digits only, and no extension")]
    Letters,
    /// It has a character that no phone number has, for example a comma between two numbers.
    #[error("has a character that no phone number has; write one number, with digits, spaces, + - ( ) . /")]
    Characters,
    /// It has no country code, and there is no region to take it from.
    #[error(
        "no country code, and no region is set for this audience; write it as +country code, \
         or set audience.phone.region"
    )]
    NoCountryCode,
    /// What follows the plus is no country's code.
    #[error("the country code does not exist")]
    UnknownCountryCode,
    /// Fewer digits than any number of its country.
    #[error("too few digits for a number of its country")]
    TooShort,
    /// More digits than any number of its country.
    #[error(
        "too many digits for a number of its country; numbers of other countries need a + and their code"
    )]
    TooLong,
    /// The right length, but not a number that its country has given out.
    #[error("not a number that exists in its country")]
    NotInUse,
    /// A number, but not of a mobile phone.
    #[error("not a mobile number ({0})")]
    NotMobile(Line),
}

impl PhoneRefused {
    /// A fixed word for tables and files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Rounded => "rounded_by_spreadsheet",
            Self::Decimal => "decimal_by_spreadsheet",
            Self::Placeholder => "placeholder",
            Self::Letters => "letters",
            Self::Characters => "characters",
            Self::NoCountryCode => "no_country_code",
            Self::UnknownCountryCode => "unknown_country_code",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::NotInUse => "not_in_use",
            Self::NotMobile(_) => "not_mobile",
        }
    }
}

/// What a number that is not mobile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// A landline.
    Fixed,
    /// Free for the caller.
    TollFree,
    /// Dear for the caller.
    PremiumRate,
    /// Caller and callee share the cost.
    SharedCost,
    /// Internet telephony.
    Voip,
    /// Follows a person from line to line.
    Personal,
    /// A pager.
    Pager,
    /// A company's number across its offices.
    Company,
    /// A voice mailbox.
    Voicemail,
    /// Belongs to no country: satellites and international services.
    International,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed => "fixed line",
            Self::TollFree => "toll-free",
            Self::PremiumRate => "premium rate",
            Self::SharedCost => "shared cost",
            Self::Voip => "internet telephony",
            Self::Personal => "personal number",
            Self::Pager => "pager",
            Self::Company => "company number",
            Self::Voicemail => "voice mailbox",
            Self::International => "satellite or international service",
        })
    }
}

/// Longer texts are no numbers: 15 digits, each with a separator, and some room.
const MAX_CHARS: usize = 48;

/// Reads a phone number. Accepted are `+` or `00` and a country code, the national form of `default_region`, or
/// its country code without a plus; spaces, dashes, brackets, dots and slashes between the digits; digits of any script;
/// `tel:` and `whatsapp:` in front; an apostrophe in front (a spreadsheet's sign for text).
///
/// Takes about 1 µs.
///
/// # Errors
/// The text is no valid mobile number; see [`PhoneRefused`]. Numbers of countries where mobile and fixed
/// lines look the same are accepted.
pub fn normalise(text: &str, default_region: Option<Country>) -> Result<Phone, PhoneRefused> {
    let trimmed = text.trim_matches(is_invisible);
    if trimmed.is_empty() {
        return Err(PhoneRefused::Blank);
    }
    let trimmed = without_prefix(trimmed);
    let number = cleaned(trimmed)?;
    let international = number.starts_with('+');
    if !international && default_region.is_none() {
        return Err(PhoneRefused::NoCountryCode);
    }
    let region = default_region.and_then(Country::region);
    let read = parse(&number, region);
    if read.is_err()
        && let Some(international) = with_plus(&number, region)
        && let Ok(phone) = parse(&international, region)
    {
        return Ok(phone);
    }
    read
}

/// Whether a file may have meant this address (digits without a plus, or a user id) by what it wrote: for rows that were
/// refused, of which nobody knows the country or where a number ends. Rather once too often than once too few: the
/// last eight digits in a row are enough, or six and more that stand by themselves, as they do without the country's code.
#[must_use]
pub fn may_mean(written: &str, address: &str) -> bool {
    let written = written.trim_matches(is_invisible);
    if written == address {
        return true;
    }
    if !address.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let mut digits = String::new();
    let mut begins = 0;
    for c in written.chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' | '.' => {}
            c if is_invisible(c) || is_dash(c) => {}
            c => match decimal_digit(c) {
                Some(digit) => digits.push(digit),
                None if ends_as(&digits[begins..], address) => return true,
                None => begins = digits.len(),
            },
        }
    }
    let last = address.len().saturating_sub(8);
    ends_as(&digits[begins..], address) || digits.contains(&address[last..])
}

fn ends_as(digits: &str, address: &str) -> bool {
    let digits = digits.trim_start_matches('0');
    digits.len() >= 6 && address.ends_with(digits)
}

fn parse(number: &str, region: Option<Region>) -> Result<Phone, PhoneRefused> {
    let parsed = PHONE_NUMBER_UTIL.parse(number, region).map_err(|error| from_parse_error(&error))?;
    identify(&parsed)
}

/// The plus before a number that begins with the region's own calling code. Shops export `4915112345678`, and
/// where fixed lines have no set length, as in Germany, libphonenumber reads that as one of them. Only asked
/// for numbers that are refused otherwise, and believed only if a mobile number comes out.
fn with_plus(number: &str, region: Option<Region>) -> Option<String> {
    let calling_code = PHONE_NUMBER_UTIL.get_country_code_for_region(region?)?;
    number.starts_with(&calling_code.to_string()).then(|| format!("+{number}"))
}

/// Which country and kind of line a parsed number is.
fn identify(parsed: &PhoneNumber) -> Result<Phone, PhoneRefused> {
    let region = match PHONE_NUMBER_UTIL.get_region_for_number(parsed) {
        Some(Region::World) => return Err(PhoneRefused::NotMobile(Line::International)),
        Some(region) => region,
        None => return Err(not_valid(parsed)),
    };
    let line = match PHONE_NUMBER_UTIL.get_number_type(parsed) {
        PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile => {
            return compact(parsed, region).ok_or(PhoneRefused::NotInUse);
        }
        PhoneNumberType::FixedLine => Line::Fixed,
        PhoneNumberType::TollFree => Line::TollFree,
        PhoneNumberType::PremiumRate => Line::PremiumRate,
        PhoneNumberType::SharedCost => Line::SharedCost,
        PhoneNumberType::VoIP => Line::Voip,
        PhoneNumberType::PersonalNumber => Line::Personal,
        PhoneNumberType::Pager => Line::Pager,
        PhoneNumberType::UAN => Line::Company,
        PhoneNumberType::VoiceMail => Line::Voicemail,
        PhoneNumberType::Unknown => return Err(not_valid(parsed)),
    };
    Err(PhoneRefused::NotMobile(line))
}

fn compact(parsed: &PhoneNumber, region: Region) -> Option<Phone> {
    let code = u64::try_from(parsed.country_code).ok()?;
    // The national number is kept as an integer; leading zeros that belong to it are counted apart.
    let zeros = match parsed.italian_leading_zero {
        Some(true) => u32::try_from(parsed.number_of_leading_zeros()).ok()?,
        Some(false) | None => 0,
    };
    let width = parsed.national_number.checked_ilog10()? + 1 + zeros;
    let digits = code.checked_mul(10_u64.checked_pow(width)?)?.checked_add(parsed.national_number)?;
    let country = Country::of_region(region)?;
    (digits < 1_000_000_000_000_000).then_some(Phone { digits: NonZeroU64::new(digits)?, country })
}

fn not_valid(parsed: &PhoneNumber) -> PhoneRefused {
    match parsed.is_possible_with_reason() {
        Err(ValidationError::TooShort) => PhoneRefused::TooShort,
        Err(ValidationError::TooLong) => PhoneRefused::TooLong,
        Err(ValidationError::InvalidCountryCode) => PhoneRefused::UnknownCountryCode,
        Err(ValidationError::InvalidLength) | Ok(_) => PhoneRefused::NotInUse,
    }
}

fn from_parse_error(error: &ParseError) -> PhoneRefused {
    match error {
        ParseError::InvalidCountryCode => PhoneRefused::UnknownCountryCode,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => PhoneRefused::TooShort,
        ParseError::TooLongNsn => PhoneRefused::TooLong,
        ParseError::NotANumber(
            NotANumberError::NotMatchedValidNumberPattern
            | NotANumberError::InvalidPhoneContext
            | NotANumberError::FailedToParseNumberAsInt(_)
            | NotANumberError::FailedToExtractNumber(_),
        ) => PhoneRefused::TooShort,
    }
}

/// Drops what marks a text as a number or as a text without being part of it.
fn without_prefix(text: &str) -> &str {
    let text = text.strip_prefix('\'').unwrap_or(text);
    for scheme in ["tel:", "whatsapp:"] {
        if let Some(start) = text.get(..scheme.len())
            && start.eq_ignore_ascii_case(scheme)
        {
            return text[scheme.len()..].trim_matches(is_invisible);
        }
    }
    text
}

/// The digits in ASCII, with a leading `+` where the number has its country code. Brackets are kept, because
/// `+44 (0)20` means something to libphonenumber.
fn cleaned(text: &str) -> Result<String, PhoneRefused> {
    if is_rounded(text) {
        return Err(PhoneRefused::Rounded);
    }
    if is_decimal(text) {
        return Err(PhoneRefused::Decimal);
    }
    if is_placeholder(text) {
        return Err(PhoneRefused::Placeholder);
    }
    let mut number = String::with_capacity(text.len());
    let mut digits = 0;
    for (count, c) in text.chars().filter(|c| !is_invisible_inside(*c)).enumerate() {
        if count >= MAX_CHARS {
            return Err(PhoneRefused::TooLong);
        }
        match c {
            '0'..='9' => number.push(c),
            '+' | '\u{FF0B}' if number.is_empty() || number == "(" => number.push('+'),
            '(' | ')' => number.push(c),
            '[' => number.push('('),
            ']' => number.push(')'),
            ' ' | '-' | '.' | '/' => number.push(' '),
            c if c.is_whitespace() || is_dash(c) => number.push(' '),
            c => match decimal_digit(c) {
                Some(digit) => number.push(digit),
                None if c.is_alphabetic() => return Err(PhoneRefused::Letters),
                None => return Err(PhoneRefused::Characters),
            },
        }
        digits += usize::from(number.ends_with(|last: char| last.is_ascii_digit()));
    }
    if digits == 0 {
        return Err(PhoneRefused::Characters);
    }
    // `(+91) 98…`: the bracket would hide the plus from the check for a country code.
    if let Some(rest) = number.strip_prefix("(+") {
        number = format!("+{}", rest.replacen(')', " ", 1));
    }
    // The international prefix of most of the world, whatever the default region's own is.
    if let Some(rest) = number.strip_prefix("00") {
        number = format!("+{rest}");
    }
    Ok(number)
}

/// `9.19877E+11`, `9,19877e11`.
fn is_rounded(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let mantissa = mantissa.strip_prefix('+').unwrap_or(mantissa);
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mut parts = mantissa.splitn(2, ['.', ',']);
    is_digits(exponent) && parts.all(is_digits)
}

/// `919876543210.0`, `9876543210,00`. A number grouped with dots has more than one of them.
fn is_decimal(text: &str) -> bool {
    let Some((whole, zeros)) = text.split_once(['.', ',']) else { return false };
    let whole = whole.strip_prefix('+').unwrap_or(whole);
    whole.len() >= 7
        && whole.bytes().all(|b| b.is_ascii_digit())
        && (1..=2).contains(&zeros.len())
        && zeros.bytes().all(|b| b == b'0')
}

fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 8] = ["null", "none", "nan", "n/a", "na", "undefined", "nil", "-"];
    text.starts_with('#') || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// White space, and marks without width that come along when text is copied from web pages and chats: zero
/// width spaces and joiners, direction marks, the byte order mark, the soft hyphen.
fn is_invisible(c: char) -> bool {
    c.is_whitespace() || is_invisible_inside(c)
}

fn is_invisible_inside(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{AD}')
}

fn is_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' | '\u{FF0D}')
}

/// The value of a decimal digit of another script as an ASCII digit. Listed are the zeros of scripts in
/// which people write phone numbers; Unicode keeps ten digits in a row.
fn decimal_digit(c: char) -> Option<char> {
    const ZEROS: [u32; 18] = [
        0x0660, // Arabic-Indic
        0x06F0, // Persian and Urdu
        0x07C0, // N'Ko
        0x0966, // Devanagari
        0x09E6, // Bengali
        0x0A66, // Gurmukhi
        0x0AE6, // Gujarati
        0x0B66, // Oriya
        0x0BE6, // Tamil
        0x0C66, // Telugu
        0x0CE6, // Kannada
        0x0D66, // Malayalam
        0x0E50, // Thai
        0x0ED0, // Lao
        0x0F20, // Tibetan
        0x1040, // Myanmar
        0x17E0, // Khmer
        0xFF10, // full width
    ];
    let value = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, region: &str) -> Result<String, PhoneRefused> {
        let region = (!region.is_empty()).then(|| region.parse().unwrap());
        normalise(text, region).map(|phone| format!("{} {phone}", phone.country()))
    }

    #[test]
    fn what_a_file_may_have_meant() {
        let written = [
            "919876543210",
            "+91 98765 43210",
            "whatsapp:+91\u{A0}98765\u{A0}43210",
            "\u{202A}tel:0091-98765\u{2011}43210\u{202C}",
            "+91 (0) 98765 43210",
            "[+91] 98765 43210",
            "098765 43210",
            "(98765) 43210 ext. 5",
            "9123456789 / 9876543210",
            "9876543210, 9123456789",
            "9876543210.0",
            "+91 ९८७६५ ४३२१०",
        ];
        for written in written {
            assert!(may_mean(written, "919876543210"), "{written}");
            assert!(!may_mean(written, "919876543211"), "{written}");
            assert!(!may_mean(written, "IN.919876543210"), "{written}");
        }
        assert!(may_mean("+298 (0) 212345", "298212345") && may_mean(" IN.7 ", "IN.7"));
        for written in ["", "0000000", "43210", "43210 98765", "9.19877E+11", "#N/A", "IN.7"] {
            assert!(!may_mean(written, "919876543210"), "{written}");
        }
    }

    #[test]
    fn accepted_forms() {
        for (text, region, expected) in [
            // India: plain, grouped, trunk 0, country code with and without plus, brackets, dots.
            ("+919876543210", "", "IN 919876543210"),
            ("+91 98765 43210", "", "IN 919876543210"),
            ("+91-98765-43210", "DE", "IN 919876543210"),
            ("(+91) 98765-43210", "", "IN 919876543210"),
            ("+91 (0) 98765 43210", "", "IN 919876543210"),
            ("+91 098765 43210", "", "IN 919876543210"),
            ("0091 98765 43210", "", "IN 919876543210"),
            ("0091 98765 43210", "US", "IN 919876543210"),
            ("98765 43210", "IN", "IN 919876543210"),
            ("098765 43210", "IN", "IN 919876543210"),
            ("919876543210", "IN", "IN 919876543210"),
            ("9876.543.210", "IN", "IN 919876543210"),
            ("'+919876543210", "", "IN 919876543210"),
            ("tel:+919876543210", "", "IN 919876543210"),
            ("WhatsApp:+919876543210", "", "IN 919876543210"),
            ("\u{202A}+91 98765\u{A0}43210\u{202C}", "", "IN 919876543210"),
            ("+91 98765\u{2011}43210", "", "IN 919876543210"),
            ("\u{FF0B}91 ९८७६५ ४३२१०", "", "IN 919876543210"),
            // Germany
            ("0171/1234567", "DE", "DE 491711234567"),
            ("+49 (0)171 1234567", "", "DE 491711234567"),
            ("0049 1511 2345678", "IN", "DE 4915112345678"),
            ("+49 151 23456789", "", "DE 4915123456789"),
            ("4915123456789", "DE", "DE 4915123456789"),
            ("49 151 23451113", "DE", "DE 4915123451113"),
            ("15123456789", "DE", "DE 4915123456789"),
            // United Kingdom and its islands
            ("07400 123456", "GB", "GB 447400123456"),
            ("+44 7400 123 456", "", "GB 447400123456"),
            ("+44 7797 712345", "", "JE 447797712345"),
            // Brazil, with the ninth digit
            ("(11) 96123-4567", "BR", "BR 5511961234567"),
            ("+55 11 96123-4567", "", "BR 5511961234567"),
            // Mexico: mobile and fixed look alike
            ("+52 55 1234 5678", "", "MX 525512345678"),
            ("55 1234 5678", "MX", "MX 525512345678"),
            // Arab Emirates, Arabic digits
            ("050 123 4567", "AE", "AE 971501234567"),
            ("+٩٧١ ٥٠ ١٢٣ ٤٥٦٧", "", "AE 971501234567"),
            // Indonesia, South Africa, France, Nigeria
            ("0812-3456-7890", "ID", "ID 6281234567890"),
            ("082 123 4567", "ZA", "ZA 27821234567"),
            ("06.12.34.56.78", "FR", "FR 33612345678"),
            ("0803 123 4567", "NG", "NG 2348031234567"),
            // Argentina keeps its 9; Italy its digits; North America
            ("+54 9 11 2345-6789", "", "AR 5491123456789"),
            ("+39 312 345 6789", "", "IT 393123456789"),
            ("(416) 234-5678", "CA", "CA 14162345678"),
            ("+1 (212) 234-5678", "", "US 12122345678"),
            ("1-212-234-5678", "US", "US 12122345678"),
            ("+7 701 234 5678", "", "KZ 77012345678"),
            ("8 916 123-45-67", "RU", "RU 79161234567"),
            ("+225 01 23 45 67 89", "", "CI 2250123456789"),
        ] {
            assert_eq!(read(text, region), Ok(expected.to_owned()), "{text} in {region}");
        }
    }

    #[test]
    fn refused_forms() {
        for (text, region, expected) in [
            ("", "IN", PhoneRefused::Blank),
            (" \u{A0}\u{200B}", "IN", PhoneRefused::Blank),
            ("9.19877E+11", "IN", PhoneRefused::Rounded),
            ("9,19877e11", "", PhoneRefused::Rounded),
            ("9E+11", "IN", PhoneRefused::Rounded),
            ("919876543210.0", "IN", PhoneRefused::Decimal),
            ("9876543210,00", "IN", PhoneRefused::Decimal),
            ("#N/A", "IN", PhoneRefused::Placeholder),
            ("NULL", "IN", PhoneRefused::Placeholder),
            ("nan", "IN", PhoneRefused::Placeholder),
            ("98765 4321O", "IN", PhoneRefused::Letters),
            ("98765 43210 ext. 5", "IN", PhoneRefused::Letters),
            ("call me", "IN", PhoneRefused::Letters),
            ("+1 800 FLOWERS", "", PhoneRefused::Letters),
            ("98765 43210, 98765 43211", "IN", PhoneRefused::Characters),
            ("98765*43210", "IN", PhoneRefused::Characters),
            ("98+7654321", "IN", PhoneRefused::Characters),
            ("📱", "IN", PhoneRefused::Characters),
            ("-- --", "IN", PhoneRefused::Characters),
            ("98765 43210", "", PhoneRefused::NoCountryCode),
            ("919876543210", "", PhoneRefused::NoCountryCode),
            ("+999 1234567", "", PhoneRefused::UnknownCountryCode),
            ("+0 1234567", "", PhoneRefused::UnknownCountryCode),
            ("+91 98765", "", PhoneRefused::TooShort),
            ("9", "IN", PhoneRefused::TooShort),
            ("+91 98765 43210 98765", "", PhoneRefused::TooLong),
            ("1111111111111111111111111111111111111111111111111", "IN", PhoneRefused::TooLong),
            ("4915123456789123", "IN", PhoneRefused::TooLong),
            ("+1 555 234 5678", "", PhoneRefused::NotInUse),
            ("+91 00000 00000", "", PhoneRefused::NotInUse),
            ("+91 22 2345 6789", "", PhoneRefused::NotMobile(Line::Fixed)),
            ("+49 30 123456", "", PhoneRefused::NotMobile(Line::Fixed)),
            ("4930123456", "DE", PhoneRefused::NotMobile(Line::Fixed)),
            ("020 7946 0958", "GB", PhoneRefused::NotMobile(Line::Fixed)),
            ("+55 11 2123-4567", "", PhoneRefused::NotMobile(Line::Fixed)),
            ("+44 800 123 4567", "", PhoneRefused::NotMobile(Line::TollFree)),
            ("+1 800 234 5678", "", PhoneRefused::NotMobile(Line::TollFree)),
            ("+1 900 234 5678", "", PhoneRefused::NotMobile(Line::PremiumRate)),
            ("+49 900 1234567", "", PhoneRefused::NotMobile(Line::PremiumRate)),
            ("+49 180 501 2345", "", PhoneRefused::NotMobile(Line::SharedCost)),
            ("+44 56 1234 5678", "", PhoneRefused::NotMobile(Line::Voip)),
            ("+44 70 1234 5678", "", PhoneRefused::NotMobile(Line::Personal)),
            ("+44 76 4012 3456", "", PhoneRefused::NotMobile(Line::Pager)),
            ("+44 55 1234 5678", "", PhoneRefused::NotMobile(Line::Company)),
            ("+870 773 111 632", "", PhoneRefused::NotMobile(Line::International)),
            ("+800 1234 5678", "", PhoneRefused::NotMobile(Line::International)),
        ] {
            assert_eq!(read(text, region), Err(expected), "{text} in {region}");
        }
    }

    #[test]
    fn every_country_s_example_mobile_number_is_read_back() {
        let mut seen = 0;
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            let Ok(example) =
                PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, PhoneNumberType::Mobile)
            else {
                continue;
            };
            let e164 = example.format_as(rlibphonenumber::PhoneNumberFormat::E164).into_owned();
            let international =
                example.format_as(rlibphonenumber::PhoneNumberFormat::International).into_owned();
            let national = example.format_as(rlibphonenumber::PhoneNumberFormat::National).into_owned();
            let phone = normalise(&e164, None).unwrap_or_else(|why| panic!("{e164}: {why}"));
            assert_eq!(format!("+{phone}"), e164);
            assert_eq!(normalise(&international, None), Ok(phone), "{international}");
            assert_eq!(normalise(&national, Country::of_region(region)), Ok(phone), "{national} in {region}");
            seen += 1;
        }
        assert!(seen > 220, "{seen}");
    }

    #[test]
    fn what_people_read() {
        assert_eq!(PhoneRefused::NotMobile(Line::Fixed).to_string(), "not a mobile number (fixed line)");
        assert_eq!(PhoneRefused::NotMobile(Line::Fixed).code(), "not_mobile");
        let phone = normalise("+919876543210", None).unwrap();
        assert_eq!(phone.masked(), "91********10");
        assert_eq!(format!("{phone:?}"), "Phone(IN 91********10)");
        assert_eq!(
            (phone.digits(), phone.leading(4), phone.leading(99)),
            (919_876_543_210, 9198, 919_876_543_210)
        );
    }
}
