//! What people did.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono_tz::Tz;
use desk::format;
use serde::Deserialize;
use store::access::Deed;

use super::Frame;
use crate::Dashboard;
use crate::access::Caller;
use crate::answer::{Problem, page};

/// How many rows a page has.
const ROWS: u32 = 100;

#[derive(Debug, Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    older: Option<i64>,
}

#[derive(Debug)]
struct Row {
    at: String,
    who: String,
    via: &'static str,
    action: String,
    target: String,
    outcome: &'static str,
    detail: String,
}

/// From where the page begins.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    before: Option<i64>,
}

/// The page.
pub(crate) async fn log(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
    Query(From { before }): Query<From>,
) -> Response {
    match dashboard.store.deeds(before, ROWS).await {
        Ok(deeds) => {
            let is_full = u32::try_from(deeds.len()).is_ok_and(|rows| rows == ROWS);
            let older = deeds.last().map(|(number, _)| *number).filter(|_| is_full);
            let rows = deeds.into_iter().map(|(_, deed)| Row::of(deed)).collect();
            page(
                StatusCode::OK,
                &Page { frame: Frame::new(&dashboard, &caller, "/audit", None), rows, older },
            )
        }
        Err(error) => Problem::of_store(&error).page(),
    }
}

impl Row {
    fn of(deed: Deed) -> Self {
        Self {
            at: format::instant(deed.at, Tz::UTC),
            who: deed.who,
            via: deed.via.name(),
            action: deed.action,
            target: deed.target,
            outcome: deed.outcome.name(),
            detail: deed.detail,
        }
    }
}
