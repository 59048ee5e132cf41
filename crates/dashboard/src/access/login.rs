//! Logging in and out.

use askama::Template;
use axum::Form;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use cookie::{Cookie, SameSite};
use serde::Deserialize;
use store::access::{Session, Via};

use super::{guard, secret};
use crate::Dashboard;
use crate::answer::{Problem, page};

/// Where one logs in.
pub(crate) const LOGIN: &str = "/login";
/// Where one logs out.
pub(crate) const LOGOUT: &str = "/logout";

const COOKIE: &str = "paceline_session";

/// How long a session lasts: a day at work, and a late evening.
const LASTS: TimeDelta = TimeDelta::hours(14);

#[derive(Debug, Template)]
#[template(path = "login.html")]
struct Page {
    next: String,
    problem: Option<String>,
}

/// Where to go after logging in.
#[derive(Debug, Deserialize)]
pub(crate) struct Next {
    next: Option<String>,
}

/// What was entered.
#[derive(Deserialize)]
pub(crate) struct Entered {
    token: String,
    #[serde(default)]
    next: String,
}

/// The form.
pub(crate) async fn form(Query(Next { next }): Query<Next>) -> Response {
    page(StatusCode::OK, &Page { next: local(next.as_deref().unwrap_or("/")), problem: None })
}

/// Logs a browser in.
pub(crate) async fn log_in(State(dashboard): State<Dashboard>, request: Request) -> Response {
    let (from, is_https) = (guard::from(&request), is_https(request.headers()));
    let Ok(Form(Entered { token, next })) = axum::RequestExt::extract::<Form<Entered>, _>(request).await
    else {
        let problem = Some("Enter the token.".to_owned());
        return page(StatusCode::BAD_REQUEST, &Page { next: local("/"), problem });
    };
    let next = local(&next);
    let token = guard::Entered::new(token.trim());
    let wrong = |status, problem: String| page(status, &Page { next: next.clone(), problem: Some(problem) });
    match guard::checked(&dashboard, &token, Via::Page, from).await {
        Ok(Ok(Some(caller))) => {
            let (session, now) = (secret::session(), dashboard.clock.now());
            let kept = Session { token_hash: token.hash().to_owned(), expires_at: now + LASTS };
            if let Err(error) = dashboard.store.begin_session(&secret::hash(&session), &kept, now).await {
                let problem = Problem::of_store(&error);
                return wrong(problem.status, problem.sentence);
            }
            tracing::info!(token = caller.name, "somebody logged in");
            with_cookie(Redirect::to(&next), cookie(session, is_https, LASTS.num_seconds()))
        }
        Ok(Ok(None)) => {
            wrong(StatusCode::UNAUTHORIZED, "This token is wrong, was revoked, or is over.".to_owned())
        }
        Ok(Err(problem)) => wrong(problem.status, problem.sentence),
        Err(error) => {
            let problem = Problem::of_store(&error);
            wrong(problem.status, problem.sentence)
        }
    }
}

/// Logs a browser out.
pub(crate) async fn log_out(State(dashboard): State<Dashboard>, headers: HeaderMap) -> Response {
    if let Some(session) = session_of(&headers)
        && let Err(error) = dashboard.store.end_session(&secret::hash(&session)).await
    {
        return Problem::of_store(&error).page();
    }
    with_cookie(Redirect::to(LOGIN), cookie(String::new(), is_https(&headers), 0))
}

/// What is in the cookie of a session. Other programs of this host may have put anything beside it.
pub(super) fn session_of(headers: &HeaderMap) -> Option<String> {
    headers.get_all(header::COOKIE).iter().find_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut cookies = Cookie::split_parse(text.as_ref()).flatten();
        cookies.find(|one| one.name() == COOKIE).map(|one| one.value().to_owned())
    })
}

/// For no script, and from other origins only where a link is followed, which changes nothing.
fn cookie(value: String, is_https: bool, seconds: i64) -> Cookie<'static> {
    Cookie::build((COOKIE, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_https)
        .max_age(cookie::time::Duration::seconds(seconds))
        .build()
}

fn with_cookie(answer: Redirect, cookie: Cookie<'_>) -> Response {
    let mut answer = answer.into_response();
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
    answer
}

/// Whether the browser speaks https to the proxy before this.
fn is_https(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// A page of ours, whatever a link says.
fn local(next: &str) -> String {
    let is_local = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(char::is_control)
        && !next.starts_with(LOGIN);
    if is_local { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_leads_elsewhere() {
        for next in ["/", "/campaigns/diwali?x=1"] {
            assert_eq!(local(next), next);
        }
        for next in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\nb",
            "/login?next=/",
            "javascript:x",
        ] {
            assert_eq!(local(next), "/", "{next}");
        }
    }

    #[test]
    fn a_cookie_is_for_this_origin_alone() {
        let text = cookie("abc".into(), true, 60).to_string();
        assert_eq!(text, "paceline_session=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
    }
}
