//! What must never be in a log: secrets, and whole phone numbers of the people who are written to.
//!
//! Every story checks it. What the parts of a [`World`](crate::World) log, down to TRACE, is looked at line by line as it is
//! written, and judged when a world ends; the logs that processes leave in a test's folder are read when the folder is
//! removed; and so is what every command says beside its output.

use std::io;
use std::path::Path;
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;

use crate::files::{APP_SECRET, SECOND_KEY, SHARED_SECRET, TOKEN, VERIFY_TOKEN};

/// Everything that is ours, and nothing of the libraries below.
const OURS: &str = "off,campaign=trace,clock=trace,queue=trace,reconciler=trace,scheduler=trace,store=trace,whatsapp=trace,\
     worker=trace";

/// Lines of this process's log that hold what they must not.
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Looks at every line that is logged in this process from now on.
pub(crate) fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(OURS))
            .with_ansi(false)
            .with_writer(|| Watcher)
            .try_init()
            .expect("nobody else looks at the log of this process");
    });
}

/// Fails where a line that was logged in this process holds what it must not. Lines are of any story of this process.
pub(crate) fn assert_clean() {
    let leaks = std::mem::take(&mut *LEAKS.lock().unwrap_or_else(PoisonError::into_inner));
    assert_eq!(leaks, Vec::<String>::new(), "these lines were logged");
}

/// Fails where a log in this folder holds what it must not.
pub(crate) fn assert_folder_clean(folder: &Path) {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for log in entries.filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
        let bytes = std::fs::read(&log).unwrap();
        for line in String::from_utf8_lossy(&bytes).lines() {
            assert_eq!(leak(line), None, "in {}: {line}", log.display());
        }
    }
}

/// Where formatted lines go: nowhere, after a look at them.
struct Watcher;

impl io::Write for Watcher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if let Some(leak) = leak(&line) {
            let told = format!("{leak}: {}", line.trim_end());
            LEAKS.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a line holds that it must not.
pub(crate) fn leak(line: &str) -> Option<&'static str> {
    secret(line).or_else(|| has_number(line).then_some("a whole phone number"))
}

/// The secret that a text holds.
pub(crate) fn secret(text: &str) -> Option<&'static str> {
    for (secret, name) in [
        (TOKEN.1, "the token"),
        (SECOND_KEY.1, "the second sender's key"),
        (APP_SECRET.1, "the app secret"),
        (SHARED_SECRET.1, "the shared secret"),
        (VERIFY_TOKEN.1, "the verify token"),
    ] {
        if text.contains(secret) {
            return Some(name);
        }
    }
    has_password(text).then_some("a password in an address")
}

/// `scheme://user:password@host`, where the password is not blacked out.
fn has_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', ' ', '"', '\'', '?', ')']).next().unwrap_or_default();
        let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
        password.is_some_and(|(_, word)| word.chars().any(char::is_alphanumeric))
    })
}

/// A number with a plus sign, or one of the tests' people: 12 digits that begin as Indian mobile numbers do.
fn has_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(begin) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) {
        let length = bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        from = begin + length;
        let has_plus = begin > 0 && bytes[begin - 1] == b'+';
        if (has_plus && (8..=15).contains(&length)) || (length == 12 && bytes[begin..].starts_with(b"9198")) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::person;

    #[test]
    fn what_must_not_be_logged_is_found() {
        for (line, what) in [
            (format!("sending to {}", person(7)), "a whole phone number"),
            (format!("recipient={}", &person(12_345_678)[1..]), "a whole phone number"),
            (format!("to=\"{}\"", person(0)), "a whole phone number"),
            ("from +12125550100.".to_owned(), "a whole phone number"),
            (format!("authorization: Bearer {}", TOKEN.1), "the token"),
            (format!("key {}", SECOND_KEY.1), "the second sender's key"),
            (format!("secret={}", APP_SECRET.1), "the app secret"),
            (format!("{:?}", [SHARED_SECRET.1]), "the shared secret"),
            (format!("?hub.verify_token={}", VERIFY_TOKEN.1), "the verify token"),
            (
                "connecting to postgres://paceline:hunter2@localhost:5432/db".to_owned(),
                "a password in an address",
            ),
            ("url=redis://:hunter2@127.0.0.1:6379/0".to_owned(), "a password in an address"),
        ] {
            assert_eq!(leak(&line), Some(what), "{line}");
        }
    }

    #[test]
    fn what_may_be_logged_is_no_leak() {
        for line in [
            "message=1/41 attempt=2 pl1.k3v9.7.41.2 +91 98••• ••12",
            "phone_number_id=106540352242922 waba=102290129340398 at=1795000000123456",
            "2026-11-22T10:00:00.919812Z +05:30 took 919800000µs",
            "postgres://paceline:***@localhost:5432/db redis://127.0.0.1:6379/ http://127.0.0.1:8080/webhooks/whatsapp",
            "postgres://postgres@127.0.0.1:54321/paceline token_env=PACELINE_TEST_TOKEN",
        ] {
            assert_eq!(leak(line), None, "{line}");
        }
    }
}
