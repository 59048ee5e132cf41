//! Through which door a send comes: Meta's own, or 360dialog's, which writes errors its own way.

use std::collections::BTreeMap;

use crate::dialog360::{OwnError, wrapped};
use crate::errors::ApiError;
use crate::sends::Reply;

/// Through which a send comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The Graph API: `token` is a bearer token.
    Graph,
    /// 360dialog: `token` is a number's key.
    Dialog360,
}

impl Door {
    /// An error of the platform as it is written there.
    pub(crate) fn body(self, error: &ApiError, trace: &str) -> String {
        match self {
            Self::Graph => error.body(trace).to_string(),
            Self::Dialog360 => wrapped(error, trace).to_string(),
        }
    }
}

/// 500 and 503 as the platform writes them; anything else is a gateway's page, or, below 500, what 360dialog says of
/// its own.
pub(crate) fn server_error(door: Door, http: u16, trace: &str) -> Reply {
    let error = match (door, http) {
        (_, 500) => ApiError::new(131000, "Message failed to send due to an unknown error."),
        (_, 503) => ApiError::new(2, "Temporary due to downtime or due to being overloaded."),
        (Door::Dialog360, 400..=499) => return own_error(&OwnError::of_status(http)),
        _ => return Reply::Gateway { http },
    };
    Reply::Json { http, headers: BTreeMap::new(), body: door.body(&error, trace) }
}

/// A refusal of 360dialog's own, as it is written.
pub(crate) fn own_error(own: &OwnError) -> Reply {
    Reply::Json { http: own.http, headers: BTreeMap::new(), body: own.body().to_string() }
}
