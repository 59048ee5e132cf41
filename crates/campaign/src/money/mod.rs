//! Exact amounts, max prices, rate cards, budgets. No floating point touches money here.
//!
//! | module | decides |
//! | --- | --- |
//! | [`currency`] | which currencies there are and how the platform counts them |
//! | [`amount`] | amounts as people write them and as databases keep them |
//! | [`max_price`] | what a message may cost at most, in the platform's own terms |
//! | [`rate_card`] | what a delivered message costs by the recipient's market |
//! | [`budget`] | reserving, settling and releasing under a ceiling |

pub mod amount;
pub mod budget;
pub mod currency;
pub mod max_price;
pub mod rate_card;

pub use amount::{Micros, Money, MoneyError};
pub use budget::{Budget, BudgetError};
pub use currency::{Currency, UnknownCurrency};
pub use max_price::{MaxPrice, MaxPriceError, Multiplier, MultiplierError};
pub use rate_card::{Basis, Market, RateCard, RateCardError, WorstCase};
