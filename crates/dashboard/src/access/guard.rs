//! Lets requests through, or not. It stands before every route, also before those that do not exist: who may not look
//! learns nothing.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use store::StoreError;
use store::access::{Role, Via};

use super::login::{self, LOGIN};
use super::{CONFIGURED, Caller, origin, secret};
use crate::answer::Problem;
use crate::{ASSETS, Dashboard};

/// What a request has to show for itself.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Token(Entered),
    /// SHA-256 of what is in a cookie.
    Session(String),
}

/// A token that somebody showed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entered {
    /// Its SHA-256.
    hash: String,
    /// Whether it is of the form of those that we make, which nobody guesses.
    is_random: bool,
}

impl Entered {
    pub(super) fn new(token: &str) -> Self {
        Self { hash: secret::hash(token), is_random: secret::is_random(token) }
    }

    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

/// Stands before every route.
pub(crate) async fn guard(State(dashboard): State<Dashboard>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with(ASSETS) {
        return next.run(request).await;
    }
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let shown = shown(request.headers());
    // Also of logging in: another site must not choose as whom.
    if is_change && !matches!(shown, Shown::Token(_)) && !origin::is_ours(request.headers()) {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "this change was not asked for by a page of Paceline; programs send a token as `Authorization: Bearer …`",
        )
        .answer(&request);
    }
    if path == LOGIN {
        return next.run(request).await;
    }
    let caller = match caller(&dashboard, &shown, from(&request)).await {
        Ok(Ok(caller)) => caller,
        Ok(Err(refused)) => return refused.answer(&request),
        Err(error) => return Problem::of_store(&error).answer(&request),
    };
    let Some(caller) = caller else { return stranger(&request, &shown) };
    if is_change && !caller.may_change() && path != super::LOGOUT {
        return Problem::new(
            StatusCode::FORBIDDEN,
            format!("the token {} is a viewer's: it may look, and change nothing", caller.name),
        )
        .answer(&request);
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Whose address the request came from.
pub(super) fn from(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

fn shown(headers: &HeaderMap) -> Shown {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    // What a proxy's own authentication left there is not for us.
    if let Some((scheme, token)) = authorization.and_then(|text| text.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Shown::Token(Entered::new(token.trim()));
    }
    login::session_of(headers).map_or(Shown::Nothing, |session| Shown::Session(secret::hash(&session)))
}

/// Who asks; `None`: nobody who may.
async fn caller(
    dashboard: &Dashboard,
    shown: &Shown,
    from: Option<IpAddr>,
) -> Result<Result<Option<Caller>, Problem>, StoreError> {
    let now = dashboard.clock.now();
    match shown {
        Shown::Nothing => Ok(Ok(None)),
        Shown::Session(hash) => {
            let Some(session) = dashboard.store.session(hash, now).await? else { return Ok(Ok(None)) };
            Ok(Ok(known(dashboard, &session.token_hash, Via::Page).await?))
        }
        Shown::Token(token) => Ok(checked(dashboard, token, Via::Api, from).await?),
    }
}

/// Whose token this is, where it is a good one. After too many wrong ones, those that may be guessed are not looked at any
/// more: nobody can keep others out by it who have a random one.
pub(super) async fn checked(
    dashboard: &Dashboard,
    token: &Entered,
    via: Via,
    from: Option<IpAddr>,
) -> Result<Result<Option<Caller>, Problem>, StoreError> {
    // Counted before it is looked at, so that many at once are not more.
    let counted = dashboard.attempts().begin(from, dashboard.clock.now());
    if let Err(seconds) = counted
        && !token.is_random
    {
        return Ok(Err(Problem::too_many(seconds)));
    }
    let caller = known(dashboard, &token.hash, via).await;
    match &caller {
        Ok(None) => tracing::warn!(?from, "a request with a wrong token was refused"),
        Ok(Some(_)) | Err(_) if counted.is_ok() => dashboard.attempts().was_not_wrong(from),
        Ok(Some(_)) | Err(_) => {}
    }
    Ok(Ok(caller?))
}

async fn known(dashboard: &Dashboard, hash: &str, via: Via) -> Result<Option<Caller>, StoreError> {
    if dashboard.token.as_deref().is_some_and(|configured| secret::is_same(configured, hash)) {
        return Ok(Some(Caller { name: CONFIGURED.to_owned(), role: Role::Operator, via }));
    }
    let token = dashboard.store.use_token(hash, dashboard.clock.now()).await?;
    Ok(token.map(|token| Caller { name: token.name, role: token.role, via }))
}

/// Who may not look: a person is sent to the log-in page, a program is told.
fn stranger(request: &Request, shown: &Shown) -> Response {
    let is_person = *request.method() == Method::GET && crate::answer::wants_page(request.headers());
    if is_person && !matches!(shown, Shown::Token(_)) {
        return Redirect::to(&login_for(request.uri())).into_response();
    }
    let mut answer = Problem::new(
        StatusCode::UNAUTHORIZED,
        match shown {
            Shown::Token(_) => "this token is wrong, was revoked, or is over",
            Shown::Nothing | Shown::Session(_) => "a token is needed: send it as `Authorization: Bearer …`",
        },
    )
    .answer(request);
    let scheme = axum::http::HeaderValue::from_static("Bearer");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    answer
}

/// The log-in page, which leads back.
fn login_for(uri: &Uri) -> String {
    let back = uri.path_and_query().map_or("/", |path| path.as_str());
    if back == "/" {
        return LOGIN.to_owned();
    }
    let query = serde_urlencoded(back);
    format!("{LOGIN}?next={query}")
}

/// Text as part of a query.
fn serde_urlencoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_log_in_page_leads_back() {
        assert_eq!(login_for(&Uri::from_static("/")), "/login");
        let uri = Uri::from_static("/campaigns/weekly@2026-11-23T10:00?a=b&c=d");
        assert_eq!(login_for(&uri), "/login?next=/campaigns/weekly%402026-11-23T10%3A00%3Fa%3Db%26c%3Dd");
    }

    #[test]
    fn a_token_goes_before_a_cookie() {
        let headers = |pairs: &[(header::HeaderName, &[u8])]| {
            let value = |bytes| HeaderValue::from_bytes(bytes).unwrap();
            pairs.iter().map(|(name, bytes)| (name.clone(), value(bytes))).collect::<HeaderMap>()
        };
        let cookie = (header::COOKIE, &b"a=\xc3\xa9; paceline_session=abc"[..]);
        let session = || Shown::Session(secret::hash("abc"));
        assert_eq!(shown(&headers(&[])), Shown::Nothing);
        assert_eq!(shown(&headers(std::slice::from_ref(&cookie))), session());
        let token = |value: &'static [u8]| (header::AUTHORIZATION, value);
        let both = headers(&[cookie.clone(), token(b"bearer xyz")]);
        assert_eq!(shown(&both), Shown::Token(Entered::new("xyz")));
        for other in [&b"Basic eDp5"[..], b"xyz", b"", b"\xff"] {
            assert_eq!(shown(&headers(&[cookie.clone(), token(other)])), session(), "{other:?}");
        }
    }
}
