//! What `check` asks the account before a launch: templates, the number, onboarding. All of it is reading
//! (GET), so an error here may simply be tried again.
//!
//! | module | holds |
//! | --- | --- |
//! | `ask` | one GET call, its errors as sentences |
//! | `template` | [`Client::template`](crate::Client::template) and what a template wants filled in |
//! | `components` | a template's parts, and their variables |
//! | `business` | [`Client::phone_number`](crate::Client::phone_number), [`Client::business_account`](crate::Client::business_account) |

mod ask;
mod business;
mod components;
mod template;

pub use ask::AccountError;
pub use business::{BusinessAccountInfo, NumberStatus, OnboardingStatus, PhoneNumberInfo, Throughput};
pub use components::{ButtonInfo, CardInfo, HeaderFormat, HeaderInfo, TemplateComponents, TextInfo};
pub use template::{Category, MaxPrice, ParameterFormat, TemplateInfo, TemplateQuery, TemplateState};
