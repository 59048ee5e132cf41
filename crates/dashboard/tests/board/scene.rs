//! A campaign of six slices with five messages each on `jaspers-in`, a queue that serves it and `quiet`, and the board.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use campaign::ids::SliceId;
use clock::SystemClock;
use dashboard::board;
use queue::memory::MemoryQueue;
use queue::{Handled, Handler, Job, SharedInspect, SharedQueue};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use servers::Redis;
use store::conformance::scene::{Scene as Campaign, Setup, at};
use store::model::Released;
use store::{SharedStore, SqliteStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The campaign's sender, and one without anything to do.
pub(crate) const SENDERS: [&str; 2] = ["jaspers-in", "quiet"];

/// The slice whose handler panics.
pub(crate) const PANICS: u32 = 2;

/// Sends a slice as a worker would, when it has leave; panics at one.
struct Sending {
    campaign: Campaign,
    got: mpsc::UnboundedSender<SliceId>,
    leave: Semaphore,
}

#[async_trait]
impl Handler for Sending {
    async fn handle(&self, job: Job) -> Handled {
        let number = job.slice.number;
        let _ = self.got.send(job.slice);
        self.leave.acquire().await.unwrap().forget();
        assert!(number != PANICS, "the slice that panics");
        let messages = number * 5..number * 5 + 5;
        self.campaign.claim(number, messages.clone(), at(1)).await;
        for seq in messages {
            self.campaign.accepted(seq, 1, at(2)).await;
        }
        self.campaign.finish(number).await;
        Handled::Done
    }
}

/// All of it. What it is made of goes with it.
pub(crate) struct Scene {
    pub(crate) campaign: Campaign,
    pub(crate) queue: SharedQueue,
    pub(crate) stop: CancellationToken,
    pub(crate) redis: Option<Redis>,
    released: Vec<Released>,
    handler: Arc<Sending>,
    got: mpsc::UnboundedReceiver<SliceId>,
    client: reqwest::Client,
    address: String,
    _folder: Option<TempDir>,
}

impl Scene {
    /// With the queue of one process.
    pub(crate) async fn in_memory() -> Self {
        let queue = Arc::new(MemoryQueue::new(SENDERS.map(str::to_owned)));
        Self::over(queue.clone(), queue, None, None).await
    }

    /// With the queue in Redis.
    pub(crate) async fn in_redis() -> Self {
        Self::in_redis_with(None).await
    }

    /// With the queue in Redis, and another store than one of its own.
    pub(crate) async fn in_redis_with(store: Option<SharedStore>) -> Self {
        let redis = Redis::start();
        let senders = SENDERS.map(str::to_owned);
        let clock = Arc::new(SystemClock::new());
        let (queue, _) = queue::redis::connect(&redis.url(), "x", senders, "test", clock).unwrap();
        let queue = Arc::new(queue);
        Self::over(queue.clone(), queue, Some(redis), store).await
    }

    async fn over(
        queue: SharedQueue,
        look: SharedInspect,
        redis: Option<Redis>,
        store: Option<SharedStore>,
    ) -> Self {
        let (folder, store) = match store {
            Some(store) => (None, store),
            None => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("paceline.db");
                let store: SharedStore = Arc::new(SqliteStore::open(path.to_str().unwrap()).await.unwrap());
                (Some(folder), store)
            }
        };
        let campaign = Setup { messages: 30, per_slice: 5, ..Setup::default() }.launch(&store).await;
        let released = campaign.release_all(at(0)).await;
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let routes = board::router(look, store, stop.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let (sender, got) = mpsc::unbounded_channel();
        let handler = Arc::new(Sending { campaign: campaign.clone(), got: sender, leave: Semaphore::new(0) });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { campaign, queue, stop, redis, released, handler, got, client, address, _folder: folder }
    }

    /// Pushes the campaign's slices, as the scheduler does.
    pub(crate) async fn push(&self) {
        let job = |released: &Released| {
            Job::new(released.slice, released.sender.clone()).with_messages(released.messages)
        };
        self.queue.push(self.released.iter().map(job).collect()).await.unwrap();
    }

    /// Serves the queue, with one place for each sender, and waits until the first slice is in hand.
    pub(crate) async fn serve(&mut self) -> JoinHandle<()> {
        let (queue, handler, stop) = (self.queue.clone(), self.handler.clone(), self.stop.clone());
        let serving = tokio::spawn(async move { queue.serve("w-1", 2, handler, stop).await });
        let first = tokio::time::timeout(Duration::from_secs(20), self.got.recv()).await;
        assert_eq!(first.unwrap().unwrap().number, 0);
        serving
    }

    /// Lets the handler go on, with all of them.
    pub(crate) fn let_go(&self) {
        self.handler.leave.add_permits(1_000);
    }

    pub(crate) async fn ask(&self, method: Method, path: &str) -> Response {
        self.client.request(method, format!("{}{path}", self.address)).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).await
    }

    /// What the API answers with 200.
    pub(crate) async fn api(&self, path: &str) -> Value {
        let answer = self.get(&format!("/board/api/v1{path}")).await;
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// The statistics of the campaign's sender, as `TITLE value`.
    pub(crate) async fn statistics(&self, path: &str) -> Vec<String> {
        named(&self.api(path).await)
    }

    /// Waits until a statistic of the campaign's sender has a value.
    pub(crate) async fn until(&self, statistic: &str) {
        let waiting = async {
            while !self.statistics("/queues/jaspers-in/stats").await.iter().any(|shown| shown == statistic) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
    }
}

/// Statistics as `TITLE value`.
pub(crate) fn named(statistics: &Value) -> Vec<String> {
    let one = |statistic: &Value| {
        format!("{} {}", statistic["title"].as_str().unwrap(), statistic["value"].as_str().unwrap())
    };
    statistics.as_array().unwrap().iter().map(one).collect()
}

/// The numbers of the slices that tasks are.
pub(crate) fn slices(tasks: &Value) -> Vec<u64> {
    tasks.as_array().unwrap().iter().map(|task| task["args"]["slice"].as_u64().unwrap()).collect()
}
