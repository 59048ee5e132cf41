//! How many webhooks of each kind came.

use campaign::message::Status;
use chrono::TimeDelta;

use super::scene::{Setup, at, unkeyed};
use crate::SharedStore;
use crate::webhooks::{NEVER_MATCHED, WebhookCount};

fn of(kind: &str, number: &str, n: u64) -> WebhookCount {
    WebhookCount { kind: kind.into(), number: number.into(), n }
}

pub async fn webhooks_are_counted_by_kind_number_and_day(store: SharedStore) {
    let (first, next) = (at(0), at(0) + TimeDelta::days(1));
    store.count_webhooks(&[of("inbound", "1", 2), of("inbound", "2", 1)], first).await.unwrap();
    store.count_webhooks(&[of("other.a\0b", "", 1), of("inbound", "1", 3)], first).await.unwrap();
    // Another reconciler's clock is behind.
    store.count_webhooks(&[of("inbound", "1", 1)], first - TimeDelta::seconds(9)).await.unwrap();
    store.count_webhooks(&[of("inbound", "1", 7)], next).await.unwrap();
    let all = store.webhook_counts(first.date_naive()).await.unwrap();
    let counted: Vec<_> = all.iter().map(|day| (day.number.as_str(), day.n, day.last_at)).collect();
    assert_eq!(counted, [("1", 6, first), ("2", 1, first), ("", 1, first), ("1", 7, next)]);
    assert!(all[2].kind.starts_with("other.a") && all[2].kind.ends_with('b'));
    assert_eq!(store.webhook_counts(next.date_naive()).await.unwrap(), all[3..]);
    store.count_webhooks(&[], next).await.unwrap();
    assert_eq!(store.webhook_counts(first.date_naive()).await.unwrap(), all);
}

pub async fn what_never_matched_is_counted_when_it_is_dropped(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    for seq in 0..3 {
        scene.apply(&[unkeyed(90 + seq, 1, Status::Sent, at(1))], at(1)).await;
    }
    let later = at(0) + TimeDelta::days(9);
    assert_eq!(store.prune_parked(at(100), later, 2).await.unwrap(), 2);
    assert_eq!(store.prune_parked(at(100), later, 2).await.unwrap(), 1);
    assert_eq!(store.prune_parked(at(100), later, 2).await.unwrap(), 0);
    let counted = store.webhook_counts(later.date_naive()).await.unwrap();
    assert_eq!(counted.len(), 1);
    assert_eq!((counted[0].kind.as_str(), counted[0].n, counted[0].last_at), (NEVER_MATCHED, 3, later));
}
