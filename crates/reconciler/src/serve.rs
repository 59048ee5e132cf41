//! Answering on a listener, within what whoever connects may take: connections, and time for a request's head.
//!
//! Where all connections that may be open are, one that waits for nothing makes way for the next, the one that has waited
//! longest first: so nobody keeps others out by connecting and saying nothing. Where all of them are busy, a few further
//! ones get what is answered at once ([`Routes::when_full`]): whoever asks for the process's health, and posts that are
//! told to come again.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Limits;
use crate::crowd::{Crowd, Seat};

/// A connection's buffer of what it read and what it is to write, each; also the most that a request's head has (the
/// platform's have less than 2,000 bytes, and a proxy adds some). A longer head is answered with 431.
const BUFFER: usize = 16 * 1024;

/// How many connections there are beside [`Limits::connections`], for what is answered at once.
const SPARE: usize = 16;

/// How long the head of a request may take on one of the spare connections.
const SPARE_HEAD: Duration = Duration::from_secs(5);

/// How long after its last request should have been answered a connection is dropped.
const GRACE: Duration = Duration::from_secs(60);

/// How long to wait after a connection could not be accepted, for lack of file descriptors say.
const PAUSE: Duration = Duration::from_millis(20);

/// How often at the most it is said that connections cannot be accepted.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What is answered.
#[derive(Debug, Clone)]
pub struct Routes {
    /// As long as there is room.
    pub all: Router,
    /// When all connections are busy: one request of each further connection. What it answers must not need the request's
    /// body, nor take long.
    pub when_full: Router,
}

/// Answers requests (HTTP/1.1) until `stop` is cancelled and the requests under way are answered.
pub async fn serve(listener: TcpListener, routes: Routes, limits: Limits, stop: CancellationToken) {
    let mut house = House { regular: Crowd::new(limits.connections), spare: Crowd::new(SPARE) };
    let mut complaint = Complaint::new();
    let connections = TaskTracker::new();
    loop {
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { break };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                complaint.about(&error);
                // Whoever is sent away leaves a file descriptor.
                house.regular.send_one_away();
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some((seat, is_spare)) = stop.run_until_cancelled(house.seat()).await else { break };
        let (routes, stop) = (routes.clone(), stop.clone());
        connections.spawn(async move {
            let (routes, keep, head) = match is_spare {
                false => (routes.all, true, limits.head),
                true => (routes.when_full, false, limits.head.min(SPARE_HEAD)),
            };
            let mut protocol = http1::Builder::new();
            protocol.timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(BUFFER).keep_alive(keep);
            answer(stream, &protocol, routes, &seat, limits, stop).await;
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Everybody who is connected.
#[derive(Debug)]
struct House {
    regular: Crowd,
    spare: Crowd,
}

impl House {
    /// A seat for the next one, and whether it is one of the spare ones.
    async fn seat(&mut self) -> (Seat, bool) {
        match self.regular.seat_or_vacate().await {
            Some(seat) => (seat, false),
            // Whoever is busy on one of these is not for long.
            None => (self.spare.seat().await, true),
        }
    }
}

/// Answers the requests of one connection.
async fn answer(
    stream: TcpStream,
    protocol: &http1::Builder,
    routes: Router,
    seat: &Seat,
    limits: Limits,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was taken");
        return;
    }
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(|request: Request<Incoming>| {
        let busy = seat.busy();
        let answer = routes.call(request);
        async move {
            let answer = answer.await;
            drop(busy);
            answer
        }
    });
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = tokio::time::sleep(limits.connection) => None,
        () = seat.sent_away() => {
            tracing::debug!("a connection that waited for nothing made way for another");
            return;
        }
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(GRACE, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Says that connections cannot be accepted, now and then.
#[derive(Debug)]
struct Complaint {
    every: Interval,
    unsaid: u64,
}

impl Complaint {
    fn new() -> Self {
        let mut every = tokio::time::interval(SAID_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { every, unsaid: 0 }
    }

    fn about(&mut self, error: &std::io::Error) {
        self.unsaid += 1;
        if self.every.tick().now_or_never().is_some() {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                times = self.unsaid,
                "a connection could not be accepted; if it is for lack of file descriptors, let the process have more (ulimit -n)"
            );
            self.unsaid = 0;
        }
    }
}
