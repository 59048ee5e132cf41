//! The queue board: apalis-board's page at `/board` and its API at `/board/api/v1`, over a look into either queue.
//!
//! It shows and changes nothing: jobs come from the scheduler alone, so that its API has no route that pushes one.
//!
//! | module | holds |
//! | --- | --- |
//! | `api` | the routes that the page asks |
//! | `backend` | the queue as apalis's listing and metrics traits want it |
//! | `slices` | what is told of a slice: its campaign by key, its messages counted |
//! | `statistics` | what is counted, by the names that the page knows |
//! | `page` | the page and what it is made of, moved from `/` to `/board` |

mod api;
mod backend;
mod page;
mod slices;
mod statistics;

use axum::Router;
use axum::routing::MethodRouter;
use queue::SharedInspect;
use store::SharedStore;
use tokio_util::sync::CancellationToken;

use api::Api;
use slices::Slices;

/// The board's routes: `/board` and all below it. Whoever asks is answered: authentication is to be put around it. The
/// page keeps one connection open for as long as it is shown; these end when `stop` is cancelled.
pub fn router(queue: SharedInspect, store: SharedStore, stop: CancellationToken) -> Router {
    let router =
        routes().into_iter().fold(Router::new(), |router, (path, answers)| router.route(path, answers));
    router.with_state(Api { queue, slices: Slices::of(store), stop })
}

/// Every path at which the board answers, as axum has it. GET and HEAD are all that it knows.
#[must_use]
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|(path, _)| path).collect()
}

/// A path, and what answers there.
type Route = (&'static str, MethodRouter<Api>);

fn routes() -> Vec<Route> {
    [api::routes(), page::routes()].concat()
}
