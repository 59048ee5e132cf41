//! `paceline demo`: ends by itself, and its report agrees with the simulator's ledger.

use std::time::Duration;

use testkit::Files;

use crate::alone;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_and_agrees() {
    let _alone = alone().await;
    let files = Files::new();
    let mut command = files.command_alone(&["demo", "--recipients", "300", "--rate", "100/s", "--json"]);
    let answer = testkit::binary::within(&mut command, Duration::from_secs(60)).good();
    let told = answer.json();
    assert_eq!(told["agrees"], true, "{told:#}");
}
