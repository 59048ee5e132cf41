//! What people say of whether they want to be written to.

use std::collections::BTreeMap;

use crate::model::Choice;

/// Sources of the do-not-send list that are a person's own word, which another word of theirs takes back. What an
/// operator put there stays until an operator takes it off.
pub(crate) const OWN_WORDS: [&str; 3] = ["user_preferences", "stop_word", "131050"];

/// The newest choice of each address, in the order of addresses. Of two of the same time the one that stops counts.
pub(crate) fn newest(choices: &[Choice]) -> Vec<&Choice> {
    let mut newest: BTreeMap<&str, &Choice> = BTreeMap::new();
    for choice in choices {
        let known = newest.entry(&choice.address).or_insert(choice);
        if (choice.said_at, choice.stops) > (known.said_at, known.stops) {
            *known = choice;
        }
    }
    newest.into_values().collect()
}
