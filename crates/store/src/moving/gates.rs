//! What happens to a template's gate, by the functions of `campaign::gate`.

use campaign::gate::{GateRules, GateState};
use chrono::{DateTime, Utc};

use crate::model::GateEvent;

/// The template was seen.
pub(crate) fn seen(state: GateState, now: DateTime<Utc>) -> GateState {
    GateState { first_seen_at: state.first_seen_at.or(Some(now)), ..state }
}

/// The template came into being.
pub(crate) fn created(state: GateState, now: DateTime<Utc>) -> GateState {
    GateState { created_at: state.created_at.or(Some(now)), ..seen(state, now) }
}

/// The gate after an event.
pub(crate) fn after(state: GateState, event: GateEvent, rules: &GateRules, now: DateTime<Utc>) -> GateState {
    match event {
        GateEvent::Created => created(state, now),
        GateEvent::Accepted => state.on_accepted(now),
        GateEvent::CanaryLanded => state.on_canary_landed(now),
        GateEvent::CanaryRefused(claimed_at) => state.on_canary_refused(claimed_at),
        GateEvent::NotSynced => state.on_not_synced(rules, now),
        GateEvent::OpenByHand => state.open_by_hand(now),
    }
}
