//! Tokens: 256 random bits each. A hash of one that is kept is enough to know it again, and useless to whoever reads it;
//! as nobody can guess one, it need not be slow.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every token begins with, so that people and scanners of secrets know what it is.
const PREFIX: &str = "plt_";

/// A configured token is not shorter, in characters: it is of somebody's own choice, and may be guessed.
pub const SHORTEST: usize = 16;

/// A new token.
#[must_use]
pub fn token() -> String {
    format!("{PREFIX}{}", random())
}

/// What is in a new session's cookie.
pub(crate) fn session() -> String {
    random()
}

#[expect(clippy::disallowed_methods, reason = "a secret that a seed could make again is none")]
fn random() -> String {
    let bits: [u8; 32] = rand::random();
    hex::encode(bits)
}

/// What is kept of a token.
#[must_use]
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Whether this is of the form of [`token`].
pub(crate) fn is_random(token: &str) -> bool {
    let is_hex = |digits: &str| digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    token.strip_prefix(PREFIX).is_some_and(is_hex)
}

/// Whether two hashes are the same, in a time that does not tell where they differ.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_like_another() {
        let (one, other) = (token(), token());
        assert!(one.len() == 68 && one.starts_with("plt_") && one != other, "{one} {other}");
        assert!(is_random(&one) && !is_random("plt_guess") && !is_random(&one[4..]));
        assert!(is_same(&hash(&one), &hash(&one)) && !is_same(&hash(&one), &hash(&other)));
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
