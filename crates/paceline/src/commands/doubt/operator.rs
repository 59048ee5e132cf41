//! Who decides: the name that is kept with a decision.

use crate::failure::Failure;

/// No name is longer, in characters.
const LONGEST: usize = 64;

/// The name that was given, else the user's of this machine.
///
/// # Errors
/// What was given is no name.
pub(crate) fn name(given: Option<&str>) -> Result<String, Failure> {
    let said = |name: &str| std::env::var(name).ok().filter(|value| is_name(value));
    match given {
        Some(name) if is_name(name) => Ok(name.trim().to_owned()),
        Some(_) => Err(Failure::BadUse(format!(
            "--by should be a name of 1 to {LONGEST} characters on one line: who decides"
        ))),
        None => {
            let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(said);
            Ok(user.map_or_else(|| "unknown".to_owned(), |user| user.trim().to_owned()))
        }
    }
}

fn is_name(text: &str) -> bool {
    let name = text.trim();
    !name.is_empty() && name.chars().count() <= LONGEST && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_short_line() {
        assert_eq!(name(Some(" Ravi K. ")).ok(), Some("Ravi K.".to_owned()));
        for bad in ["", "  ", "a\nb", &"x".repeat(LONGEST + 1)] {
            assert!(matches!(name(Some(bad)), Err(Failure::BadUse(_))), "{bad:?}");
        }
        assert!(name(None).is_ok_and(|user| is_name(&user)));
    }
}
