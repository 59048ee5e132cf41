//! How much it sustains. Not part of a normal run: it wants the machine for itself.
//! `cargo test -p simulator -- --ignored --nocapture sustains`

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use simulator::{Config, Number};

use crate::harness::{World, real_config};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which needs an idle machine"]
async fn it_sustains_three_thousand_sends_a_second_with_webhooks() {
    const SENDS: u32 = 15_000;
    let numbers = vec![Number { throughput_per_second: 1_000_000, ..Number::default() }];
    let world = Arc::new(World::start(Config { numbers, ..real_config() }).await);
    let next = Arc::new(AtomicU32::new(0));
    let before = Instant::now();
    let clients = (0..64).map(|_| {
        let (world, next) = (Arc::clone(&world), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= SENDS {
                    return;
                }
                assert_eq!(world.send_to(n, "hello").await.http, 200);
            }
        })
    });
    for client in futures::future::join_all(clients).await {
        client.unwrap();
    }
    let rate = f64::from(SENDS) / before.elapsed().as_secs_f64();
    println!("{rate:.0} sends a second, with {} webhooks pending", world.sim.pending_webhooks());
    assert!(world.sim.quiet(Duration::from_secs(20)).await);
    println!("{} statuses received", world.receiver.statuses().len());
    assert!(rate >= 3_000.0);
}
