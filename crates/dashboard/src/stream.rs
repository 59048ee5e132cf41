//! What changes on a page, as it changes: server-sent events, each with the parts that are other than before. However many
//! look, the database is read once a second (`live`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};

use crate::Dashboard;
use crate::access::Caller;
use crate::answer::Problem;
use crate::live::{BEAT, Seen};
use crate::pages::{self, Part};

/// So often a stream looks before it ends. The browser begins another one, and the guard looks at its session again.
const LOOKS: u32 = 60;

/// What is sent before the browser begins again.
const AGAIN: Duration = Duration::from_secs(1);

/// What changes on the page of all campaigns.
pub(crate) async fn campaigns(State(dashboard): State<Dashboard>) -> Response {
    stream_of(dashboard, |seen| Some(pages::campaigns::parts(seen)))
}

/// What changes on the page of one campaign.
pub(crate) async fn campaign(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
) -> Response {
    match dashboard.live.look(&*dashboard.store, dashboard.clock.now()).await {
        Ok(seen) if seen.campaign(&key).is_none() => {
            Problem::new(StatusCode::NOT_FOUND, format!("there is no campaign \"{key}\"")).json()
        }
        Ok(_) => stream_of(dashboard, move |seen| {
            seen.campaign(&key).map(|facts| pages::campaign::parts(facts, &caller, seen.at))
        }),
        Err(error) => Problem::of_store(&error).json(),
    }
}

type Render = dyn Fn(&Seen) -> Option<Vec<Part>> + Send + Sync;

struct Watching {
    dashboard: Dashboard,
    render: Arc<Render>,
    /// What the page has.
    sent: BTreeMap<&'static str, String>,
    looks: u32,
}

fn stream_of(
    dashboard: Dashboard,
    render: impl Fn(&Seen) -> Option<Vec<Part>> + Send + Sync + 'static,
) -> Response {
    let watching = Watching { dashboard, render: Arc::new(render), sent: BTreeMap::new(), looks: 0 };
    Sse::new(events(watching)).into_response()
}

fn events(watching: Watching) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(watching, |mut watching| async move {
        let event = watching.next().await?;
        Some((Ok(event), watching))
    })
}

impl Watching {
    /// The next event; `None`: the stream ends.
    async fn next(&mut self) -> Option<Event> {
        if self.looks >= LOOKS || self.dashboard.stopping.is_cancelled() {
            return None;
        }
        if self.looks > 0 {
            tokio::select! {
                () = self.dashboard.clock.sleep(BEAT) => {}
                () = self.dashboard.stopping.cancelled() => return None,
            }
        }
        self.looks += 1;
        // A database that is away is not the browser's concern: it says itself that nothing comes.
        let Ok(seen) = self.dashboard.live.look(&*self.dashboard.store, self.dashboard.clock.now()).await
        else {
            return Some(Event::default().comment("the database is away"));
        };
        let parts = (self.render)(&seen)?;
        let changed: BTreeMap<&'static str, String> = parts
            .into_iter()
            .filter(|part| self.sent.get(part.id) != Some(&part.html))
            .map(|part| (part.id, part.html))
            .collect();
        if changed.is_empty() {
            return Some(Event::default().event("alive").data(""));
        }
        let event = Event::default().event("parts").retry(AGAIN).json_data(&changed).ok()?;
        self.sent.extend(changed);
        Some(event)
    }
}
