//! The stylesheet of a page, and the policy by which the browser loads nothing and runs nothing.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use charts::theme;
use sha2::{Digest, Sha256};

/// All of the page's style: its own, the charts', and the charts' colours in the dark (not on paper).
pub(super) fn sheet() -> String {
    format!(
        "{}{}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n",
        include_str!("../../../../templates/report/report.css"),
        theme::STYLESHEET,
        theme::DARK
    )
}

/// The content security policy: the page's own style, known by its hash, and nothing else.
pub(super) fn policy(sheet: &str) -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(sheet.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_style_alone() {
        assert_eq!(
            policy(""),
            "default-src 'none'; style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; base-uri 'none'; \
             form-action 'none'"
        );
    }

    #[test]
    fn the_style_loads_nothing_and_ends_nothing() {
        let sheet = sheet();
        for word in ["url(", "@import", "</", "http"] {
            assert!(!sheet.contains(word), "{word}");
        }
        assert_eq!(sheet.matches('{').count(), sheet.matches('}').count());
    }
}
