//! One connection to Redis, made when it is first needed and made again after whatever went wrong with it.
//!
//! redis-rs's own manager keeps a connection on which every answer times out: a network that swallows packets would
//! never be left. Here a connection is given up after the first answer that does not come.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, FromRedisValue, RedisError, RedisResult, ScriptInvocation,
    ServerErrorKind,
};
use tokio::sync::Mutex;

use super::Address;
use crate::QueueError;

/// How long a connection may take to be made, and an answer to come.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long all of a call may take: a new connection, and the script sent once more where Redis does not know it.
const LONGEST: Duration = Duration::from_secs(5);

/// A connection in use.
#[derive(Clone)]
struct Connected {
    number: u64,
    connection: MultiplexedConnection,
    /// Which start of which server it leads to; empty where that is not told.
    server: Arc<str>,
}

/// A connection that many share.
pub(super) struct Link {
    address: Address,
    /// The connection in use, and how many there have been.
    connection: Mutex<(Option<Connected>, u64)>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.address)
    }
}

impl Link {
    /// A link that connects when it is first used.
    pub(super) fn to(address: &Address) -> Self {
        Self { address: address.clone(), connection: Mutex::default() }
    }

    /// Where it goes.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Runs a script, made for the server that is reached; where Redis does not know it (any more), it is sent along.
    pub(super) async fn run<'script, T: FromRedisValue>(
        &self,
        doing: &'static str,
        script: impl FnOnce(&str) -> ScriptInvocation<'script> + Send,
    ) -> Result<T, QueueError> {
        let why = match tokio::time::timeout(LONGEST, self.attempt(script)).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", LONGEST.as_secs()),
        };
        Err(QueueError { doing, why: format!("{}: {why}", self.address) })
    }

    async fn attempt<'script, T: FromRedisValue>(
        &self,
        script: impl FnOnce(&str) -> ScriptInvocation<'script> + Send,
    ) -> RedisResult<T> {
        let Connected { number, mut connection, server } = self.connected().await?;
        let result = script(&server).invoke_async(&mut connection).await;
        if let Err(error) = &result
            && !is_an_answer(error)
        {
            self.give_up(number).await;
        }
        result
    }

    async fn connected(&self) -> RedisResult<Connected> {
        let mut slot = self.connection.lock().await;
        if let Some(connected) = &slot.0 {
            return Ok(connected.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let client = self.address.client();
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        // Without the password that Redis wants, this says so; a long command gets a riddle for an answer.
        redis::cmd("PING").exec_async(&mut connection).await?;
        let server = run_id(&mut connection).await?;
        slot.1 += 1;
        let connected = Connected { number: slot.1, connection, server };
        slot.0 = Some(connected.clone());
        Ok(connected)
    }

    /// The next call connects anew, unless another one has done so already.
    async fn give_up(&self, number: u64) {
        let mut slot = self.connection.lock().await;
        if slot.0.as_ref().is_some_and(|connected| connected.number == number) {
            slot.0 = None;
        }
    }
}

/// The name that a server gives itself at each start. Users may be forbidden to ask for it.
async fn run_id(connection: &mut MultiplexedConnection) -> RedisResult<Arc<str>> {
    let info: String = match redis::cmd("INFO").arg("server").query_async(connection).await {
        Ok(info) => info,
        Err(error) if error.code() == Some("NOPERM") => String::new(),
        Err(error) => return Err(error),
    };
    Ok(info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default().into())
}

/// Whether Redis itself said so, over a connection that works. A server that became a replica may be reached elsewhere
/// under the same name.
fn is_an_answer(error: &RedisError) -> bool {
    let kind = error.kind();
    let moved = matches!(kind, ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
    !moved && (error.code().is_some() || matches!(kind, ErrorKind::UnexpectedReturnType))
}
