//! Which currencies there are, and in what unit the platform counts each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// ISO 4217 codes of circulating currencies, in order.
const CODES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD",
    "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY",
    "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP",
    "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR",
    "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT",
    "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR",
    "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD",
    "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY",
    "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG",
    "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

/// Currencies that the platform counts in whole units (Meta: marketing API, "Currencies", offset 1);
/// nearly all others are counted in hundredths.
const OFFSET_ONE: &[&str] = &["CLP", "COP", "CRC", "HUF", "IDR", "ISK", "JPY", "KRW", "PYG", "TWD", "VND"];

/// Currencies in which Meta bills WhatsApp (pricing page, April 2026).
const BILLING: &[&str] = &[
    "AED", "ARS", "AUD", "BRL", "CLP", "COP", "EUR", "GBP", "IDR", "INR", "MXN", "MYR", "PEN", "SAR", "SGD",
    "USD",
];

/// A currency, by its ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static str);

/// The text is not the code of a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a currency; write an ISO 4217 code such as USD, EUR or INR")]
pub struct UnknownCurrency(pub String);

impl Currency {
    /// US dollar: the currency of Meta's published rate card.
    pub const USD: Self = Self("USD");
    /// Indian rupee.
    pub const INR: Self = Self("INR");

    /// The ISO 4217 code, such as `INR`.
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// How many of the platform's smallest units make one unit of the currency: 1 or 100
    /// (Meta: marketing API, "Currencies"). For MXN the platform's documents disagree (its table says
    /// 100, its max-price text says whole pesos): [`Currency::offset_is_disputed`].
    pub fn offset(self) -> u32 {
        if OFFSET_ONE.contains(&self.0) { 1 } else { 100 }
    }

    /// Whether the platform's own documents disagree on the smallest unit, so that a max price should
    /// be read back and looked at before money is spent.
    pub fn offset_is_disputed(self) -> bool {
        self.0 == "MXN"
    }

    /// Whether Meta bills WhatsApp in it; a max price or budget in another currency can never match an
    /// account's.
    pub fn is_billing(self) -> bool {
        BILLING.contains(&self.0)
    }

    /// The currencies in which Meta bills WhatsApp, by code.
    pub fn billing() -> impl Iterator<Item = Self> {
        BILLING.iter().copied().map(Self)
    }

    /// How many decimals a price may have: it must be a whole number of the platform's smallest unit
    /// per 1,000 deliveries, which is five decimals for an offset of 100, and three for an offset of 1.
    pub fn price_decimals(self) -> u32 {
        if self.offset() == 1 { 3 } else { 5 }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    /// Reads a code in any case.
    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let upper = text.trim().to_ascii_uppercase();
        match CODES.binary_search(&upper.as_str()) {
            Ok(place) => Ok(Self(CODES[place])),
            Err(_) => Err(UnknownCurrency(text.trim().to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order_and_contained() {
        assert!(CODES.is_sorted());
        for code in OFFSET_ONE.iter().chain(BILLING) {
            assert!(CODES.binary_search(code).is_ok(), "{code}");
        }
        assert_eq!(Currency::billing().count(), 16);
    }

    #[test]
    fn offsets_are_the_platforms() {
        for (code, offset) in
            [("INR", 100), ("USD", 100), ("MXN", 100), ("JPY", 1), ("IDR", 1), ("CLP", 1), ("KRW", 1)]
        {
            assert_eq!(code.parse::<Currency>().unwrap().offset(), offset, "{code}");
        }
        assert!("MXN".parse::<Currency>().unwrap().offset_is_disputed());
        assert!("IDR".parse::<Currency>().unwrap().is_billing());
        assert!(!"JPY".parse::<Currency>().unwrap().is_billing());
    }

    #[test]
    fn reads_codes_only() {
        assert_eq!("inr".parse::<Currency>(), Ok(Currency::INR));
        for text in ["", "US", "RUPEE", "₹", "XXX", "USDT"] {
            assert_eq!(text.parse::<Currency>(), Err(UnknownCurrency(text.to_owned())), "{text}");
        }
        assert_eq!(serde_json::to_string(&Currency::USD).unwrap(), "\"USD\"");
        assert_eq!(serde_json::from_str::<Currency>("\"USD\"").unwrap(), Currency::USD);
    }
}
