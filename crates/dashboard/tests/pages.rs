//! The dashboard as a browser and a program meet it: a real server over a real database.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use campaign::gate::GateRules;
use campaign::lifecycle::{Event, State};
use chrono::{DateTime, Utc};
use clock::{Clock, SystemClock};
use dashboard::access::secret;
use queue::memory::MemoryQueue;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use store::SharedStore;
use store::access::{NewToken, Outcome, Role, Via};
use store::conformance::scene::{Scene, Setup};
use tokio_util::sync::CancellationToken;

const CONFIGURED: &str = "the-configured-token";

/// A dashboard with one running campaign, `diwali`.
struct World {
    url: String,
    store: SharedStore,
    scene: Scene,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn now() -> DateTime<Utc> {
    SystemClock::new().now()
}

impl World {
    async fn new() -> Self {
        let store: SharedStore = Arc::new(store::SqliteStore::in_memory().await.unwrap());
        let scene = Setup::default().launch(&store).await;
        let stop = CancellationToken::new();
        let router = dashboard::router(dashboard::Parts {
            store: store.clone(),
            clock: Arc::new(SystemClock::new()),
            board: Some(Arc::new(MemoryQueue::new(["jaspers-in".to_owned()]))),
            gates: GateRules::default(),
            token_hash: Some(secret::hash(CONFIGURED)),
            stopping: stop.clone(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let ended = stop.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, service).with_graceful_shutdown(ended).await });
        Self { url, store, scene, stop }
    }

    /// A token made by command.
    async fn token(&self, name: &str, role: Role) -> String {
        let token = secret::token();
        let new = NewToken {
            name: name.into(),
            role,
            hash: secret::hash(&token),
            created_by: "asha".into(),
            expires_at: None,
        };
        assert!(self.store.add_token(&new, now()).await.unwrap());
        token
    }

    /// A program that sends this token.
    fn program(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }

    /// A browser that has logged in with this token.
    async fn browser(&self, token: &str) -> Browser<'_> {
        let browser = Browser { world: self, client: client() };
        let answer = browser.post("/login").form(&[("token", token), ("next", "/")]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        browser
    }

    async fn state(&self) -> State {
        self.scene.campaign().await.state
    }
}

fn client() -> Client {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).cookie_store(true).build().unwrap()
}

/// What a browser sends by itself, and its cookies.
struct Browser<'w> {
    world: &'w World,
    client: Client,
}

impl Browser<'_> {
    fn get(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.world.url);
        self.client.get(url).header(header::ACCEPT, "text/html,*/*").header("sec-fetch-site", "same-origin")
    }

    /// A form of a page of ours.
    fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.world.url);
        self.client.post(url).header(header::ACCEPT, "text/html,*/*").header("sec-fetch-site", "same-origin")
    }
}

/// The paths of all routes, the board's too, with something in their places.
fn paths() -> Vec<String> {
    let all = dashboard::routes().into_iter().map(|route| route.path).chain(dashboard::board::paths());
    let filled = all.map(|path| {
        let path =
            path.replace("{key}", "diwali").replace("{action}", "pause").replace("{file}", "style.css");
        path.split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    });
    filled.collect()
}

fn location(answer: &Response) -> &str {
    answer.headers()[header::LOCATION].to_str().unwrap()
}

#[tokio::test]
async fn without_a_token_nothing_is_seen_and_nothing_is_done() {
    let world = World::new().await;
    let mut tried = 0;
    for path in paths() {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for (accept, site) in
                [("text/html", "same-origin"), ("*/*", "same-origin"), ("*/*", "cross-site")]
            {
                let request = client()
                    .request(method.clone(), format!("{}{path}", world.url))
                    .header(header::ACCEPT, accept)
                    .header("sec-fetch-site", site);
                let answer = request.send().await.unwrap();
                let (status, headers) = (answer.status(), answer.headers().clone());
                let text = answer.text().await.unwrap();
                assert!(
                    !text.contains("diwali") || text.contains("name=\"next\""),
                    "{method} {path}: {text}"
                );
                let is_open = path == "/login" || path.starts_with("/assets/");
                let is_look = matches!(method, Method::GET | Method::HEAD);
                match () {
                    () if is_open => {
                        assert!(!status.is_redirection() && status != 500, "{method} {path}: {status}")
                    }
                    () if !is_look && site == "cross-site" => assert_eq!(status, 403, "{method} {path}"),
                    () if is_look && accept == "text/html" && method == Method::GET => {
                        assert_eq!(status, 303, "{method} {path}");
                        assert!(headers[header::LOCATION].to_str().unwrap().starts_with("/login"));
                    }
                    () => {
                        assert_eq!(status, 401, "{method} {path}");
                        assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
                    }
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
    assert_eq!(world.state().await, State::Running);
    // Nor is it told what there is.
    let nowhere = client().get(format!("{}/nowhere", world.url)).send().await.unwrap();
    assert_eq!(nowhere.status(), 401);
    assert!(world.store.deeds(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    let world = World::new().await;
    let token = world.token("grafana", Role::Viewer).await;
    for path in paths() {
        if path == "/login" || path == "/logout" || path.starts_with("/live") {
            continue;
        }
        let look = world.program(Method::GET, &path, &token).send().await.unwrap();
        match path.as_str() {
            "/campaigns/diwali/pause" | "/campaigns/diwali/doubts/resolve" => assert_eq!(look.status(), 403),
            "/assets/style.css" => assert_eq!(look.status(), 404, "its name has a hash"),
            board if board.starts_with("/board") => {
                assert!(matches!(look.status().as_u16(), 200 | 307 | 404), "{path}: {}", look.status());
            }
            _ => assert_eq!(look.status(), 200, "{path}"),
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let change = world.program(method.clone(), &path, &token).send().await.unwrap();
            let is_open = path.starts_with("/assets/");
            assert_eq!(change.status(), if is_open { 405 } else { 403 }, "{method} {path}");
        }
    }
    assert_eq!(world.state().await, State::Running);
    let page =
        world.program(Method::GET, "/campaigns/diwali", &token).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("diwali") && !page.contains("id=\"do-pause\""), "no button is offered: {page}");
}

#[tokio::test]
async fn one_logs_in_once_and_out_again() {
    let world = World::new().await;
    let browser = Browser { world: &world, client: client() };
    let asked = browser.get("/campaigns/diwali").send().await.unwrap();
    assert_eq!(location(&asked), "/login?next=/campaigns/diwali");
    let form = browser.get("/login?next=/campaigns/diwali").send().await.unwrap().text().await.unwrap();
    assert!(form.contains(r#"name="next" value="/campaigns/diwali""#), "{form}");
    let wrong = browser.post("/login").form(&[("token", "wrong"), ("next", "/")]).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(!wrong.headers().contains_key(header::SET_COOKIE));
    assert!(wrong.text().await.unwrap().contains("This token is wrong"));

    let next = [("token", CONFIGURED), ("next", "/campaigns/diwali")];
    let right = browser.post("/login").form(&next).send().await.unwrap();
    assert_eq!((right.status(), location(&right)), (StatusCode::SEE_OTHER, "/campaigns/diwali"));
    let cookie = right.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(CONFIGURED), "{cookie}");
    let page = browser.get("/").send().await.unwrap().text().await.unwrap();
    assert!(page.contains(r#"<a href="/campaigns/diwali">diwali</a>"#) && page.contains("running"), "{page}");

    let out = browser.post("/logout").send().await.unwrap();
    assert_eq!(location(&out), "/login");
    assert_eq!(browser.get("/").send().await.unwrap().status(), 303);
    // Whoever kept the cookie has nothing of it.
    let kept = cookie.split(';').next().unwrap();
    let again = client().get(format!("{}/", world.url)).header(header::COOKIE, kept).send().await.unwrap();
    assert_eq!(again.status(), 401);
}

#[tokio::test]
async fn a_revoked_token_lets_nobody_in_any_more() {
    let world = World::new().await;
    let token = world.token("ravi", Role::Operator).await;
    let browser = world.browser(&token).await;
    assert_eq!(browser.get("/").send().await.unwrap().status(), 200);
    world.store.revoke_token("ravi", now()).await.unwrap();
    assert_eq!(browser.get("/").send().await.unwrap().status(), 303);
    let program = world.program(Method::GET, "/", &token).send().await.unwrap();
    assert_eq!(program.status(), 401);
    assert_eq!(program.headers()[header::CONTENT_TYPE], "application/problem+json");
}

#[tokio::test]
async fn who_guesses_tokens_has_to_wait() {
    let world = World::new().await;
    for n in 0..10 {
        let answer = world.program(Method::GET, "/", &format!("guess-{n}")).send().await.unwrap();
        assert_eq!(answer.status(), 401, "guess {n}");
    }
    // Also with the right one, or guessing went on by it.
    let answer = world.program(Method::GET, "/", CONFIGURED).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    // Nobody guesses a random one, and nobody is kept out by those who guess.
    let random = world.token("ravi", Role::Operator).await;
    assert_eq!(world.program(Method::GET, "/", &random).send().await.unwrap().status(), 200);
    let logged_in = world.browser(&random).await;
    assert_eq!(logged_in.get("/").send().await.unwrap().status(), 200);
    let seconds: u64 = answer.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    let browser = Browser { world: &world, client: client() };
    let form = browser.post("/login").form(&[("token", CONFIGURED)]).send().await.unwrap();
    assert_eq!(form.status(), 429);
}

#[tokio::test]
async fn another_sites_form_does_nothing() {
    let world = World::new().await;
    let browser = world.browser(CONFIGURED).await;
    let url = format!("{}/campaigns/diwali/pause", world.url);
    for headers in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "https://evil.example")],
        vec![],
    ] {
        let mut request = browser.client.post(&url).header(header::ACCEPT, "text/html");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        assert_eq!(request.send().await.unwrap().status(), 403, "{headers:?}");
    }
    assert_eq!(world.state().await, State::Running);
    let own = browser.client.post(&url).header(header::ORIGIN, &world.url).send().await.unwrap();
    assert_eq!(own.status(), 303, "an older browser says its origin");
    assert_eq!(world.state().await, State::Paused);
}

#[tokio::test]
async fn an_operator_is_asked_and_what_they_do_is_written_down() {
    let world = World::new().await;
    let token = world.token("ravi", Role::Operator).await;
    let browser = world.browser(&token).await;
    let page = browser.get("/campaigns/diwali").send().await.unwrap().text().await.unwrap();
    assert!(page.contains(r#"href="/campaigns/diwali/pause""#) && !page.contains("/resume"), "{page}");
    let question = browser.get("/campaigns/diwali/pause").send().await.unwrap().text().await.unwrap();
    assert!(question.contains("Pause diwali?") && question.contains("10 messages of diwali"), "{question}");
    assert_eq!(world.state().await, State::Running, "asking does nothing");

    let done = browser.post("/campaigns/diwali/pause").send().await.unwrap();
    assert_eq!((done.status(), location(&done)), (StatusCode::SEE_OTHER, "/campaigns/diwali"));
    assert_eq!(world.state().await, State::Paused);
    let page = browser.get("/campaigns/diwali").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("paused by an operator") && page.contains("/campaigns/diwali/resume"), "{page}");
    browser.post("/campaigns/diwali/resume").send().await.unwrap();
    let page = browser.get("/campaigns/diwali").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("/campaigns/diwali/pause"), "{page}");
    browser.post("/campaigns/diwali/pause").send().await.unwrap();
    browser.post("/campaigns/diwali/cancel").send().await.unwrap();
    assert_eq!(world.state().await, State::Cancelled);
    let page = browser.get("/campaigns/diwali").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("cancelled") && !page.contains("/resume"), "a held one is seen to change: {page}");
    let refused = browser.post("/campaigns/diwali/pause").send().await.unwrap();
    assert_eq!(refused.status(), 409);
    assert!(refused.text().await.unwrap().contains("called off for good"));
    let unknown = browser.post("/campaigns/diwal/pause").send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    assert!(unknown.text().await.unwrap().contains("did you mean diwali?"));

    let deeds = world.store.deeds(None, 10).await.unwrap();
    let told: Vec<_> = deeds.iter().rev().map(|(_, deed)| (deed.action.as_str(), deed.outcome)).collect();
    use Outcome::{Done, Refused};
    assert_eq!(
        told,
        [
            ("pause", Done),
            ("resume", Done),
            ("pause", Done),
            ("cancel", Done),
            ("pause", Refused),
            ("pause", Refused)
        ]
    );
    assert!(deeds.iter().all(|(_, deed)| deed.who == "ravi" && deed.via == Via::Page));
    assert!(deeds[2].1.detail.contains("10 messages skipped"), "{:?}", deeds[2]);
    let log = browser.get("/audit").send().await.unwrap().text().await.unwrap();
    assert!(log.contains("ravi") && log.contains("10 messages skipped"), "{log}");
}

#[tokio::test]
async fn doubts_are_decided_on() {
    let world = World::new().await;
    world.scene.release_all(now()).await;
    world.scene.claim(0, 0..3, now()).await;
    for seq in 0..3 {
        world.scene.unknown(seq, 1, now()).await;
    }
    let token = world.token("ravi", Role::Operator).await;
    let browser = world.browser(&token).await;
    let page = browser.get("/campaigns/diwali").send().await.unwrap().text().await.unwrap();
    assert!(page.contains(r#"href="/campaigns/diwali/doubts">3 messages in doubt"#), "{page}");
    let list = browser.get("/campaigns/diwali/doubts").send().await.unwrap().text().await.unwrap();
    assert!(list.contains("no answer came") && list.contains(r#"name="seq" value="2""#), "{list}");
    assert!(!list.contains("919800000000"), "recipients are masked: {list}");
    let viewers = world.token("wall", Role::Viewer).await;
    let seen = world.program(Method::GET, "/campaigns/diwali/doubts", &viewers).send().await.unwrap();
    let seen = seen.text().await.unwrap();
    assert!(
        seen.contains("no answer came") && !seen.contains("checkbox") && !seen.contains("Decide"),
        "{seen}"
    );

    let question = browser.get("/campaigns/diwali/doubts/resolve?seq=0&seq=1&as=drop").send().await.unwrap();
    let question = question.text().await.unwrap();
    assert!(
        question.contains("Decide on 2 messages of diwali?") && question.contains("given up"),
        "{question}"
    );
    assert_eq!(world.store.doubts(world.scene.id, None, 10).await.unwrap().len(), 3, "asking does nothing");
    let form = [("seq", "0"), ("seq", "1"), ("as", "drop")];
    let done = browser.post("/campaigns/diwali/doubts/resolve").form(&form).send().await.unwrap();
    assert_eq!((done.status(), location(&done)), (StatusCode::SEE_OTHER, "/campaigns/diwali/doubts"));
    let left = world.store.doubts(world.scene.id, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|doubt| doubt.seq.0).collect::<Vec<_>>(), [2]);
    // What is not in doubt any more is not touched, and said.
    let again = browser.post("/campaigns/diwali/doubts/resolve").form(&form).send().await.unwrap();
    assert_eq!(again.status(), 409);
    let again = again.text().await.unwrap();
    assert!(again.contains("not resolved") && again.contains("2 of them"), "{again}");
    // None chosen: all.
    let all = [("as", "accepted")];
    browser.post("/campaigns/diwali/doubts/resolve").form(&all).send().await.unwrap();
    assert!(world.store.doubts(world.scene.id, None, 10).await.unwrap().is_empty());
    let none = browser.post("/campaigns/diwali/doubts/resolve").form(&all).send().await.unwrap();
    assert_eq!(none.status(), 409);
    for bad in [vec![("seq", "x"), ("as", "drop")], vec![("as", "forget")], vec![]] {
        let answer = browser.post("/campaigns/diwali/doubts/resolve").form(&bad).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{bad:?}");
    }
    let ended = world.store.ended_doubts(world.scene.id, None, 10).await.unwrap();
    assert!(
        ended.len() == 3 && ended.iter().all(|one| one.ending.by.as_deref() == Some("ravi")),
        "{ended:?}"
    );
    let deeds = world.store.deeds(None, 10).await.unwrap();
    let told: Vec<_> = deeds.iter().rev().map(|(_, deed)| (deed.detail.as_str(), deed.outcome)).collect();
    assert_eq!(told[0], ("2 doubts as drop", Outcome::Done));
    assert_eq!(told[2], ("1 doubt as accepted", Outcome::Done));
    assert_eq!((told[1].1, told[3].1, told.len()), (Outcome::Refused, Outcome::Refused, 4));
    let list = browser.get("/campaigns/diwali/doubts").send().await.unwrap().text().await.unwrap();
    assert!(list.contains("No message is in doubt") && list.contains("Ended by a decision"), "{list}");
}

#[tokio::test]
async fn a_page_changes_by_itself() {
    let world = World::new().await;
    let browser = world.browser(CONFIGURED).await;
    let mut stream = browser.get("/live/diwali").send().await.unwrap();
    assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut heard = String::new();
    let mut until = async |wanted: &str| {
        while !heard.contains(wanted) {
            let chunk = stream.chunk().await.unwrap().unwrap_or_else(|| panic!("it ended: {heard}"));
            heard.push_str(&String::from_utf8_lossy(&chunk));
        }
        std::mem::take(&mut heard)
    };
    let first = until("failures").await;
    assert!(first.contains("event: parts") && first.contains("running"), "{first}");
    world.store.transition(world.scene.id, Event::Pause, Some("for <b>lunch</b>"), now()).await.unwrap();
    let changed = until("lunch").await;
    assert!(changed.contains("paused") && !changed.contains("<b>"), "{changed}");
    assert!(!changed.contains("\"money\""), "what did not change is not sent: {changed}");
    let gone = browser.get("/live/nobody").send().await.unwrap();
    assert_eq!(gone.status(), 404);
    until("event: alive\ndata:").await;
    // Stopping ends it.
    world.stop.cancel();
    let ended = async { while stream.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
}

#[tokio::test]
async fn every_answer_keeps_other_origins_out() {
    let world = World::new().await;
    let browser = world.browser(CONFIGURED).await;
    for path in ["/", "/login", "/nowhere", "/campaigns/diwali", "/audit"] {
        let answer = browser.get(path).send().await.unwrap();
        let headers = answer.headers().clone();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        let page = answer.text().await.unwrap();
        assert!(
            !page.contains("style=\"") && !page.contains("onclick"),
            "the policy would refuse it: {page}"
        );
        // The name of SVG is none that is asked for.
        let mut addresses = page.split('"').filter(|part| *part != "http://www.w3.org/2000/svg");
        let elsewhere = addresses.find(|part| part.starts_with("http") || part.starts_with("//"));
        assert_eq!(elsewhere, None, "{path}");
        for asset in page.split('"').filter(|part| part.starts_with("/assets/")) {
            let asset = client().get(format!("{}{asset}", world.url)).send().await.unwrap();
            assert_eq!(asset.status(), 200);
            assert!(asset.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        }
    }
}
