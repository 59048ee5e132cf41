//! Wakes those who wait for jobs when some are pushed. Who misses a ring, as a new connection takes its time, looks by
//! itself soon after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use redis::RedisResult;

use super::link::Link;
use super::sender::Sender;

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(2);

/// After so long without a ring the connection is made anew: nothing else says that it does not work any more.
const SILENCE: Duration = Duration::from_secs(30);

/// How long to wait before the next attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// Rings the senders' bells, until it is dropped.
pub(super) async fn ring(link: &Link, senders: &[Arc<Sender>]) {
    let by_channel: BTreeMap<String, &Arc<Sender>> =
        senders.iter().map(|sender| (sender.keys.channel(), sender)).collect();
    loop {
        if let Err(error) = listen(link, &by_channel).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "new jobs are looked for, as they cannot be listened for"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(link: &Link, by_channel: &BTreeMap<String, &Arc<Sender>>) -> RedisResult<()> {
    let connecting = async {
        let mut listener = link.address().client().get_async_pubsub().await?;
        for channel in by_channel.keys() {
            listener.subscribe(channel).await?;
        }
        RedisResult::Ok(listener)
    };
    let Ok(listener) = tokio::time::timeout(PATIENCE, connecting).await else { return Ok(()) };
    let mut rings = listener?.into_on_message();
    // What was pushed while nobody listened.
    for sender in by_channel.values() {
        sender.bell.notify_one();
    }
    while let Ok(Some(ring)) = tokio::time::timeout(SILENCE, rings.next()).await {
        if let Some(sender) = by_channel.get(ring.get_channel_name()) {
            sender.bell.notify_one();
        }
    }
    Ok(())
}
