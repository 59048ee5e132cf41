//! Getting into Redis: TLS, users and passwords, and a network that swallows what is sent.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use campaign::ids::{CampaignId, SliceId};
use campaign::pacing::limiter::Ask;
use clock::{Clock, SystemClock};
use queue::{Depth, Job, Permits, Queue, SenderPace};
use servers::Redis;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Makes a certificate of an authority, and one that it signed for 127.0.0.1.
fn certificates(folder: &Path) {
    let openssl = |arguments: &[&str]| {
        let output =
            Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority =
        ["req", "-x509", "-days", "2", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(&[&authority[..], &key].concat());
    let request = ["req", "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"];
    openssl(&[&request[..], &key].concat());
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").expect("written");
    openssl(&[
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-extfile",
        "names",
        "-out",
        "server.pem",
    ]);
}

async fn works(url: &str) -> Result<Depth, queue::QueueError> {
    let clock = Arc::new(SystemClock::new());
    let (queue, _) = queue::redis::connect(url, "x", ["a".to_owned()], "test", clock).expect("a URL");
    queue.push(vec![Job::new(SliceId { campaign: CampaignId(1), number: 1 }, "a")]).await?;
    queue.depth().await
}

#[tokio::test]
async fn tls_users_and_passwords() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let tls_port = servers::free_port();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let redis = Redis::start_with(&[
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        &file("server.pem"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &file("ca.pem"),
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "hunter2",
        "--user",
        "someone",
        "on",
        ">geheim%/#",
        "~*",
        "&*",
        "+@all",
    ]);
    let one = Depth { waiting: 1, running: 0 };
    let port = redis.port();
    assert_eq!(works(&format!("redis://:hunter2@127.0.0.1:{port}/0")).await, Ok(one));
    assert_eq!(works(&format!("redis://someone:geheim%25%2F%23@127.0.0.1:{port}/1")).await, Ok(one));
    let ca = file("ca.pem");
    assert_eq!(works(&format!("rediss://:hunter2@127.0.0.1:{tls_port}/2?ca={ca}")).await, Ok(one));

    for (url, why) in [
        (format!("redis://:hunter3@127.0.0.1:{port}"), "uthentication"),
        (format!("redis://127.0.0.1:{port}"), "NOAUTH"),
        (format!("rediss://:hunter2@127.0.0.1:{tls_port}"), "ertificate"),
        (format!("rediss://:hunter2@localhost:{tls_port}?ca={ca}"), "ertificate"),
        (format!("redis://:hunter2@127.0.0.1:{tls_port}"), ""),
    ] {
        let error = works(&url).await.expect_err(&url).to_string();
        assert!(error.contains(why) && !error.contains("hunter"), "{url}: {error}");
    }
}

/// A network between us and Redis. Connections made before it falls silent stay open, and nothing comes through.
struct Network {
    port: u16,
    silenced: watch::Sender<()>,
}

impl Network {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let network = listener.local_addr().expect("an address").port();
        let silenced = watch::Sender::new(());
        let mut silence = silenced.subscribe();
        tokio::spawn(async move {
            loop {
                let (mut ours, _) = listener.accept().await.expect("a connection");
                let mut theirs = TcpStream::connect(("127.0.0.1", port)).await.expect("Redis listens");
                silence.mark_unchanged();
                let mut silence = silence.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut ours, &mut theirs) => {}
                        _ = silence.changed() => {
                            // Held open until the test ends.
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
        Self { port: network, silenced }
    }
}

#[tokio::test]
async fn a_silent_connection_is_left() {
    let redis = Redis::start();
    let network = Network::to(redis.port()).await;
    let clock = Arc::new(SystemClock::new());
    let url = format!("redis://127.0.0.1:{}", network.port);
    let (queue, permits) =
        queue::redis::connect(&url, "x", ["a".to_owned()], "test", clock.clone()).expect("a URL");
    let pace = SenderPace { name: "a".to_owned(), rate: "100/s".parse().expect("a rate") };
    let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 1 };
    queue.depth().await.expect("an answer");
    permits.take(&pace, &ask).await.expect("permits");
    network.silenced.send_replace(());
    let since = clock.monotonic();
    queue.depth().await.expect_err("nothing comes through");
    permits.take(&pace, &ask).await.expect_err("nothing comes through");
    queue.depth().await.expect("over a new connection");
    permits.take(&pace, &ask).await.expect("over a new connection");
    assert!(clock.monotonic() - since < Duration::from_secs(7));
}
