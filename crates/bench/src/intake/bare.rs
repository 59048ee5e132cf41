//! The yardstick: a handler that does nothing but check the signature.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::net::TcpListener;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    secret: String,
}

pub(crate) async fn run(args: Args) {
    let key = Hmac::<Sha256>::new_from_slice(args.secret.as_bytes()).expect("any length will do");
    let routes = Router::new().route("/webhooks/whatsapp", post(receive)).with_state(key);
    let listener = TcpListener::bind(("127.0.0.1", args.port)).await.expect("the port is free");
    axum::serve(listener, routes).await.expect("it serves until it is killed");
}

async fn receive(State(key): State<Hmac<Sha256>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let given = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| hex::decode(value.strip_prefix("sha256=")?).ok());
    let is_genuine = given.is_some_and(|given| key.chain_update(&body).verify_slice(&given).is_ok());
    if is_genuine { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
}
