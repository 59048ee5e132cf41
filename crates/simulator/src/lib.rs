//! A stateful stand-in for the platform over real HTTP: it takes sends as Meta's Marketing Messages API
//! does, enforces what the platform enforces, sends signed webhooks back, makes faults on demand, and keeps
//! a ledger of what it really accepted. The ledger is the truth that tests and the demo compare with.
//!
//! It has its own wire types and depends on no other crate of this workspace, so that one misreading of the
//! platform cannot hide in the sender and in its judge.
//!
//! Two clocks: real time with a speed factor, where webhooks leave by themselves, and an explicit clock that
//! a test steps, where they leave when the test calls [`Simulator::pump`]. Platform time (limits, template
//! sync, webhook delays) runs on that clock; the wire itself (response latency, held connections) is always
//! in real time. Every random decision follows from the seed, the recipient, the template and how often that
//! recipient was tried with it, never from the order or the time of arrivals.
//!
//! | module | responsible for |
//! | --- | --- |
//! | `config`, `profile`, `script` | what a user of the simulator sets |
//! | `clock`, `draws` | time and chance |
//! | `wire`, `server`, `control` | connections, routes, the `/_sim/` control paths |
//! | `message`, `components`, `shape` | reading a send, and holding it against its template |
//! | `errors`, `countries`, `limits`, `templates` | the platform's codes, country rules, limits, templates |
//! | `state`, `sends`, `faults`, `fate`, `changes` | what the platform remembers, how it answers, what comes of it |
//! | `graph`, `fields`, `reach`, `analytics`, `onboarding` | calls about numbers, accounts, templates, reach, what was counted, and businesses |
//! | `door` | through which a send comes: Meta's, or 360dialog's |
//! | `dialog360` | the same as 360dialog tells it: keys, wrapped errors, its own refusals, unsigned webhooks |
//! | `webhooks` | payloads, the queue of what is due, delivery |
//! | `ledger` | what was really accepted, and what came of it |

mod analytics;
mod changes;
mod clock;
mod components;
mod config;
mod control;
mod countries;
mod dialog360;
mod door;
mod draws;
mod errors;
mod fate;
mod faults;
mod fields;
mod graph;
mod ledger;
mod limits;
mod message;
mod onboarding;
mod profile;
mod reach;
mod script;
mod sends;
mod server;
mod shape;
mod simulator;
mod state;
mod templates;
mod webhooks;
mod wire;

pub use clock::{NotSettable, SimClock};
pub use config::{
    Account, Category, Config, LastUse, MaxPrice, Number, ParameterFormat, Quality, Template, TemplateStatus,
    Webhook,
};
pub use dialog360::{KeyedWebhook, Standing};
pub use ledger::{Answer, Fate, LedgerEntry, RequestRecord, Route, Status, Truth, TruthEvent};
pub use profile::{Latency, Profile, UnknownProfile};
pub use script::{Change, Outcome, RefusedChange, Rule};
pub use simulator::Simulator;
