//! Answers: pages for people, problems for both people and programs.

use askama::Template;
use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use desk::DeskError;
use serde::Serialize;
use store::StoreError;

/// A page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a page could not be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "This page could not be made; the log says why.")
                .into_response()
        }
    }
}

/// Why a request was not answered as it asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// What happened, and what to do.
    pub(crate) sentence: String,
    /// In how many seconds to ask again.
    retry_after: Option<u64>,
}

/// A problem for programs (RFC 9457).
#[derive(Debug, Serialize)]
struct ForPrograms<'p> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'p str,
}

#[derive(Debug, Template)]
#[template(path = "problem.html")]
struct ForPeople<'p> {
    title: &'static str,
    sentence: &'p str,
}

impl Problem {
    /// A problem, said in a sentence.
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), retry_after: None }
    }

    /// The store did not do it.
    pub(crate) fn of_store(error: &StoreError) -> Self {
        tracing::warn!(error = error as &dyn std::error::Error, "a request could not be answered");
        if error.is_transient() {
            let retry_after = Some(5);
            Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()) }
        } else {
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
        }
    }

    /// It was not done, for a reason.
    pub(crate) fn of_desk(error: &DeskError) -> Self {
        let (status, sentence) = match error {
            DeskError::Store(error) => return Self::of_store(error),
            DeskError::NotFound(sentence) => (StatusCode::NOT_FOUND, sentence),
            DeskError::Refused(sentence) => (StatusCode::CONFLICT, sentence),
            DeskError::Unreadable(sentence) => (StatusCode::INTERNAL_SERVER_ERROR, sentence),
        };
        Self::new(status, sentence)
    }

    /// Too many wrong tokens.
    pub(crate) fn too_many(seconds: u64) -> Self {
        let sentence = format!("too many wrong tokens were tried; try again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, sentence) }
    }

    /// There is no such page.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such page")
    }

    /// As the asker reads it.
    pub(crate) fn answer(&self, request: &Request) -> Response {
        if wants_page(request.headers()) { self.page() } else { self.json() }
    }

    /// For people.
    pub(crate) fn page(&self) -> Response {
        let sentence = capitalised(&self.sentence);
        let shown = ForPeople { title: self.title(), sentence: &sentence };
        self.with_headers(page(self.status, &shown))
    }

    /// For programs.
    pub(crate) fn json(&self) -> Response {
        let told = ForPrograms {
            kind: "about:blank",
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.sentence,
        };
        let mut answer = (self.status, Json(told)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        self.with_headers(answer)
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Problem")
    }

    fn with_headers(&self, mut answer: Response) -> Response {
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

/// Whether who asks reads pages.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kinds| kinds.contains("text/html"))
}

/// A sentence that begins as one.
fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if sentence.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}
