//! What can be asked of the account, and changed: templates, the number, onboarding, reach.
//!
//! Questions (GET) may simply be tried again after an error. Changes (POST) may not: [`ChangeError`] says
//! whether nothing was changed or nobody knows.
//!
//! | module | holds |
//! | --- | --- |
//! | `ask` | one GET call, its errors as sentences; listings page by page |
//! | `change` | [`Client::create_template`](crate::Client::create_template), [`Client::edit_template`](crate::Client::edit_template), and what they may end in |
//! | `template` | [`Client::template`](crate::Client::template), [`Client::templates`](crate::Client::templates) and what a template wants filled in |
//! | `components` | a template's parts, and their variables |
//! | `business` | [`Client::phone_number`](crate::Client::phone_number), [`Client::business_account`](crate::Client::business_account) |
//! | `onboarding` | terms, eligible clients, invitations, system users' tokens |
//! | `analytics` | [`Client::template_analytics`](crate::Client::template_analytics), [`Client::pricing_analytics`](crate::Client::pricing_analytics) |
//! | `reach` | [`Client::reach_estimates`](crate::Client::reach_estimates) |

mod analytics;
mod ask;
mod business;
mod change;
mod components;
mod onboarding;
mod reach;
mod template;

pub use analytics::{ButtonClicks, Charged, TemplateDay};
pub use ask::AccountError;
pub use business::{BusinessAccountInfo, NumberStatus, OnboardingStatus, PhoneNumberInfo, Throughput};
pub use change::{ChangeError, CreatedTemplate, MaxPriceContent, NewTemplate, TemplateContent};
pub use components::{ButtonInfo, CardInfo, HeaderFormat, HeaderInfo, TemplateComponents, TextInfo};
pub use onboarding::{BusinessStatus, ClientAccount, Invited};
pub use reach::{ReachEstimates, ReachInterval, ReachPoint};
pub use template::{
    Category, MaxPrice, ParameterFormat, TemplateInfo, TemplateList, TemplateQuery, TemplateState,
};
