//! The page and what it is made of: apalis-board's, as its crate ships it, moved from `/` to `/board`. It was built to live
//! at `/` and to ask `/api/v1`, and has no setting for either once it is built; both are ours to use for something else. So
//! the places where it reads or makes an address are replaced in what is served. A test says when a newer version has others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use apalis_board_api::ui::ServeUI;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::Route;

/// What begins the page: its own script, in a file, as a policy without inline scripts wants it.
const START: &str = "start.js";

/// The page, as it is shipped.
const INDEX: &str = "index.html";

/// Nothing is asked of any other host. The page is WebAssembly, sets heights of bars as style attributes, and has icons
/// in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'self'; \
    form-action 'none'; frame-ancestors 'none'";

/// Its name has a hash of its content.
const FOR_EVER: &str = "private, max-age=31536000, immutable";

/// Its content is ours, its name is not.
const ASK_AGAIN: &str = "no-cache";

/// What comes before the page's code.
const MOVED: &str = include_str!("moved.js");

/// What comes after its styles.
const STYLE: (&str, &str) = ("moved.css", include_str!("moved.css"));

/// In the page's code: what is replaced by what, and how often it is there.
const IN_CODE: &[(&str, &str, usize)] = &[
    ("arg1.pathname;", "inside(arg1.pathname);", 2),
    (
        "arg4 === 0 ? undefined : getStringFromWasm0(arg4, arg5)",
        "arg4 === 0 ? undefined : outside(getStringFromWasm0(arg4, arg5))",
        2,
    ),
    ("new Request(getStringFromWasm0(arg0, arg1)", "new Request(outside(getStringFromWasm0(arg0, arg1))", 2),
    (
        "new EventSource(getStringFromWasm0(arg0, arg1)",
        "new EventSource(outside(getStringFromWasm0(arg0, arg1))",
        1,
    ),
    (
        "arg0.href = getStringFromWasm0(arg1, arg2);",
        "arg0.href = outside(getStringFromWasm0(arg1, arg2));",
        1,
    ),
    (
        "arg0.setAttribute(getStringFromWasm0(arg1, arg2), getStringFromWasm0(arg3, arg4));",
        "arg0.setAttribute(getStringFromWasm0(arg1, arg2), \
         outsideIfLink(getStringFromWasm0(arg1, arg2), getStringFromWasm0(arg3, arg4)));",
        1,
    ),
    (
        "arg0.innerHTML = getStringFromWasm0(arg1, arg2);",
        "arg0.innerHTML = outsideLinks(getStringFromWasm0(arg1, arg2));",
        1,
    ),
];

/// In the page itself. What its parts must hash to is left out, as one of them is changed; they come from here anyway.
const IN_PAGE: &[(&str, &str, usize)] = &[
    ("<html>", "<html lang=\"en\">", 1),
    (
        "<title>Apalis Board</title>",
        "<title>Queue board</title>\n    <link rel=\"icon\" href=\"data:,\" />",
        1,
    ),
    ("</head>", "<link rel=\"stylesheet\" href=\"/moved.css\"/></head>", 1),
    (" href=\"/", " href=\"/board/", 4),
];

/// In the script that begins it.
const IN_START: &[(&str, &str, usize)] = &[("'/", "'/board/", 2)];

static FILES: LazyLock<Files> = LazyLock::new(Files::moved);

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        ("/board", get(page)),
        ("/board/", get(page)),
        // See `shown` in `moved.js`.
        ("/board/queues", get(|| async { Redirect::temporary("/board") })),
        ("/board/{*path}", get(file)),
    ]
}

async fn page() -> Response {
    answer("text/html; charset=utf-8", ASK_AGAIN, FILES.page.as_bytes())
}

/// A file of the page; or the page, whose code looks at the address itself.
async fn file(Path(path): Path<String>) -> Response {
    if path == "api" || path.starts_with("api/") {
        return (StatusCode::NOT_FOUND, "the queue board's API has nothing there").into_response();
    }
    if let Some((name, file)) = FILES.changed.get_key_value(&path) {
        return answer(ServeUI::content_type(name), ASK_AGAIN, file.as_bytes());
    }
    if let Some(name) = FILES.as_shipped.get(&path)
        && let Some(file) = ServeUI::get_file(name)
    {
        return answer(ServeUI::content_type(name), FOR_EVER, file.contents());
    }
    // A file of an older version must not get the page for an answer.
    if !path.contains('/') && [".js", ".css", ".wasm", ".ico"].iter().any(|kind| path.ends_with(kind)) {
        return (StatusCode::NOT_FOUND, "the queue board has no such file: load the page again")
            .into_response();
    }
    page().await
}

fn answer(content_type: &'static str, cache: &'static str, body: &'static [u8]) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
    ];
    (headers, body).into_response()
}

/// What the page is made of.
struct Files {
    page: String,
    /// Those that are ours, or served otherwise than they were shipped.
    changed: BTreeMap<String, String>,
    /// The names of the others.
    as_shipped: BTreeSet<String>,
}

impl Files {
    fn moved() -> Self {
        let page = shipped(INDEX);
        let (begin, end) = ("<script type=\"module\">", "</script>");
        let start = between(&page, begin, end);
        let code = between(start, "from '/", "'");
        let changed = BTreeMap::from([
            (START.to_owned(), replaced(start, IN_START)),
            (STYLE.0.to_owned(), STYLE.1.to_owned()),
            (code.to_owned(), format!("{MOVED}\n{}", replaced(&shipped(code), IN_CODE))),
        ]);
        let links = page.split(" href=\"/").chain(start.split("'/")).skip(1);
        let names = links.filter_map(|link| link.split(['"', '\'']).next());
        let as_shipped = names
            .filter(|name| !changed.contains_key(*name))
            .filter(|name| ServeUI::get_file(name).is_some_and(|file| file.path().to_str() == Some(name)))
            .map(str::to_owned)
            .collect();
        let script = format!("<script type=\"module\" src=\"/board/{START}\">{end}");
        let inline = format!("{begin}{start}{end}");
        let page = without_hashes(&replaced(&page, IN_PAGE)).replace(&inline, &script);
        Self { page, changed, as_shipped }
    }
}

/// A file as it was shipped.
fn shipped(path: &str) -> String {
    let contents = ServeUI::get_file(path).and_then(|file| file.contents_utf8());
    contents.unwrap_or_default().to_owned()
}

fn replaced(text: &str, replacements: &[(&str, &str, usize)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (from, to, _)| text.replace(from, to))
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let after = text.split_once(begin).map(|(_, after)| after).unwrap_or_default();
    after.split_once(end).map(|(between, _)| between).unwrap_or_default()
}

fn without_hashes(page: &str) -> String {
    let mut parts = page.split(" integrity=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, part| page + part.split_once('"').map(|(_, rest)| rest).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails where a newer version of apalis-board has other places: look at them, and replace them too.
    #[test]
    fn every_place_is_where_it_was() {
        let page = shipped(INDEX);
        let start = between(&page, "<script type=\"module\">", "</script>").to_owned();
        let code = shipped(between(&start, "from '/", "'"));
        for (text, replacements) in [(&page, IN_PAGE), (&start, IN_START), (&code, IN_CODE)] {
            for (from, _, times) in replacements {
                assert_eq!(text.matches(from).count(), *times, "{from}");
            }
        }
        // Whatever else reads or makes an address would have to be looked at.
        for (place, times) in
            [("new URL(", 3), (".pathname", 2), (".href", 3), ("EventSource(", 1), ("fetch(", 2)]
        {
            assert_eq!(code.matches(place).count(), times, "{place}");
        }
    }

    #[test]
    fn nothing_of_the_page_is_elsewhere() {
        let files = Files::moved();
        assert!(!files.page.contains("integrity"));
        let kinds: Vec<_> = files.as_shipped.iter().filter_map(|name| name.rsplit('.').next()).collect();
        assert_eq!(kinds, ["wasm", "css"], "{:?}", files.as_shipped);
        assert!(files.page.contains("<script type=\"module\" src=\"/board/start.js\"></script>"));
        for text in std::iter::once(&files.page).chain(files.changed.values()) {
            for at in ["\"http", "'http", "\"//", "'//", "`http"] {
                assert!(!text.contains(at), "{at} in {}", &text[..200]);
            }
        }
        for address in files.page.split("href=\"").skip(1).chain(files.page.split("src=\"").skip(1)) {
            assert!(address.starts_with("/board/") || address.starts_with("data:"), "{address}");
        }
    }
}
