//! The board's page and what it is made of.

use reqwest::StatusCode;
use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use crate::scene::Scene;

/// All addresses in a text that begin with `/board/`, in quotes of a kind.
fn addresses<'a>(text: &'a str, quote: &str) -> Vec<&'a str> {
    let begin = format!("{quote}/board/");
    let after = text.split(begin.as_str()).skip(1);
    after.map(|after| after.split(quote).next().unwrap()).collect()
}

#[tokio::test]
async fn the_page_and_all_that_it_is_made_of_are_served() {
    let scene = Scene::in_memory().await;
    let answer = scene.get("/board").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
    let page = answer.text().await.unwrap();
    // Its code looks at the address itself: every page is the same.
    for path in [
        "/board/",
        "/board/index.html",
        "/board/queues/jaspers-in/tasks/1-2",
        "/board/queues/a.b/Pending",
        "/board/workers",
    ] {
        assert_eq!(scene.get(path).await.text().await.unwrap(), page, "{path}");
    }

    let start = scene.get("/board/start.js").await.text().await.unwrap();
    let mut files = addresses(&page, "\"");
    files.extend(addresses(&start, "'"));
    files.retain(|file| !file.is_empty());
    files.sort_unstable();
    files.dedup();
    let kinds: Vec<&str> = files.iter().map(|file| file.rsplit('.').next().unwrap()).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    for kind in ["js", "css", "wasm"] {
        assert!(kinds.contains(&kind), "{files:?}");
    }
    for file in files {
        let answer = scene.get(&format!("/board/{file}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
        assert_eq!(answer.headers()[CONTENT_SECURITY_POLICY], policy.as_str());
        let expected = match file.rsplit('.').next().unwrap() {
            "js" => ("application/javascript", "no-cache"),
            "css" if file == "moved.css" => ("text/css", "no-cache"),
            "css" => ("text/css", "private, max-age=31536000, immutable"),
            _ => ("application/wasm", "private, max-age=31536000, immutable"),
        };
        let told = (&answer.headers()[CONTENT_TYPE], &answer.headers()[CACHE_CONTROL]);
        assert_eq!((told.0.to_str().unwrap(), told.1.to_str().unwrap()), expected, "{file}");
        let body = answer.bytes().await.unwrap();
        assert!(body.len() > 100, "{file}: {} bytes", body.len());
        assert_eq!(body.starts_with(b"\0asm"), file.ends_with(".wasm"), "{file}");
    }
}

#[tokio::test]
async fn the_list_that_shows_the_first_queue_alone_leads_to_all() {
    let scene = Scene::in_memory().await;
    let answer = scene.get("/board/queues").await;
    assert_eq!((answer.status(), answer.url().path()), (StatusCode::OK, "/board"));
}

#[tokio::test]
async fn what_is_not_there_is_no_page() {
    let scene = Scene::in_memory().await;
    for path in [
        "/board/apalis-board-web-0.js",
        "/board/old.css",
        "/board/favicon.ico",
        "/board/api/v2",
        "/board/api",
    ] {
        assert_eq!(scene.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    // What is not below /board is somebody else's.
    for path in ["/", "/api/v1/queues", "/boards", "/queues"] {
        assert_eq!(scene.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

/// The page takes the system for ill when this ends; the server could not stop if it did not.
#[tokio::test]
async fn events_are_none_and_end_with_the_server() {
    let scene = Scene::in_memory().await;
    let mut events = scene.get("/board/api/v1/events").await;
    assert_eq!(events.status(), StatusCode::OK);
    assert_eq!(events.headers()[CONTENT_TYPE], "text/event-stream");
    scene.stop.cancel();
    assert_eq!(events.chunk().await.unwrap(), None);
}
