//! The routes that the board's page asks. apalis-board's own would do, but for four things: they have one that pushes
//! tasks; a page number of 0 panics; an empty status, which the page itself asks for, is refused; and a queue's name with a
//! brace in it is a pattern.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use apalis_board_api::framework::axum as board;
use apalis_core::backend::Filter;
use apalis_core::task::status::Status;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{Stream, StreamExt, stream};
use queue::SharedInspect;
use queue::inspect::PAGE;
use serde::Deserialize;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use super::Route;
use super::backend::Board;
use super::slices::{Slice, Slices};

/// How often a page is told that it is still heard, where it would hear nothing.
const STILL_HERE: Duration = Duration::from_secs(15);

/// So many tasks are on a page where nothing else is asked for.
const ROWS: u32 = 15;

/// What the routes need.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) queue: SharedInspect,
    pub(super) slices: Slices,
    pub(super) stop: CancellationToken,
}

impl Api {
    /// The board over all senders, as apalis-board's handlers want it: nobody else holds this lock.
    fn all(&self) -> Extension<Arc<RwLock<Board>>> {
        self.over(self.queue.senders().to_vec())
    }

    /// The board over one sender.
    fn of(&self, sender: String) -> Result<Extension<Arc<RwLock<Board>>>, board::AppError> {
        if self.queue.senders().contains(&sender) {
            Ok(self.over(vec![sender]))
        } else {
            Err(board::AppError::NotFound)
        }
    }

    fn over(&self, senders: Vec<String>) -> Extension<Arc<RwLock<Board>>> {
        let board = Board::over(self.queue.clone(), self.slices.clone(), senders);
        Extension(Arc::new(RwLock::new(board)))
    }
}

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        ("/board/api/v1/queues", get(queues)),
        ("/board/api/v1/overview", get(overview)),
        ("/board/api/v1/workers", get(workers)),
        ("/board/api/v1/tasks", get(tasks)),
        ("/board/api/v1/events", get(events)),
        ("/board/api/v1/queues/{sender}/stats", get(statistics_of)),
        ("/board/api/v1/queues/{sender}/workers", get(workers_of)),
        ("/board/api/v1/queues/{sender}/tasks", get(tasks_of)),
        ("/board/api/v1/queues/{sender}/tasks/{id}", get(task)),
    ]
}

/// Which tasks are asked for.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    status: String,
    page: Option<u32>,
    page_size: Option<u32>,
}

impl Asked {
    fn filter(&self) -> Result<Query<Filter>, Refusal> {
        let status = match self.status.as_str() {
            "" => None,
            status => Some(Status::from_str(status).map_err(|_| UNKNOWN_STATUS)?),
        };
        let rows = u32::try_from(PAGE).unwrap_or(u32::MAX);
        let page_size = Some(self.page_size.unwrap_or(ROWS).clamp(1, rows));
        Ok(Query(Filter { status, page: self.page.unwrap_or(1).max(1), page_size }))
    }
}

/// What is answered to a question that makes no sense.
type Refusal = (StatusCode, &'static str);

const UNKNOWN_STATUS: Refusal = (
    StatusCode::BAD_REQUEST,
    "status is not one of Pending, Queued, Running, Done, Failed and Killed, nor empty",
);

async fn queues(State(api): State<Api>) -> impl IntoResponse {
    board::fetch_queues::<Board>(api.all()).await
}

async fn overview(State(api): State<Api>) -> impl IntoResponse {
    board::overview::<Board>(api.all()).await
}

async fn workers(State(api): State<Api>) -> impl IntoResponse {
    board::get_all_workers::<Board>(api.all()).await
}

async fn tasks(State(api): State<Api>, Query(asked): Query<Asked>) -> Response {
    match asked.filter() {
        Ok(filter) => board::get_all_tasks::<Board>(filter, api.all()).await.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn statistics_of(State(api): State<Api>, Path(sender): Path<String>) -> impl IntoResponse {
    board::stats_by_queue::<Board>(api.of(sender)?).await
}

async fn workers_of(State(api): State<Api>, Path(sender): Path<String>) -> impl IntoResponse {
    board::get_workers::<Board>(api.of(sender)?).await
}

async fn tasks_of(
    State(api): State<Api>,
    Path(sender): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    match (asked.filter(), api.of(sender)) {
        (Ok(filter), Ok(board)) => board::get_tasks::<Board, Slice>(filter, board).await.into_response(),
        (Err(refusal), _) => refusal.into_response(),
        (_, Err(error)) => error.into_response(),
    }
}

async fn task(State(api): State<Api>, Path((sender, id)): Path<(String, String)>) -> impl IntoResponse {
    board::get_task_by_id::<Board, Slice>(Path(id), api.of(sender)?).await
}

/// The page takes the system for ill when this ends. apalis-board sends the process's log over it; that is not for
/// everybody who may look at a queue, so nothing is ever told.
async fn events(State(api): State<Api>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let nothing = stream::pending().take_until(api.stop.cancelled_owned());
    Sse::new(nothing).keep_alive(KeepAlive::new().interval(STILL_HERE))
}
