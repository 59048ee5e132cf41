//! How campaigns, messages, slices and attempts are named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number the store gave a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CampaignId(pub i64);

impl fmt::Display for CampaignId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a message in its campaign: the number of its audience row, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u32);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A slice of a campaign: the messages that travel on the queue as one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceId {
    /// The campaign it belongs to.
    pub campaign: CampaignId,
    /// Its number in the campaign, from 0.
    pub number: u32,
}

impl fmt::Display for SliceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.campaign, self.number)
    }
}

/// One message: one recipient of one campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its place in the campaign.
    pub seq: Seq,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.campaign, self.seq)
    }
}

/// Our own name for one attempt at one message, sent along as `biz_opaque_callback_data` and echoed in
/// every status (platform: at most 512 characters). `install` tells two Paceline databases on one account
/// apart, so that neither takes the other's statuses for its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CorrelationKey {
    /// Which Paceline database sent it: 1 to 32 of `[a-z0-9]`.
    pub install: String,
    /// The message.
    pub message: MessageId,
    /// Which attempt at it, from 1.
    pub attempt: u32,
}

impl fmt::Display for CorrelationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pl1.{}.{}.{}.{}", self.install, self.message.campaign, self.message.seq, self.attempt)
    }
}

/// The text is not a key that Paceline made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Paceline correlation key")]
pub struct NotOurKey;

impl FromStr for CorrelationKey {
    type Err = NotOurKey;

    fn from_str(text: &str) -> Result<Self, NotOurKey> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(NotOurKey);
        if next()? != "pl1" {
            return Err(NotOurKey);
        }
        let install = next()?;
        if install.is_empty()
            || install.len() > 32
            || !install.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        {
            return Err(NotOurKey);
        }
        let campaign = CampaignId(next()?.parse().map_err(|_| NotOurKey)?);
        let seq = Seq(next()?.parse().map_err(|_| NotOurKey)?);
        let attempt = next()?.parse().map_err(|_| NotOurKey)?;
        if parts.next().is_some() {
            return Err(NotOurKey);
        }
        Ok(Self { install: install.to_owned(), message: MessageId { campaign, seq }, attempt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_as_it_went() {
        let key = CorrelationKey {
            install: "k3v9".into(),
            message: MessageId { campaign: CampaignId(7), seq: Seq(41) },
            attempt: 2,
        };
        assert_eq!(key.to_string(), "pl1.k3v9.7.41.2");
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn other_texts_are_not_ours() {
        for text in
            ["", "pl1", "pl1.a.1.2", "pl1.a.1.2.3.4", "pl2.a.1.2.3", "pl1.A.1.2.3", "pl1..1.2.3", "order 66"]
        {
            assert_eq!(text.parse::<CorrelationKey>(), Err(NotOurKey), "{text}");
        }
    }
}
