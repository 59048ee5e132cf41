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
use queue::SharedInspect;
use store::SharedStore;
use tokio_util::sync::CancellationToken;

use slices::Slices;

/// The board's routes: `/board` and all below it. Whoever asks is answered: authentication is to be put around it. The
/// page keeps one connection open for as long as it is shown; these end when `stop` is cancelled.
pub fn router(queue: SharedInspect, store: SharedStore, stop: CancellationToken) -> Router {
    let api = api::Api { queue, slices: Slices::of(store), stop };
    Router::new().nest("/board/api/v1", api::routes(api)).merge(page::routes())
}
