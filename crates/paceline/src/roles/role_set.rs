//! Which roles a process has.

use crate::config::SecretKind;

/// The roles of a process, by the command that starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleSet {
    /// Every role: `paceline run`.
    All,
    /// Releases what is due, while it leads; sweeps.
    Scheduler,
    /// Sends.
    Worker,
    /// Takes webhooks in.
    Reconciler,
    /// Serves the dashboard.
    Dashboard,
}

impl RoleSet {
    /// The command.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "run",
            Self::Scheduler => "scheduler",
            Self::Worker => "worker",
            Self::Reconciler => "reconciler",
            Self::Dashboard => "dashboard",
        }
    }

    /// Whether it releases what is due.
    pub(crate) const fn schedules(self) -> bool {
        matches!(self, Self::All | Self::Scheduler)
    }

    /// Whether it sends.
    pub(crate) const fn sends(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    /// Whether it takes webhooks in.
    pub(crate) const fn takes_webhooks(self) -> bool {
        matches!(self, Self::All | Self::Reconciler)
    }

    /// Whether it serves the dashboard.
    pub(crate) const fn serves_dashboard(self) -> bool {
        matches!(self, Self::All | Self::Dashboard)
    }

    /// Whether it meets other roles by the queue.
    pub(crate) const fn needs_queue(self) -> bool {
        self.schedules() || self.sends()
    }

    /// The secrets it needs.
    pub(crate) const fn secrets(self) -> &'static [SecretKind] {
        match self {
            Self::All => &[SecretKind::SenderTokens, SecretKind::Webhook, SecretKind::Dashboard],
            Self::Scheduler => &[],
            Self::Worker => &[SecretKind::SenderTokens],
            Self::Reconciler => &[SecretKind::Webhook],
            Self::Dashboard => &[SecretKind::Dashboard],
        }
    }
}
