//! What changes on a page, as it changes: server-sent events, each with the parts that are other than before. However many
//! look, the database is read once a second (`live`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use store::StoreError;

use crate::Dashboard;
use crate::access::Caller;
use crate::answer::Problem;
use crate::live::BEAT;
use crate::pages::{self, Part};

/// So often a stream looks before it ends. The browser begins another one, and the guard looks at its session again.
const LOOKS: u32 = 60;

/// What is sent before the browser begins again.
const AGAIN: Duration = Duration::from_secs(1);

/// What changes on the page of all campaigns.
pub(crate) async fn campaigns(State(dashboard): State<Dashboard>) -> Response {
    stream_of(dashboard, Watched::All)
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
        Ok(_) => stream_of(dashboard, Watched::One { key, caller }),
        Err(error) => Problem::of_store(&error).json(),
    }
}

/// What a browser shows.
enum Watched {
    All,
    One { key: String, caller: Caller },
}

struct Watching {
    dashboard: Dashboard,
    watched: Watched,
    /// What the page has.
    sent: BTreeMap<&'static str, String>,
    looks: u32,
}

fn stream_of(dashboard: Dashboard, watched: Watched) -> Response {
    let watching = Watching { dashboard, watched, sent: BTreeMap::new(), looks: 0 };
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
        let Ok(parts) = self.parts().await else {
            return Some(Event::default().comment("the database is away"));
        };
        let parts = parts?;
        let changed: BTreeMap<&'static str, String> = parts
            .into_iter()
            .filter(|part| self.sent.get(part.id) != Some(&part.html))
            .map(|part| (part.id, part.html))
            .collect();
        if changed.is_empty() {
            // Browsers hear of no event without data.
            return Some(Event::default().event("alive").data("1"));
        }
        let event = Event::default().event("parts").retry(AGAIN).json_data(&changed).ok()?;
        self.sent.extend(changed);
        Some(event)
    }

    /// What the page shows now; `None`: what it showed is gone.
    async fn parts(&self) -> Result<Option<Vec<Part>>, StoreError> {
        let (live, store) = (&self.dashboard.live, &*self.dashboard.store);
        let seen = live.look(store, self.dashboard.clock.now()).await?;
        match &self.watched {
            Watched::All => Ok(Some(pages::campaigns::parts(&seen))),
            Watched::One { key, caller } => {
                let Some((id, facts)) = seen.campaign(key) else { return Ok(None) };
                let past = live.past(store, id, seen.at).await?;
                Ok(Some(pages::campaign::parts(facts, &past, caller, seen.at)))
            }
        }
    }
}
