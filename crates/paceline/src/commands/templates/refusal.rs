//! Why the platform refused a template, in words, with what to do.

use whatsapp::account::ChangeError;

/// The error as a sentence, with advice where its code is known (Meta: template creation errors).
pub(super) fn in_words(error: &ChangeError) -> String {
    let said = error.to_string();
    let advice = match error {
        ChangeError::Refused { code, subcode, message, .. } => {
            let known = [*subcode, *code].into_iter().flatten().find_map(advice);
            known.or_else(|| {
                message.contains("testing legal agreement").then_some(
                    "the max-price agreement is not signed: sign it for your business (POST /{business id}/max_price_agreements, or ask your Meta partner), or leave max_price out",
                )
            })
        }
        ChangeError::NotSent { .. }
        | ChangeError::Unknown { .. }
        | ChangeError::InvalidId { .. }
        | ChangeError::NotOffered { .. } => None,
    };
    match advice {
        Some(advice) => format!("{said}; {advice}"),
        None => said,
    }
}

fn advice(code: i64) -> Option<&'static str> {
    Some(match code {
        2_388_019 => {
            "the account has as many templates as it may (250; 6,000 once it is verified and has an approved display name): delete some"
        }
        2_388_024 => {
            "the account has this name in this language, or had it within the last 30 days: choose another name"
        }
        2_388_040 => {
            "a text is longer than it may be: a body has at most 1,024 characters, a header or footer 60, a button 25"
        }
        2_388_047 => "the header may have at most one variable, and no line breaks, emojis or formatting",
        2_388_072 => {
            "the form of the body is not allowed: look at its variables, which count up from {{1}}, and its blank lines"
        }
        2_388_073 => "a footer has no variables",
        2_388_293 => "there are too many variables for so short a text: add words, or take variables out",
        2_388_299 => "a text may not begin or end with a variable: put words before and after it",
        4 | 80_007 | 80_008 => "too many calls were made: try again in an hour",
        10 | 200 => "the token needs the permission whatsapp_business_management for this account",
        104 | 190 => "the access token is not valid: make a new one, and put it where token_env points",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i64, subcode: Option<i64>, message: &str) -> String {
        in_words(&ChangeError::Refused {
            what: "create the template a (en)".to_owned(),
            code: Some(code),
            subcode,
            http_status: 400,
            message: message.to_owned(),
        })
    }

    #[test]
    fn the_telling_code_may_be_the_one_below() {
        assert_eq!(
            refused(100, Some(2_388_073), "Bad footer"),
            "the platform refused to create the template a (en): Bad footer (code 100); a footer has no variables"
        );
        assert!(refused(2_388_073, None, "x").ends_with("a footer has no variables"));
        assert!(
            refused(100, None, "You need to sign the testing legal agreement before sending out messages.")
                .contains("the max-price agreement is not signed")
        );
        assert_eq!(
            refused(100, None, "Hm"),
            "the platform refused to create the template a (en): Hm (code 100)"
        );
    }
}
