//! That a browser's change was asked for by a page of ours: another site's form would be sent with our cookie by a browser
//! that does not know better. Browsers say where a request comes from (Sec-Fetch-Site, and Origin with each POST), and
//! pages cannot change that.

use axum::http::{HeaderMap, header};

/// Whether a change that comes with a cookie was asked for by a page of this origin.
pub(super) fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    // A browser from before 2023, or none at all.
    let (Some(origin), Some(host)) = (text(header::ORIGIN.as_str()), text(header::HOST.as_str())) else {
        return false;
    };
    origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        is_ours(&headers.collect())
    }

    #[test]
    fn only_pages_of_this_origin_may_ask() {
        let host = ("host", "paceline.example:8081");
        assert!(asked(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(asked(&[host, ("origin", "https://paceline.example:8081")]));
        for other in [
            &[host][..],
            &[host, ("sec-fetch-site", "cross-site"), ("origin", "https://paceline.example:8081")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "https://paceline.example")],
            &[host, ("origin", "null")],
            &[("origin", "https://paceline.example:8081")],
        ] {
            assert!(!asked(other), "{other:?}");
        }
    }
}
