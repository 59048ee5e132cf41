//! `paceline demo`: ends by itself, and its report agrees with the simulator's ledger.

use std::process::Command;

use testkit::{Answer, binary};

use crate::beside_others;

#[tokio::test]
async fn it_ends_and_agrees() {
    let _place = beside_others().await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary::path());
    command.args(["demo", "--recipients", "300", "--rate", "100/s", "--json"]).current_dir(folder.path());
    let answer = Answer::of(command.env_remove("RUST_LOG").output().unwrap()).good();
    let told = answer.json();
    assert_eq!(told["agrees"], true, "{told:#}");
    assert_eq!(told["state"], "done", "{told:#}");
    assert_eq!(told["ledger"], told["report"], "{told:#}");
    assert_eq!(told["violations"], serde_json::json!([]), "{told:#}");
}
