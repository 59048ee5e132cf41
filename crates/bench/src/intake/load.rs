//! Posts over many connections, at a given rate or as fast as they are answered. Each answer's time counts from when its
//! post was due, also where no connection was free then: a server that stalls is not spared the posts that it keeps
//! waiting.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::posts::Posts;

/// The first post is due so much later than the connections are there.
const START: Duration = Duration::from_millis(200);

/// What is posted, and how.
#[derive(Debug)]
pub(super) struct Load<'p> {
    pub(super) posts: &'p Posts,
    /// Posts a second; `None`: as many as are answered.
    pub(super) rate: Option<u32>,
    pub(super) port: u16,
    pub(super) connections: usize,
}

/// How it was answered.
#[derive(Debug)]
pub(super) struct Answers {
    /// How long each answer took, the fastest first.
    pub(super) latencies: Vec<Duration>,
    pub(super) not_200: u32,
    /// From when the first post was due until the last answer.
    pub(super) took: Duration,
}

impl Load<'_> {
    pub(super) async fn run(&self) -> Answers {
        let next = AtomicUsize::new(0);
        let mut streams = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("the server listens");
            stream.set_nodelay(true).expect("a socket can be set");
            streams.push(stream);
        }
        let start = Instant::now() + START;
        let posting = streams.into_iter().map(|stream| self.post(stream, &next, start));
        let all = futures::future::join_all(posting).await;
        let took = start.elapsed();
        let mut latencies: Vec<Duration> = all.iter().flat_map(|(latencies, _)| latencies).copied().collect();
        latencies.sort_unstable();
        Answers { latencies, not_200: all.iter().map(|(_, not_200)| not_200).sum(), took }
    }

    /// One connection: the next post that nobody has taken, when it is due.
    async fn post(&self, mut stream: TcpStream, next: &AtomicUsize, start: Instant) -> (Vec<Duration>, u32) {
        let (mut latencies, mut not_200) = (Vec::new(), 0);
        let mut answer = vec![0; 2_048];
        tokio::time::sleep_until(start.into()).await;
        while let Some((n, request)) = self.take(next) {
            let due = match self.rate {
                Some(rate) => start + Duration::from_secs_f64(n as f64 / f64::from(rate)),
                None => Instant::now(),
            };
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            }
            stream.write_all(request).await.expect("the server reads");
            let status = read(&mut stream, &mut answer).await;
            latencies.push(due.elapsed());
            not_200 += u32::from(status != 200);
        }
        (latencies, not_200)
    }

    fn take(&self, next: &AtomicUsize) -> Option<(usize, &[u8])> {
        let n = next.fetch_add(1, Ordering::Relaxed);
        self.posts.0.get(n).map(|request| (n, request.as_slice()))
    }
}

/// Reads one whole answer and returns its status.
async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> u16 {
    let mut length = 0;
    loop {
        let n = stream.read(&mut buffer[length..]).await.expect("the server answers");
        assert!(n > 0, "the server closed a connection without an answer");
        length += n;
        let text = std::str::from_utf8(&buffer[..length]).expect("an answer is text");
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let told = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let expected: usize = told.map_or(0, |length| length.parse().expect("a length"));
        if body.len() >= expected {
            return head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        }
    }
}
