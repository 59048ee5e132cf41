//! The pages.
//!
//! | module | shows |
//! | --- | --- |
//! | [`campaigns`] | all campaigns |
//! | [`campaign`] | one campaign, in parts that change by themselves |
//! | [`doubts`] | what is in doubt, and the decision on it |
//! | [`audit`] | what people did |
//! | [`charts`] | a campaign over time, and how far its recipients got |
//! | [`words`] | states as words with a sign, and bars |

pub(crate) mod audit;
pub(crate) mod campaign;
pub(crate) mod campaigns;
mod charts;
pub(crate) mod doubts;
mod words;

use askama::Template;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use store::access::Role;

use crate::Dashboard;
use crate::access::Caller;
use crate::answer::{Problem, page};
use crate::assets;

/// What stands around every page.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The stream of what changes on the page.
    pub(crate) live: Option<String>,
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) icon: String,
    here: &'static str,
    has_board: bool,
}

/// A link of the navigation.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    pub(crate) is_here: bool,
}

impl Frame {
    /// Around a page of the section `here`.
    pub(crate) fn new(
        dashboard: &Dashboard,
        caller: &Caller,
        here: &'static str,
        live: Option<String>,
    ) -> Self {
        Self {
            name: caller.name.clone(),
            role: caller.role,
            live,
            style: assets::style(),
            script: assets::script(),
            icon: assets::icon(),
            here,
            has_board: dashboard.has_board,
        }
    }

    pub(crate) fn links(&self) -> Vec<Link> {
        let board = self.has_board.then_some(("/board", "Queue board"));
        let all = [("/", "Campaigns")].into_iter().chain(board).chain([("/audit", "Audit log")]);
        all.map(|(path, name)| Link { path, name, is_here: path == self.here }).collect()
    }
}

/// A part of a page that is replaced when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) id: &'static str,
    pub(crate) html: String,
}

impl Part {
    pub(crate) fn new(id: &'static str, template: &impl Template) -> Self {
        let html = template.render().unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                part = id,
                "a part of a page could not be made"
            );
            String::new()
        });
        Self { id, html }
    }
}

/// A page of parts.
#[derive(Debug, Template)]
#[template(path = "parts.html")]
pub(crate) struct Parts {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) parts: Vec<Part>,
}

impl Parts {
    pub(crate) fn answer(&self) -> Response {
        page(StatusCode::OK, self)
    }
}

/// Asks whether something is meant, before it is done.
#[derive(Debug, Template)]
#[template(path = "confirm.html")]
pub(crate) struct Confirm {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    /// Where the answer goes.
    pub(crate) action: String,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) label: String,
    pub(crate) class: &'static str,
    /// Where one goes who did not mean it.
    pub(crate) back: String,
}

impl Confirm {
    pub(crate) fn answer(&self) -> Response {
        page(StatusCode::OK, self)
    }
}

/// For paths that lead nowhere.
pub(crate) async fn no_such_page(request: Request) -> Response {
    Problem::not_found().answer(&request)
}
