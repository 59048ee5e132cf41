//! Guarantee 2 in words: where every row of the audience is.

use std::collections::BTreeMap;

use campaign::message::State;

use crate::output::format;

/// "Of 11 planned recipients 2 are excluded, 1 read …: nobody is missing." Whoever is missing is said to be.
pub(super) fn in_words(planned: u64, excluded: u64, states: &BTreeMap<State, u64>) -> String {
    let counted: u64 = excluded + states.values().sum::<u64>();
    let mut parts: Vec<String> = Vec::new();
    if excluded > 0 {
        parts.push(format!("{} excluded", format::count(excluded)));
    }
    for state in State::ALL {
        if let Some(messages) = states.get(&state).filter(|messages| **messages > 0) {
            parts.push(format!("{} {}", format::count(*messages), word(state)));
        }
    }
    let sum = if parts.is_empty() { "nobody".to_owned() } else { parts.join(" + ") };
    let verdict = if counted == planned {
        "nobody is missing and nobody is counted twice.".to_owned()
    } else {
        format!("{} are counted, which is not the same.", format::count(counted))
    };
    format!("{} planned = {sum}: {verdict}", format::count(planned))
}

/// A state as it reads after a number of messages.
pub(super) const fn word(state: State) -> &'static str {
    match state {
        State::Queued => "queued",
        State::Retrying => "waiting for another try",
        State::Sending => "being sent",
        State::InDoubt => "in doubt",
        State::Accepted => "accepted",
        State::Held => "held by the platform",
        State::Sent => "sent",
        State::Delivered => "delivered",
        State::Read => "read",
        State::Failed => "failed",
        State::Expired => "expired",
        State::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_somewhere() {
        let states = BTreeMap::from([(State::Read, 1_000), (State::Failed, 3), (State::Queued, 0)]);
        let said = in_words(1_023, 20, &states);
        assert!(said.starts_with("1,023 planned = 20 excluded + "), "{said}");
        assert!(
            said.contains("1,000 read") && !said.contains("queued") && said.ends_with("counted twice."),
            "{said}"
        );
        let said = in_words(1_024, 20, &states);
        assert!(said.ends_with("1,023 are counted, which is not the same."), "{said}");
        assert_eq!(
            in_words(0, 0, &BTreeMap::new()),
            "0 planned = nobody: nobody is missing and nobody is counted twice."
        );
    }
}
