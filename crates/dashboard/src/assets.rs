//! Style and script of the pages: files of ours, built in. Their names have a hash in them, so that browsers may keep them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::access::secret;
use crate::answer::Problem;

/// Where they are. Everybody may have them, as the log-in page needs them.
pub(crate) const ASSETS: &str = "/assets/";

/// A file.
struct Asset {
    /// With a hash of what it holds.
    name: String,
    kind: &'static str,
    text: String,
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, text: String) -> Self {
        let hash = secret::hash(&text);
        let short = hash.get(..12).unwrap_or_default();
        Self { name: format!("{stem}-{short}.{ending}"), kind, text }
    }

    fn path(&self) -> String {
        format!("{ASSETS}{}", self.name)
    }
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", style_text()));
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("live", "js", "text/javascript; charset=utf-8", include_str!("../assets/live.js").to_owned())
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("icon", "svg", "image/svg+xml", include_str!("../assets/icon.svg").to_owned())
});

/// The pages' own style, and the charts'.
fn style_text() -> String {
    let dark = format!("@media (prefers-color-scheme: dark) {{ :root {{ {} }} }}", charts::theme::DARK);
    [include_str!("../assets/style.css"), charts::theme::STYLESHEET, &dark].join("\n")
}

/// The path of the style.
pub(crate) fn style() -> String {
    STYLE.path()
}

/// The path of the script.
pub(crate) fn script() -> String {
    SCRIPT.path()
}

/// The path of the icon.
pub(crate) fn icon() -> String {
    ICON.path()
}

/// One of them.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let all = [&*STYLE, &*SCRIPT, &*ICON];
    let Some(asset) = all.into_iter().find(|asset| asset.name == name) else {
        return Problem::not_found().json();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        // Another one has another name.
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.text.clone()).into_response()
}
