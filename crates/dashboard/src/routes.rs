//! The list of all routes: the router is made of it, and tests try each of it without a token and with a viewer's.

use axum::http::Method;
use axum::routing::{MethodRouter, get, post};

use crate::access::{LOGIN, LOGOUT, form, log_in, log_out};
use crate::{Dashboard, actions, assets, pages, stream};

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    /// As axum has it: `/campaigns/{key}`.
    pub path: &'static str,
    /// What may be done there; GET takes HEAD along.
    pub methods: &'static [Method],
    pub(crate) answers: MethodRouter<Dashboard>,
}

const LOOK: &[Method] = &[Method::GET];
const ASK: &[Method] = &[Method::GET, Method::POST];
const CHANGE: &[Method] = &[Method::POST];

/// All routes.
#[must_use]
pub fn routes() -> Vec<Route> {
    let route = |path, methods, answers| Route { path, methods, answers };
    vec![
        route(LOGIN, ASK, get(form).post(log_in)),
        route(LOGOUT, CHANGE, post(log_out)),
        route("/assets/{file}", LOOK, get(assets::asset)),
        route("/", LOOK, get(pages::campaigns::all)),
        route("/campaigns/{key}", LOOK, get(pages::campaign::one)),
        route("/campaigns/{key}/{action}", ASK, get(actions::confirm).post(actions::act)),
        route("/campaigns/{key}/doubts", LOOK, get(pages::doubts::list)),
        route(
            "/campaigns/{key}/doubts/resolve",
            ASK,
            get(pages::doubts::confirm).post(pages::doubts::resolve),
        ),
        route("/live", LOOK, get(stream::campaigns)),
        route("/live/{key}", LOOK, get(stream::campaign)),
        route("/audit", LOOK, get(pages::audit::log)),
    ]
}
