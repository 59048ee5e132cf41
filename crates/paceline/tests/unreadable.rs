//! A campaign that a newer version launched: the command line says so, and shows the others.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sqlx::sqlite::SqlitePool;
use store::conformance::scene::Setup;
use store::{SharedStore, SqliteStore};

const SAYS: &str = "error: the database holds campaigns.definition of campaign newer, which this version of Paceline \
                    cannot read (use the version that wrote it, or a newer one): ";

/// Exit code, and what was printed to both outputs.
fn paceline(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_paceline"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn it_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.db");
    let store = SqliteStore::open(path.to_str().unwrap()).await.unwrap();
    let shared: SharedStore = Arc::new(store.clone());
    for key in ["diwali", "newer"] {
        Setup { key, ..Setup::default() }.launch(&shared).await;
    }
    store.close().await;
    let beside = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let sql = r#"UPDATE campaigns SET definition = '{"moon_phase":"full"}' WHERE key = 'newer'"#;
    sqlx::query(sql).execute(&beside).await.unwrap();
    beside.close().await;

    let (code, shown, said) = paceline(folder.path(), &["status"]);
    assert_eq!(code, Some(1), "not all is shown");
    assert!(shown.contains("diwali") && !shown.contains("newer"), "{shown}");
    assert!(said.starts_with(SAYS), "{said}");

    let (code, shown, _) = paceline(folder.path(), &["status", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, shown.as_array().unwrap().len()), (Some(1), 1), "{shown}");

    let (code, shown, said) = paceline(folder.path(), &["verify"]);
    assert_eq!(code, Some(1), "what was not checked is not known to hold");
    assert!(shown.contains("newer: NOT CHECKED, this version cannot read it"), "{shown}");
    assert!(said.starts_with(SAYS), "{said}");

    for command in ["status", "pause", "verify"] {
        let (code, shown, said) = paceline(folder.path(), &[command, "newer"]);
        assert_eq!((code, shown.as_str()), (Some(1), ""), "{command}");
        assert!(said.starts_with(SAYS), "{command}: {said}");
    }
    assert_eq!(paceline(folder.path(), &["status", "diwali"]).0, Some(0));
}
