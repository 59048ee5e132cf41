//! How an input is changed: by bytes, words and pieces of other inputs; and, where it is JSON, by values, so that what is
//! changed can still be read. The same seed gives the same changes.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Words that mean something to a reader of text.
const WORDS: [&str; 32] = [
    "\"",
    "'",
    "{{",
    "}}",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "\r\n",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "&a",
    "*a",
    "<<:",
    "|",
    "---\n",
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "0.00000000000000000000000000000001",
    "NaN",
    "\\u0000",
    "\\ud800",
    "{{ name | default('",
    "+91 98765 43210",
    "🎆",
];

/// Changes inputs.
#[derive(Debug)]
pub struct Mutator {
    rng: ChaCha8Rng,
}

impl Mutator {
    /// One that always makes the same changes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Another input like this one, with a piece of `other` at times.
    pub fn mutate(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        if self.below(2) == 0
            && let Ok(mut value) = serde_json::from_slice::<Value>(input)
        {
            for _ in 0..=self.below(3) {
                self.change_value(&mut value);
            }
            return value.to_string().into_bytes();
        }
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(6) {
            self.change_bytes(&mut bytes, other);
        }
        bytes
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.rng.next_u64() % u64::try_from(n.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    fn change_bytes(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let from = self.below(bytes.len() + 1);
        let to = (from + self.below(40)).min(bytes.len());
        match self.below(7) {
            0 => bytes.truncate(from),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(from..from, word.bytes());
            }
            3 => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(from..to, word.bytes());
            }
            4 => {
                let begin = self.below(other.len() + 1);
                let end = (begin + self.below(200)).min(other.len());
                bytes.splice(from..to, other[begin..end].iter().copied());
            }
            5 => {
                let piece = bytes[from..to].to_vec();
                let times = self.below(50);
                bytes.splice(from..from, piece.repeat(times));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte = self.rng.next_u32().to_le_bytes()[0];
                }
            }
        }
    }

    /// Changes one of the values within.
    fn change_value(&mut self, value: &mut Value) {
        let is_here = self.below(6) == 0;
        match value {
            Value::Object(map) if !map.is_empty() && !is_here => {
                let n = self.below(map.len());
                let Some(name) = map.keys().nth(n).cloned() else { return };
                match self.below(10) {
                    0 => drop(map.shift_remove(&name)),
                    1 => {
                        let odd = self.odd();
                        map.insert(format!("{name}_new"), odd);
                    }
                    _ => {
                        if let Some(inner) = map.get_mut(&name) {
                            self.change_value(inner);
                        }
                    }
                }
            }
            Value::Array(list) if !list.is_empty() && !is_here => {
                let n = self.below(list.len());
                if self.below(5) == 0 {
                    let again = list[n].clone();
                    list.resize(list.len() + self.below(30), again);
                } else {
                    self.change_value(&mut list[n]);
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => *value = self.odd(),
        }
    }

    /// A value that nobody expects.
    fn odd(&mut self) -> Value {
        match self.below(12) {
            0 => Value::Null,
            1 => json!(-1),
            2 => json!(u64::MAX),
            3 => json!(1e300),
            4 => json!(""),
            5 => json!([]),
            6 => json!({}),
            7 => json!(true),
            8 => json!("a".repeat(self.below(3_000))),
            9 => (0..self.below(100)).fold(json!(1), |inner, _| json!([inner])),
            10 => json!(self.rng.next_u64().to_string()),
            _ => json!(WORDS[self.below(WORDS.len())]),
        }
    }
}
