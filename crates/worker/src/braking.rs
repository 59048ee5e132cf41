//! Sets brakes: what the platform refuses is sent to no more, by nobody, until it is lifted.

use std::collections::BTreeSet;

use campaign::platform_error::Stopped;
use store::brake::{Brake, BrakeChange, Subject};

use crate::outcome::Stop;
use crate::persist::persist;
use crate::slice::SliceContext;
use crate::worker::{Line, Worker, WorkerSender};

impl Worker {
    /// Brakes what a refusal stops.
    pub(crate) async fn brake(&self, context: &SliceContext, stop: &Stop) {
        let now = self.clock.now();
        let changes: Vec<BrakeChange> = self
            .subjects(context, stop.on)
            .into_iter()
            .map(|on| Brake {
                on,
                cause: stop.cause,
                reason: stop.reason.clone(),
                since: now,
                until: stop.until,
            })
            .map(BrakeChange::Set)
            .collect();
        persist("set a brake", || self.store.change_brakes(&changes, now)).await;
        for change in &changes {
            if let BrakeChange::Set(Brake { on, reason, .. }) = change {
                tracing::warn!(on = %on, reason, "the platform refuses messages; nothing more is sent there");
            }
        }
    }

    /// What has to stand still.
    fn subjects(&self, context: &SliceContext, on: Stopped) -> BTreeSet<Subject> {
        let sender = &context.line.sender;
        match on {
            Stopped::Template => [Subject::Template(context.group.template.clone())].into(),
            Stopped::Sender => [Subject::Sender(sender.pace.name.clone())].into(),
            // The account of the messages: the configuration may name another one by now.
            Stopped::Account => [Subject::Account(context.group.template.waba_id.clone())].into(),
            Stopped::Token => self
                .concerned(context, on)
                .into_iter()
                .map(|line| Subject::Sender(line.sender.pace.name.clone()))
                .collect(),
        }
    }

    /// The senders that are concerned.
    pub(crate) fn concerned<'w>(&'w self, context: &'w SliceContext, on: Stopped) -> Vec<&'w Line> {
        let own = &context.line.sender;
        match on {
            Stopped::Template | Stopped::Sender => vec![context.line.as_ref()],
            Stopped::Account => self.senders_where(|sender| sender.waba_id == own.waba_id),
            Stopped::Token => self.senders_where(|sender| sender.token_name == own.token_name),
        }
    }

    fn senders_where(&self, is_one: impl Fn(&WorkerSender) -> bool) -> Vec<&Line> {
        self.senders.values().map(|line| &**line).filter(|line| is_one(&line.sender)).collect()
    }
}
