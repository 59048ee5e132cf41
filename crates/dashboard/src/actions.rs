//! What an operator changes on pages: asked once more before it is done, and written down.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use campaign::{lifecycle, message};
use desk::control::{self, Controlled, PAUSED};
use desk::{DeskError, format};
use store::access::Outcome;
use store::model::CampaignRow;

use crate::Dashboard;
use crate::access::Caller;
use crate::answer::Problem;
use crate::pages::{Confirm, Frame};

/// What can be done to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pause,
    Resume,
    Cancel,
}

impl Action {
    pub(crate) const ALL: [Self; 3] = [Self::Pause, Self::Resume, Self::Cancel];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Pause => "Pause…",
            Self::Resume => "Resume…",
            Self::Cancel => "Cancel…",
        }
    }

    /// Whether it can be done to a campaign in this state, and changes something.
    pub(crate) fn is_for(self, state: lifecycle::State) -> bool {
        let event = match self {
            Self::Pause => lifecycle::Event::Pause,
            Self::Resume => lifecycle::Event::Resume,
            Self::Cancel => lifecycle::Event::Cancel,
        };
        lifecycle::next(state, event).is_ok_and(|next| next != state)
    }

    /// What is asked before it is done.
    fn question(self, row: &CampaignRow) -> Vec<String> {
        let unsent = row.count(message::State::Queued) + row.count(message::State::Retrying);
        let left = format!("{} of {} still to be sent.", format::counted(unsent, "message"), row.key);
        let sending = row.count(message::State::Sending);
        let in_hand = format!(
            "{} with a worker at this moment may still go out within a second.",
            format::counted(sending, "message")
        );
        match self {
            Self::Pause => vec![left, in_hand, "Nothing goes out after that until it is resumed.".to_owned()],
            Self::Resume => {
                vec![left, "It goes on as its pace, windows and template gate allow. Brakes on its sender, template or \
                     account are lifted, for all campaigns: resume it when their cause is gone."
                    .to_owned()]
            }
            Self::Cancel => {
                vec![left, in_hand, "They are skipped, for good. This cannot be undone.".to_owned()]
            }
        }
    }
}

/// Asks whether it is meant.
pub(crate) async fn confirm(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
    Path((key, action)): Path<(String, String)>,
) -> Response {
    let Some(action) = named(&action) else { return Problem::not_found().page() };
    if !caller.may_change() {
        return Problem::new(StatusCode::FORBIDDEN, "a viewer may look, and change nothing").page();
    }
    let row = match desk::finding::find(&*dashboard.store, &key).await {
        Ok(row) => row,
        Err(error) => return Problem::of_desk(&error).page(),
    };
    let title = format!("{} {key}?", action.label().trim_end_matches('…'));
    Confirm {
        frame: Frame::new(&dashboard, &caller, "/campaigns", None),
        label: title.trim_end_matches('?').to_owned(),
        title,
        lines: action.question(&row),
        action: format!("/campaigns/{key}/{}", action.name()),
        fields: Vec::new(),
        class: if action == Action::Cancel { "danger" } else { "main" },
        back: format!("/campaigns/{key}"),
    }
    .answer()
}

/// Does it.
pub(crate) async fn act(
    State(dashboard): State<Dashboard>,
    Extension(caller): Extension<Caller>,
    Path((key, action)): Path<(String, String)>,
) -> Response {
    let Some(action) = named(&action) else { return Problem::not_found().page() };
    to_the_end(async move {
        let (store, now) = (&*dashboard.store, dashboard.clock.now());
        let done = match action {
            Action::Pause => control::pause(store, &key, PAUSED, now).await,
            Action::Resume => control::resume(store, &key, now).await,
            Action::Cancel => control::cancel(store, &key, now, |_, _| {}).await,
        };
        dashboard.live.forget();
        let (outcome, detail) = told(&done);
        dashboard.log(&caller, action.name(), &key, detail, outcome).await;
        match done {
            Ok(_) => Redirect::to(&format!("/campaigns/{key}")).into_response(),
            Err(error) => Problem::of_desk(&error).page(),
        }
    })
    .await
}

/// Does what was asked and writes it down, also where the browser or a proxy has gone meanwhile.
pub(crate) async fn to_the_end(work: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "what was asked on a page broke off, which is a bug");
        let sentence = "this broke off, which is a bug; the log says more, and the page what was done";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, sentence).page()
    })
}

fn named(name: &str) -> Option<Action> {
    Action::ALL.into_iter().find(|action| action.name() == name)
}

/// What the audit log says of it.
fn told(done: &Result<Controlled, DeskError>) -> (Outcome, String) {
    match done {
        Ok(controlled) => {
            let mut detail = format!("it is {}", controlled.state);
            if let Some(skipped) = controlled.skipped {
                detail.push_str(&format!("; {} skipped", format::counted(skipped, "message")));
            }
            for brake in &controlled.lifted {
                detail.push_str(&format!("; the brake on {} is lifted", brake.on));
            }
            (Outcome::Done, detail)
        }
        Err(error @ (DeskError::NotFound(_) | DeskError::Refused(_))) => {
            (Outcome::Refused, error.to_string())
        }
        Err(error @ (DeskError::Unreadable(_) | DeskError::Store(_))) => (Outcome::Failed, error.to_string()),
    }
}
