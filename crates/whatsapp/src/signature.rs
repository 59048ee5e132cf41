//! Whether a webhook is really from the platform, and the proof that a token's user knows the app secret.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::Secret;

type HmacSha256 = Hmac<Sha256>;

/// Why a webhook is not taken for the platform's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature to check.
    #[error("the request has no X-Hub-Signature-256 header; webhooks must come straight from the platform")]
    Missing,
    /// The header is something else than `sha256=` and 64 hexadecimal digits.
    #[error("the X-Hub-Signature-256 header is not `sha256=` followed by 64 hexadecimal digits")]
    Malformed,
    /// The signature was made with another secret, or over other bytes.
    #[error(
        "the X-Hub-Signature-256 header does not fit the body; check that the app secret is that of the app \
         that sends the webhooks"
    )]
    Mismatch,
    /// The request names no shared secret, or not ours.
    #[error(
        "the request does not carry the shared secret; check that 360dialog sends the header of webhook.shared_secret_header \
         with the secret that webhook.shared_secret_env names"
    )]
    SharedSecret,
    /// We have nothing to check with.
    #[error("no app secret is configured, so no webhook can be verified; set webhook.app_secret_env")]
    NoSecret,
}

/// Checks `X-Hub-Signature-256: sha256=<hex HMAC-SHA256(app secret, raw body)>` (platform: webhook
/// transport) over the raw bytes of the body, in constant time. While an app secret is being rotated give
/// both: any of them may have signed. Empty secrets are passed over, because anyone can sign with nothing.
///
/// # Errors
///
/// See [`SignatureError`]; each answer should be HTTP 401 and nothing of the body should be used.
pub fn verify(secrets: &[Secret], header: Option<&str>, raw_body: &[u8]) -> Result<(), SignatureError> {
    let digits = header
        .ok_or(SignatureError::Missing)?
        .trim()
        .strip_prefix("sha256=")
        .ok_or(SignatureError::Malformed)?;
    let mut given = [0; 32];
    hex::decode_to_slice(digits, &mut given).map_err(|_| SignatureError::Malformed)?;

    let (mut tried, mut fits) = (false, false);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        tried = true;
        // All secrets are tried, so that the time taken does not tell which one fitted.
        fits |= mac(secret.expose(), raw_body).is_some_and(|mac| mac.verify_slice(&given).is_ok());
    }
    match (tried, fits) {
        (false, _) => Err(SignatureError::NoSecret),
        (true, false) => Err(SignatureError::Mismatch),
        (true, true) => Ok(()),
    }
}

/// Checks the header that 360dialog sends along with its webhooks, which it does not sign (platform: webhook, custom
/// headers), in constant time. While the secret is being rotated give both. Empty secrets are passed over.
///
/// # Errors
///
/// [`SignatureError::SharedSecret`]; the answer should be HTTP 401 and nothing of the body should be used.
pub fn verify_shared(secrets: &[Secret], header: Option<&[u8]>) -> Result<(), SignatureError> {
    let given = header.unwrap_or_default();
    let known = secrets.iter().filter(|secret| !secret.is_empty());
    // All secrets are tried, so that the time taken does not tell which one fitted.
    let fits = known.fold(false, |fits, secret| bool::from(secret.expose().as_bytes().ct_eq(given)) | fits);
    if fits { Ok(()) } else { Err(SignatureError::SharedSecret) }
}

/// `appsecret_proof`: the hexadecimal HMAC-SHA256 of an access token with the app secret as the key, which
/// some Graph API calls want beside the token.
pub fn appsecret_proof(app_secret: &Secret, token: &Secret) -> String {
    // HMAC takes keys of any length, so there is always a proof.
    mac(app_secret.expose(), token.expose().as_bytes())
        .map(|mac| hex::encode(mac.finalize().into_bytes()))
        .unwrap_or_default()
}

fn mac(key: &str, message: &[u8]) -> Option<HmacSha256> {
    let mut mac = HmacSha256::new_from_slice(key.as_bytes()).ok()?;
    mac.update(message);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4231, test case 2.
    const KEY: &str = "Jefe";
    const BODY: &[u8] = b"what do ya want for nothing?";
    const DIGEST: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts.iter().map(|text| Secret::new(*text)).collect()
    }

    #[test]
    fn takes_what_the_secret_signed() {
        let header = format!("sha256={DIGEST}");
        assert_eq!(verify(&secrets(&[KEY]), Some(&header), BODY), Ok(()));
        assert_eq!(
            verify(&secrets(&[KEY]), Some(&format!("sha256={}", DIGEST.to_uppercase())), BODY),
            Ok(())
        );
        assert_eq!(verify(&secrets(&["new", KEY]), Some(&header), BODY), Ok(()), "rotation");
        assert_eq!(verify(&secrets(&[KEY, "new"]), Some(&header), BODY), Ok(()), "rotation");
    }

    #[test]
    fn a_shared_secret_is_any_of_ours_and_never_nothing() {
        let ours = secrets(&["new", "", "old"]);
        assert_eq!(verify_shared(&ours, Some(b"old")), Ok(()));
        assert_eq!(verify_shared(&ours, Some(b"new")), Ok(()));
        for other in [None, Some(&b""[..]), Some(b"ol"), Some(b"older"), Some(b"\xff")] {
            assert_eq!(verify_shared(&ours, other), Err(SignatureError::SharedSecret), "{other:?}");
            assert!(verify_shared(&[], other).is_err());
        }
    }

    #[test]
    fn refuses_everything_else() {
        let header = format!("sha256={DIGEST}");
        let keys = secrets(&[KEY]);
        assert_eq!(verify(&keys, None, BODY), Err(SignatureError::Missing));
        for malformed in [
            "",
            DIGEST,
            "sha256=",
            "sha256",
            &format!("sha1={DIGEST}"),
            &format!("SHA256={DIGEST}"),
            &format!("sha256={}", &DIGEST[..62]),
            &format!("sha256={DIGEST}00"),
            &format!("sha256={}zz", &DIGEST[..62]),
            &format!("sha256= {DIGEST}"),
        ] {
            assert_eq!(verify(&keys, Some(malformed), BODY), Err(SignatureError::Malformed), "{malformed}");
        }
        assert_eq!(
            verify(&keys, Some(&header), b"what do ya want for nothing!"),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(verify(&keys, Some(&header), b""), Err(SignatureError::Mismatch));
        assert_eq!(verify(&secrets(&["other"]), Some(&header), BODY), Err(SignatureError::Mismatch));
        assert_eq!(verify(&[], Some(&header), BODY), Err(SignatureError::NoSecret));
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        // HMAC-SHA256 of nothing with the empty key.
        let header = "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        assert_eq!(verify(&secrets(&[""]), Some(header), b""), Err(SignatureError::NoSecret));
    }

    #[test]
    fn proof_is_the_hmac_of_the_token() {
        let token = Secret::new(String::from_utf8(BODY.to_vec()).unwrap());
        assert_eq!(appsecret_proof(&Secret::new(KEY), &token), DIGEST);
    }
}
